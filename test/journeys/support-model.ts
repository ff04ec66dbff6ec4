/**
 * The rules of support access once more, by somebody who knows nothing of the implementation: plain objects, no
 * database. Times are milliseconds; each thing has the latest time at which it was touched (`seen`), and never
 * believes a clock that says less.
 */
export interface ModelPerson {
  readonly id: string
  readonly marks: readonly string[]
  readonly side: 'tenant' | 'operator'
}

interface ModelRequest {
  state: 'created' | 'providerApproved' | 'approved' | 'denied' | 'expired' | 'cancelled'
  readonly asker: ModelPerson
  manager: ModelPerson | undefined
  readonly duration: number
  expires: number
  seen: number
  grant: ModelGrant | undefined
}

interface ModelGrant {
  readonly duration: number
  readonly lapses: number
  ends: number | undefined
  used: boolean
  seen: number
  over: 'ended' | 'lapsed' | 'revoked' | undefined
}

export interface ModelSettings {
  readonly answer: number
  readonly starts: 'approval' | 'firstUse'
  readonly lapse: number
}

const onePerson = (one: ModelPerson, other: ModelPerson): boolean =>
  one.id === other.id || one.marks.some((mark) => other.marks.includes(mark))

export class SupportModel {
  readonly requests: ModelRequest[] = []
  readonly lost = new Set<string>()
  #closed = false
  readonly #settings: ModelSettings

  constructor(settings: ModelSettings) {
    this.#settings = settings
  }

  ask(asker: ModelPerson, duration: number, now: number): boolean {
    if (this.#closed || duration > 8 * 3_600_000) return false
    this.requests.push({
      state: 'created',
      asker,
      manager: undefined,
      duration,
      expires: now + this.#settings.answer,
      seen: now,
      grant: undefined,
    })
    return true
  }

  providerApprove(request: ModelRequest, by: ModelPerson, now: number): boolean {
    if (!this.#isWaiting(request, now) || request.state !== 'created') return false
    if (onePerson(by, request.asker)) return false
    request.state = 'providerApproved'
    request.manager = by
    request.expires = now + this.#settings.answer
    request.seen = Math.max(request.seen, now)
    return true
  }

  mayApprove(request: ModelRequest, by: ModelPerson, duration: number, now: number): boolean {
    return (
      // Whoever wants more than was asked gets no text to sign, and so never gets as far as the rest.
      duration <= request.duration &&
      this.#isWaiting(request, now) &&
      request.state === 'providerApproved' &&
      !this.#closed &&
      !onePerson(by, request.asker) &&
      !(request.manager && onePerson(by, request.manager)) &&
      !this.lost.has(by.id)
    )
  }

  approve(request: ModelRequest, by: ModelPerson, duration: number, now: number): boolean {
    if (!this.mayApprove(request, by, duration, now)) return false
    request.state = 'approved'
    request.grant = {
      duration,
      lapses: now + this.#settings.lapse,
      ends: this.#settings.starts === 'approval' ? now + duration : undefined,
      used: false,
      seen: now,
      over: undefined,
    }
    return true
  }

  deny(request: ModelRequest, now: number): boolean {
    if (!this.#isWaiting(request, now)) return false
    request.state = 'denied'
    return true
  }

  cancel(request: ModelRequest, by: ModelPerson, now: number): boolean {
    if (!this.#isWaiting(request, now) || by.id !== request.asker.id) return false
    request.state = 'cancelled'
    return true
  }

  use(request: ModelRequest, by: ModelPerson, now: number): boolean {
    const { grant } = request
    if (!grant || by.id !== request.asker.id) return false
    this.#look(grant, now)
    if (grant.over) return false
    if (!grant.used) {
      grant.used = true
      grant.ends ??= grant.seen + grant.duration
    }
    return true
  }

  end(request: ModelRequest, by: ModelPerson, now: number): boolean {
    const { grant } = request
    if (!grant || (by.side === 'operator' && by.id !== request.asker.id)) return false
    if (this.#judge(grant, now) !== undefined) return false
    grant.over = by.side === 'tenant' ? 'revoked' : 'ended'
    return true
  }

  closeCase(now: number): boolean {
    if (this.#closed) return false
    this.sweep(now)
    this.#closed = true
    for (const request of this.requests) {
      if (request.state === 'created' || request.state === 'providerApproved')
        request.state = 'cancelled'
      if (request.grant) request.grant.over ??= 'ended'
    }
    return true
  }

  sweep(now: number): void {
    for (const request of this.requests) {
      request.seen = Math.max(request.seen, now)
      this.#isWaiting(request, now)
      if (request.grant) this.#look(request.grant, now)
    }
  }

  /** How a request looks at a time. */
  stateOf(request: ModelRequest, now: number): string {
    if (request.state === 'created' || request.state === 'providerApproved')
      return Math.max(now, request.seen) >= request.expires ? 'expired' : request.state
    if (!request.grant) return request.state
    const over = this.#judge(request.grant, now)
    if (over) return over
    return request.grant.ends === undefined ? 'approved' : 'active'
  }

  #isWaiting(request: ModelRequest, now: number): boolean {
    if (request.state !== 'created' && request.state !== 'providerApproved') return false
    if (Math.max(now, request.seen) < request.expires) return true
    request.state = 'expired'
    return false
  }

  #judge(grant: ModelGrant, now: number): ModelGrant['over'] {
    const at = Math.max(now, grant.seen)
    if (grant.over) return grant.over
    if (!grant.used && at >= Math.min(grant.lapses, grant.ends ?? grant.lapses)) return 'lapsed'
    return grant.ends !== undefined && at >= grant.ends ? 'ended' : undefined
  }

  #look(grant: ModelGrant, now: number): void {
    grant.over = this.#judge(grant, now)
    grant.seen = Math.max(grant.seen, now)
  }
}

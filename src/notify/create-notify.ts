import type { Transaction } from '#database/handles.ts'
import { type About, type Audience, NOTICE_QUEUED, queueNotice } from './notice.ts'
import { bindHelpers } from './notice-agent.ts'
import type { NotifyParts } from './parts.ts'
import { sendDue } from './send-due.ts'
import { TEMPLATES, type TemplateId, isTemplate } from './template.ts'

const ROUND_IN_MS = 15_000

/** What other rooms hand over in their own commit. */
export interface NoticeEvent {
  readonly tenantId: string
  readonly template: TemplateId
  readonly audience: Audience | readonly Audience[]
  /** Identifiers, times, counts and codes. */
  readonly about: About
  /** When it happened, in milliseconds since 1970; now, where it is not said. */
  readonly at?: number
  /** When what is told of ends, in milliseconds since 1970. */
  readonly until?: number
}

export interface Notify {
  /** Queues a notice in the caller's commit. One that lapses is sent no more after `until`. */
  notify(tx: Transaction, event: NoticeEvent): Promise<void>
  /** Sends what is due; answers how many attempts were made. */
  sendDue(now: number): Promise<number>
  /** Takes up what the last run of this node left, and sends from now on by itself. */
  start(): Promise<void>
  /** Begins nothing new and waits for what is under way. */
  close(): Promise<void>
}

export function createNotify(parts: NotifyParts): Notify {
  const { database, clock, log } = parts
  let under: Promise<unknown> = Promise.resolve()
  let again = false
  let running = false
  let closed = false
  let stop = (): void => undefined

  /** One round at a time; what is queued meanwhile makes for another one. */
  const round = (lost: readonly string[] = []): Promise<unknown> => {
    if (closed || running) {
      again = true
      return under
    }
    running = true
    again = false
    under = sendDue(parts, clock.now(), lost)
      .catch(() => log.warn('sending notices failed and is tried again'))
      .finally(() => {
        running = false
        if (again && !closed) void round()
      })
    return under
  }
  return {
    notify: async (tx, { tenantId, template, audience, about, at, until }) => {
      if (tenantId !== tx.tenantId)
        throw new RangeError('a notice belongs to the tenant of its commit')
      const lapses = isTemplate(template) && TEMPLATES[template].lapses && until !== undefined
      await queueNotice(
        tx,
        {
          template,
          audience,
          about: until === undefined ? about : { ...about, until },
          ...(lapses ? { usefulUntil: until } : {}),
        },
        at ?? clock.now(),
      )
    },
    sendDue: (now) => sendDue(parts, now),
    start: async () => {
      await bindHelpers(parts)
      const unsubscribe = database.onCommitted(NOTICE_QUEUED, () => void round())
      const timer = setInterval(() => void round(), ROUND_IN_MS)
      timer.unref()
      stop = () => {
        unsubscribe()
        clearInterval(timer)
      }
      await round([database.nodeId])
    },
    close: async () => {
      closed = true
      stop()
      await under
    },
  }
}

import { type Grant, grantState, readGrant } from '#access/grants.ts'
import { type Refusal, isRefusal, refuse } from '#foundation/refusal.ts'
import { FACTS_CHANNEL } from '#tenants/facts-version.ts'
import type { ViewingParts } from './parts.ts'
import type { RecordsRequest, ViewedPage, Viewing } from './view.ts'
import type { Viewer } from './viewer.ts'

/** How often the clock is looked at while a batch is under way. A stream is over at most this late. */
const LOOK_EVERY_MS = 200

export interface Streamed {
  /** Records handed over; each was recorded before. */
  readonly served: number
  /** Why it ended before its last record, if it did. */
  readonly ended: Refusal | undefined
}

/**
 * Hands over batch after batch of a list. Before each one role, grant and clock are asked again; while one is under
 * way they are watched, and `signal` aborts within a second of the end of what allows it, so that a slow receiver
 * cannot draw out a stream.
 */
export type StreamRecords = (
  viewer: Viewer,
  request: RecordsRequest,
  onBatch: (page: ViewedPage, signal: AbortSignal) => Promise<void>,
) => Promise<Streamed>

export function createStream(parts: ViewingParts, list: Viewing['listRecords']): StreamRecords {
  return async (viewer, request, onBatch) => {
    const watch = await watchEnd(parts, viewer)
    let served = 0
    let after = request.query.after
    try {
      for (;;) {
        const access = await parts.access.of(viewer.principal)
        if (isRefusal(access)) return { served, ended: access }
        const over = watch.over()
        if (over) return { served, ended: over }
        const query = { ...request.query, ...(after ? { after } : {}) }
        const page = await list({ ...viewer, access }, { ...request, query })
        if (isRefusal(page)) return { served, ended: page }
        // The list took its time, and the first one starts the grant's: what was read before the end is not
        // handed over after it.
        const late = await watch.overByNow()
        if (late) return { served, ended: late }
        served += page.rows.length
        const given = await unlessOver(watch, onBatch(page, watch.signal))
        if (given) return { served, ended: given }
        if (!page.next) return { served, ended: undefined }
        after = page.next
      }
    } finally {
      await watch.stop()
    }
  }
}

interface Watch {
  readonly signal: AbortSignal
  over(): Refusal | undefined
  /** The same, once the end of a grant that was first used just now is known. */
  overByNow(): Promise<Refusal | undefined>
  stop(): Promise<void>
}

/** Resolves with the refusal when the end comes before the receiver has taken the batch. */
async function unlessOver(watch: Watch, taking: Promise<void>): Promise<Refusal | undefined> {
  let onAbort: (() => void) | undefined
  const ended = new Promise<void>((resolve) => {
    onAbort = resolve
    watch.signal.addEventListener('abort', onAbort, { once: true })
  })
  try {
    await Promise.race([taking, ended])
    return watch.over()
  } finally {
    if (onAbort) watch.signal.removeEventListener('abort', onAbort)
    // A receiver that was cut off fails later, and nobody else would hear of that.
    if (watch.signal.aborted) taking.catch(() => {})
  }
}

/** Follows everything that can end a stream: the grant's own time, its end by either side, the role, the lease. */
async function watchEnd(parts: ViewingParts, viewer: Viewer): Promise<Watch> {
  const abort = new AbortController()
  let grant: Grant | undefined
  let over: Refusal | undefined
  const end = (refusal: Refusal): void => {
    over ??= refusal
    abort.abort()
  }
  const look = (): Refusal | undefined => {
    if (!over && !parts.lease.held()) end(refuse('lease_expired'))
    if (!over && grant) {
      const state = grantState(grant, parts.clock.now())
      if (state === 'ended') end(refuse('grant_ended', { grant: grant.grantId }))
      if (state === 'lapsed') end(refuse('grant_lapsed', { grant: grant.grantId }))
    }
    return over
  }
  const readAgain = async (): Promise<void> => {
    const { grantId, tenantId } = viewer
    if (grantId !== undefined)
      grant = await parts.database.read(tenantId, (reader) => readGrant(reader, grantId))
  }
  const askAgain = async (): Promise<void> => {
    const { principal } = viewer
    await readAgain()
    const access = await parts.access.of(principal)
    if (isRefusal(access)) end(access)
    look()
  }
  const heard = (payload: string): void => {
    if (payload !== '*' && payload !== viewer.tenantId && payload !== viewer.principal.tenantId)
      return
    askAgain().catch(() => end(refuse('evidence_unavailable')))
  }
  const stopListening = await parts.database.listen(FACTS_CHANNEL, heard, () => heard('*'))
  const timer = setInterval(look, LOOK_EVERY_MS)
  try {
    await askAgain()
  } catch {
    end(refuse('evidence_unavailable'))
  }
  return {
    signal: abort.signal,
    over: look,
    overByNow: async () => {
      if (grant && grant.endsAt === undefined) await readAgain()
      return look()
    },
    stop: async () => {
      clearInterval(timer)
      await stopListening()
    },
  }
}

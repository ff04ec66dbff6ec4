import type { Database } from '#database/handles.ts'
import type { Log } from '#foundation/log.ts'
import { singleFlight } from '#foundation/single-flight.ts'
import { FACTS_CHANNEL } from '#tenants/facts-version.ts'

const AGAIN_IN_MS = 1_000

/**
 * Reads what a gateway knows of its client, and again with every change of the tenant's facts. One read at a time, and
 * one more for what changed while it ran: an answer that was overtaken never takes the place of a newer one. A read that
 * fails is made again until it succeeds, so that nobody stays let in whom a change has shut out.
 *
 * @returns how to stop following
 * @throws what the first read throws; then nothing is followed
 */
export async function followFacts(
  { database, log }: { readonly database: Pick<Database, 'listen'>; readonly log: Log },
  { tenantId, connectionId }: { readonly tenantId: string; readonly connectionId: string },
  read: () => Promise<void>,
): Promise<() => Promise<void>> {
  const reads = singleFlight<void>()
  const readOnce = (): Promise<void> => reads.share('read', reads, read, () => false)
  let retry: NodeJS.Timeout | undefined
  let isClosed = false
  const again = (): void => {
    clearTimeout(retry)
    readOnce().catch(() => {
      log.warn('the client of a gateway could not be read and is read again', {
        tenantId,
        connectionId,
      })
      if (isClosed) return
      clearTimeout(retry)
      retry = setTimeout(again, AGAIN_IN_MS)
      retry.unref()
    })
  }
  const stop = await database.listen(
    FACTS_CHANNEL,
    (changed) => {
      if (changed === tenantId || changed === '*') again()
    },
    again,
  )
  const close = async (): Promise<void> => {
    isClosed = true
    clearTimeout(retry)
    await stop()
  }
  try {
    await readOnce()
    return close
  } catch (fault) {
    await close()
    throw fault
  }
}

import { DatabaseFault } from '#database/fault.ts'
import type { Transaction } from '#database/handles.ts'
import { type Refusal, isRefusal, refuse } from '#foundation/refusal.ts'
import type { ViewingParts } from './parts.ts'
import type { Viewer } from './viewer.ts'

/**
 * Starts work that needs no database once the commit of the transaction it is called in is on its way, so that both
 * go on at once. What it makes is handed out only after that commit.
 */
export function whileCommitting<Result>(work: () => Promise<Result>): Promise<Result> {
  const result = new Promise<Result>((resolve, reject) => {
    setImmediate(() => void work().then(resolve, reject))
  })
  // When the commit fails nobody asks for it.
  result.catch(() => {})
  return result
}

/**
 * Runs one look in one transaction and answers only once it is durable. What cannot be recorded is not shown; a
 * commit whose fate is unknown may have left an entry of a look that nobody got, never the other way round.
 */
export async function unlessUnrecorded<Result>(
  parts: ViewingParts,
  viewer: Pick<Viewer, 'tenantId'>,
  work: (tx: Transaction) => Promise<Result | Refusal>,
): Promise<Result | Refusal> {
  if (!parts.lease.held()) return refuse('lease_expired')
  let answer: Result | Refusal
  try {
    answer = await parts.database.write(viewer.tenantId, work)
  } catch (fault) {
    if (!(fault instanceof DatabaseFault)) throw fault
    const { code } = fault
    parts.log.warn('a look could not be recorded and is refused', {
      tenantId: viewer.tenantId,
      code,
    })
    return refuse('evidence_unavailable')
  }
  if (!isRefusal(answer)) await parts.reached?.('committed')
  return answer
}

import type { Transaction } from '#database/handles.ts'
import { type Refusal, refuse } from '#foundation/refusal.ts'
import type { Keys } from '#keys/keys.ts'
import { type RequestEvent, type SupportRequest, stateOf, statesBefore } from '../request.ts'
import { REQUEST_COLUMNS, type RequestRow, toRequest } from '../request.table.ts'

/**
 * The request, held until the caller's commit, when the event is possible now.
 *
 * @returns `request_unknown`, `request_expired`, or `request_state`
 */
export async function lockRequest(
  tx: Transaction,
  keys: Keys,
  requestId: string,
  event: RequestEvent,
  now: number,
): Promise<SupportRequest | Refusal> {
  const [row] = await tx.rows<RequestRow>(
    `select ${REQUEST_COLUMNS} from support_requests where tenant_id = $1 and request_id = $2 for no key update`,
    [tx.tenantId, requestId],
  )
  if (!row) return refuse('request_unknown', { request: requestId })
  const request = await toRequest(tx, keys, row)
  const state = stateOf(request, undefined, now)
  if (state === 'expired') {
    await rememberExpiry(tx, request, now)
    return refuse('request_expired', { request: requestId })
  }
  if (!statesBefore(event).includes(state))
    return refuse('request_state', { request: requestId, state })
  return request
}

/** Once somebody was told that it is too late, it stays too late, whatever another node's clock says. */
async function rememberExpiry(
  tx: Transaction,
  request: SupportRequest,
  now: number,
): Promise<void> {
  if (!statesBefore('expire').includes(request.recordedState) || now <= request.seenAt) return
  await tx.change(
    'update support_requests set seen_at = $3 where tenant_id = $1 and request_id = $2 and seen_at < $3',
    [tx.tenantId, request.requestId, new Date(now)],
  )
}

/**
 * Moves a request on. The guard is in the statement, so of two who answer at once one counts.
 *
 * @returns whether it was this call that moved it
 */
export async function moveRequest(
  tx: Transaction,
  requestId: string,
  event: RequestEvent,
  to: SupportRequest['recordedState'],
  now: number,
  set: string,
  values: readonly unknown[],
): Promise<boolean> {
  const moved = await tx.change(
    `update support_requests set state = $4, seen_at = greatest(seen_at, $3::timestamptz), ${set}
      where tenant_id = $1 and request_id = $2 and state = any($5) and expires_at > greatest(seen_at, $3)`,
    [tx.tenantId, requestId, new Date(now), to, statesBefore(event), ...values],
  )
  return moved === 1
}

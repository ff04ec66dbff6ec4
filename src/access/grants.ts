import type { Reader, Transaction } from '#database/handles.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { newOrderedId } from '#foundation/ids.ts'
import { type Refusal, refuse } from '#foundation/refusal.ts'
import { append, appendAll } from '#ledger/append.ts'
import type { Entry } from '#ledger/entry.ts'
import { bumpFactsVersion } from '#tenants/facts-version.ts'
import { type EndReason, type Grant, grantState } from './grant.ts'
import { GRANT_COLUMNS, type GrantRow, toGrant } from './grant.table.ts'

export { type Grant, type GrantState, grantState } from './grant.ts'

/** A use moves the grant's own time on by steps of this, so that looking does not write each time. */
const SEEN_STEP_IN_MS = 1_000

export type NewGrant = Pick<
  Grant,
  | 'grantId'
  | 'requestId'
  | 'caseId'
  | 'operatorAccountId'
  | 'kind'
  | 'items'
  | 'records'
  | 'precision'
  | 'purpose'
  | 'starts'
  | 'approvedAt'
  | 'durationMs'
  | 'lapsesAt'
>

/**
 * Puts a grant in force, or ready for its first use, in the commit of its approval. The entry of the approval is
 * the caller's. One request has one grant: a second is a fault of the schema.
 */
export async function createGrant(tx: Transaction, grant: NewGrant): Promise<void> {
  const ends = grant.starts === 'approval' ? new Date(grant.approvedAt + grant.durationMs) : null
  await tx.change(
    `insert into access_grants (tenant_id, grant_id, request_id, case_id, operator_account_id, kind, items, records,
       precision, purpose, starts, approved_at, duration_ms, lapses_at, ends_at, seen_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $12)`,
    [
      tx.tenantId,
      grant.grantId,
      grant.requestId,
      grant.caseId,
      grant.operatorAccountId,
      grant.kind,
      [...grant.items].sort(),
      grant.records,
      grant.precision,
      grant.purpose,
      grant.starts,
      new Date(grant.approvedAt),
      grant.durationMs,
      new Date(grant.lapsesAt),
      ends,
    ],
  )
  await bumpFactsVersion(tx)
}

/** One grant of the tenant; undefined when there is none. Ended ones stay readable for ever. */
export async function readGrant(reader: Reader, grantId: string): Promise<Grant | undefined> {
  const [row] = await reader.rows<GrantRow>(
    `select ${GRANT_COLUMNS} from access_grants where tenant_id = $1 and grant_id = $2`,
    [reader.tenantId, grantId],
  )
  return row && toGrant(row)
}

/**
 * The operator looks under the grant: the first time starts its clock (entry `grant.started`). The row is held
 * until the caller's commit, so an end is either before this look or after it.
 *
 * @returns the grant in force, or `grant_missing` (unknown, or another's), `grant_ended`, `grant_lapsed`
 */
export async function useGrant(
  tx: Transaction,
  grantId: string,
  operatorAccountId: string,
  now: number,
): Promise<Grant | Refusal> {
  const [row] = await tx.rows<GrantRow>(
    `select ${GRANT_COLUMNS} from access_grants
      where tenant_id = $1 and grant_id = $2 and operator_account_id = $3 for no key update`,
    [tx.tenantId, grantId, operatorAccountId],
  )
  if (!row) return refuse('grant_missing', { grant: grantId })
  const grant = toGrant(row)
  const state = grantState(grant, now)
  const isFirst = state === 'notStarted' || (state === 'inForce' && grant.firstUsedAt === undefined)
  if (isFirst) return startGrant(tx, grantId, now)
  if (grant.endedAt === undefined && now - grant.seenAt >= SEEN_STEP_IN_MS)
    await markSeen(tx, now, grantId)
  if (state === 'inForce') return grant
  return refuse(state === 'lapsed' ? 'grant_lapsed' : 'grant_ended', { grant: grantId })
}

/** The guard is in the statement: of two first uses one starts the clock. */
async function startGrant(tx: Transaction, grantId: string, now: number): Promise<Grant | Refusal> {
  const [row] = await tx.rows<GrantRow>(
    `update access_grants set first_used_at = greatest(seen_at, $3::timestamptz), seen_at = greatest(seen_at, $3),
       ends_at = coalesce(ends_at, greatest(seen_at, $3) + duration_ms * interval '1 millisecond')
      where tenant_id = $1 and grant_id = $2 and first_used_at is null
        and ended_at is null and lapses_at > greatest(seen_at, $3) and (ends_at is null or ends_at > greatest(seen_at, $3))
      returning ${GRANT_COLUMNS}`,
    [tx.tenantId, grantId, new Date(now)],
  )
  if (!row) return refuse('grant_lapsed', { grant: grantId })
  const grant = toGrant(row)
  await append(tx, {
    id: newOrderedId(now),
    at: toTimestamp(now),
    kind: 'grant.started',
    actor: `operator:${grant.operatorAccountId}`,
    data: {
      grant: grantId,
      request: grant.requestId,
      case: grant.caseId,
      ...(grant.endsAt === undefined ? {} : { ends: toTimestamp(grant.endsAt) }),
    },
  })
  return grant
}

/** Moves the time of live grants on, so that no clock that is set back brings one back. */
export function markSeen(tx: Transaction, now: number, grantId?: string): Promise<number> {
  return tx.change(
    `update access_grants set seen_at = $2
      where tenant_id = $1 and ended_at is null and seen_at < $2 and ($3::uuid is null or grant_id = $3)`,
    [tx.tenantId, new Date(now), grantId ?? null],
  )
}

/** Who ends a grant, and when. */
export interface EndedBy {
  readonly actor: string
  /** Milliseconds since 1970. */
  readonly at: number
  readonly reason: Extract<EndReason, 'revoked' | 'returned' | 'caseClosed'>
}

/**
 * Ends a grant early, by either side. Every node hears of it at the commit.
 *
 * @returns the grant as ended, or `grant_missing`, `grant_ended`, `grant_lapsed` when it was over already
 */
export async function endGrant(
  tx: Transaction,
  grantId: string,
  by: EndedBy,
): Promise<Grant | Refusal> {
  const known = await readGrant(tx, grantId)
  if (!known) return refuse('grant_missing', { grant: grantId })
  const state = grantState(known, by.at)
  if (state === 'ended') return refuse('grant_ended', { grant: grantId })
  if (state === 'lapsed') return refuse('grant_lapsed', { grant: grantId })
  const [ended] = await endWhere(tx, 'grant_id', grantId, by)
  return ended ?? refuse('grant_ended', { grant: grantId })
}

/** Ends every live grant of a case: no grant outlives it. Those whose time was over are recorded as just that. */
export async function endGrantsOfCase(
  tx: Transaction,
  caseId: string,
  by: { readonly actor: string; readonly at: number },
): Promise<readonly Grant[]> {
  const over = await settleGrants(tx, by.at)
  const ended = await endWhere(tx, 'case_id', caseId, { ...by, reason: 'caseClosed' })
  return [...over, ...ended]
}

async function endWhere(
  tx: Transaction,
  column: 'grant_id' | 'case_id',
  id: string,
  by: EndedBy,
): Promise<readonly Grant[]> {
  const rows = await tx.rows<GrantRow>(
    `update access_grants set ended_at = greatest(seen_at, $3::timestamptz), seen_at = greatest(seen_at, $3),
       ended_by = $4, end_reason = $5
      where tenant_id = $1 and ${column} = $2 and ended_at is null returning ${GRANT_COLUMNS}`,
    [tx.tenantId, id, new Date(by.at), by.actor, by.reason],
  )
  return recordEnds(tx, rows, by.actor, by.at)
}

/**
 * Records the grants whose time is over, each once, on whichever node comes first: `grant.ended` or
 * `grant.lapsed`, dated by when it was over, not by when it was noticed.
 */
export async function settleGrants(tx: Transaction, now: number): Promise<readonly Grant[]> {
  await markSeen(tx, now)
  const rows = await tx.rows<GrantRow>(
    `update access_grants set ended_by = 'clock',
       ended_at = case when first_used_at is null then least(lapses_at, ends_at) else ends_at end,
       end_reason = case when first_used_at is null then 'lapsed' else 'time' end
      where tenant_id = $1 and ended_at is null
        and (ends_at <= seen_at or (first_used_at is null and lapses_at <= seen_at))
      returning ${GRANT_COLUMNS}`,
    [tx.tenantId],
  )
  return recordEnds(tx, rows, 'job:grants', now)
}

async function recordEnds(
  tx: Transaction,
  rows: readonly GrantRow[],
  actor: string,
  now: number,
): Promise<readonly Grant[]> {
  if (rows.length === 0) return []
  const grants = rows.map(toGrant)
  await bumpFactsVersion(tx)
  await appendAll(
    tx,
    grants.map(
      (grant): Entry => ({
        id: newOrderedId(now),
        at: toTimestamp(now),
        kind: grant.endReason === 'lapsed' ? 'grant.lapsed' : 'grant.ended',
        actor,
        data: {
          grant: grant.grantId,
          request: grant.requestId,
          case: grant.caseId,
          ended: toTimestamp(grant.endedAt ?? now),
          reason: grant.endReason ?? 'time',
        },
      }),
    ),
  )
  return grants
}

import { HARD_MAXIMUM_IN_MS } from '#access/grant.ts'
import { actorOf } from '#access/principal.ts'
import type { Catalog, ItemId } from '#catalog/catalog.ts'
import type { Transaction } from '#database/handles.ts'
import { UnknownField } from '#database/list.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { newId } from '#foundation/ids.ts'
import { type Refusal, isRefusal, refuse } from '#foundation/refusal.ts'
import { randomBytes } from 'node:crypto'
import { canonicalJson, type Json } from '#foundation/canonical-json.ts'
import { holdCaseOpen } from '../case.ts'
import type { By, SupportParts } from '../parts.ts'
import { noticeOfRequest } from '../notices.ts'
import { record } from '../record.ts'
import { type Scope, isMeaningful } from '../request.ts'
import { requestPlace } from '../request.table.ts'
import { readSupportSettings } from '../support-settings.ts'

const USUAL_IN_MS = 4 * 3_600_000
export const MOST_ITEMS = 500
export const MOST_RECORDS = 1_000
const HOUR_IN_MS = 3_600_000

/** What is asked for. */
export interface Wanted {
  readonly caseId: string
  readonly scope: Scope
  readonly items: readonly ItemId[]
  readonly precision?: 'exact' | 'masked'
  readonly purpose: string
  /** 4 hours when it is not said. */
  readonly durationMs?: number
  readonly reason: string
}

/**
 * A support engineer asks. Nobody at the tenant is asked before the operator's own approval.
 *
 * @returns the request's id, or what `checkWanted` refuses, or `case_unknown`, `case_closed`, `query_invalid`
 */
export async function ask(
  tx: Transaction,
  parts: SupportParts,
  wanted: Wanted,
  by: By,
): Promise<string | Refusal> {
  const most = Math.min(parts.limits?.mostMs ?? HARD_MAXIMUM_IN_MS, HARD_MAXIMUM_IN_MS)
  const usual = Math.min(parts.limits?.usualMs ?? USUAL_IN_MS, most)
  const durationMs = wanted.durationMs ?? usual
  const refused = checkWanted(parts.catalog, { ...wanted, durationMs }, most)
  if (refused) return refused
  const open = await holdCaseOpen(tx, wanted.caseId)
  if (isRefusal(open)) return open
  if (!(await isUnderstood(tx, parts, wanted.scope)))
    return refuse('query_invalid', { field: 'scope' })
  const requestId = newId()
  const settings = await readSupportSettings(tx)
  const answerMs = settings.answerHours * HOUR_IN_MS
  const items = [...new Set(wanted.items)].sort()
  const seal = (field: string, text: string): Promise<Buffer> =>
    parts.keys.sealForTenant(tx, requestPlace(requestId, field), Buffer.from(text))
  await tx.change(
    `insert into support_requests (tenant_id, request_id, case_id, grant_id, asker, asker_marks, state, scope_kind, scope,
       items, precision, purpose, duration_ms, reason, nonce, answer_ms, created_at, expires_at, seen_at)
     values ($1, $2, $3, $4, $5, $6, 'created', $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $16)`,
    [
      tx.tenantId,
      requestId,
      wanted.caseId,
      newId(),
      by.principal.accountId,
      by.principal.personMarks,
      wanted.scope.kind,
      await seal('scope', canonicalJson(wanted.scope as unknown as Json)),
      items,
      wanted.precision ?? 'masked',
      wanted.purpose,
      durationMs,
      await seal('reason', wanted.reason.trim()),
      randomBytes(16).toString('base64url'),
      answerMs,
      new Date(by.now),
      new Date(by.now + answerMs),
    ],
  )
  await record(tx, 'support.requested', actorOf(by.principal), by.now, {
    request: requestId,
    case: wanted.caseId,
    scope: wanted.scope.kind,
    items,
    precision: wanted.precision ?? 'masked',
    purpose: wanted.purpose,
    durationMs,
    expires: toTimestamp(by.now + answerMs),
  })
  const { caseId } = wanted
  const asker = by.principal.accountId
  await noticeOfRequest(
    tx,
    parts,
    'support.requested',
    ['providerApprovers'],
    { requestId, caseId, asker },
    by.now,
    by.now + answerMs,
  )
  return requestId
}

/** Whether a query can be run at all. What it finds is worked out when somebody approves. */
export async function isUnderstood(
  tx: Transaction,
  parts: Pick<SupportParts, 'resolveRecords'>,
  scope: Scope,
): Promise<boolean> {
  if (scope.kind !== 'query') return true
  try {
    await parts.resolveRecords(tx, scope)
    return true
  } catch (fault) {
    if (fault instanceof UnknownField) return false
    throw fault
  }
}

/**
 * The rules for what may be asked at all, in an emergency too.
 *
 * @returns `reason_too_thin`, `duration_too_long`, `purpose_undeclared`, `purpose_forbidden`, `item_unclassified`,
 *   `item_never`, `policy_denied` (a secret), `nothing_allowed` (no items), `body_too_large`
 */
export function checkWanted(
  catalog: Catalog,
  wanted: Omit<Wanted, 'durationMs'> & { readonly durationMs: number },
  mostMs: number,
): Refusal | undefined {
  if (!isMeaningful(wanted.reason)) return refuse('reason_too_thin')
  const { durationMs } = wanted
  if (!Number.isSafeInteger(durationMs) || durationMs <= 0 || durationMs > mostMs)
    return refuse('duration_too_long', { mostMinutes: mostMs / 60_000 })
  const purpose = catalog.purposes.get(wanted.purpose)
  if (!purpose) return refuse('purpose_undeclared')
  if (purpose.forbidden) return refuse('purpose_forbidden', { purpose: purpose.id })
  if (wanted.items.length === 0) return refuse('nothing_allowed')
  const records = wanted.scope.kind === 'query' ? 0 : wanted.scope.ids.length
  if (wanted.items.length > MOST_ITEMS || records > MOST_RECORDS)
    return refuse('body_too_large', { mostItems: MOST_ITEMS, mostRecords: MOST_RECORDS })
  for (const id of wanted.items) {
    const item = catalog.items.get(id)
    if (!item) return refuse('item_unclassified')
    if (item.need === 'never') return refuse('item_never', { item: id })
    // A recovery key or a credential is nothing that support looks at.
    if (item.secret) return refuse('policy_denied', { item: id })
  }
  return undefined
}

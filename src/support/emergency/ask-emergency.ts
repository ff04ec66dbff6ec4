import { EMERGENCY_MAXIMUM_IN_MS } from '#access/grant.ts'
import { actorOf } from '#access/principal.ts'
import type { Reader, Transaction } from '#database/handles.ts'
import { type Json, canonicalJson } from '#foundation/canonical-json.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { newId } from '#foundation/ids.ts'
import { type Refusal, isRefusal, refuse } from '#foundation/refusal.ts'
import { holdCaseOpen } from '../case.ts'
import { emergencyPlace } from '../emergency.ts'
import type { By, SupportParts } from '../parts.ts'
import { record } from '../record.ts'
import { type Wanted, checkWanted, isUnderstood } from '../requests/ask.ts'

/** A second operator has so long to open it. */
const OPENABLE_IN_MS = 15 * 60_000

/**
 * Asks a second operator to open emergency access. Nothing is accessible before.
 *
 * @returns its id, or as `ask`; `review_outstanding` while an earlier one of this person was not reviewed
 */
export async function askEmergency(
  tx: Transaction,
  parts: SupportParts,
  wanted: Wanted,
  by: By,
): Promise<string | Refusal> {
  const durationMs = wanted.durationMs ?? EMERGENCY_MAXIMUM_IN_MS
  const refused = checkWanted(parts.catalog, { ...wanted, durationMs }, EMERGENCY_MAXIMUM_IN_MS)
  if (refused) return refused
  const open = await holdCaseOpen(tx, wanted.caseId)
  if (isRefusal(open)) return open
  if ((await unreviewedOf(tx, by)).length > 0) return refuse('review_outstanding')
  if (!(await isUnderstood(tx, parts, wanted.scope)))
    return refuse('query_invalid', { field: 'scope' })
  const emergencyId = newId()
  const seal = (field: string, text: string): Promise<Buffer> =>
    parts.keys.sealForTenant(tx, emergencyPlace(emergencyId, field), Buffer.from(text))
  await tx.change(
    `insert into support_emergencies (tenant_id, emergency_id, case_id, asker, asker_marks, asked_at, expires_at,
       scope_kind, scope, items, precision, purpose, duration_ms, reason)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
    [
      tx.tenantId,
      emergencyId,
      wanted.caseId,
      by.principal.accountId,
      by.principal.personMarks,
      new Date(by.now),
      new Date(by.now + OPENABLE_IN_MS),
      wanted.scope.kind,
      await seal('scope', canonicalJson(wanted.scope as unknown as Json)),
      [...new Set(wanted.items)].sort(),
      wanted.precision ?? 'masked',
      wanted.purpose,
      durationMs,
      await seal('reason', wanted.reason.trim()),
    ],
  )
  await record(tx, 'emergency.asked', actorOf(by.principal), by.now, {
    emergency: emergencyId,
    case: wanted.caseId,
    expires: toTimestamp(by.now + OPENABLE_IN_MS),
  })
  return emergencyId
}

/** Emergencies of this person, by whichever account and in whichever tenant, that wait for a review. */
export async function unreviewedOf(
  reader: Reader,
  { principal }: Pick<By, 'principal'>,
): Promise<readonly { readonly tenantId: string; readonly emergencyId: string }[]> {
  return reader.rows(
    `select tenant_id as "tenantId", emergency_id as "emergencyId" from sluss_unreviewed_emergencies($1, $2)`,
    [principal.accountId, principal.personMarks],
  )
}

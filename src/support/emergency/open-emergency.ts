import { createGrant } from '#access/grants.ts'
import { actorOf } from '#access/principal.ts'
import type { Transaction } from '#database/handles.ts'
import { canonicalJson } from '#foundation/canonical-json.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { newId } from '#foundation/ids.ts'
import { type Refusal, isRefusal, refuse } from '#foundation/refusal.ts'
import { holdCaseOpen } from '../case.ts'
import { emergencyPlace } from '../emergency.ts'
import type { By, SupportParts } from '../parts.ts'
import { personOf, record, recordRefused } from '../record.ts'
import { type Scope, samePerson } from '../request.ts'
import { sealEntry } from '../sealed.ts'
import { unreviewedOf } from './ask-emergency.ts'
import { type EmergencyRow, lockEmergency, selectEmergency } from './emergency.table.ts'

const OPENING_LOCK = 7587_0130
/** The details open when both sides have reviewed, and by then at the latest. */
const DETAILS_SEALED_IN_MS = 30 * 86_400_000

/**
 * The second operator opens what the first asked for: the time runs from now, the customer is told in the same
 * commit, and the details are sealed until the review.
 *
 * @returns the grant's id, or `request_unknown`, `request_state`, `request_expired`, `case_closed`, `record_unknown`,
 *   `emergency_not_allowed` (no second person), `review_outstanding` (the asker had another one meanwhile)
 */
export async function openEmergency(
  tx: Transaction,
  parts: SupportParts,
  emergencyId: string,
  by: By,
): Promise<string | Refusal> {
  const known = await selectEmergency(tx, emergencyId)
  if (!known) return refuse('request_unknown', { emergency: emergencyId })
  const open = await holdCaseOpen(tx, known.case_id)
  if (isRefusal(open)) return open
  const row = await lockEmergency(tx, emergencyId)
  if (!row || row.opened_at !== null) return refuse('request_state', { emergency: emergencyId })
  if (by.now >= row.expires_at.getTime())
    return refuse('request_expired', { emergency: emergencyId })
  const asker = { accountId: row.asker, personMarks: row.asker_marks }
  if (samePerson(asker, personOf(by.principal))) {
    const about = { emergency: emergencyId, case: row.case_id }
    const refusal = refuse('emergency_not_allowed', { emergency: emergencyId })
    return recordRefused(tx, by, 'emergency.open', about, refusal)
  }
  // One after the other in all tenants, so that a person who asked for two, by whichever account, gets one opened.
  await tx.rows('select pg_advisory_xact_lock($1)', [OPENING_LOCK])
  const principal = { ...by.principal, ...asker }
  if ((await unreviewedOf(tx, { principal })).length > 0) return refuse('review_outstanding')
  const scope = await parts.keys.openForTenant(tx, emergencyPlace(emergencyId, 'scope'), row.scope)
  const records = await parts.resolveRecords(tx, JSON.parse(scope.toString()) as Scope)
  if (records.length === 0) return refuse('record_unknown', { emergency: emergencyId })
  return putInForce(tx, parts, row, [...records].sort(), by)
}

async function putInForce(
  tx: Transaction,
  parts: SupportParts,
  row: EmergencyRow,
  records: readonly string[],
  by: By,
): Promise<string | Refusal> {
  const { emergency_id: emergencyId, case_id: caseId, asker } = row
  const actor = actorOf(by.principal)
  const grantId = newId()
  const endsAt = by.now + Number(row.duration_ms)
  await createGrant(tx, {
    grantId,
    requestId: emergencyId,
    caseId,
    operatorAccountId: asker,
    kind: 'emergency',
    items: new Set(row.items),
    records,
    precision: row.precision,
    purpose: row.purpose,
    starts: 'approval',
    approvedAt: by.now,
    durationMs: Number(row.duration_ms),
    lapsesAt: endsAt,
  })
  await record(tx, 'emergency.opened', actor, by.now, {
    emergency: emergencyId,
    case: caseId,
    grant: grantId,
    asker,
    ends: toTimestamp(endsAt),
  })
  const text = canonicalJson({
    emergency: emergencyId,
    items: row.items.slice(0, 60),
    itemCount: row.items.length,
    records: records.length,
    precision: row.precision,
    purpose: row.purpose,
    openedBy: by.principal.accountId,
  })
  const opensAt = by.now + DETAILS_SEALED_IN_MS
  const seal = { class: 'emergency' as const, text, opensAt }
  const sealedId = await sealEntry(tx, parts, seal, { actor, now: by.now })
  if (isRefusal(sealedId)) throw new Error('the details of an emergency were not sealed')
  await tx.change(
    `update support_emergencies set opened_by = $3, opener_marks = $4, opened_at = $5, grant_id = $6, sealed_id = $7
      where tenant_id = $1 and emergency_id = $2 and opened_at is null`,
    [
      tx.tenantId,
      emergencyId,
      by.principal.accountId,
      by.principal.personMarks,
      new Date(by.now),
      grantId,
      sealedId,
    ],
  )
  for (const audience of ['privacyContact', 'approvers'] as const)
    await parts.notify(tx, {
      tenantId: tx.tenantId,
      template: 'emergency.opened',
      audience,
      about: { emergencyId, caseId, grantId, askerId: asker },
      at: by.now,
      until: endsAt,
    })
  return grantId
}

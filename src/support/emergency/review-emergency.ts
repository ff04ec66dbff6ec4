import { actorOf, realmOf } from '#access/principal.ts'
import type { Transaction } from '#database/handles.ts'
import { type Refusal, refuse } from '#foundation/refusal.ts'
import type { By, SupportParts } from '../parts.ts'
import { personOf, record, recordRefused } from '../record.ts'
import { samePerson } from '../request.ts'
import { openSealed } from '../sealed.ts'
import { lockEmergency } from './emergency.table.ts'

export type ReviewOutcome = 'justified' | 'notJustified'

/**
 * One side reviews what was opened: a third operator, and somebody of the tenant. With the second review the
 * sealed details open.
 *
 * @returns `request_unknown`, `request_state` (not opened, or reviewed already), `self_approval`
 */
export async function reviewEmergency(
  tx: Transaction,
  parts: SupportParts,
  emergencyId: string,
  outcome: ReviewOutcome,
  by: By,
): Promise<true | Refusal> {
  const row = await lockEmergency(tx, emergencyId)
  if (!row) return refuse('request_unknown', { emergency: emergencyId })
  const about = { emergency: emergencyId, case: row.case_id }
  const reviewer = personOf(by.principal)
  const asker = { accountId: row.asker, personMarks: row.asker_marks }
  const opener = { accountId: row.opened_by ?? '', personMarks: row.opener_marks }
  if (samePerson(asker, reviewer) || samePerson(opener, reviewer)) {
    const refusal = refuse('self_approval', { emergency: emergencyId })
    return recordRefused(tx, by, 'emergency.review', about, refusal)
  }
  const side = realmOf(by.principal) === 'operator' ? 'operator' : 'tenant'
  const reviewed = await tx.change(
    `update support_emergencies set ${side}_review_by = $3, ${side}_reviewed_at = $4
      where tenant_id = $1 and emergency_id = $2 and opened_at is not null and ${side}_reviewed_at is null`,
    [tx.tenantId, emergencyId, by.principal.accountId, new Date(by.now)],
  )
  if (reviewed === 0) return refuse('request_state', { emergency: emergencyId })
  const actor = actorOf(by.principal)
  await record(tx, 'emergency.reviewed', actor, by.now, { ...about, side, outcome })
  const others = side === 'operator' ? row.tenant_reviewed_at : row.operator_reviewed_at
  if (others === null) return true
  if (row.sealed_id) await openSealed(tx, parts, actor, by.now, row.sealed_id)
  await parts.notify(tx, {
    tenantId: tx.tenantId,
    template: 'emergency.reviewed',
    audience: 'privacyContact',
    about: { emergencyId, caseId: row.case_id },
    at: by.now,
  })
  return true
}

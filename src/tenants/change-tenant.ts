import type { Transaction } from '#database/handles.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { newOrderedId } from '#foundation/ids.ts'
import { append } from '#ledger/append.ts'

/**
 * Says whom the tenant wants told about its people's data, or nobody. The entry says that it changed, not to whom.
 *
 * @returns false when the tenant does not exist
 */
export async function changePrivacyContact(
  tx: Transaction,
  contact: string | undefined,
  by: { actor: string; at: number },
): Promise<boolean> {
  const changed = await tx.change('update tenants set privacy_contact = $2 where tenant_id = $1', [
    tx.tenantId,
    contact ?? null,
  ])
  if (changed === 0) return false
  await append(tx, {
    id: newOrderedId(by.at),
    at: toTimestamp(by.at),
    kind: 'tenant.changed',
    actor: by.actor,
    data: { privacyContact: contact === undefined ? 'removed' : 'set' },
  })
  return true
}

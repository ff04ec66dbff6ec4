import type { Reader, Transaction } from '#database/handles.ts'
import type { HeldRecord, PersonalDataHolder } from '#foundation/personal-data-holder.ts'
import { isRefusal } from '#foundation/refusal.ts'
import { eraseAccount } from './account-erasure.ts'
import { openPasskeyName } from './passkey.ts'
import { type AccountParts, openNames, readAccountRow } from './account.ts'

/** What accounts keep about the people who have them; a subject is an account's id. */
export function accountHolder(
  parts: Pick<AccountParts, 'keys' | 'administrators'>,
  now: () => number,
): PersonalDataHolder<Reader, Transaction> {
  const find = async (reader: Reader, accountId: string): Promise<readonly HeldRecord[]> => {
    const found = await readAccountRow(reader, accountId)
    return found ? [{ recordId: accountId, kind: 'account', items: {} }] : []
  }
  return {
    holder: 'access',
    find,
    exportFor: async (reader, accountId) => {
      const found = await readAccountRow(reader, accountId)
      if (!found) return []
      const { account, row } = found
      const { displayName, mail } = await openNames(reader, parts.keys, row)
      const items = {
        'account.displayName': displayName,
        ...(mail === undefined ? {} : { 'account.mail': mail }),
        'account.language': account.language,
        'account.state': account.state,
        'account.groups': account.groups.join(', '),
      }
      const base = { kind: 'account', source: 'organisation', since: account.createdAt }
      return [
        { ...base, recordId: accountId, items },
        ...(await waysIn(reader, parts, accountId)),
        ...(await rolesOf(reader, accountId)),
      ]
    },
    /** @throws Error when it is the last administrator: ask first (`administrators`) */
    erase: async (tx, accountId) => {
      if ((await find(tx, accountId)).length === 0) return 0
      const by = { actor: 'job:erasure', at: now() }
      const refusal = await eraseAccount(tx, parts, accountId, by)
      if (isRefusal(refusal)) throw new Error(`an account was not erased: ${refusal.refused}`)
      return 1
    },
  }
}

/** Passkeys by the names their owner gave them, and links to providers; no key or hash of one. */
async function waysIn(
  reader: Reader,
  { keys }: Pick<AccountParts, 'keys'>,
  accountId: string,
): Promise<readonly HeldRecord[]> {
  const passkeys = await reader.rows<{
    passkey_id: string
    name: Buffer
    registered_at: Date
    used_at: Date | null
  }>(
    'select passkey_id, name, registered_at, used_at from passkeys where tenant_id = $1 and account_id = $2 and removed_at is null',
    [reader.tenantId, accountId],
  )
  const linked = await reader.rows<{ title: string; linked_at: Date; provider_id: string }>(
    `select p.title, i.linked_at, i.provider_id from account_identities i
       join identity_providers p on p.tenant_id = i.tenant_id and p.provider_id = i.provider_id
      where i.tenant_id = $1 and i.account_id = $2`,
    [reader.tenantId, accountId],
  )
  await keys.loadSubjectKeys(reader, [accountId])
  const held: HeldRecord[] = []
  for (const { passkey_id, name, registered_at, used_at } of passkeys)
    held.push({
      recordId: passkey_id,
      kind: 'passkey',
      source: 'person',
      since: registered_at.getTime(),
      items: {
        'passkey.name': await openPasskeyName(reader, keys, accountId, passkey_id, name),
        'passkey.lastUsed': used_at?.toISOString() ?? null,
      },
    })
  return [
    ...held,
    ...linked.map((row) => ({
      recordId: row.provider_id,
      kind: 'signInLink',
      source: 'organisation',
      since: row.linked_at.getTime(),
      items: { 'signInLink.provider': row.title },
    })),
  ]
}

async function rolesOf(reader: Reader, accountId: string): Promise<readonly HeldRecord[]> {
  const rows = await reader.rows<{ assignment_id: string; role_id: string }>(
    `select assignment_id, role_id from role_assignments
      where tenant_id = $1 and $2 = any(member_accounts) order by assignment_id`,
    [reader.tenantId, accountId],
  )
  return rows.map((row) => ({
    recordId: row.assignment_id,
    kind: 'roleAssignment',
    source: 'organisation',
    items: { 'roleAssignment.role': row.role_id },
  }))
}

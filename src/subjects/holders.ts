import type { Reader } from '#database/handles.ts'
import type { Keys } from '#keys/keys.ts'
import type { Holder } from './parts.ts'
import { USER_COLUMNS, type UserRow, fold, openUser, scimEraser } from './scim-users.ts'

/** What this room itself keeps about people: what they asked for and what they say is wrong. */
export function requestHolder(keys: Keys, now: () => number): Holder {
  const requests = (reader: Parameters<Holder['find']>[0], subjectId: string) =>
    reader.rows<{ request_id: string; type: string; state: string; received_at: Date }>(
      `select r.request_id, r.type, r.state, r.received_at from rights_links l
         join rights_requests r on r.tenant_id = l.tenant_id and r.request_id = l.request_id
        where l.tenant_id = $1 and l.subject_id = $2 and l.state = 'confirmed' order by r.request_id`,
      [reader.tenantId, subjectId],
    )
  return {
    holder: 'subjects',
    find: async (reader, subjectId) =>
      (await requests(reader, subjectId)).map((row) => ({
        recordId: row.request_id,
        kind: 'rightsRequest',
        items: {},
      })),
    exportFor: async (reader, subjectId) =>
      (await requests(reader, subjectId)).map((row) => ({
        recordId: row.request_id,
        kind: 'rightsRequest',
        source: 'person',
        since: row.received_at.getTime(),
        items: { 'rightsRequest.type': row.type, 'rightsRequest.state': row.state },
      })),
    // An open request must still be answered: what it says goes with it, a year after, or with the next erasure.
    erase: async (tx, subjectId) => {
      let gone = 0
      for (const row of await requests(tx, subjectId)) {
        if (row.state !== 'closed') continue
        await keys.destroySubjectKey(tx, row.request_id)
        gone += await tx.change(
          'update rights_requests set forgotten_at = $3 where tenant_id = $1 and request_id = $2 and forgotten_at is null',
          [tx.tenantId, row.request_id, new Date(now())],
        )
      }
      for (const table of ['rights_links', 'rights_corrections'])
        gone += await tx.change(`delete from ${table} where tenant_id = $1 and subject_id = $2`, [
          tx.tenantId,
          subjectId,
        ])
      return gone
    },
  }
}

/** What the tenant's directory said of its people; a subject is the id that the directory was given. */
export function directoryHolder(keys: Keys): Holder {
  const select = (reader: Reader, userId: string) =>
    reader.rows<UserRow>(
      `select ${USER_COLUMNS} from scim_users where tenant_id = $1 and user_id = $2`,
      [reader.tenantId, userId],
    )
  return {
    holder: 'directory',
    find: async (reader, userId) =>
      (await select(reader, userId)).map((row) => ({
        recordId: row.id,
        kind: 'directoryUser',
        items: {},
      })),
    exportFor: async (reader, userId) => {
      const held = []
      for (const row of await select(reader, userId)) {
        const { user, createdAt, modifiedAt } = await openUser(reader, keys, row)
        held.push({
          recordId: row.id,
          kind: 'directoryUser',
          source: 'directory',
          since: createdAt.getTime(),
          seen: modifiedAt.getTime(),
          items: {
            'directory.userName': user.userName,
            ...(user.externalId === undefined ? {} : { 'directory.externalId': user.externalId }),
            'directory.emails': user.emails.map((mail) => mail.value).join(', '),
            'directory.active': user.active,
          },
        })
      }
      return held
    },
    erase: (tx, userId) => scimEraser.eraseAll(tx, [userId]),
  }
}

/** The directory's users that go by one of the names or addresses. */
export async function directoryUsersNamed(
  reader: Reader,
  keys: Keys,
  values: readonly string[],
): Promise<readonly string[]> {
  const byName = await keys.blindIndex(reader, 'scim.userName')
  const byMail = await keys.blindIndex(reader, 'scim.emails')
  const rows = await reader.rows<{ user_id: string }>(
    `select user_id from scim_users
      where tenant_id = $1 and (user_name_blind = any($2::text[]) or mail_blinds && $3::text[]) order by user_id`,
    [
      reader.tenantId,
      values.map((value) => byName(fold(value))),
      values.map((value) => byMail(fold(value))),
    ],
  )
  return rows.map((row) => row.user_id)
}

/**
 * Which room answers for each table that holds something of people, by the holder's name; a sealed or personal table
 * that is neither here nor in `NOT_OF_PEOPLE` fails a test.
 */
export const HELD_BY: Readonly<Record<string, string>> = {
  records: 'records',
  record_index: 'records',
  record_past_names: 'records',
  subject_index: 'records',
  reveal_reasons: 'viewing',
  accounts: 'access',
  account_identities: 'access',
  passkeys: 'access',
  account_signing_keys: 'access',
  role_assignments: 'access',
  support_cases: 'support',
  support_requests: 'support',
  support_emergencies: 'support',
  access_grants: 'support',
  notices: 'notify',
  notice_sends: 'notify',
  consents: 'agreements',
  permissions: 'agreements',
  approvals: 'agreements',
  contracts: 'agreements',
  collection_choices: 'agreements',
  obligations: 'agreements',
  party_names: 'sharing',
  scim_users: 'directory',
  rights_requests: 'subjects',
  rights_links: 'subjects',
  rights_corrections: 'subjects',
}

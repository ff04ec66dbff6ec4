import type { ListSource } from '#database/list.ts'
import { type Database, INSTALLATION, type Reader, type Transaction } from '#database/handles.ts'
import type { Keys } from '#keys/keys.ts'
import { normaliseMail, type PersonMarks } from './person-mark.ts'
import type { AccountBy } from './account-change.ts'

export type Language = 'en' | 'sv'

/** What is known of an account without opening anything personal. */
export interface Account {
  readonly accountId: string
  readonly kind: 'person' | 'service'
  readonly state: 'active' | 'disabled'
  readonly language: Language
  /** All groups that count. */
  readonly groups: readonly string[]
  /** Those of them that an admin set here. */
  readonly ownGroups: readonly string[]
  readonly personMarks: readonly string[]
  /** Milliseconds since 1970; what was signed in before it counts no more. */
  readonly tokensValidFrom: number | undefined
  readonly createdAt: number
}

/** What is sealed under the account's own key. A service has a name only. */
export interface AccountNames {
  readonly displayName: string
  readonly mail: string | undefined
}

export interface AccountParts {
  readonly keys: Keys
  readonly marks: PersonMarks
  /**
   * The active accounts of the handle's tenant that may manage its accounts and roles. `access` asks before it
   * takes a way in from somebody, so that one administrator always remains. Within a transaction, nobody else counts
   * them until it ends.
   */
  readonly administrators: (reader: Reader) => Promise<ReadonlySet<string>>
  /** Gives the account the role that the first administrator has. */
  readonly makeAdministrator: (tx: Transaction, accountId: string, by: AccountBy) => Promise<void>
}

export interface AccountRow {
  account_id: string
  kind: Account['kind']
  state: Account['state']
  sealed: Buffer
  language: Language
  groups: string[]
  own_groups: string[]
  person_marks: string[]
  tokens_valid_from: Date | null
  created_at: Date
}

const COLUMNS = `account_id, kind, state, sealed, language, groups, own_groups, person_marks,
  tokens_valid_from, created_at`

/** Makes the keys of the operator's realm, in which its staff have their accounts. A second call changes nothing. */
export async function ensureOperatorRealm(database: Database, keys: Keys): Promise<void> {
  await database.write(INSTALLATION, (tx) => keys.createTenantKeys(tx))
}

export async function readAccount(reader: Reader, accountId: string): Promise<Account | undefined> {
  return (await readAccountRow(reader, accountId))?.account
}

/** The account with its sealed names, for `openNames`. */
export async function readAccountRow(
  reader: Reader,
  accountId: string,
): Promise<{ account: Account; row: AccountRow } | undefined> {
  if (!UUID.test(accountId)) return undefined
  const [row] = await reader.rows<AccountRow>(
    `select ${COLUMNS} from accounts where tenant_id = $1 and account_id = $2 and state <> 'erased'`,
    [reader.tenantId, accountId],
  )
  return row && { row, account: accountOf(row) }
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

export function accountOf(row: AccountRow): Account {
  return {
    accountId: row.account_id,
    kind: row.kind,
    state: row.state,
    language: row.language,
    groups: row.groups,
    ownGroups: row.own_groups,
    personMarks: row.person_marks,
    tokensValidFrom: row.tokens_valid_from?.getTime(),
    createdAt: row.created_at.getTime(),
  }
}

/** Finds the account by its mail address: by a keyed hash, since the address itself is sealed. */
export async function findByMail(
  reader: Reader,
  keys: Keys,
  mail: string,
): Promise<Account | undefined> {
  const [row] = await reader.rows<AccountRow>(
    `select ${COLUMNS} from accounts where tenant_id = $1 and login_blind = $2`,
    [reader.tenantId, await blindMail(reader, keys, mail)],
  )
  return row && accountOf(row)
}

/** The keyed hash by which an address is looked up. */
export async function blindMail(reader: Reader, keys: Keys, mail: string): Promise<string> {
  return (await keys.blindIndex(reader, 'account.mail'))(normaliseMail(mail))
}

export async function sealNames(
  tx: Transaction,
  keys: Keys,
  accountId: string,
  names: AccountNames,
): Promise<Buffer> {
  return keys.sealFor(tx, accountId, 'account/names', Buffer.from(JSON.stringify(names)))
}

/** Opens the names of one account. */
export async function openNames(
  reader: Reader,
  keys: Keys,
  row: Pick<AccountRow, 'account_id' | 'sealed'>,
): Promise<AccountNames> {
  const opened = await keys.openFor(reader, row.account_id, 'account/names', row.sealed)
  const names = JSON.parse(opened.toString()) as { displayName: string; mail?: string }
  return { displayName: names.displayName, mail: names.mail }
}

/**
 * Lists accounts for `listPage`; rows are `AccountRow`, their names are opened one by one. A filter names the
 * address as `mailHash`, whose value is that of `blindMail`.
 */
export function accountsSource(tenantId: string, kind?: Account['kind']): ListSource {
  return {
    select: COLUMNS,
    from: `accounts where tenant_id = $1 and state <> 'erased' and ($2::text is null or kind = $2)`,
    values: [tenantId, kind ?? null],
    columns: {
      id: { sql: 'account_id', type: 'uuid' },
      kind: { sql: 'kind', type: 'text' },
      state: { sql: 'state', type: 'text' },
      accountEnabled: { sql: `(state = 'active')`, type: 'boolean' },
      language: { sql: 'language', type: 'text' },
      createdDateTime: { sql: 'created_at', type: 'timestamptz' },
      mailHash: { sql: 'login_blind', type: 'text' },
    },
    key: 'id',
  }
}

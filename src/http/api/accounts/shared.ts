import { z } from 'zod'
import {
  type Account,
  type AccountParts,
  type AccountRow,
  accountOf,
  blindMail,
  openNames,
  readAccount,
} from '#access/account.ts'
import { eraseAccount } from '#access/account-erasure.ts'
import { refuseOutranked } from '#access/account-rank.ts'
import { recordOnly } from '#access/account-change.ts'
import type { PasskeySite } from '#access/passkey.ts'
import type { Realm } from '#access/principal.ts'
import type { Database, Reader, Transaction } from '#database/handles.ts'
import type { Filter, Scalar } from '#database/list.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { isRefusal, type Refusal, refuse } from '#foundation/refusal.ts'
import type { Keys } from '#keys/keys.ts'
import { queueNotice } from '#notify/notice.ts'
import type { Call } from '../endpoint.ts'

/** What the endpoints of accounts need. */
export interface AccountEndpointParts extends AccountParts {
  readonly database: Database
  readonly site: PasskeySite
  /** `https://host[:port]` as people reach the installation. */
  readonly origin: string
}

/** The two realms have the same endpoints at different addresses, each with the permission of its own. */
export interface RealmNames {
  readonly realms: readonly [Realm]
  /** What addresses begin with: nothing for tenants, `/operator` for the operator's staff. */
  readonly prefix: '' | '/operator'
  /** What operation ids end with. */
  readonly suffix: '' | 'OfOperator'
  readonly read: string
  readonly manage: string
}

export const TENANT_NAMES: RealmNames = {
  realms: ['tenant'],
  prefix: '',
  suffix: '',
  read: 'Accounts/Read',
  manage: 'Accounts/Manage',
}
export const OPERATOR_NAMES: RealmNames = {
  realms: ['operator'],
  prefix: '/operator',
  suffix: 'OfOperator',
  read: 'Accounts/Read',
  manage: 'Operator accounts/Manage',
}

export const PAGE = { usual: 50, most: 200 } as const
export const BOTH = { filter: true, sort: true } as const
export const SEALED = {
  filter: false,
  sort: false,
  whyNot: 'it is sealed; only an address can be looked up, and only whole',
} as const
export const noParams = z.strictObject({})
export const noBody = z.strictObject({})
export const nothing = z.strictObject({})
export const byId = z.strictObject({ id: z.uuid().toLowerCase() })
export const displayName = z.string().trim().min(1).max(200)
export const mail = z.email().max(320)
export const language = z.enum(['en', 'sv'])
export const groups = z.array(z.string().trim().min(1).max(256)).max(200)

export const account = z.object({
  id: z.string(),
  displayName: z.string(),
  mail: z.string().nullable(),
  accountEnabled: z.boolean(),
  preferredLanguage: language,
  groups: z.array(z.string()),
  createdDateTime: z.string(),
})
export const servicePrincipal = z.object({
  id: z.string(),
  appId: z.string(),
  displayName: z.string(),
  accountEnabled: z.boolean(),
  groups: z.array(z.string()),
  createdDateTime: z.string(),
})

export const by = (call: Call): { actor: string; at: number } => ({
  actor: call.actor,
  at: call.now,
})

/** Tells the account's person of what was done to their ways in, in the commit that does it. */
export function tellAccount(
  tx: Transaction,
  template: 'account.invited' | 'account.recoveryLink' | 'key.registered',
  accountId: string,
  now: number,
  until?: number,
): Promise<string> {
  const about = until === undefined ? { accountId } : { accountId, until: toTimestamp(until) }
  return queueNotice(tx, { template, audience: 'account', about }, now)
}

export const askerOf = (call: Call) => ({
  accountId: call.principal.accountId,
  access: call.access,
})

export const iso = (milliseconds: number | undefined): string | null =>
  milliseconds === undefined ? null : toTimestamp(milliseconds)

class TakenBack extends Error {
  readonly refusal: Refusal
  constructor(refusal: Refusal) {
    super('the change is taken back')
    this.name = 'TakenBack'
    this.refusal = refusal
  }
}

/** For changes of several steps: a refusal of a later one takes the earlier ones back. */
export async function allOrNothing<Result>(
  database: Database,
  tenantId: string,
  work: (tx: Transaction) => Promise<Result | Refusal>,
): Promise<Result | Refusal> {
  try {
    return await database.write(tenantId, async (tx) => {
      const result = await work(tx)
      if (isRefusal(result)) throw new TakenBack(result)
      return result
    })
  } catch (thrown) {
    if (thrown instanceof TakenBack) return thrown.refusal
    throw thrown
  }
}

/** Erases an account of that kind, unless it holds more than the asker does. */
export function eraseOf(
  parts: AccountEndpointParts,
  call: Call,
  id: string,
  kind: Account['kind'],
): Promise<Refusal | undefined> {
  return allOrNothing(parts.database, call.tenantId, async (tx) => {
    if ((await readAccount(tx, id))?.kind !== kind)
      return refuse('account_unknown', { account: id })
    const refusal = await refuseOutranked(tx, askerOf(call), id)
    return refusal ?? eraseAccount(tx, parts, id, by(call))
  })
}

export interface Opened {
  readonly account: Account
  readonly displayName: string
  readonly mail: string | undefined
}

/** Opens what is personal in the rows, and writes first that it was looked at, and by whom. */
export async function openAll(
  tx: Transaction,
  keys: Keys,
  rows: readonly AccountRow[],
  call: Call,
): Promise<readonly Opened[]> {
  const ids = rows.map((row) => row.account_id)
  const others = ids.filter((id) => id !== call.principal.accountId)
  await keys.loadSubjectKeys(tx, ids)
  if (others.length > 0) {
    const commitments = await keys.subjectCommitments(tx, others)
    await recordOnly(tx, by(call), 'account.read', {
      accounts: [...commitments.values()],
      items: ['displayName', 'mail'],
    })
  }
  return Promise.all(rows.map((row) => open(tx, keys, row)))
}

/** Opens one row, where looking need not be recorded: one's own. */
export async function open(reader: Reader, keys: Keys, row: AccountRow): Promise<Opened> {
  return { account: accountOf(row), ...(await openNames(reader, keys, row)) }
}

export function describe(opened: Opened): z.input<typeof account> {
  return {
    id: opened.account.accountId,
    displayName: opened.displayName,
    mail: opened.mail ?? null,
    accountEnabled: opened.account.state === 'active',
    preferredLanguage: opened.account.language,
    groups: [...opened.account.groups],
    createdDateTime: toTimestamp(opened.account.createdAt),
  }
}

/** Puts keyed hashes in the place of addresses, for a whole address is all that can be looked up by. */
export async function withMailHashes(
  reader: Reader,
  keys: Keys,
  filter: Filter | undefined,
): Promise<Filter | undefined | Refusal> {
  if (filter === undefined) return undefined
  if ('of' in filter) {
    if (filter.op === 'not') {
      const made = await withMailHashes(reader, keys, filter.of)
      return made === undefined || isRefusal(made) ? made : { op: 'not', of: made }
    }
    const parts: Filter[] = []
    for (const part of filter.of) {
      const made = await withMailHashes(reader, keys, part)
      if (isRefusal(made)) return made
      if (made) parts.push(made)
    }
    return { op: filter.op, of: parts }
  }
  if (filter.field === 'preferredLanguage') return { ...filter, field: 'language' }
  if (filter.field !== 'mail') return filter
  const hash = async (value: Scalar): Promise<Scalar> =>
    typeof value === 'string' ? blindMail(reader, keys, value) : value
  if (filter.op === 'in')
    return { ...filter, field: 'mailHash', values: await Promise.all(filter.values.map(hash)) }
  if (filter.op === 'eq' || filter.op === 'ne')
    return { ...filter, field: 'mailHash', value: await hash(filter.value) }
  return refuse('filter_unserved', { field: 'mail' })
}

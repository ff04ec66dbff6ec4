import type { Catalog } from '#catalog/catalog.ts'
import type { Reader, Transaction } from '#database/handles.ts'
import { isUuid, newOrderedId } from '#foundation/ids.ts'
import { isRefusal } from '#foundation/refusal.ts'
import type { Keys } from '#keys/keys.ts'
import { type IdentifyingValue, subjectsWith } from '#records/people.ts'
import { isLookedUp } from '#records/record-index.ts'
import { askForErasure, withdrawErasure } from './erase.ts'
import type { By, ErasureTrigger } from './erasure.ts'
import { erasureUnderWay } from './erasure.table.ts'
import { recordRights } from './record-rights.ts'
import { CHANGED, NOT_THERE, type ScimError, isScimError, scimError } from './scim-error.ts'
import {
  type PatchOperation,
  type ReadUser,
  type ScimUser,
  patchUser,
  readUser,
} from './scim-user.ts'

export interface ScimParts {
  readonly keys: Keys
  readonly catalog: Catalog
}

/** A user as it stands. */
export interface KeptUser {
  readonly userId: string
  readonly user: ScimUser
  readonly version: number
  readonly createdAt: Date
  readonly modifiedAt: Date
}

export interface UserRow {
  readonly id: string
  readonly sealed: Buffer
  readonly version: number
  readonly created: Date
  readonly modified: Date
}

export const USER_COLUMNS =
  'user_id as id, sealed, version, created_at as created, modified_at as modified'
const PLACE = 'scim/user'

/** Lower case, as directories compare names and addresses. */
export const fold = (text: string): string => text.toLowerCase()

export async function openUser(reader: Reader, keys: Keys, row: UserRow): Promise<KeptUser> {
  const opened = await keys.openFor(reader, row.id, PLACE, row.sealed)
  return {
    userId: row.id,
    user: JSON.parse(opened.toString()) as ScimUser,
    version: row.version,
    createdAt: row.created,
    modifiedAt: row.modified,
  }
}

/** @returns `404` for nobody whom the directory has not deleted */
export async function readScimUser(
  reader: Reader,
  keys: Keys,
  userId: string,
): Promise<KeptUser | ScimError> {
  if (!isUuid(userId)) return NOT_THERE
  const [row] = await reader.rows<UserRow>(
    `select ${USER_COLUMNS} from scim_users where tenant_id = $1 and user_id = $2 and deleted_at is null`,
    [reader.tenantId, userId],
  )
  return row ? openUser(reader, keys, row) : NOT_THERE
}

/** Takes a person in, with the least that is needed to know them again. `409` for a userName that is taken. */
export async function createScimUser(
  tx: Transaction,
  parts: ScimParts,
  body: unknown,
  by: By,
): Promise<KeptUser | ScimError> {
  const read = readUser(body)
  if (isScimError(read)) return read
  const userId = newOrderedId(by.at)
  await parts.keys.createSubjectKey(tx, userId)
  const written = await writeUser(tx, parts.keys, userId, read.user, {
    version: 1,
    created: new Date(by.at),
    now: new Date(by.at),
  })
  if (isScimError(written)) {
    await parts.keys.destroySubjectKey(tx, userId)
    return written
  }
  await countNotKept(tx, read.notKept)
  await recordRights(tx, 'directory.changed', by, { user: userId, change: 'created' })
  return written
}

/**
 * Replaces what is kept of a person, or parts of it. Somebody who is no longer active is to be erased; who becomes active
 * again before anything was destroyed is not.
 *
 * @param change a whole user, or the operations of a PATCH
 * @param ifMatch versions of which one must be the one that stands; undefined for any
 */
export async function changeScimUser(
  tx: Transaction,
  parts: ScimParts,
  userId: string,
  change: { readonly whole: unknown } | { readonly operations: readonly PatchOperation[] },
  ifMatch: readonly number[] | undefined,
  by: By,
): Promise<KeptUser | ScimError> {
  const kept = await lockUser(tx, parts.keys, userId, ifMatch)
  if (isScimError(kept)) return kept
  const read: ReadUser | ScimError =
    'whole' in change ? readUser(change.whole) : patchUser(kept.user, change.operations)
  if (isScimError(read)) return read
  await countNotKept(tx, read.notKept)
  if (JSON.stringify(read.user) === JSON.stringify(kept.user)) return kept
  const { createdAt: created, version } = kept
  const times = { version: version + 1, created, now: new Date(by.at) }
  const written = await writeUser(tx, parts.keys, userId, read.user, times)
  if (isScimError(written)) return written
  const { active } = read.user
  if (kept.user.active && !active) await eraseData(tx, parts, kept, 'directoryDeactivate', by)
  if (!kept.user.active && active) await keepAfterAll(tx, parts, kept, by)
  const said = kept.user.active === active ? 'changed' : active ? 'activated' : 'deactivated'
  await recordRights(tx, 'directory.changed', by, { user: userId, change: said })
  return written
}

/** The directory has deleted the person: for it they are gone at once, and all that is held of them is to be erased. */
export async function deleteScimUser(
  tx: Transaction,
  parts: ScimParts,
  userId: string,
  ifMatch: readonly number[] | undefined,
  by: By,
): Promise<ScimError | undefined> {
  const kept = await lockUser(tx, parts.keys, userId, ifMatch)
  if (isScimError(kept)) return kept
  await eraseData(tx, parts, kept, 'directoryDelete', by)
  await tx.change('update scim_users set deleted_at = $3 where tenant_id = $1 and user_id = $2', [
    tx.tenantId,
    userId,
    new Date(by.at),
  ])
  await tx.change('delete from scim_members where tenant_id = $1 and user_id = $2', [
    tx.tenantId,
    userId,
  ])
  await recordRights(tx, 'directory.changed', by, { user: userId, change: 'deleted' })
  return undefined
}

async function lockUser(
  tx: Transaction,
  keys: Keys,
  userId: string,
  ifMatch: readonly number[] | undefined,
): Promise<KeptUser | ScimError> {
  if (!isUuid(userId)) return NOT_THERE
  const [row] = await tx.rows<UserRow>(
    `select ${USER_COLUMNS} from scim_users
      where tenant_id = $1 and user_id = $2 and deleted_at is null for update`,
    [tx.tenantId, userId],
  )
  if (!row) return NOT_THERE
  return ifMatch && !ifMatch.includes(row.version) ? CHANGED : openUser(tx, keys, row)
}

/** What stays of somebody who is not active is only the link to the directory, until that deletes them. */
async function eraseData(
  tx: Transaction,
  parts: ScimParts,
  kept: KeptUser,
  trigger: ErasureTrigger,
  by: By,
): Promise<void> {
  const held = await subjectsOfUser(tx, parts, kept)
  const all = trigger === 'directoryDelete' ? [kept.userId, ...held] : held
  if (all.length > 0) await askForErasure(tx, { trigger, subjectIds: all }, by)
}

async function keepAfterAll(
  tx: Transaction,
  parts: ScimParts,
  kept: KeptUser,
  by: By,
): Promise<void> {
  const held = await subjectsOfUser(tx, parts, kept)
  const erasure = held.length > 0 ? await erasureUnderWay(tx, held) : undefined
  if (erasure === undefined) return
  const refused = await withdrawErasure(tx, erasure, by)
  // Too late: what was destroyed stays destroyed, and their devices come in anew.
  if (isRefusal(refused) && refused.refused !== 'step_state') throw new Error(refused.message)
}

/**
 * The subjects that are this person, by every name that the directory has for them. A mail address that another person of
 * the directory has as well leads to nobody: it would erase the other one.
 */
export async function subjectsOfUser(
  reader: Reader,
  { keys, catalog }: ScimParts,
  { userId, user }: Pick<KeptUser, 'userId' | 'user'>,
): Promise<readonly string[]> {
  const own: string[] = []
  for (const name of namesOf(user))
    if (!(await isShared(reader, keys, userId, name))) own.push(name)
  const items = [...catalog.items.values()].filter(
    (item) => item.class === 'person' && isLookedUp(item),
  )
  const values: IdentifyingValue[] = items.flatMap(({ id: item }) =>
    own.flatMap((name) => [...new Set([name, fold(name)])].map((value) => ({ item, value }))),
  )
  return values.length === 0 ? [] : subjectsWith(reader, keys, values)
}

function namesOf({ userName, externalId, emails }: ScimUser): readonly string[] {
  const id = externalId !== undefined && isUuid(externalId) ? [externalId] : []
  return [...new Set([userName, ...emails.map((mail) => mail.value), ...id])]
}

async function isShared(
  reader: Reader,
  keys: Keys,
  userId: string,
  name: string,
): Promise<boolean> {
  const userNameBlind = (await keys.blindIndex(reader, 'scim.userName'))(fold(name))
  const mailBlind = (await keys.blindIndex(reader, 'scim.emails'))(fold(name))
  const rows = await reader.rows(
    `select 1 from scim_users where tenant_id = $1 and user_id <> $2 and deleted_at is null
        and (user_name_blind = $3 or mail_blinds @> array[$4]) limit 1`,
    [reader.tenantId, userId, userNameBlind, mailBlind],
  )
  return rows.length > 0
}

async function writeUser(
  tx: Transaction,
  keys: Keys,
  userId: string,
  user: ScimUser,
  { version, created, now }: { version: number; created: Date; now: Date },
): Promise<KeptUser | ScimError> {
  const nameBlind = (await keys.blindIndex(tx, 'scim.userName'))(fold(user.userName))
  await tx.rows('select pg_advisory_xact_lock(hashtextextended($1, 0))', [
    `${tx.tenantId} scim ${nameBlind}`,
  ])
  const taken = await tx.rows(
    `select 1 from scim_users
      where tenant_id = $1 and user_name_blind = $2 and user_id <> $3 and deleted_at is null`,
    [tx.tenantId, nameBlind, userId],
  )
  if (taken.length > 0) return scimError(409, 'the userName is taken', 'uniqueness')
  const mailHash = await keys.blindIndex(tx, 'scim.emails')
  const external =
    user.externalId === undefined
      ? null
      : (await keys.blindIndex(tx, 'scim.externalId'))(user.externalId)
  await tx.change(
    `insert into scim_users (tenant_id, user_id, sealed, user_name_blind, external_id_blind, mail_blinds, active,
                             version, created_at, modified_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
     on conflict (tenant_id, user_id) do update
        set sealed = $3, user_name_blind = $4, external_id_blind = $5, mail_blinds = $6, active = $7, version = $8,
            modified_at = $10`,
    [
      tx.tenantId,
      userId,
      await keys.sealFor(tx, userId, PLACE, Buffer.from(JSON.stringify(user))),
      nameBlind,
      external,
      [...new Set(user.emails.map((mail) => mailHash(fold(mail.value))))],
      user.active,
      version,
      created,
      now,
    ],
  )
  return { userId, user, version, createdAt: created, modifiedAt: now }
}

/** Counts what was not kept, by its name in the schema. */
export async function countNotKept(tx: Transaction, attributes: readonly string[]): Promise<void> {
  if (attributes.length === 0) return
  const counts = Map.groupBy(attributes, (one) => one)
  const names = [...counts.keys()].toSorted()
  await tx.change(
    `insert into scim_not_kept as k (tenant_id, attribute, times)
     select $1, n.attribute, n.times from unnest($2::text[], $3::bigint[]) as n (attribute, times)
     on conflict (tenant_id, attribute) do update set times = k.times + excluded.times`,
    [tx.tenantId, names, names.map((name) => counts.get(name)?.length ?? 0)],
  )
}

/** What the directory sends and Sluss does not keep: attribute to how often. */
export async function readNotKept(reader: Reader): Promise<Readonly<Record<string, number>>> {
  const rows = await reader.rows<{ attribute: string; times: number }>(
    'select attribute, times from scim_not_kept where tenant_id = $1 order by attribute',
    [reader.tenantId],
  )
  return Object.fromEntries(rows.map((row) => [row.attribute, Number(row.times)]))
}

/** What an erasure does here. */
export const scimEraser = {
  holder: 'directory',
  inBulk: true,
  eraseAll: (tx: Transaction, subjectIds: readonly string[]): Promise<number> =>
    tx.change('delete from scim_users where tenant_id = $1 and user_id = any($2::uuid[])', [
      tx.tenantId,
      subjectIds,
    ]),
}

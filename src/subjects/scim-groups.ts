import type { Reader, Transaction } from '#database/handles.ts'
import { isUuid, newOrderedId } from '#foundation/ids.ts'
import type { Keys } from '#keys/keys.ts'
import type { By } from './erasure.ts'
import { recordRights } from './record-rights.ts'
import { CHANGED, NOT_THERE, type ScimError, isScimError, scimError } from './scim-error.ts'
import { type GroupDraft, assignGroup, patchGroup } from './scim-group-patch.ts'
import { type Column, type ScimPage, type ScimQuery, pageOf } from './scim-list.ts'
import type { PatchOperation } from './scim-user.ts'
import { fold } from './scim-users.ts'

export const GROUP_SCHEMA = 'urn:ietf:params:scim:schemas:core:2.0:Group'

/** A group as it stands; its members are ids of users. */
export interface KeptGroup {
  readonly groupId: string
  readonly displayName: string
  readonly externalId: string | undefined
  readonly members: readonly string[]
  readonly version: number
  readonly createdAt: Date
  readonly modifiedAt: Date
}

interface GroupRow {
  readonly id: string
  readonly sealed: Buffer
  readonly version: number
  readonly created: Date
  readonly modified: Date
}

const COLUMNS = 'group_id as id, sealed, version, created_at as created, modified_at as modified'
const place = (id: string): string => `scim/group/${id}`

/** @returns `404` for no such group */
export async function readScimGroup(
  reader: Reader,
  keys: Keys,
  groupId: string,
): Promise<KeptGroup | ScimError> {
  if (!isUuid(groupId)) return NOT_THERE
  const [row] = await reader.rows<GroupRow>(
    `select ${COLUMNS} from scim_groups where tenant_id = $1 and group_id = $2`,
    [reader.tenantId, groupId],
  )
  return row ? openOne(reader, keys, row) : NOT_THERE
}

export async function listScimGroups(
  reader: Reader,
  keys: Keys,
  query: ScimQuery,
): Promise<ScimPage<KeptGroup> | ScimError> {
  const blind = async (item: string, value: unknown) =>
    (await keys.blindIndex(reader, item))(String(value))
  const memberOf: Column = (value, at) =>
    `group_id in (select m.group_id from scim_members m where m.tenant_id = $1 and m.user_id::text = ${at(String(value))})`
  const columns: Record<string, Column> = {
    id: (value, at) => `group_id::text = ${at(String(value))}`,
    displayname: async (value, at) =>
      `name_blind = ${at(await blind('scim.group', fold(String(value))))}`,
    externalid: async (value, at) =>
      `external_id_blind = ${at(await blind('scim.groupExternalId', value))}`,
    members: memberOf,
    'members.value': memberOf,
  }
  const page = await pageOf<GroupRow>(reader, query, columns, {
    select: COLUMNS,
    from: 'scim_groups where tenant_id = $1',
    order: 'created_at, group_id',
  })
  if (isScimError(page)) return page
  const members = await membersOf(
    reader,
    page.resources.map((row) => row.id),
  )
  const resources = await Promise.all(
    page.resources.map((row) => openGroup(reader, keys, row, members.get(row.id))),
  )
  return { ...page, resources }
}

/** Takes a group in. `409` for a name that is taken; members that nobody knows are refused. */
export async function createScimGroup(
  tx: Transaction,
  keys: Keys,
  body: unknown,
  by: By,
): Promise<KeptGroup | ScimError> {
  const draft = { displayName: '', externalId: undefined, members: [] }
  const read = await assignGroup(tx, draft, body, 'replace')
  if (isScimError(read)) return read
  const groupId = newOrderedId(by.at)
  const times = { version: 1, createdAt: new Date(by.at), modifiedAt: new Date(by.at) }
  return write(tx, keys, { groupId, ...read, ...times }, 'created', by)
}

/** Replaces a group (`whole`) or changes parts of it. */
export async function changeScimGroup(
  tx: Transaction,
  keys: Keys,
  groupId: string,
  change: { readonly whole: unknown } | { readonly operations: readonly PatchOperation[] },
  ifMatch: readonly number[] | undefined,
  by: By,
): Promise<KeptGroup | ScimError> {
  const kept = await lockGroup(tx, keys, groupId, ifMatch)
  if (isScimError(kept)) return kept
  const empty = { displayName: '', externalId: undefined, members: [] }
  const read =
    'whole' in change
      ? await assignGroup(tx, empty, change.whole, 'replace')
      : await patchGroup(tx, kept, change.operations)
  if (isScimError(read)) return read
  const times = { version: kept.version + 1, modifiedAt: new Date(by.at) }
  return write(tx, keys, { ...kept, ...read, ...times }, 'changed', by)
}

export async function deleteScimGroup(
  tx: Transaction,
  keys: Keys,
  groupId: string,
  ifMatch: readonly number[] | undefined,
  by: By,
): Promise<ScimError | undefined> {
  const kept = await lockGroup(tx, keys, groupId, ifMatch)
  if (isScimError(kept)) return kept
  await tx.change('delete from scim_groups where tenant_id = $1 and group_id = $2', [
    tx.tenantId,
    groupId,
  ])
  await recordRights(tx, 'directory.changed', by, { group: groupId, change: 'deleted' })
  return undefined
}

/** Of each group that has any, who is in it, in order. */
async function membersOf(
  reader: Reader,
  groupIds: readonly string[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const rows = await reader.rows<{ group: string; user: string }>(
    `select group_id as "group", user_id as "user" from scim_members
      where tenant_id = $1 and group_id = any($2::uuid[]) order by user_id`,
    [reader.tenantId, groupIds],
  )
  const groups = Map.groupBy(rows, (row) => row.group)
  return new Map([...groups].map(([id, members]) => [id, members.map((one) => one.user)]))
}

async function openOne(reader: Reader, keys: Keys, row: GroupRow): Promise<KeptGroup> {
  return openGroup(reader, keys, row, (await membersOf(reader, [row.id])).get(row.id))
}

async function openGroup(
  reader: Reader,
  keys: Keys,
  row: GroupRow,
  members: readonly string[] = [],
): Promise<KeptGroup> {
  const opened = await keys.openForTenant(reader, place(row.id), row.sealed)
  const { displayName, externalId } = JSON.parse(opened.toString()) as GroupDraft
  return {
    groupId: row.id,
    displayName,
    externalId,
    members,
    version: row.version,
    createdAt: row.created,
    modifiedAt: row.modified,
  }
}

async function lockGroup(
  tx: Transaction,
  keys: Keys,
  groupId: string,
  ifMatch: readonly number[] | undefined,
): Promise<KeptGroup | ScimError> {
  if (!isUuid(groupId)) return NOT_THERE
  const [row] = await tx.rows<GroupRow>(
    `select ${COLUMNS} from scim_groups where tenant_id = $1 and group_id = $2 for update`,
    [tx.tenantId, groupId],
  )
  if (!row) return NOT_THERE
  return ifMatch && !ifMatch.includes(row.version) ? CHANGED : openOne(tx, keys, row)
}

async function write(
  tx: Transaction,
  keys: Keys,
  group: KeptGroup,
  change: string,
  by: By,
): Promise<KeptGroup | ScimError> {
  const { groupId, displayName, externalId } = group
  if (displayName === '') return scimError(400, 'displayName is required', 'invalidValue')
  const name = (await keys.blindIndex(tx, 'scim.group'))(fold(displayName))
  await tx.rows('select pg_advisory_xact_lock(hashtextextended($1, 0))', [
    `${tx.tenantId} scim ${name}`,
  ])
  const taken = await tx.rows(
    'select 1 from scim_groups where tenant_id = $1 and name_blind = $2 and group_id <> $3',
    [tx.tenantId, name, groupId],
  )
  if (taken.length > 0) return scimError(409, 'the displayName is taken', 'uniqueness')
  const external =
    externalId === undefined
      ? null
      : (await keys.blindIndex(tx, 'scim.groupExternalId'))(externalId)
  const plain = Buffer.from(JSON.stringify({ displayName, externalId }))
  await tx.change(
    `insert into scim_groups (tenant_id, group_id, sealed, name_blind, external_id_blind, version, created_at, modified_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8)
     on conflict (tenant_id, group_id) do update
        set sealed = $3, name_blind = $4, external_id_blind = $5, version = $6, modified_at = $8`,
    [
      tx.tenantId,
      groupId,
      await keys.sealForTenant(tx, place(groupId), plain),
      name,
      external,
      group.version,
      group.createdAt,
      group.modifiedAt,
    ],
  )
  await tx.change(
    'delete from scim_members where tenant_id = $1 and group_id = $2 and user_id <> all($3::uuid[])',
    [tx.tenantId, groupId, group.members],
  )
  await tx.change(
    `insert into scim_members (tenant_id, group_id, user_id)
     select $1, $2, n.id from unnest($3::uuid[]) as n (id) on conflict do nothing`,
    [tx.tenantId, groupId, group.members],
  )
  await recordRights(tx, 'directory.changed', by, { group: groupId, change })
  return group
}

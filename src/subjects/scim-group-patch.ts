import type { Transaction } from '#database/handles.ts'
import { isUuid } from '#foundation/ids.ts'
import { type ScimError, isScimError, scimError } from './scim-error.ts'
import { type ScimFilter, parsePath } from './scim-filter.ts'
import type { PatchOperation } from './scim-user.ts'
import { countNotKept } from './scim-users.ts'

const MOST_NAME = 512

/** What may be changed of a group. */
export interface GroupDraft {
  readonly displayName: string
  readonly externalId: string | undefined
  readonly members: readonly string[]
}
type PatchOp = 'add' | 'replace' | 'remove'

/** Applies the operations of a PATCH in order. */
export async function patchGroup(
  tx: Transaction,
  kept: GroupDraft,
  operations: readonly PatchOperation[],
): Promise<GroupDraft | ScimError> {
  let now: GroupDraft = kept
  for (const { op: text, path, value } of operations) {
    const op = text.toLowerCase() as PatchOp
    if (!['add', 'replace', 'remove'].includes(op))
      return scimError(400, 'op is add, replace or remove', 'invalidSyntax')
    if (path === undefined && op === 'remove')
      return scimError(400, 'remove needs a path', 'noTarget')
    const read =
      path === undefined
        ? await assignGroup(tx, now, value, op)
        : await assign(tx, now, path, value, op)
    if (isScimError(read)) return read
    now = read
  }
  return now
}

/** Takes every attribute of an object over. */
export async function assignGroup(
  tx: Transaction,
  draft: GroupDraft,
  body: unknown,
  op: PatchOp,
): Promise<GroupDraft | ScimError> {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    return scimError(400, 'an object of attributes is expected', 'invalidSyntax')
  let now = draft
  for (const [name, value] of Object.entries(body)) {
    if (['schemas', 'id', 'meta'].includes(name.toLowerCase())) continue
    const read = await assign(tx, now, name, value, op)
    if (isScimError(read)) return read
    now = read
  }
  return now
}

async function assign(
  tx: Transaction,
  draft: GroupDraft,
  text: string,
  value: unknown,
  op: PatchOp,
): Promise<GroupDraft | ScimError> {
  const path = parsePath(text)
  if (isScimError(path)) return path
  switch (path.attribute) {
    case 'displayname':
      return typeof value === 'string' && value.length <= MOST_NAME && op !== 'remove'
        ? { ...draft, displayName: value }
        : scimError(400, `displayName is a text of at most ${MOST_NAME} characters`, 'invalidValue')
    case 'externalid':
      return op === 'remove' || typeof value !== 'string'
        ? { ...draft, externalId: undefined }
        : { ...draft, externalId: value.slice(0, MOST_NAME) }
    case 'members':
      return assignMembers(tx, draft, { where: path.where, value, op })
    default:
      await countNotKept(tx, ['group.other'])
      return draft
  }
}

/** Entra ID removes members by a list as the value, others by `members[value eq "…"]`. */
async function assignMembers(
  tx: Transaction,
  draft: GroupDraft,
  { where, value, op }: { where: ScimFilter | undefined; value: unknown; op: PatchOp },
): Promise<GroupDraft | ScimError> {
  const named = where ? idsOf(where) : membersOf(value)
  if (!named) return scimError(400, 'members are named by their value', 'invalidPath')
  if (op === 'remove') {
    const all = where === undefined && (value === undefined || value === null)
    const gone = new Set(named)
    return { ...draft, members: all ? [] : draft.members.filter((id) => !gone.has(id)) }
  }
  const known = await tx.rows<{ id: string }>(
    `select user_id as id from scim_users
      where tenant_id = $1 and user_id = any($2::uuid[]) and deleted_at is null`,
    [tx.tenantId, named.filter(isUuid)],
  )
  const ids = known.map((row) => row.id)
  if (new Set(named).size !== ids.length)
    return scimError(400, 'a member is the id of a user here', 'invalidValue')
  return { ...draft, members: op === 'add' ? [...new Set([...draft.members, ...ids])] : ids }
}

function idsOf(where: ScimFilter): readonly string[] | undefined {
  if (where.op === 'or') {
    const left = idsOf(where.of[0])
    const right = idsOf(where.of[1])
    return left && right && [...left, ...right]
  }
  return where.op === 'eq' && where.path === 'value' ? [String(where.value)] : undefined
}

function membersOf(value: unknown): readonly string[] | undefined {
  if (value === undefined || value === null) return []
  const list: unknown[] = Array.isArray(value) ? value : [value]
  const ids = list.map((one) =>
    typeof one === 'string' ? one : (one as { value?: unknown } | null)?.value,
  )
  return ids.every((id) => typeof id === 'string') ? (ids as string[]) : undefined
}

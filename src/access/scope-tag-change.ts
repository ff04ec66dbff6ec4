import type { Reader, Transaction } from '#database/handles.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { newOrderedId } from '#foundation/ids.ts'
import { type Refusal, refuse } from '#foundation/refusal.ts'
import { append } from '#ledger/append.ts'
import { bumpFactsVersion } from '#tenants/facts-version.ts'
import type { Access, PermissionId } from './permission.ts'
import { actorOf } from './principal.ts'
import type { RoleBy } from './role-change.ts'
import { DEFAULT_SCOPE_TAG, MOST_SCOPE_TAGS, sees } from './scope-tag.ts'

export interface ScopeTag {
  readonly tagId: string
  readonly name: string
  readonly description: string
}

/** Who changes tags, and what they hold. */
export interface ScopeTagBy extends RoleBy {
  readonly access: Access
}

/**
 * Makes a scope tag, or renames one.
 *
 * @returns `name_taken`; `scope_tag_not_own` for a tag that stands and is not theirs; `scope_tag_in_use` for the default tag, which stays as it is
 */
export async function putScopeTag(
  tx: Transaction,
  tag: ScopeTag,
  by: ScopeTagBy,
): Promise<ScopeTag | Refusal> {
  if (tag.tagId === DEFAULT_SCOPE_TAG) return refuse('scope_tag_in_use', { scopeTag: tag.tagId })
  const [taken] = await tx.rows(
    'select 1 from role_scope_tags where tenant_id = $1 and lower(name) = lower($2) and tag_id <> $3',
    [tx.tenantId, tag.name, tag.tagId],
  )
  const [stands] = await tx.rows(
    'select 1 from role_scope_tags where tenant_id = $1 and tag_id = $2',
    [tx.tenantId, tag.tagId],
  )
  if (stands && !sees(by.access.tagsFor('Roles/Update'), [tag.tagId]))
    return refuse('scope_tag_not_own', { scopeTag: tag.tagId })
  if (taken || tag.name.toLowerCase() === 'default') return refuse('name_taken')
  await tx.change(
    `insert into role_scope_tags (tenant_id, tag_id, name, description, created_at)
     values ($1, $2, $3, $4, $5)
     on conflict (tenant_id, tag_id) do update set name = $3, description = $4`,
    [tx.tenantId, tag.tagId, tag.name, tag.description, new Date(by.at)],
  )
  await recordTag(tx, tag.tagId, 'scopeTagPut', by)
  return tag
}

/**
 * Deletes a scope tag that nothing carries.
 *
 * @param carried whether records carry it, asked of the room that has them
 * @returns `scope_tag_not_own`, `scope_tag_unknown`, `scope_tag_in_use`
 */
export async function deleteScopeTag(
  tx: Transaction,
  tagId: string,
  by: ScopeTagBy,
  carried: (reader: Reader, tagId: string) => Promise<boolean> = async () => false,
): Promise<Refusal | undefined> {
  if (!sees(by.access.tagsFor('Roles/Delete'), [tagId]))
    return refuse('scope_tag_not_own', { scopeTag: tagId })
  const [used] = await tx.rows(
    `select 1 from role_assignments where tenant_id = $1 and $2 = any(scope_tags)
     union all select 1 from role_definitions where tenant_id = $1 and $2 = any(scope_tags) limit 1`,
    [tx.tenantId, tagId],
  )
  if (used || tagId === DEFAULT_SCOPE_TAG || (await carried(tx, tagId)))
    return refuse('scope_tag_in_use', { scopeTag: tagId })
  const gone = await tx.change('delete from role_scope_tags where tenant_id = $1 and tag_id = $2', [
    tx.tenantId,
    tagId,
  ])
  if (gone === 0) return refuse('scope_tag_unknown', { scopeTag: tagId })
  await recordTag(tx, tagId, 'scopeTagDeleted', by)
  return undefined
}

async function recordTag(
  tx: Transaction,
  tagId: string,
  change: string,
  { principal, at }: RoleBy,
): Promise<void> {
  await bumpFactsVersion(tx)
  const data = { change, scopeTag: tagId }
  const id = newOrderedId(at)
  await append(tx, {
    id,
    at: toTimestamp(at),
    kind: 'role.changed',
    actor: actorOf(principal),
    data,
  })
}

/** The tags that a new object gets: those of who makes it, or the default one for who reaches everything. */
export function tagsOnCreate(access: Access, permission: PermissionId): readonly string[] {
  const scope = access.tagsFor(permission)
  if (scope === 'all' || scope.size === 0) return [DEFAULT_SCOPE_TAG]
  return [...scope].sort().slice(0, MOST_SCOPE_TAGS)
}

/**
 * Whether the tags of an object may be changed so by who holds `permission` for it.
 *
 * @returns `role_missing`, `out_of_scope` for an object they do not reach, `scope_tag_not_own` for a tag given or
 * taken that is not theirs, `scope_tag_last`, or `body_malformed` above the most tags an object has
 */
export function checkTags(
  access: Access,
  permission: PermissionId,
  before: readonly string[],
  after: readonly string[],
): Refusal | undefined {
  if (!access.may(permission)) return refuse('role_missing', { permission })
  const scope = access.tagsFor(permission)
  const own = (tag: string): boolean => scope === 'all' || scope.has(tag)
  if (!before.some(own)) return refuse('out_of_scope')
  if (after.length === 0) return refuse('scope_tag_last')
  if (after.length > MOST_SCOPE_TAGS)
    return refuse('body_malformed', { field: 'roleScopeTagIds', most: MOST_SCOPE_TAGS })
  const moved = [
    ...after.filter((tag) => !before.includes(tag)),
    ...before.filter((tag) => !after.includes(tag)),
  ]
  const foreign = moved.find((tag) => !own(tag))
  if (foreign !== undefined) return refuse('scope_tag_not_own', { scopeTag: foreign })
  // Who sees by tags keeps one of their own on it, or they would lose sight of it by their own hand.
  return after.some(own) ? undefined : refuse('scope_tag_last')
}

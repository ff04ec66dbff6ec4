import { z } from 'zod'
import {
  type ScopeTag,
  type ScopeTagBy,
  deleteScopeTag,
  putScopeTag,
} from '#access/scope-tag-change.ts'
import { readScopeTags } from '#access/role-store.ts'
import { DEFAULT_SCOPE_TAG, sees } from '#access/scope-tag.ts'
import { newId } from '#foundation/ids.ts'
import { isRefusal, refuse } from '#foundation/refusal.ts'
import { type Call, type Endpoint, changeEndpoint, getEndpoint, listEndpoint } from '../endpoint.ts'
import { listInMemory } from '../odata/list-in-memory.ts'
import {
  BOTH_REALMS,
  PAGE,
  type RoleParts,
  both,
  byOf,
  description,
  name,
  named,
  noBody,
  noParams,
  nothing,
} from './shared.ts'

const COLLECTION = '/deviceManagement/roleScopeTags'
const ONE = `${COLLECTION}/{id}`
const scopeTag = z.object({
  id: z.string(),
  displayName: z.string(),
  description: z.string(),
  isBuiltIn: z.boolean(),
})

/** `deviceManagement/roleScopeTags`: those that the caller's own roles reach. */
export function scopeTagEndpoints({ database, tagCarried }: RoleParts): readonly Endpoint[] {
  const all = async ({ tenantId, access }: Call) => {
    const tags = await database.read(tenantId, readScopeTags)
    return tags.filter(({ tagId }) => sees(access.tagsFor('Roles/Read'), [tagId])).map(describe)
  }
  const one = async (call: Call, { id }: { readonly id: string }) =>
    (await all(call)).find((tag) => tag.id === id)
  const put = async (call: Call, tag: ScopeTag) => {
    const made = await database.write(call.tenantId, (tx) => putScopeTag(tx, tag, byWith(call)))
    return isRefusal(made) ? made : describe(made)
  }
  const common = { realms: BOTH_REALMS, answer: scopeTag }
  return [
    listEndpoint({
      ...common,
      id: 'listRoleScopeTags',
      path: COLLECTION,
      summary: "Scope tags within the reach of one's roles",
      permission: 'Roles/Read',
      params: noParams,
      pageSize: PAGE,
      fields: { id: both, displayName: both, description: both, isBuiltIn: both },
      list: async (call, _, query) => listInMemory(await all(call), 'id', query),
    }),
    getEndpoint({
      ...common,
      id: 'getRoleScopeTag',
      path: ONE,
      summary: 'One scope tag',
      permission: 'Roles/Read',
      params: named,
      get: async (call, params) =>
        (await one(call, params)) ?? refuse('scope_tag_unknown', { scopeTag: params.id }),
    }),
    changeEndpoint({
      ...common,
      id: 'createRoleScopeTag',
      path: COLLECTION,
      method: 'POST',
      summary: 'Makes a scope tag',
      permission: 'Roles/Create',
      params: noParams,
      body: z.strictObject({ displayName: name, description: description.optional() }),
      success: 201,
      change: (call, _, body) =>
        put(call, {
          tagId: newId(),
          name: body.displayName,
          description: body.description ?? '',
        }),
    }),
    changeEndpoint({
      ...common,
      id: 'updateRoleScopeTag',
      path: ONE,
      method: 'PATCH',
      summary: 'Renames a scope tag',
      permission: 'Roles/Update',
      params: named,
      body: z.strictObject({ displayName: name.optional(), description: description.optional() }),
      success: 200,
      current: one,
      change: async (call, params, body) => {
        const tag = await one(call, params)
        if (!tag) return refuse('scope_tag_unknown', { scopeTag: params.id })
        return put(call, {
          tagId: tag.id,
          name: body.displayName ?? tag.displayName,
          description: body.description ?? tag.description,
        })
      },
    }),
    changeEndpoint({
      ...common,
      id: 'deleteRoleScopeTag',
      path: ONE,
      method: 'DELETE',
      summary: 'Deletes a scope tag that nothing carries',
      permission: 'Roles/Delete',
      params: named,
      body: noBody,
      answer: nothing,
      success: 204,
      current: one,
      change: (call, { id }) =>
        database.write(call.tenantId, (tx) => deleteScopeTag(tx, id, byWith(call), tagCarried)),
    }),
  ]
}

function byWith(call: Call): ScopeTagBy {
  return { ...byOf(call), access: call.access }
}

function describe({
  tagId,
  name: displayName,
  description: about,
}: ScopeTag): z.input<typeof scopeTag> {
  return { id: tagId, displayName, description: about, isBuiltIn: tagId === DEFAULT_SCOPE_TAG }
}

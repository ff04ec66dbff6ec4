import { z } from 'zod'
import type { AccessReader } from '#access/effective.ts'
import type { RolePreviewer } from '#access/role-preview.ts'
import type { RoleBy } from '#access/role-change.ts'
import type { TagScope } from '#access/scope-tag.ts'
import type { Database, Reader } from '#database/handles.ts'
import type { Call, CollectionField } from '../endpoint.ts'

/** What the endpoints of roles need. */
export interface RoleParts {
  readonly database: Database
  readonly access: AccessReader
  readonly previewer: RolePreviewer
  /** Whether any record carries the tag. */
  readonly tagCarried: (reader: Reader, tagId: string) => Promise<boolean>
}

export const BOTH_REALMS = ['tenant', 'operator'] as const
export const PAGE = { usual: 100, most: 500 } as const
export const noParams = z.strictObject({})
/** A role: one of the tenant's own, or a built-in one by its name in addresses. */
export const named = z.strictObject({ id: z.string().min(1).max(128) })
export const numbered = z.strictObject({ id: z.uuid() })
export const noBody = z.strictObject({}).optional()
export const nothing = z.strictObject({})

export const both: CollectionField = { filter: true, sort: true }

export const name = z.string().trim().min(1).max(128)
export const description = z.string().max(1024)
export const tagIds = z.array(z.string().min(1).max(63)).max(100)
export const permissionIds = z.array(z.string().min(3).max(128)).max(500)

export const byOf = (call: Call): RoleBy => ({ principal: call.principal, at: call.now })

/** A scope as answers show it: everything is said explicitly. */
export const scope = z.object({ allScopeTags: z.boolean(), roleScopeTagIds: z.array(z.string()) })

export function scopeOf(tags: TagScope): z.input<typeof scope> {
  return tags === 'all'
    ? { allScopeTags: true, roleScopeTagIds: [] }
    : { allScopeTags: false, roleScopeTagIds: [...tags].sort() }
}

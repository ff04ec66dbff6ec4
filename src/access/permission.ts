/**
 * A permission as a role lists it: `<resource>/<action>`, spelled exactly as `rbac.json` spells them
 * (`Managed devices/Read`), and the ones of Sluss's own (`Personal data/Reveal`). `role-facts.ts` holds the list.
 */
export type PermissionId = string

/** What one principal may do within one tenant, now. Worked out from assignments; refreshed when facts change. */
export interface Access {
  /** Whether any assignment gives the permission (for some objects at least). */
  may(permission: PermissionId): boolean
  /**
   * Scope tags of the objects of that permission's resource that the principal may act on: `'all'` only for
   * assignments that say so explicitly, otherwise the tags. An assignment without tags sees the default tag only.
   */
  tagsFor(permission: PermissionId): 'all' | ReadonlySet<string>
  readonly permissions: ReadonlySet<PermissionId>
}

import type { PermissionId } from '../permission.ts'

/** Actions by resource: how the tables of roles are written down. */
export type Grants = Readonly<Record<string, readonly string[]>>

/** The permissions of a table, as `resource/action`. */
export function permissionsOf(grants: Grants): PermissionId[] {
  return Object.entries(grants).flatMap(([resource, actions]) =>
    actions.map((action) => `${resource}/${action}`),
  )
}

/** A role of Microsoft Intune, as it is written down. */
export interface IntuneRole {
  readonly id: string
  readonly name: string
  readonly does: string
  readonly grants: Grants
}

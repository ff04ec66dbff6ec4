import type { Endpoint } from '../endpoint.ts'
import { effectivePermissionEndpoints } from './effective-permissions.ts'
import { previewChangeEndpoints } from './preview-change.ts'
import { resourceOperationEndpoints } from './resource-operations.ts'
import { roleAssignmentEndpoints } from './role-assignments.ts'
import { roleDefinitionEndpoints } from './role-definitions.ts'
import { scopeTagEndpoints } from './scope-tags.ts'
import type { RoleParts } from './shared.ts'

export type { RoleParts } from './shared.ts'

/** Everything about who may do what. */
export function roleEndpoints(parts: RoleParts): readonly Endpoint[] {
  return [
    ...roleDefinitionEndpoints(parts),
    ...roleAssignmentEndpoints(parts),
    ...scopeTagEndpoints(parts),
    ...resourceOperationEndpoints(),
    ...effectivePermissionEndpoints(parts),
    ...previewChangeEndpoints(parts),
  ]
}

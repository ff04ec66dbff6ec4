import { z } from 'zod'
import { type RoleChange, isGain, isLoss } from '#access/role-plan.ts'
import type { RoleChangePreview } from '#access/role-preview.ts'
import { newId } from '#foundation/ids.ts'
import { isRefusal } from '#foundation/refusal.ts'
import { type Call, type Endpoint, changeEndpoint } from '../endpoint.ts'
import {
  changedAssignment,
  changedAssignmentFields,
  newAssignment,
  newAssignmentFields,
} from './role-assignments.ts'
import { changedFields, changedRole } from './role-shape.ts'
import { BOTH_REALMS, type RoleParts, named, noParams, scope, scopeOf } from './shared.ts'

const sight = z.object({ view: z.enum(['exact', 'masked', 'withheld']), reveal: z.boolean() })
const preview = z.object({
  tenantId: z.string(),
  /** What saving the change would answer; null when it would be made. */
  refusal: z.object({ code: z.string(), message: z.string() }).nullable(),
  accounts: z.array(
    z.object({
      accountId: z.string(),
      permissions: z.array(
        z.object({
          permission: z.string(),
          change: z.enum(['gained', 'lost', 'changed']),
          before: scope,
          after: scope,
        }),
      ),
      records: z.array(
        z.object({ kind: z.enum(['device', 'person']), gained: z.number(), lost: z.number() }),
      ),
      items: z.array(z.object({ item: z.string(), before: sight, after: sight })),
    }),
  ),
})

const roleChange = z.union([z.strictObject({ delete: z.literal(true) }), changedRole])
const assignmentChange = z.union([
  z.strictObject({ roleAssignmentId: z.uuid(), delete: z.literal(true) }),
  z.strictObject({ roleAssignmentId: z.uuid(), changes: changedAssignment }),
  z.strictObject({ assignment: newAssignment }),
])

/** Before a change of roles is saved: exactly who gains or loses which permissions, records and items. */
export function previewChangeEndpoints({ database, previewer }: RoleParts): readonly Endpoint[] {
  const show = async (call: Call, change: RoleChange) => {
    const found = await database.read(call.tenantId, (reader) =>
      previewer.preview(reader, change, call.principal),
    )
    if (isRefusal(found)) return found
    // What one may not even see is not told by a preview either.
    const hidden = found.refusal?.refused
    if (hidden === 'role_unknown' || hidden === 'role_missing') return found.refusal
    return describe(call.tenantId, found)
  }
  const common = { realms: BOTH_REALMS, method: 'POST', answer: preview, success: 200 } as const
  return [
    changeEndpoint({
      ...common,
      id: 'previewRoleDefinitionChange',
      path: '/deviceManagement/roleDefinitions/{id}/previewChange',
      summary: 'Who would gain or lose what if the role were changed or deleted so',
      permission: 'Roles/Update',
      params: named,
      body: roleChange,
      change: (call, { id }, body) =>
        show(
          call,
          'delete' in body
            ? { kind: 'deleteRole', roleId: id }
            : { kind: 'updateRole', roleId: id, role: changedFields(body) },
        ),
    }),
    changeEndpoint({
      ...common,
      id: 'previewRoleAssignmentChange',
      path: '/deviceManagement/roleAssignments/previewChange',
      summary: 'Who would gain or lose what by giving, changing or taking back a role',
      permission: 'Roles/Assign',
      params: noParams,
      body: assignmentChange,
      change: (call, _, body) => show(call, assignmentChangeOf(body)),
    }),
  ]
}

function assignmentChangeOf(body: z.output<typeof assignmentChange>): RoleChange {
  if ('assignment' in body)
    return {
      kind: 'assign',
      assignmentId: newId(),
      assignment: newAssignmentFields(body.assignment),
    }
  const assignmentId = body.roleAssignmentId
  if ('delete' in body) return { kind: 'unassign', assignmentId }
  const assignment = changedAssignmentFields(body.changes)
  return { kind: 'updateAssignment', assignmentId, assignment }
}

function describe(tenantId: string, found: RoleChangePreview): z.input<typeof preview> {
  const { refusal } = found
  return {
    tenantId,
    refusal: refusal ? { code: refusal.refused, message: refusal.message } : null,
    accounts: found.accounts.map(({ accountId, permissions, records, items }) => ({
      accountId,
      permissions: permissions.map((change) => ({
        permission: change.permission,
        change: !isGain(change) ? 'lost' : !isLoss(change) ? 'gained' : 'changed',
        before: scopeOf(change.before),
        after: scopeOf(change.after),
      })),
      records: [...records],
      items: [...items],
    })),
  }
}

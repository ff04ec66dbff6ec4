import fc from 'fast-check'
import type { RoleChange } from '../../role-plan.ts'
import type { RecordKind } from '../../role-preview.ts'
import type { Member, RoleAssignment, RoleDefinition, TenantRoles } from '../../role.ts'

export const PERMISSIONS = [
  'Managed devices/Read',
  'Managed devices/Update',
  'Managed devices/View reports',
  'Remote tasks/Wipe',
  'Remote tasks/Remote lock',
  'Personal data/Read',
  'Personal data/Reveal',
  'Secrets/Reveal',
  'Roles/Assign',
  'Roles/Update',
  'Roles/Delete',
]
const TAGS = ['default', 'north', 'south']
/** `elsewhere` is a tag that only an explicit `all` reaches. */
export const UNIVERSE = [...TAGS, 'elsewhere']
const GROUPS = ['g1', 'g2', 'g3']
export const ACCOUNTS = ['a1', 'a2', 'a3', 'a4']
const ROLES = ['r1', 'r2', 'r3']

interface Kept {
  readonly kind: RecordKind
  readonly tags: readonly string[]
}
/** A tenant of few people, and a change of its roles. */
export interface World {
  readonly before: TenantRoles
  readonly members: readonly Member[]
  readonly records: readonly Kept[]
  readonly change: RoleChange
}

const scopeTags: fc.Arbitrary<'all' | readonly string[]> = fc.oneof(
  { weight: 1, arbitrary: fc.constant('all' as const) },
  { weight: 4, arbitrary: fc.subarray(TAGS) },
)
const fields = fc.record({
  roleId: fc.constantFrom(...ROLES),
  name: fc.constant('x'),
  description: fc.constant(''),
  memberGroups: fc.subarray(GROUPS),
  memberAccounts: fc.subarray(ACCOUNTS),
  scopeTags,
  scopeType: fc.constant('allDevicesAndLicensedUsers' as const),
  scopeGroups: fc.constant([]),
})
const anyChange: fc.Arbitrary<RoleChange> = fc.oneof(
  fc.record({
    kind: fc.constant('updateRole' as const),
    roleId: fc.constantFrom(...ROLES),
    role: fc.record({ permissions: fc.subarray(PERMISSIONS).map((ids) => new Set(ids)) }),
  }),
  fc.record({ kind: fc.constant('deleteRole' as const), roleId: fc.constantFrom(...ROLES) }),
  fc.record({
    kind: fc.constant('assign' as const),
    assignmentId: fc.constant('new'),
    assignment: fields,
  }),
  fc.record({
    kind: fc.constant('updateAssignment' as const),
    assignmentId: fc.constantFrom('s0', 's1', 's2'),
    assignment: fields,
  }),
  fc.record({
    kind: fc.constant('unassign' as const),
    assignmentId: fc.constantFrom('s0', 's1', 's2'),
  }),
)
export const anyWorld: fc.Arbitrary<World> = fc.record({
  before: fc
    .record({
      roles: fc.array(fc.subarray(PERMISSIONS), { minLength: 3, maxLength: 3 }),
      assignments: fc.array(fields, { minLength: 3, maxLength: 7 }),
    })
    .map(({ roles, assignments }) => ({
      tenantId: 'acme',
      version: 1,
      roles: new Map(
        roles.map((permissions, i) => [
          `r${i + 1}`,
          {
            roleId: `r${i + 1}`,
            name: `r${i + 1}`,
            description: '',
            builtIn: false,
            permissions: new Set(permissions),
            scopeTags: ['default'],
          } satisfies RoleDefinition,
        ]),
      ),
      assignments: assignments.map((one, i) => ({ ...one, assignmentId: `s${i}` })),
    })),
  members: fc.tuple(
    ...ACCOUNTS.map((accountId) =>
      fc.record({
        accountId: fc.constant(accountId),
        groups: fc.subarray(GROUPS),
        active: fc.constantFrom(true, true, true, false),
      }),
    ),
  ),
  records: fc.array(
    fc.record({
      kind: fc.constantFrom('device' as const, 'person' as const),
      tags: fc.subarray(UNIVERSE, { minLength: 1 }),
    }),
    { maxLength: 8 },
  ),
  change: anyChange,
})

const ACTS = [
  'Remote tasks/Wipe',
  'Remote tasks/Remote lock',
  'Personal data/Reveal',
  'Secrets/Reveal',
  'Roles/Assign',
]

/** The judge: the rules once more, for one account, one permission and one tag; nothing is prepared or shared. */
export function holds(
  state: TenantRoles,
  member: Member,
  permission: string,
  tag: string,
): boolean {
  const mine: { tags: RoleAssignment['scopeTags']; gives: string[] }[] = []
  for (const assignment of state.assignments) {
    let named = assignment.memberAccounts.includes(member.accountId)
    for (const group of member.groups) if (assignment.memberGroups.includes(group)) named = true
    const role = state.roles.get(assignment.roleId)
    if (named && role) mine.push({ tags: assignment.scopeTags, gives: [...role.permissions] })
  }
  const reaches = (tags: RoleAssignment['scopeTags']): boolean => {
    if (tags === 'all') return true
    if (tags.length === 0) return tag === 'default'
    return tags.includes(tag)
  }
  if (!mine.some(({ gives }) => gives.includes(permission))) return false
  for (const { tags, gives } of mine) {
    if (!reaches(tags)) continue
    if (gives.includes(permission)) return true
    if (ACTS.includes(permission)) continue
    const type = permission.split('/')[0]
    if (gives.some((other) => other.split('/')[0] === type && !ACTS.includes(other))) return true
  }
  return false
}

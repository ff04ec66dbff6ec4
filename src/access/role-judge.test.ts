import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { compileRoles } from './effective.ts'
import { type Judged, NEEDED, judgeChange } from './role-judge.ts'
import { applyChange, differences } from './role-plan.ts'
import type { Member, RoleAssignment, TenantRoles } from './role.ts'
import { ACCOUNTS, PERMISSIONS, UNIVERSE, type World, anyWorld, holds } from './roles/test/world.ts'

type Judge = (judged: Judged) => ReturnType<typeof judgeChange>

/** The asker holds every permission for some tags, beside what chance gave: else most would be refused at once. */
const everything: RoleAssignment = {
  assignmentId: 'own',
  roleId: 'own',
  name: '',
  description: '',
  memberGroups: [],
  memberAccounts: [],
  scopeTags: [],
  scopeType: 'allDevicesAndLicensedUsers',
  scopeGroups: [],
}
const anyAsker = fc.record({
  accountId: fc.constantFrom(...ACCOUNTS),
  tags: fc.oneof(
    fc.constant('all' as const),
    fc.subarray(['default', 'north', 'south'], { minLength: 1 }),
  ),
  permissions: fc.subarray(PERMISSIONS, { minLength: 6 }),
})

function withAsker(
  before: TenantRoles,
  {
    accountId,
    tags,
    permissions,
  }: typeof anyAsker extends fc.Arbitrary<infer Asker> ? Asker : never,
): TenantRoles {
  const role = {
    roleId: 'own',
    name: 'own',
    description: '',
    builtIn: true,
    permissions: new Set(permissions),
    scopeTags: ['default'],
  }
  const assignment = { ...everything, memberAccounts: [accountId], scopeTags: tags }
  return {
    ...before,
    roles: new Map(before.roles).set('own', role),
    assignments: [...before.assignments, assignment],
  }
}

const assignsEverywhere = (state: TenantRoles, members: readonly Member[]): boolean =>
  members.some(
    (member) =>
      member.active &&
      state.assignments.some(
        (one) =>
          one.scopeTags === 'all' &&
          state.roles.get(one.roleId)?.permissions.has('Roles/Assign') === true &&
          (one.memberAccounts.includes(member.accountId) ||
            one.memberGroups.some((group) => member.groups.includes(group))),
      ),
  )

const keepsTheRules = (judge: Judge) =>
  fc.property(anyWorld, anyAsker, (world: World, asker) => {
    const before = withAsker(world.before, asker)
    const after = applyChange(before, world.change)
    if ('refused' in after) return
    const { change } = world
    const members = world.members.map((one) =>
      one.accountId === asker.accountId ? { ...one, active: true } : one,
    )
    const self = members.find((one) => one.accountId === asker.accountId) ?? assert.fail()
    const refusal = judge({
      change,
      before,
      after,
      members,
      effects: differences(before, after, members),
      asker: { accountId: self.accountId, access: compileRoles(before).accessOf(self) },
    })
    if (refusal) {
      const holdsAll = asker.tags === 'all' && asker.permissions.length === PERMISSIONS.length
      // Who holds everything is stopped by one rule only.
      if (holdsAll) assert.equal(refusal.refused, 'last_admin')
      return
    }
    const mayAsk = UNIVERSE.some((tag) => holds(before, self, NEEDED[change.kind], tag))
    assert.ok(mayAsk, 'the asker holds the permission for the change')
    for (const member of members.filter((one) => one.active))
      for (const permission of PERMISSIONS)
        for (const tag of UNIVERSE) {
          const gains =
            holds(after, member, permission, tag) && !holds(before, member, permission, tag)
          if (gains) assert.ok(holds(before, self, permission, tag), 'nobody gives what they lack')
        }
    if (assignsEverywhere(before, members)) assert.ok(assignsEverywhere(after, members))
  })

describe('judging a change of roles', () => {
  it('whatever is let through gives nobody what its asker lacks, and leaves somebody who assigns', () => {
    fc.assert(keepsTheRules(judgeChange), { numRuns: 5_000 })
  })

  const all = (judged: Judged): Judged['asker'] => ({
    ...judged.asker,
    access: {
      ...judged.asker.access,
      may: () => true,
      tagsFor: () => 'all',
      holdings: [
        {
          assignment: { ...everything, scopeTags: 'all' },
          tags: 'all',
          permissions: new Set(['Roles/Assign']),
          spreadsOn: new Set(),
        },
      ],
    },
  })
  const twins: readonly (readonly [string, Judge])[] = [
    ['lets everything through', () => undefined],
    [
      'does not look at what the asker holds',
      (judged) => judgeChange({ ...judged, asker: all(judged) }),
    ],
    ['does not add assignments up', (judged) => judgeChange({ ...judged, effects: [] })],
    ['does not count administrators', (judged) => judgeChange({ ...judged, members: [] })],
    [
      'refuses everything',
      (judged) =>
        judgeChange({
          ...judged,
          asker: { ...judged.asker, access: { ...judged.asker.access, may: () => false } },
        }),
    ],
  ]
  for (const [name, judge] of twins)
    it(`is found wrong where it ${name}`, () => {
      assert.ok(fc.check(keepsTheRules(judge), { numRuns: 20_000, seed: 7587 }).failed)
    })
})

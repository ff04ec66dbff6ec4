import { join } from 'node:path'
import { createDecider } from '#access/create-decider.ts'
import { type EffectiveAccess, compileRoles } from '#access/effective.ts'
import { loadPolicies } from '#access/policies.ts'
import { BUILT_IN_ROLES, resourceOf, spreads } from '#access/role-facts.ts'
import type { Member, TenantRoles } from '#access/role.ts'
import type { ViewFacts, ViewItem } from '#access/view-facts.ts'
import { shippedCatalog } from '#catalog/shipped.ts'
import { seededRandom } from '#minimisation/scan/test/seeded-random.ts'
import { type BenchResult, printResults, spread } from './result.ts'

const ROUNDS = 7
const PEOPLE = 10_000
/** The brute force is asked about so many of them only, and its time scaled up. */
const SAMPLE = 100
const ASSIGNMENTS = 300

/** A decision with its explanation, and what 10,000 people may do, against working it out plainly. */
export async function run(): Promise<BenchResult[]> {
  const texts = await loadPolicies(join(import.meta.dirname, '..', 'policies'))
  const cold: number[] = []
  const warm: number[] = []
  for (let round = -1; round < ROUNDS; round++) {
    const decider = createDecider(texts)
    const look = (facts: ViewFacts, item: ViewItem): unknown => decider.decideView(facts, [item])
    const first = ninetyNinth(look)
    const again = ninetyNinth(look)
    if (round < 0) continue
    cold.push(first)
    warm.push(again)
  }
  const { tenant, members } = organisation()
  const compiled = compileRoles(tenant)
  for (const member of members.slice(0, SAMPLE))
    if (tagsHeld(compiled.accessOf(member)) !== bruteForce(tenant, member))
      throw new Error('the two ways to work out permissions disagree')
  const ours: number[] = []
  const plain: number[] = []
  for (let round = -1; round < ROUNDS; round++) {
    const indexed = time(() => {
      const roles = compileRoles(tenant)
      let held = 0
      for (const member of members) held += tagsHeld(roles.accessOf(member))
      return held
    })
    const brute = time(() => {
      let held = 0
      for (const member of members.slice(0, SAMPLE)) held += bruteForce(tenant, member)
      return held
    })
    if (round < 0) continue
    ours.push(indexed)
    plain.push((brute * PEOPLE) / SAMPLE)
  }
  return [
    {
      name: 'decision about an item, explained, p99',
      unit: 'ms',
      ours: spread(warm),
      reference: 'one millisecond (more is better)',
      ratio: spread(warm.map((value) => 1 / value)),
      bar: 1,
    },
    {
      name: 'the same, first time ever asked, p99',
      unit: 'ms',
      ours: spread(cold),
      reference: 'one millisecond (more is better)',
      ratio: spread(cold.map((value) => 1 / value)),
    },
    {
      name: `effective permissions of ${PEOPLE.toLocaleString('en')} people`,
      unit: 'ms',
      ours: spread(ours),
      reference: 'going through all assignments for each person (how many times faster)',
      ratio: spread(plain.map((value, i) => value / (ours[i] ?? Number.NaN))),
      bar: 1,
    },
  ]
}

/** Of one decision for each item of the catalog, in milliseconds. */
function ninetyNinth(decide: (facts: ViewFacts, item: ViewItem) => unknown): number {
  const items = [...shippedCatalog.items.values()]
  const facts: ViewFacts = {
    tenantId: 'bench',
    viewer: {
      kind: 'admin',
      mayRead: true,
      mayReadPersonal: true,
      mayReveal: true,
      maySeeSecrets: false,
    },
    tenantOpen: true,
    grant: { state: 'notNeeded', items: new Set() },
    purposeStated: false,
    action: 'view',
  }
  const times = items.map((item) => time(() => decide(facts, item))).sort((a, b) => a - b)
  return times[Math.ceil(times.length * 0.99) - 1] ?? Number.NaN
}

/** 10,000 people in 200 groups, of whom few have roles of their own. */
function organisation(): { tenant: TenantRoles; members: readonly Member[] } {
  const random = seededRandom(7)
  const upTo = (most: number): number => Math.floor(random() * most)
  const roles = [...BUILT_IN_ROLES.values()].filter(({ realm }) => realm === 'tenant')
  const tenant: TenantRoles = {
    tenantId: 'bench',
    version: 1,
    roles: new Map(
      roles.map((role) => [
        role.id,
        {
          roleId: role.id,
          name: role.name,
          description: role.does,
          builtIn: true,
          permissions: role.permissions,
          scopeTags: ['default'],
        },
      ]),
    ),
    assignments: Array.from({ length: ASSIGNMENTS }, (_, i) => ({
      assignmentId: `assignment-${i}`,
      roleId: roles[upTo(roles.length)]?.id ?? '',
      name: '',
      description: '',
      memberGroups: Array.from({ length: 3 }, () => `group-${upTo(200)}`),
      memberAccounts: [`account-${upTo(PEOPLE)}`],
      scopeTags: Array.from({ length: 2 }, () => `tag-${upTo(30)}`),
      scopeType: 'allDevicesAndLicensedUsers' as const,
      scopeGroups: [],
    })),
  }
  const members = Array.from({ length: PEOPLE }, (_, i) => ({
    accountId: `account-${i}`,
    groups: Array.from({ length: 2 }, () => `group-${upTo(200)}`),
    active: true,
  }))
  return { tenant, members }
}

/** How many pairs of a permission and a tag somebody holds. */
function tagsHeld(access: EffectiveAccess): number {
  let held = 0
  for (const permission of access.permissions) {
    const tags = access.tagsFor(permission)
    held += tags === 'all' ? 0 : tags.size
  }
  return held
}

/** The same, worked out as the rules say it and remembering nothing. */
function bruteForce(tenant: TenantRoles, member: Member): number {
  const mine = tenant.assignments.filter(
    (one) =>
      one.memberAccounts.includes(member.accountId) ||
      one.memberGroups.some((group) => member.groups.includes(group)),
  )
  const found = new Map<string, Set<string>>()
  for (const one of mine)
    for (const permission of tenant.roles.get(one.roleId)?.permissions ?? []) {
      const tags = found.get(permission) ?? new Set<string>()
      found.set(permission, tags)
      for (const other of mine) {
        const gives = tenant.roles.get(other.roleId)?.permissions ?? new Set<string>()
        const spreading =
          spreads(permission) &&
          [...gives].some((id) => resourceOf(id) === resourceOf(permission) && spreads(id))
        if (!gives.has(permission) && !spreading) continue
        if (other.scopeTags !== 'all') for (const tag of other.scopeTags) tags.add(tag)
      }
    }
  return [...found.values()].reduce((sum, tags) => sum + tags.size, 0)
}

function time(work: () => unknown): number {
  const began = performance.now()
  work()
  return performance.now() - began
}

if (import.meta.main) printResults(await run())

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { shippedCatalog } from '#catalog/shipped.ts'
import type { Reader } from '#database/handles.ts'
import { createDecider } from './create-decider.ts'
import { compileRoles } from './effective.ts'
import { loadPolicies } from './policies.ts'
import { applyChange, differences } from './role-plan.ts'
import { createRolePreviewer } from './role-preview.ts'
import type { Member, TenantRoles } from './role.ts'
import { PERMISSIONS, UNIVERSE, type World, anyWorld, holds } from './roles/test/world.ts'
import { type TagScope, sees } from './scope-tag.ts'

const decider = createDecider(await loadPolicies(join(import.meta.dirname, '..', '..', 'policies')))
const ITEMS = [
  'device.model',
  'device.serialNumber',
  'person.userName',
  'credential.unlockToken',
  'never.textMessages',
]
const catalog = {
  ...shippedCatalog,
  items: new Map([...shippedCatalog.items].filter(([id]) => ITEMS.includes(id))),
}

function sight(state: TenantRoles, member: Member, item: string): string {
  const has = (permission: string): boolean =>
    UNIVERSE.some((tag) => holds(state, member, permission, tag))
  const [device, person] = [has('Managed devices/Read'), has('Personal data/Read')]
  const any = device || person
  const [reveal, secrets] = [any && has('Personal data/Reveal'), any && has('Secrets/Reveal')]
  switch (item) {
    case 'device.model':
      return `${device ? 'exact' : 'withheld'} ${reveal}`
    case 'credential.unlockToken':
      return `withheld ${secrets}`
    case 'never.textMessages':
      return 'withheld false'
    default:
      return `${any ? 'masked' : 'withheld'} ${reveal}`
  }
}

/** Everything that changes, as lines of text that can be compared. */
function judge({ before, members, records }: World, after: TenantRoles): string[] {
  const lines: string[] = []
  for (const member of members) {
    if (!member.active) continue
    for (const permission of PERMISSIONS)
      for (const tag of UNIVERSE) {
        const [was, is] = [before, after].map((state) => holds(state, member, permission, tag))
        if (was !== is)
          lines.push(`${member.accountId} ${is ? 'gains' : 'loses'} ${permission} ${tag}`)
      }
    for (const [kind, opens] of [
      ['device', 'Managed devices/Read'],
      ['person', 'Personal data/Read'],
    ] as const) {
      const seen = (state: TenantRoles) =>
        records.map(
          (one) => one.kind === kind && one.tags.some((tag) => holds(state, member, opens, tag)),
        )
      const [was, is] = [seen(before), seen(after)]
      const gained = is.filter((now, i) => now && !was[i]).length
      const lost = was.filter((then, i) => then && !is[i]).length
      if (gained + lost > 0) lines.push(`${member.accountId} ${kind} +${gained} -${lost}`)
    }
    for (const item of ITEMS) {
      const [was, is] = [sight(before, member, item), sight(after, member, item)]
      if (was !== is) lines.push(`${member.accountId} ${item}: ${was} > ${is}`)
    }
  }
  return lines.sort()
}

type Differences = typeof differences

async function previewed(world: World, after: TenantRoles, by: Differences): Promise<string[]> {
  const previewer = createRolePreviewer({
    decider,
    catalog,
    countRecords: async (_, kind, seenBy, notSeenBy) =>
      world.records.filter(
        (one) => one.kind === kind && sees(seenBy, one.tags) && !sees(notSeenBy, one.tags),
      ).length,
  })
  const { before, members, change } = world
  const asker = {
    accountId: 'a1',
    access: compileRoles(before).accessOf({ accountId: 'a1', groups: [] }),
  }
  const judged = { before, after, members, change, effects: by(before, after, members), asker }
  const { accounts } = await previewer.describe({} as Reader, judged)
  const lines: string[] = []
  const within = (scope: TagScope, tag: string): boolean => scope === 'all' || scope.has(tag)
  for (const { accountId, permissions, records, items } of accounts) {
    for (const one of permissions)
      for (const tag of UNIVERSE) {
        const [was, is] = [within(one.before, tag), within(one.after, tag)]
        if (was !== is)
          lines.push(`${accountId} ${is ? 'gains' : 'loses'} ${one.permission} ${tag}`)
      }
    for (const { kind, gained, lost } of records)
      if (gained + lost > 0) lines.push(`${accountId} ${kind} +${gained} -${lost}`)
    for (const { item, before: was, after: is } of items)
      lines.push(`${accountId} ${item}: ${was.view} ${was.reveal} > ${is.view} ${is.reveal}`)
  }
  return lines.sort()
}

const agreement = (by: Differences) =>
  fc.asyncProperty(anyWorld, async (world) => {
    const after = applyChange(world.before, world.change)
    if ('refused' in after) return
    assert.deepEqual(await previewed(world, after, by), judge(world, after))
  })

describe('preview of a change of roles', () => {
  it('is exactly what a recomputation of every account, permission, tag, record and item gives', async () => {
    await fc.assert(agreement(differences), { numRuns: 500 })
  })

  const wrong: readonly (readonly [string, Differences])[] = [
    [
      'an assignment without tags sees everything',
      (before, after, members) => {
        const open = (state: TenantRoles): TenantRoles => ({
          ...state,
          assignments: state.assignments.map((one) =>
            one.scopeTags.length === 0 ? { ...one, scopeTags: 'all' } : one,
          ),
        })
        return differences(open(before), open(after), members)
      },
    ],
    [
      'groups give nothing',
      (before, after, members) =>
        differences(
          before,
          after,
          members.map((member) => ({ ...member, groups: [] })),
        ),
    ],
    [
      'disabled accounts count',
      (before, after, members) =>
        differences(
          before,
          after,
          members.map((member) => ({ ...member, active: true })),
        ),
    ],
    [
      'a role that is deleted goes on giving',
      (before, after, members) =>
        differences(before, after.roles.size < before.roles.size ? before : after, members),
    ],
    ['nothing ever changes', () => []],
  ]
  for (const [name, twin] of wrong)
    it(`is found wrong where ${name}`, async () => {
      const found = await fc.check(agreement(twin), { numRuns: 500, seed: 7587 })
      assert.ok(found.failed)
    })
})

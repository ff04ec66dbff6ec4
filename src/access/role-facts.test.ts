import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import {
  BUILT_IN_ROLES,
  PERMISSIONS,
  ROLE_CORRECTIONS,
  permissionsOfRealm,
  spreads,
} from './role-facts.ts'

interface Grant {
  permission: string
  action: string
}
const facts: {
  builtInRoles: { name: string; permissions: Grant[] }[]
  directoryRoles: { name: string; data: string; auditData: string }[]
  customRolePermissions: Grant[]
  privacyRelevantPermissions: (Grant & { why: string })[]
  rules: { scopeTagSemantics: { id: string }[]; multipleAssignments: { id: string }[] }
} = JSON.parse(
  readFileSync(join(import.meta.dirname, '..', '..', 'test', 'facts', 'rbac.json'), 'utf8'),
)
const idOf = ({ permission, action }: Grant): string => `${permission}/${action}`
const nameOf = (id: string): string => BUILT_IN_ROLES.get(id)?.name ?? assert.fail(id)

type Table = ReadonlyMap<string, ReadonlySet<string>>
const shipped: Table = new Map(
  [...BUILT_IN_ROLES.values()].map(({ name, permissions }) => [name, permissions]),
)

/** Every grant that the fact file has and the table has not, or the other way round, corrections apart. */
function differences(table: Table): string[] {
  const removed = new Set(
    ROLE_CORRECTIONS.flatMap(({ role, removes }) =>
      role && removes ? [`${nameOf(role)}: ${removes}`] : [],
    ),
  )
  return facts.builtInRoles.flatMap(({ name, permissions }) => {
    const published = new Set(permissions.map(idOf))
    const here = table.get(name) ?? new Set<string>()
    const missing = [...published].filter((id) => !here.has(id) && !removed.has(`${name}: ${id}`))
    const extra = [...here].filter((id) => !published.has(id) || removed.has(`${name}: ${id}`))
    return [
      ...missing.map((id) => `missing ${name}: ${id}`),
      ...extra.map((id) => `extra ${name}: ${id}`),
    ]
  })
}

describe('built-in roles against the facts', () => {
  it('have every published grant, in its spelling, and no other', () => {
    assert.equal(facts.builtInRoles.length, 10)
    assert.deepEqual(differences(shipped), [])
  })
  it('a missing, an extra, a misspelt and an uncorrected grant are each found', () => {
    const spoil = (name: string, change: (permissions: Set<string>) => void): Table => {
      const permissions = new Set(shipped.get(name))
      change(permissions)
      return new Map(shipped).set(name, permissions)
    }
    const help = 'Help Desk Operator'
    const spoiled = [
      spoil(help, (set) => set.delete('Remote tasks/Wipe')),
      spoil(help, (set) => set.add('Roles/Assign')),
      spoil(help, (set) => {
        set.delete('Remote tasks/Get filevault key.')
        set.add('Remote tasks/Get filevault key')
      }),
      spoil('Read Only Operator', (set) => set.add('Remote tasks/Get filevault key.')),
    ]
    for (const table of spoiled) assert.notDeepEqual(differences(table), [])
  })
  it('know every published permission, but for the one that is spelt twice', () => {
    const unknown = [
      ...facts.customRolePermissions,
      ...facts.builtInRoles.flatMap((r) => r.permissions),
    ]
      .map(idOf)
      .filter((id) => !PERMISSIONS.has(id) && !id.startsWith('Organizational messages/'))
    assert.deepEqual(unknown, [])
    assert.ok(ROLE_CORRECTIONS.some(({ id }) => id === 'one-spelling'))
  })
  it('say of every privacy-relevant permission why it is one', () => {
    for (const grant of facts.privacyRelevantPermissions)
      assert.equal(PERMISSIONS.get(idOf(grant))?.privacy, grant.why)
  })
  it('have every directory role that gives anything', () => {
    const giving = facts.directoryRoles.filter(
      ({ data, auditData }) => data !== 'none' || auditData !== 'none',
    )
    assert.equal(giving.length, 9)
    for (const { name, auditData } of giving) {
      const role = shipped.get(name) ?? assert.fail(name)
      assert.equal(role.has('Audit data/Read'), auditData !== 'none', name)
    }
  })
  it('give no permission that is not known, nor one of the other realm', () => {
    for (const role of BUILT_IN_ROLES.values()) {
      const realm = permissionsOfRealm(role.realm)
      assert.deepEqual(
        [...role.permissions].filter((id) => !realm.has(id)),
        [],
        role.id,
      )
    }
  })
})

describe('corrected traps', () => {
  it('a read-only role fetches no recovery keys and takes no lists away', () => {
    for (const role of BUILT_IN_ROLES.values()) {
      if (!/Read Only|Reader/.test(role.name)) continue
      for (const id of [
        'Remote tasks/Get filevault key.',
        'Managed devices/View reports',
        'Intune data warehouse/Read',
        'Secrets/Reveal',
        'Personal data/Reveal',
      ])
        assert.ok(!role.permissions.has(id), `${role.id} ${id}`)
    }
  })
  it('each names a published rule or grant, and a reason', () => {
    const rules = new Set(
      [...facts.rules.scopeTagSemantics, ...facts.rules.multipleAssignments].map(({ id }) => id),
    )
    for (const correction of ROLE_CORRECTIONS) {
      assert.ok(correction.reason.length > 20, correction.id)
      if (correction.rule) assert.ok(rules.has(correction.rule), correction.rule)
      const { role, removes } = correction
      if (!role || !removes) continue
      const published = facts.builtInRoles.find(({ name }) => name === nameOf(role))
      assert.ok(published?.permissions.some((grant) => idOf(grant) === removes))
    }
  })
  it('P7 no role of the operator shows data of tenants', () => {
    for (const role of BUILT_IN_ROLES.values())
      if (role.realm === 'operator')
        for (const id of role.permissions)
          assert.doesNotMatch(id, /^(?:Managed devices|Personal data|Secrets|Data sharing)\//)
  })
  it('only permissions on kept objects spread over assignments', () => {
    for (const id of [
      'Managed devices/Read',
      'Personal data/Read',
      'Device configurations/View Reports',
    ])
      assert.ok(spreads(id), id)
    for (const id of [
      'Roles/Assign',
      'Remote tasks/Wipe',
      'Remote tasks/Update device account',
      'Personal data/Reveal',
      'Secrets/Reveal',
      'Support requests/Approve',
    ])
      assert.ok(!spreads(id), id)
  })
})

import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { type Database, INSTALLATION } from '#database/handles.ts'
import { type Refusal, isRefusal } from '#foundation/refusal.ts'
import { FACTS_CHANNEL } from '#tenants/facts-version.ts'
import { type TestDatabase, testDatabase, waitingEntries } from '../../test/database.ts'
import type { EffectiveAccess } from './effective.ts'
import { createAccessReader, holdersOf, readAccessOf } from './effective-reader.ts'
import type { Principal } from './principal.ts'
import { administratorsOf, changeRoles, makeAdministrator } from './role-change.ts'
import type { AssignmentFields, RoleChange, RoleFields } from './role-plan.ts'
import { putScopeTag } from './scope-tag-change.ts'

const at = Date.parse('2030-01-01T00:00:00Z')

describe('changing roles', () => {
  let test: TestDatabase
  before(async () => {
    test = await testDatabase()
  })
  after(() => test.stop())

  const account = async (tenantId: string, groups: readonly string[] = []): Promise<Principal> => {
    const accountId = randomUUID()
    await test.database.write(tenantId, (tx) =>
      tx.change(
        `insert into accounts (tenant_id, account_id, kind, sealed, groups, created_at)
         values ($1, $2, 'person', '', $3, $4)`,
        [tenantId, accountId, groups, new Date(at)],
      ),
    )
    return {
      tenantId,
      accountId,
      kind: 'person',
      groups,
      personMarks: [],
      language: 'en',
      authenticatedAt: at,
      methods: ['hwk'],
    }
  }
  const administrator = async (tenantId: string): Promise<Principal> => {
    const principal = await account(tenantId)
    await test.database.write(tenantId, (tx) =>
      makeAdministrator(tx, principal.accountId, { actor: 'link:first', at }),
    )
    return principal
  }
  const make = async (principal: Principal, change: RoleChange, database?: Database) => {
    const done = await (database ?? test.database).write(principal.tenantId, (tx) =>
      changeRoles(tx, change, { principal, at }),
    )
    return isRefusal(done) ? done.refused : 'done'
  }
  const fields = (rest: Partial<AssignmentFields>): AssignmentFields => ({
    roleId: 'auditor',
    name: 'a name that could be a person',
    description: '',
    memberGroups: [],
    memberAccounts: [],
    scopeTags: [],
    scopeType: 'allDevicesAndLicensedUsers',
    scopeGroups: [],
    ...rest,
  })
  const assign = (
    rest: Partial<AssignmentFields>,
    assignmentId: string = randomUUID(),
  ): RoleChange => ({
    kind: 'assign',
    assignmentId,
    assignment: fields(rest),
  })
  const role = (
    rest: Partial<RoleFields>,
    roleId: string = randomUUID(),
  ): Extract<RoleChange, { kind: 'createRole' }> => ({
    kind: 'createRole',
    roleId,
    role: {
      name: roleId,
      description: '',
      permissions: new Set(),
      scopeTags: ['default'],
      ...rest,
    },
  })
  const tag = async (principal: Principal, tagId: string): Promise<void> => {
    const access = await accessOf(principal)
    const made = await test.database.write(principal.tenantId, (tx) =>
      putScopeTag(tx, { tagId, name: tagId, description: '' }, { principal, at, access }),
    )
    assert.ok(!isRefusal(made))
  }
  const accessOf = async (principal: Principal): Promise<EffectiveAccess> =>
    (await test.database.read(principal.tenantId, (reader) =>
      readAccessOf(reader, principal.accountId),
    )) ?? assert.fail()
  const entries = async (tenantId: string) => {
    const rows = await waitingEntries(test, tenantId)
    return rows.map(
      ({ bytes }) => JSON.parse(bytes.toString()) as { kind: string; actor: string; data: object },
    )
  }

  it('the first administrator holds everything, for everything', async () => {
    const admin = await administrator('first')
    const access = await accessOf(admin)
    assert.equal(access.tagsFor('Personal data/Reveal'), 'all')
    assert.deepEqual([...(await test.database.read('first', administratorsOf))], [admin.accountId])
  })

  it('an assignment without tags sees the default tag only, and everything must be said', async () => {
    const admin = await administrator('tags')
    const someone = await account('tags')
    const id = randomUUID()
    assert.equal(
      await make(
        admin,
        assign({ roleId: 'help-desk-operator', memberAccounts: [someone.accountId] }, id),
      ),
      'done',
    )
    assert.deepEqual(
      (await accessOf(someone)).tagsFor('Managed devices/Read'),
      new Set(['default']),
    )
    assert.equal(
      await make(admin, {
        kind: 'updateAssignment',
        assignmentId: id,
        assignment: { scopeTags: 'all' },
      }),
      'done',
    )
    assert.equal((await accessOf(someone)).tagsFor('Managed devices/Read'), 'all')
  })

  it('Global administrators see by the tags of their assignment like anybody', async () => {
    const admin = await administrator('global')
    const someone = await account('global')
    await make(
      admin,
      assign({ roleId: 'global-administrator', memberAccounts: [someone.accountId] }),
    )
    assert.deepEqual(
      (await accessOf(someone)).tagsFor('Managed devices/Read'),
      new Set(['default']),
    )
  })

  it('a group gives to its members, and each permission says what gave it', async () => {
    const admin = await administrator('groups')
    const someone = await account('groups', ['desk'])
    const [id, wider] = [randomUUID(), randomUUID()]
    await tag(admin, 'north')
    await make(admin, assign({ roleId: 'read-only-operator', memberGroups: ['desk'] }, id))
    const own = role({ permissions: new Set(['Managed devices/Update', 'Remote tasks/Wipe']) })
    await make(admin, own)
    await make(
      admin,
      assign({ roleId: own.roleId, memberGroups: ['desk'], scopeTags: ['north'] }, wider),
    )
    const access = await accessOf(someone)
    const why = access.explain().find(({ permission }) => permission === 'Managed devices/Read')
    assert.deepEqual(
      why?.givenBy.map((one) => one.assignmentId),
      [id],
    )
    assert.deepEqual(
      why?.widenedBy.map((one) => one.assignmentId),
      [wider],
    )
    assert.deepEqual(why?.tags, new Set(['default', 'north']))
    // Acts stay where they were given.
    assert.deepEqual(access.tagsFor('Remote tasks/Wipe'), new Set(['north']))
    assert.deepEqual(access.tagsFor('Remote tasks/Locate device'), new Set())
  })

  it('a change and its entry are one commit; names stay out of the ledger', async () => {
    const admin = await administrator('evidence')
    const own = role({ name: 'Private words', permissions: new Set(['Managed devices/Read']) })
    const id = randomUUID()
    await make(admin, own)
    await make(admin, {
      kind: 'updateRole',
      roleId: own.roleId,
      role: { permissions: new Set(['Roles/Read']) },
    })
    await make(admin, assign({ roleId: own.roleId }, id))
    await make(admin, { kind: 'deleteRole', roleId: own.roleId })
    const found = await entries('evidence')
    assert.deepEqual(
      found.map(({ kind }) => kind),
      [
        'role.assigned',
        'role.changed',
        'role.changed',
        'role.assigned',
        'role.changed',
        'role.unassigned',
      ],
    )
    assert.equal(found[1]?.actor, `admin:${admin.accountId}`)
    assert.doesNotMatch(JSON.stringify(found), /Private words|a name that could be/)
    await assert.rejects(
      test.database.write('evidence', async (tx) => {
        await changeRoles(tx, role({ permissions: new Set(['Roles/Read']) }), {
          principal: admin,
          at,
        })
        throw new Error('stop')
      }),
    )
    assert.equal((await entries('evidence')).length, found.length)
  })

  it('a built-in role is not changed, and an unknown permission, tag, role or account is not given', async () => {
    const admin = await administrator('unknown')
    assert.equal(
      await make(admin, {
        kind: 'updateRole',
        roleId: 'auditor',
        role: { permissions: new Set() },
      }),
      'role_built_in',
    )
    assert.equal(await make(admin, { kind: 'deleteRole', roleId: 'auditor' }), 'role_built_in')
    assert.equal(
      await make(admin, role({ permissions: new Set(['Managed devices/read']) })),
      'permission_unknown',
    )
    assert.equal(
      await make(admin, role({ permissions: new Set(['Support access/Request']) })),
      'permission_unknown',
    )
    assert.equal(await make(admin, role({ name: 'AUDITOR' })), 'name_taken')
    assert.equal(await make(admin, assign({ scopeTags: ['nowhere'] })), 'scope_tag_unknown')
    assert.equal(await make(admin, assign({ memberAccounts: [randomUUID()] })), 'account_unknown')
    assert.equal(await make(admin, assign({ roleId: randomUUID() })), 'role_unknown')
    assert.equal(await make(admin, assign({ roleId: 'support-engineer' })), 'wrong_realm')
    assert.equal(
      await make(admin, { kind: 'unassign', assignmentId: randomUUID() }),
      'assignment_unknown',
    )
    const many = Array.from({ length: 101 }, (_, i) => `t${i}`)
    assert.equal(await make(admin, assign({ scopeTags: many })), 'body_malformed')
    assert.equal(await make(admin, role({ scopeTags: [] })), 'scope_tag_last')
  })

  it('P9 an account of another tenant is not a member', async () => {
    const admin = await administrator('ours')
    const stranger = await account('theirs')
    assert.equal(
      await make(admin, assign({ memberAccounts: [stranger.accountId] })),
      'account_unknown',
    )
  })

  it('nobody gives what they do not hold, and trying it is an entry', async () => {
    const admin = await administrator('escalation')
    const manager = await account('escalation')
    await make(
      admin,
      assign({
        roleId: 'intune-role-administrator',
        memberAccounts: [manager.accountId],
        scopeTags: 'all',
      }),
    )
    const other = await account('escalation')
    assert.equal(
      await make(manager, assign({ roleId: 'privacy-officer', memberAccounts: [other.accountId] })),
      'role_wider',
    )
    assert.equal(
      await make(manager, assign({ roleId: 'global-administrator', memberGroups: ['nobody-yet'] })),
      'role_wider',
    )
    assert.equal(
      await make(manager, role({ permissions: new Set(['Personal data/Reveal']) })),
      'role_wider',
    )
    assert.equal(await make(manager, role({ permissions: new Set(['Roles/Read']) })), 'done')
    const refused = (await entries('escalation')).filter(({ kind }) => kind === 'access.refused')
    assert.equal(refused.length, 3)
    assert.equal(await make(other, assign({})), 'role_missing')
  })

  it('nobody raises themselves: not by an edit of the role or of the assignment that feeds them', async () => {
    const admin = await administrator('self')
    const manager = await account('self')
    await tag(admin, 'north')
    const own = role({
      permissions: new Set(['Roles/Assign', 'Roles/Update', 'Roles/Read', 'Personal data/Read']),
    })
    const id = randomUUID()
    await make(admin, own)
    await make(
      admin,
      assign({ roleId: own.roleId, memberAccounts: [manager.accountId], scopeTags: ['north'] }, id),
    )
    const roleEdit = (permissions: string[]): RoleChange => ({
      kind: 'updateRole',
      roleId: own.roleId,
      role: { permissions: new Set(permissions) },
    })
    // They do not even see the role, which carries the default tag.
    assert.equal(await make(manager, roleEdit(['Roles/Assign'])), 'role_unknown')
    await make(admin, { kind: 'updateRole', roleId: own.roleId, role: { scopeTags: ['north'] } })
    assert.equal(
      await make(manager, roleEdit([...own.role.permissions, 'Secrets/Reveal'])),
      'role_wider',
    )
    for (const scopeTags of ['all', ['north', 'default'], []] as const)
      assert.equal(
        await make(manager, {
          kind: 'updateAssignment',
          assignmentId: id,
          assignment: { scopeTags },
        }),
        'scope_tag_not_own',
      )
    assert.deepEqual((await accessOf(manager)).tagsFor('Personal data/Read'), new Set(['north']))
  })

  it('assigning stays within one assignment: its tags and its groups together', async () => {
    const admin = await administrator('within')
    const manager = await account('within')
    await tag(admin, 'north')
    await tag(admin, 'south')
    const own = role({
      permissions: new Set(['Roles/Assign', 'Managed devices/Read']),
      scopeTags: ['north', 'south'],
    })
    await make(admin, own)
    const scoped = {
      roleId: own.roleId,
      memberAccounts: [manager.accountId],
      scopeType: 'resourceScope',
    } as const
    await make(admin, assign({ ...scoped, scopeTags: ['north'], scopeGroups: ['g-north'] }))
    await make(admin, assign({ ...scoped, scopeTags: ['south'], scopeGroups: ['g-south'] }))
    const give = (scopeTags: string[], scopeGroups: string[]) =>
      make(
        manager,
        assign({ roleId: own.roleId, scopeType: 'resourceScope', scopeTags, scopeGroups }),
      )
    assert.equal(await give(['north'], ['g-north']), 'done')
    assert.equal(await give(['north'], ['g-south']), 'out_of_scope')
    assert.equal(await give(['north', 'south'], ['g-north']), 'scope_tag_not_own')
    assert.equal(
      await make(manager, assign({ roleId: own.roleId, scopeTags: ['north'] })),
      'out_of_scope',
    )
  })

  it('assignments that add up to more than the giver holds are refused', async () => {
    const admin = await administrator('adding')
    const [manager, other] = [await account('adding'), await account('adding')]
    await tag(admin, 'north')
    const reads = role({ permissions: new Set(['Managed devices/Read']) })
    const updates = role({ permissions: new Set(['Managed devices/Update']), scopeTags: ['north'] })
    const assigns = role({
      permissions: new Set(['Roles/Assign', 'Managed devices/Update']),
      scopeTags: ['north'],
    })
    for (const one of [reads, updates, assigns]) await make(admin, one)
    await make(admin, assign({ roleId: reads.roleId, memberAccounts: [other.accountId] }))
    await make(
      admin,
      assign({ roleId: assigns.roleId, memberAccounts: [manager.accountId], scopeTags: ['north'] }),
    )
    // Updating in the north would let the other read there too, which the manager cannot.
    assert.equal(
      await make(
        manager,
        assign({ roleId: updates.roleId, memberAccounts: [other.accountId], scopeTags: ['north'] }),
      ),
      'role_wider',
    )
  })

  it('the last administrator cannot be taken away, not by two at once either', async () => {
    const first = await administrator('last')
    const second = await account('last')
    const id = randomUUID()
    await make(
      first,
      assign(
        { roleId: 'global-administrator', memberAccounts: [second.accountId], scopeTags: 'all' },
        id,
      ),
    )
    const [{ assignment_id: own = '' } = {}] = await test.ownerQuery<{ assignment_id: string }>(
      'select assignment_id from role_assignments where tenant_id = $1 and assignment_id <> $2',
      ['last', id],
    )
    const node = await test.openSecond()
    const both = await Promise.all([
      make(first, { kind: 'unassign', assignmentId: id }),
      make(second, { kind: 'unassign', assignmentId: own }, node),
    ])
    assert.equal(both.filter((one) => one === 'done').length, 1)
    const left = await test.database.read('last', administratorsOf)
    assert.equal(left.size, 1)
    const remaining = both[0] === 'done' ? first : second
    const held = both[0] === 'done' ? own : id
    assert.equal(await make(remaining, { kind: 'unassign', assignmentId: held }), 'last_admin')
    assert.equal(
      await make(remaining, {
        kind: 'updateAssignment',
        assignmentId: held,
        assignment: { memberAccounts: [] },
      }),
      'last_admin',
    )
  })

  it('P5 a role that is deleted in use gives nothing any more, on every node', async () => {
    const admin = await administrator('deleted')
    const someone = await account('deleted')
    const node = await test.openSecond()
    const reader = await createAccessReader({ database: node, lease: { held: () => true } })
    const own = role({ permissions: new Set(['Managed devices/Read']) })
    await make(admin, own)
    await make(admin, assign({ roleId: own.roleId, memberAccounts: [someone.accountId] }))
    const may = async (): Promise<boolean> => {
      const access = await reader.of(someone)
      return !isRefusal(access) && access.may('Managed devices/Read')
    }
    await until(may)
    const began = performance.now()
    assert.equal(await make(admin, { kind: 'deleteRole', roleId: own.roleId }), 'done')
    await until(async () => !(await may()))
    assert.ok(performance.now() - began < 1_000)
    assert.equal(
      (await test.ownerQuery('select 1 from role_assignments where role_id = $1', [own.roleId]))
        .length,
      0,
    )
    await reader.close()
  })

  it('P4 a node whose lease has ended answers nobody, not even from memory', async () => {
    const admin = await administrator('lease')
    let held = true
    const reader = await createAccessReader({
      database: test.database,
      lease: { held: () => held },
    })
    assert.ok(!isRefusal(await reader.of(admin)))
    held = false
    assert.equal(((await reader.of(admin)) as Refusal).refused, 'lease_expired')
    await reader.close()
  })

  it('P5 what was being read while a change was announced is not remembered', async () => {
    const admin = await administrator('racing')
    const gate = Promise.withResolvers<void>()
    let reads = 0
    const slow: Database = {
      ...test.database,
      listen: test.database.listen,
      read: async (tenantId, work) => {
        reads++
        const result = await test.database.read(tenantId, work)
        if (reads === 1) await gate.promise
        return result
      },
    }
    const reader = await createAccessReader({ database: slow, lease: { held: () => true } })
    const heard = Promise.withResolvers<void>()
    const stop = await test.database.listen(FACTS_CHANNEL, () => heard.resolve())
    const early = reader.of(admin)
    await make(admin, role({ permissions: new Set(['Roles/Read']) }))
    await heard.promise
    gate.resolve()
    await early
    await reader.of(admin)
    assert.equal(reads, 2)
    await stop()
    await reader.close()
  })

  it('nobody raises themselves through a second account of the same person', async () => {
    const engineer = await administrator(INSTALLATION)
    const second = await account(INSTALLATION)
    const marks = (accountId: string) =>
      test.ownerQuery('update accounts set person_marks = $2 where account_id = $1', [
        accountId,
        ['one'],
      ])
    await marks(engineer.accountId)
    await marks(second.accountId)
    const give = (roleId: string) =>
      make(engineer, assign({ roleId, memberAccounts: [second.accountId], scopeTags: 'all' }))
    assert.equal(await give('support-engineer'), 'role_wider')
    // What they hold by the first account anyway is no rise.
    assert.equal(await give('platform-engineer'), 'done')
  })

  it('an administrator who was switched off is not replaced by who may assign but not give everything', async () => {
    const admin = await administrator('level')
    const manager = await account('level')
    await make(
      admin,
      assign({
        roleId: 'intune-role-administrator',
        memberAccounts: [manager.accountId],
        scopeTags: 'all',
      }),
    )
    const administrators = () => test.database.read('level', administratorsOf)
    assert.deepEqual([...(await administrators())], [admin.accountId])
    await test.ownerQuery("update accounts set state = 'disabled' where account_id = $1", [
      admin.accountId,
    ])
    assert.equal((await administrators()).size, 0)
  })

  it('who runs the operator hands out its roles without holding them, but not to themselves', async () => {
    const engineer = await administrator(INSTALLATION)
    const colleague = await account(INSTALLATION)
    const give = (roleId: string, to: Principal) =>
      make(engineer, assign({ roleId, memberAccounts: [to.accountId], scopeTags: 'all' }))
    assert.equal(await give('support-engineer', colleague), 'done')
    assert.equal(await give('support-engineer', engineer), 'role_wider')
    assert.equal(await give('global-administrator', colleague), 'wrong_realm')
    assert.deepEqual(
      [
        ...(await test.database.read(INSTALLATION, (reader) =>
          holdersOf(reader, 'Support access/Request'),
        )),
      ],
      [colleague.accountId],
    )
  })

  it('P5 an asker who lost the role meanwhile is refused by what stands in the transaction', async () => {
    const admin = await administrator('lost')
    const second = await account('lost')
    const id = randomUUID()
    await make(
      admin,
      assign(
        { roleId: 'global-administrator', memberAccounts: [second.accountId], scopeTags: 'all' },
        id,
      ),
    )
    assert.equal(await make(admin, { kind: 'unassign', assignmentId: id }), 'done')
    assert.equal(await make(second, role({ permissions: new Set(['Roles/Read']) })), 'role_missing')
  })
})

async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 5_000
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error('the condition did not come about')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

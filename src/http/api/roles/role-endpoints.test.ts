import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { createDecider } from '#access/create-decider.ts'
import { type OpenAccessReader, createAccessReader } from '#access/effective-reader.ts'
import { loadPolicies } from '#access/policies.ts'
import type { Principal } from '#access/principal.ts'
import { makeAdministrator } from '#access/role-change.ts'
import { createRolePreviewer } from '#access/role-preview.ts'
import { shippedCatalog } from '#catalog/shipped.ts'
import { systemClock } from '#foundation/clock.ts'
import { silentLog } from '#foundation/log.ts'
import { refuse } from '#foundation/refusal.ts'
import { type KeyRoom, createKeys } from '#keys/create-keys.ts'
import { fileRootKey } from '#keys/root-key.ts'
import { createTenant } from '#tenants/create-tenant.ts'
import { type TestDatabase, testDatabase } from '../../../../test/database.ts'
import { countByTags, tagCarried } from '../../../records/count-by-tags.ts'
import { type Api, createApi } from '../create-api.ts'
import { roleEndpoints } from './role-endpoints.ts'

const at = Date.parse('2030-01-01T00:00:00Z')
const POLICIES = join(import.meta.dirname, '..', '..', '..', '..', 'policies')

interface Answer {
  readonly status: number
  readonly body: { readonly [name: string]: unknown }
}

describe('endpoints of roles', () => {
  let test: TestDatabase
  let keys: KeyRoom
  let access: OpenAccessReader
  let api: Api
  let folder: string
  const people = new Map<string, Principal>()

  before(async () => {
    test = await testDatabase()
    folder = await mkdtemp(join(tmpdir(), 'sluss-roles-'))
    const { database } = test
    keys = await createKeys({ database, rootKey: await fileRootKey(join(folder, 'root.key')) })
    const lease = { held: () => true }
    access = await createAccessReader({ database, lease })
    const decider = createDecider(await loadPolicies(POLICIES))
    const previewer = createRolePreviewer({
      decider,
      catalog: shippedCatalog,
      countRecords: countByTags,
    })
    api = createApi({
      endpoints: roleEndpoints({ database, access, previewer, tagCarried }),
      tokens: {
        authenticate: async (header) =>
          people.get(header?.slice('Bearer '.length) ?? '') ?? refuse('unauthenticated'),
      },
      access,
      database,
      keys,
      lease,
      clock: systemClock,
      now: () => at,
      log: silentLog,
    })
    for (const tenantId of ['acme', 'other'])
      await database.write(tenantId, (tx) =>
        createTenant(tx, keys, { name: tenantId, region: 'eu', actor: 'operator:1', at }),
      )
  })
  after(async () => {
    await api.close()
    await access.close()
    await keys.close()
    await test.stop()
    await rm(folder, { recursive: true, force: true })
  })

  const person = async (tenantId: string, groups: readonly string[] = []): Promise<Principal> => {
    const accountId = randomUUID()
    await test.database.write(tenantId, (tx) =>
      tx.change(
        `insert into accounts (tenant_id, account_id, kind, sealed, groups, created_at)
         values ($1, $2, 'person', '', $3, $4)`,
        [tenantId, accountId, groups, new Date(at)],
      ),
    )
    const principal: Principal = {
      tenantId,
      accountId,
      kind: 'person',
      groups,
      personMarks: [],
      language: 'en',
      authenticatedAt: at,
      methods: ['hwk'],
    }
    people.set(accountId, principal)
    return principal
  }
  const administrator = async (tenantId: string): Promise<Principal> => {
    const principal = await person(tenantId)
    await test.database.write(tenantId, (tx) =>
      makeAdministrator(tx, principal.accountId, { actor: 'link:first', at }),
    )
    // The word of it may still be on its way to this node.
    while (!('may' in (await access.of(principal))) || !(await mayAssign(principal)))
      await new Promise((resolve) => setTimeout(resolve, 5))
    return principal
  }
  const mayAssign = async (principal: Principal): Promise<boolean> => {
    const found = await access.of(principal)
    return 'may' in found && found.may('Roles/Assign')
  }
  const call = async (
    who: Principal,
    method: string,
    path: string,
    body?: object,
  ): Promise<Answer> => {
    const response = await api.app.request(`http://localhost/v1.0${path}`, {
      method,
      headers: {
        authorization: `Bearer ${who.accountId}`,
        ...(body ? { 'content-type': 'application/json' } : {}),
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
    })
    const text = await response.text()
    return { status: response.status, body: text === '' ? {} : JSON.parse(text) }
  }
  const allowed = (...permissions: string[]) => [
    { resourceActions: [{ allowedResourceActions: permissions }] },
  ]
  const codeOf = ({ body }: Answer): unknown =>
    (body as { error?: { innerError?: { code?: string } } }).error?.innerError?.code

  it('list the built-in roles in the shape of Graph, with what was corrected in them', async () => {
    const admin = await administrator('acme')
    const { status, body } = await call(
      admin,
      'GET',
      "/deviceManagement/roleDefinitions?$filter=displayName eq 'Read Only Operator'&$count=true",
    )
    assert.equal(status, 200)
    const [role] = body.value as {
      id: string
      isBuiltIn: boolean
      rolePermissions: { resourceActions: { allowedResourceActions: string[] }[] }[]
      corrections: { id: string; reason: string }[]
    }[]
    assert.deepEqual(
      [role?.id, role?.isBuiltIn, body['@odata.count']],
      ['read-only-operator', true, 1],
    )
    const actions = role?.rolePermissions[0]?.resourceActions[0]?.allowedResourceActions ?? []
    assert.ok(actions.includes('Managed devices/Read'))
    assert.ok(!actions.includes('Remote tasks/Get filevault key.'))
    assert.equal(role?.corrections[0]?.id, 'read-only-fetches-no-keys')
  })

  it('make, read, change, give, explain and delete a role', async () => {
    const admin = await administrator('acme')
    const someone = await person('acme', ['desk'])
    const made = await call(admin, 'POST', '/deviceManagement/roleDefinitions', {
      displayName: 'Desk',
      rolePermissions: allowed('Managed devices/Read'),
    })
    assert.equal(made.status, 201)
    const address = `/deviceManagement/roleDefinitions/${String(made.body.id)}`
    const given = await call(admin, 'POST', '/deviceManagement/roleAssignments', {
      displayName: 'Desk',
      members: ['desk'],
      scopeType: 'allDevices',
      'roleDefinition@odata.bind': `https://sluss.example.org/v1.0/deviceManagement/roleDefinitions('${String(made.body.id)}')`,
    })
    assert.deepEqual(
      [
        given.status,
        given.body.roleDefinitionId,
        given.body.allScopeTags,
        given.body.roleScopeTagIds,
      ],
      [201, made.body.id, false, ['default']],
    )
    const changed = await call(admin, 'PATCH', address, {
      rolePermissions: allowed('Managed devices/Read', 'Audit data/Read'),
    })
    assert.equal(changed.status, 200)
    const why = await call(admin, 'GET', `/users/${someone.accountId}/effectivePermissions`)
    assert.deepEqual(
      (why.body.value as { id: string; givenBy: { roleAssignmentId: string }[] }[]).map((one) => [
        one.id,
        one.givenBy[0]?.roleAssignmentId,
      ]),
      [
        ['Audit data/Read', given.body.id],
        ['Managed devices/Read', given.body.id],
      ],
    )
    assert.equal((await call(admin, 'DELETE', address)).status, 204)
    assert.equal((await call(admin, 'GET', address)).status, 404)
    const left = await call(admin, 'GET', `/users/${someone.accountId}/effectivePermissions`)
    assert.deepEqual(left.body.value, [])
  })

  it('preview a change exactly, say whether it would be refused, and change nothing', async () => {
    const admin = await administrator('acme')
    const someone = await person('acme')
    const assignment = {
      displayName: 'x',
      roleDefinitionId: 'privacy-officer',
      memberAccounts: [someone.accountId],
      scopeType: 'allDevicesAndLicensedUsers',
    }
    const path = '/deviceManagement/roleAssignments/previewChange'
    const { status, body } = await call(admin, 'POST', path, { assignment })
    assert.deepEqual([status, body.refusal, body.tenantId], [200, null, 'acme'])
    const [account] = body.accounts as {
      accountId: string
      permissions: { permission: string; change: string; after: object }[]
      items: { item: string; before: object; after: object }[]
      records: object[]
    }[]
    assert.equal(account?.accountId, someone.accountId)
    assert.deepEqual(
      account?.permissions.find(({ permission }) => permission === 'Personal data/Reveal'),
      {
        permission: 'Personal data/Reveal',
        change: 'gained',
        before: { allScopeTags: false, roleScopeTagIds: [] },
        after: { allScopeTags: false, roleScopeTagIds: ['default'] },
      },
    )
    assert.deepEqual(
      account?.items.find(({ item }) => item === 'person.userName'),
      {
        item: 'person.userName',
        before: { view: 'withheld', reveal: false },
        after: { view: 'masked', reveal: true },
      },
    )
    assert.deepEqual(account?.records, [
      { kind: 'device', gained: 0, lost: 0 },
      { kind: 'person', gained: 0, lost: 0 },
    ])
    const after = await call(admin, 'GET', `/users/${someone.accountId}/effectivePermissions`)
    assert.deepEqual(after.body.value, [])
    const mine = await call(
      admin,
      'POST',
      '/deviceManagement/roleDefinitions/auditor/previewChange',
      {
        delete: true,
      },
    )
    assert.deepEqual([mine.status, codeOf(mine)], [403, 'role_built_in'])
  })

  it('everybody may ask what they may do themselves, and nobody without the role what others may', async () => {
    const someone = await person('acme')
    const own = await call(someone, 'GET', '/me/effectivePermissions')
    assert.deepEqual([own.status, own.body.value], [200, []])
    const other = await call(someone, 'GET', `/users/${randomUUID()}/effectivePermissions`)
    assert.deepEqual([other.status, codeOf(other)], [403, 'role_missing'])
  })

  it('P9 a role, an assignment and an account of another tenant are not there', async () => {
    const admin = await administrator('acme')
    const stranger = await administrator('other')
    const made = await call(admin, 'POST', '/deviceManagement/roleDefinitions', {
      displayName: 'Ours',
      rolePermissions: allowed('Roles/Read'),
    })
    const given = await call(admin, 'POST', '/deviceManagement/roleAssignments', {
      displayName: 'Ours',
      roleDefinitionId: String(made.body.id),
    })
    for (const [method, path, body] of [
      ['GET', `/deviceManagement/roleDefinitions/${String(made.body.id)}`, undefined],
      ['PATCH', `/deviceManagement/roleDefinitions/${String(made.body.id)}`, { displayName: 'y' }],
      ['DELETE', `/deviceManagement/roleDefinitions/${String(made.body.id)}`, undefined],
      ['GET', `/deviceManagement/roleAssignments/${String(given.body.id)}`, undefined],
      ['PATCH', `/deviceManagement/roleAssignments/${String(given.body.id)}`, { displayName: 'y' }],
      ['DELETE', `/deviceManagement/roleAssignments/${String(given.body.id)}`, undefined],
      ['GET', `/users/${admin.accountId}/effectivePermissions`, undefined],
    ] as const)
      assert.equal((await call(stranger, method, path, body)).status, 404, `${method} ${path}`)
  })

  it('make, rename and delete scope tags, but not one that is in use', async () => {
    const admin = await administrator('acme')
    const made = await call(admin, 'POST', '/deviceManagement/roleScopeTags', {
      displayName: 'North',
    })
    assert.equal(made.status, 201)
    const address = `/deviceManagement/roleScopeTags/${String(made.body.id)}`
    assert.equal(
      (await call(admin, 'PATCH', address, { displayName: 'Far north' })).body.displayName,
      'Far north',
    )
    const given = await call(admin, 'POST', '/deviceManagement/roleAssignments', {
      displayName: 'x',
      roleDefinitionId: 'auditor',
      roleScopeTagIds: [made.body.id],
    })
    assert.equal(given.status, 201)
    assert.equal(codeOf(await call(admin, 'DELETE', address)), 'scope_tag_in_use')
    await call(admin, 'DELETE', `/deviceManagement/roleAssignments/${String(given.body.id)}`)
    assert.equal((await call(admin, 'DELETE', address)).status, 204)
    assert.equal(
      codeOf(await call(admin, 'DELETE', '/deviceManagement/roleScopeTags/default')),
      'scope_tag_in_use',
    )
  })

  it('list each permission once', async () => {
    const admin = await administrator('acme')
    const { body } = await call(admin, 'GET', '/deviceManagement/resourceOperations?$top=500')
    const ids = (body.value as { id: string }[]).map(({ id }) => id)
    assert.ok(ids.length > 180)
    assert.equal(new Set(ids).size, ids.length)
    const one = await call(
      admin,
      'GET',
      '/deviceManagement/resourceOperations/Managed-devices.Read',
    )
    assert.equal(one.body.permission, 'Managed devices/Read')
  })

  it('refuse all tags together with some of them', async () => {
    const admin = await administrator('acme')
    const { status } = await call(admin, 'POST', '/deviceManagement/roleAssignments', {
      displayName: 'x',
      roleDefinitionId: 'auditor',
      allScopeTags: true,
      roleScopeTagIds: ['default'],
    })
    assert.equal(status, 400)
  })
})

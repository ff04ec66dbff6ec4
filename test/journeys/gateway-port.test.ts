import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { createConnection, listGateways, readConnection } from '#connections/connection.ts'
import { issueClientIdAndSecret, issueClientToken } from '#connections/credentials.ts'
import { ANY_PORT, chooseGatewayPort } from '#connections/gateway-port.ts'
import { type BundledServer, startBundled } from '#database/bundled/server.ts'
import type { Transaction } from '#database/handles.ts'
import { systemClock } from '#foundation/clock.ts'
import { silentLog } from '#foundation/log.ts'
import { isRefusal } from '#foundation/refusal.ts'
import { createTenant } from '#tenants/create-tenant.ts'
import { request } from 'undici'
import { type Node, compose } from '../../src/compose.ts'
import { readSettings } from '../../src/settings.ts'
import { temporaryFolder } from '../folder.ts'
import { ACME, type ApiWorld, BETA, type Person, startApiWorld } from './api-world.ts'

const TENANTS = ['one', 'two']
const ID = 'google-android-management'
const by = { actor: 'admin:1', at: systemClock.now() }
/** A change reaches every node within a second (P5), and this machine may be busy with other suites. */
const WITHIN_MS = 3_000

describe('the port of a gateway, chosen while two nodes run', () => {
  let folder: string
  let server: BundledServer
  let nodes: { readonly node: Node; readonly host: string }[]
  let from: number
  const range = () => ({ from, to: from + 2, except: [] })

  before(async () => {
    folder = await temporaryFolder('ports')
    // Below the ports that the system hands out by itself, and three for each test process.
    from = 20_000 + (process.pid % 4_000) * 3
    server = await startBundled({
      folder: join(folder, 'server'),
      clock: systemClock,
      log: silentLog,
    })
    const start = async (name: string, host: string) => {
      const settings = readSettings(
        {
          SLUSS_FOLDER: join(folder, name),
          SLUSS_ROOT_KEY_FILE: join(folder, 'root.key'),
          SLUSS_HOST: host,
          SLUSS_PORT: '0',
        },
        true,
      )
      const node = await compose({
        settings: { ...settings, database: { owner: server.owner, app: server.app } },
        clock: systemClock,
        log: silentLog,
      })
      return { node, host }
    }
    nodes = [await start('first', '127.0.0.1'), await start('second', '127.0.0.2')]
    for (const name of TENANTS)
      await write(name, async (tx) => {
        const tenant = { name, region: 'EU', privacyContact: 'privacy@example.org' }
        await createTenant(tx, first().keys, { ...tenant, actor: 'operator:1', at: by.at })
        const origin = 'https://androidmanagement.googleapis.com'
        const made = { connectionId: ID, connectorId: ID, title: 'Android', origin }
        await createConnection(tx, made, by)
      })
    for (const { node } of nodes) assert.deepEqual(await node.openGateways(), [])
  })
  after(async () => {
    for (const { node } of nodes) await node.stop()
    await server.stop()
    await rm(folder, { recursive: true, force: true })
  })
  const first = (): Node => nodes[0]?.node ?? assert.fail('there is no node')
  const write: Node['database']['write'] = (tenantId, work) =>
    first().database.write(tenantId, work)
  const choose = (tenantId: string, port: number | null) =>
    write(tenantId, (tx) => chooseGatewayPort(tx, ID, port, range(), by))
  const portOf = async (tenantId: string) =>
    (await first().database.read(tenantId, (reader) => readConnection(reader, ID)))?.gatewayPort
  /** What each node answers there to a client with this token; nothing: nobody listens. */
  const answers = (port: number, token = 'x') =>
    Promise.all(
      nodes.map(({ host }) =>
        request(`http://${host}:${port}/v1/enterprises/e1`, {
          headers: { authorization: `Bearer ${token}` },
        }).then(
          async ({ statusCode, body }) => (await body.dump(), statusCode),
          () => 'nobody',
        ),
      ),
    )
  const soon = async (port: number, token: string | undefined, expected: readonly unknown[]) => {
    const until = performance.now() + WITHIN_MS
    let seen = await answers(port, token)
    while (performance.now() < until && String(seen) !== String(expected)) {
      await pause(20)
      seen = await answers(port, token)
    }
    assert.deepEqual(seen, expected)
  }

  it('opens on every node without a restart, and lets nobody in before the client has credentials', async () => {
    assert.equal(await choose('one', ANY_PORT), undefined)
    assert.equal(await portOf('one'), from)
    await soon(from, undefined, [401, 401])
  })

  it('P5 a client that got new credentials is let in with them, and not with those before, on every node', async () => {
    const issue = () => write('one', (tx) => issueClientToken(tx, first().keys, ID, by))
    const older = await issue()
    assert.ok(!isRefusal(older) && older.token)
    // Known now, and refused by the gate: nothing was agreed.
    await soon(from, older.token, [403, 403])
    const newer = await issue()
    assert.ok(!isRefusal(newer) && newer.token)
    await soon(from, newer.token, [403, 403])
    await soon(from, older.token, [401, 401])
  })

  it('P5 a session ends with the credentials that opened it', async () => {
    const id = 'jamf'
    const issue = () => write('one', (tx) => issueClientIdAndSecret(tx, first().keys, id, by))
    await write('one', (tx) => {
      const made = { connectionId: id, connectorId: 'jamf-pro', title: 'Jamf' }
      return createConnection(tx, { ...made, origin: 'https://a.jamfcloud.com' }, by)
    })
    const older = await issue()
    const port = from + 2
    await write('one', (tx) => chooseGatewayPort(tx, id, port, range(), by))
    await soon(port, undefined, [401, 401])
    const host = nodes[0]?.host
    const granted = await request(`http://${host}:${port}/api/oauth/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ ...older, grant_type: 'client_credentials' }).toString(),
    })
    const { access_token: session } = (await granted.body.json()) as { access_token: string }
    // Known, on every node; that path is none of Jamf Pro's.
    await soon(port, session, [404, 404])
    await issue()
    await soon(port, session, [401, 401])
    await write('one', (tx) => chooseGatewayPort(tx, id, null, range(), by))
  })

  it('P9 is of one connection only, whatever tenant it is of', async () => {
    const refused = await choose('two', from)
    assert.equal(refused?.refused, 'name_taken')
    assert.equal(await portOf('two'), undefined)
    assert.equal(await choose('two', ANY_PORT), undefined)
    assert.equal(await portOf('two'), from + 1)
  })

  /** Both tenants want the same port: the first is held between its check and its commit. */
  const race = async (pick: (tx: Transaction) => Promise<unknown>) => {
    for (const name of TENANTS) await choose(name, null)
    let checked = (): void => {}
    const isChecked = new Promise<void>((resolve) => (checked = resolve))
    let commit = (): void => {}
    const mayCommit = new Promise<void>((resolve) => (commit = resolve))
    const one = write('one', async (tx) => {
      const refusal = await pick(tx)
      checked()
      await mayCommit
      return refusal
    })
    await isChecked
    const two = write('two', pick)
    // The second one waits for the first, or is through already.
    await Promise.race([two, pause(200)])
    commit()
    return [await one, await two].filter((refusal) => refusal === undefined).length
  }

  it('of two that want it at the same time one gets it', async () => {
    assert.equal(await race((tx) => chooseGatewayPort(tx, ID, from, range(), by)), 1)
  })

  it('a choice that only looks is caught: both would get it', async () => {
    const careless = async (tx: Transaction) => {
      const gateways = await listGateways(tx)
      if (gateways.some((one) => one.port === from)) return 'taken'
      await tx.change(
        'update connections set gateway_port = $3 where tenant_id = $1 and connection_id = $2',
        [tx.tenantId, ID, from],
      )
      return undefined
    }
    assert.equal(await race(careless), 2)
    for (const name of TENANTS) await choose(name, null)
    assert.equal(await choose('one', from), undefined)
  })

  it('stays within what the operator allows', async () => {
    for (const port of [from - 1, from + 3, 22])
      assert.equal((await choose('two', port))?.refused, 'body_malformed', String(port))
    const narrow = { ...range(), to: from }
    const full = await write('two', (tx) => chooseGatewayPort(tx, ID, ANY_PORT, narrow, by))
    assert.equal(full?.refused, 'limit_reached')
    const own = { ...range(), except: [from + 1] }
    const refused = await write('two', (tx) => chooseGatewayPort(tx, ID, from + 1, own, by))
    assert.equal(refused?.refused, 'name_taken')
  })

  it('moves to another port, and closes when it has none', async () => {
    await choose('one', from + 2)
    await soon(from + 2, undefined, [401, 401])
    await soon(from, undefined, ['nobody', 'nobody'])
    await choose('one', null)
    await soon(from + 2, undefined, ['nobody', 'nobody'])
  })

  it('one whose port something else holds keeps no other from opening', async () => {
    const squatter = createServer()
    await new Promise<void>((resolve) => squatter.listen(from, '127.0.0.1', resolve))
    await choose('one', from)
    await choose('two', from + 1)
    await soon(from + 1, undefined, [401, 401])
    await new Promise((resolve) => squatter.close(resolve))
    // Any change has the nodes look again.
    await choose('two', from + 2)
    await soon(from, undefined, [401, 401])
  })
})

describe('the port of a gateway, through the API', () => {
  let world: ApiWorld
  let admin: Person
  before(async () => {
    world = await startApiWorld()
    admin = await world.administrator(ACME)
  })
  after(() => world.stop())
  const CONNECTIONS = '/deviceManagement/connections'
  const make = (person: Person, id: string, more: object) =>
    world.call(person, 'POST', CONNECTIONS, {
      id,
      connectorId: 'apple-device-enrollment',
      displayName: 'Apple',
      ...more,
    })

  it('is given when a connection is made, or later; one that is refused makes no connection', async () => {
    const made = await make(admin, 'gate-a', { gatewayPort: 0 })
    assert.deepEqual([made.status, made.body.gatewayPort], [201, 18_000])
    for (const [gatewayPort, status] of [
      [18_000, 409],
      [17_999, 400],
      [-1, 400],
      ['18001', 400],
    ] as const) {
      assert.equal((await make(admin, 'gate-b', { gatewayPort })).status, status)
      assert.equal((await world.call(admin, 'GET', `${CONNECTIONS}/gate-b`)).status, 404)
    }
    assert.equal((await make(admin, 'gate-b', {})).body.gatewayPort, null)
    const change = (body: object) => world.call(admin, 'PATCH', `${CONNECTIONS}/gate-b`, body)
    assert.equal((await change({ gatewayPort: 18_002 })).body.gatewayPort, 18_002)
    const both = await change({ gatewayPort: 18_000, isEnabled: false })
    assert.equal(both.status, 409)
    const kept = await world.call(admin, 'GET', `${CONNECTIONS}/gate-b`)
    assert.deepEqual([kept.body.gatewayPort, kept.body.isEnabled], [18_002, true])
    assert.equal((await change({})).status, 400)
    assert.equal((await change({ gatewayPort: null })).body.gatewayPort, null)
  })

  it('P9 is not to be had where another organisation has it', async () => {
    const other = await world.administrator(BETA)
    const taken = await make(other, 'gate-a', { gatewayPort: 18_000 })
    assert.deepEqual([taken.status, taken.body.error.target], [409, 'gatewayPort'])
    assert.equal((await make(other, 'gate-a', { gatewayPort: 0 })).body.gatewayPort, 18_001)
  })
})

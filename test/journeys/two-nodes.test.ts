import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { withdrawConsent } from '#agreements/consent.ts'
import { type BundledServer, startBundled } from '#database/bundled/server.ts'
import { systemClock } from '#foundation/clock.ts'
import { silentLog } from '#foundation/log.ts'
import { admin } from '../../sandbox/agree.ts'
import { type SandboxApple, startSandboxApple } from '../../sandbox/apple/server.ts'
import { createMdmClient } from '../../sandbox/sample/mdm-client.ts'
import {
  CONNECTION,
  consentToBoth,
  makeOrganisation,
  OUT,
  TENANT,
} from '../../sandbox/sample/organisation.ts'
import { compose, type Node } from '../../src/compose.ts'
import { readSettings } from '../../src/settings.ts'
import { temporaryFolder } from '../folder.ts'
import { agree, readLog } from '../node.ts'
import { type Proxy, startProxy } from '../tcp-proxy.ts'

describe('two nodes, one PostgreSQL', () => {
  let folder: string
  let server: BundledServer
  let proxy: Proxy
  let apple: SandboxApple
  let first: Node
  let second: Node
  let viaFirst: ReturnType<typeof createMdmClient>
  let viaSecond: ReturnType<typeof createMdmClient>

  before(async () => {
    folder = await temporaryFolder('two')
    server = await startBundled({
      folder: join(folder, 'server'),
      clock: systemClock,
      log: silentLog,
    })
    proxy = await startProxy(join(server.socketFolder, '.s.PGSQL.5432'))
    apple = await startSandboxApple({ devices: 5 })
    const start = (name: string, app = server.app) => {
      const settings = readSettings(
        {
          SLUSS_FOLDER: join(folder, name),
          SLUSS_ROOT_KEY_FILE: join(folder, 'root.key'),
          SLUSS_PORT: '0',
        },
        true,
      )
      return compose({
        settings: { ...settings, database: { owner: server.owner, app } },
        clock: systemClock,
        log: silentLog,
      })
    }
    ;[first, second] = await Promise.all([
      start('first'),
      start('second', { ...server.app, host: '127.0.0.1', port: proxy.port }),
    ])
    const { client } = await makeOrganisation(first, apple)
    await agree(first)
    const address = {
      tenantId: TENANT,
      connectionId: CONNECTION,
      connectorId: 'apple-device-enrollment',
      port: 0,
    }
    viaFirst = createMdmClient(
      `http://127.0.0.1:${(await first.openGateway(address)).port}`,
      client,
    )
    viaSecond = createMdmClient(
      `http://127.0.0.1:${(await second.openGateway(address)).port}`,
      client,
    )
  })
  after(async () => {
    await viaFirst.close()
    await viaSecond.close()
    await second.stop()
    await first.stop()
    await proxy.stop()
    await server.stop()
    await apple.stop()
    await rm(folder, { recursive: true, force: true })
  })
  const calls = () => apple.received.filter((one) => one.target !== '/session').length

  it('both serve the same connection, in one session with Apple and one log', async () => {
    for (const client of [viaFirst, viaSecond, viaFirst, viaSecond])
      assert.equal((await client.call('GET', '/account')).status, 200)
    assert.equal(apple.received.filter((one) => one.target === '/session').length, 1)
    const nodes = (await readLog(first))
      .filter((entry) => entry.kind === 'outcome')
      .map((entry) => entry.actor)
    assert.equal(new Set(nodes).size, 2)
  })

  it('P5 what is withdrawn on one node stops on the other at once, with calls under way on both', async () => {
    let withdrawnAt = Number.POSITIVE_INFINITY
    let stop = false
    const load = [viaFirst, viaSecond].map(async (client) => {
      while (!stop) await client.call('GET', '/account')
    })
    await pause(200)
    await first.database.write(TENANT, (tx) => withdrawConsent(tx, OUT, admin(first)))
    withdrawnAt = Date.now()
    await pause(600)
    stop = true
    await Promise.all(load)
    const late = apple.received.filter((one) => one.at > withdrawnAt + 1_000)
    assert.deepEqual(late, [])
    // In the log it is exact: nothing was disclosed after the withdrawal.
    const entries = await readLog(first)
    const withdrawal = entries.findLastIndex((entry) => entry.kind === 'consent.withdrawn')
    assert.ok(withdrawal > 0)
    const seconds = entries.slice(withdrawal).filter((entry) => entry.kind === 'disclosure')
    assert.deepEqual(seconds, [])
    await consentToBoth(first)
  })

  it('P5 P3 a node that is cut off sends nothing, refuses in time, and follows again when the wire is mended', async () => {
    assert.equal((await viaSecond.call('GET', '/account')).status, 200)
    const before = calls()
    proxy.cut()
    await first.database.write(TENANT, (tx) => withdrawConsent(tx, OUT, admin(first)))
    const began = Date.now()
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => viaSecond.call('GET', '/account')),
    )
    for (const answer of answers)
      assert.deepEqual([answer.status, answer.refusal], [503, 'evidence_unavailable'])
    assert.ok(Date.now() - began < 12_000, 'a cut-off node kept its caller waiting')
    assert.equal(calls(), before)
    assert.equal(second.parts.lease.held(), false)
    proxy.restore()
    for (let tries = 0; tries < 60 && !second.parts.lease.held(); tries++) await pause(100)
    assert.equal((await viaSecond.call('GET', '/account')).refusal, 'consent_withdrawn')
    assert.equal(calls(), before)
    await consentToBoth(first)
    assert.equal((await viaSecond.call('GET', '/account')).status, 200)
    const entries = await readLog(second)
    const open = entries.filter((entry) => entry.kind === 'disclosure').length
    assert.equal(entries.filter((entry) => entry.kind === 'outcome').length, open)
  })
})

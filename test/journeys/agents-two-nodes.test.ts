import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { fetch } from 'undici'
import { endAgent, isAgentChange, listNewAgent } from '#agreements/agent.ts'
import {
  objectToListedAgent,
  objectionImpact,
  settleObjection,
} from '#agreements/agent-objection.ts'
import { dataCategoriesOf } from '#agreements/agent-terms.ts'
import { startOffBoarding } from '#agreements/off-boarding.ts'
import { withdrawPermission } from '#agreements/party.ts'
import { enableConnection } from '#connections/connection.ts'
import { destroyCredentials, openCredentials } from '#connections/credentials.ts'
import { type BundledServer, startBundled } from '#database/bundled/server.ts'
import { INSTALLATION } from '#database/handles.ts'
import { systemClock } from '#foundation/clock.ts'
import { silentLog } from '#foundation/log.ts'
import { startServer } from '#http/server.ts'
import { openCheckpoint } from '#ledger/verify/checkpoint.ts'
import { leafHash, verifyInclusion } from '#ledger/verify/hash-tree.ts'
import { parseVerifierKey } from '#ledger/verify/note.ts'
import { admin } from '../../sandbox/agree.ts'
import { type SandboxApple, startSandboxApple } from '../../sandbox/apple/server.ts'
import { createMdmClient } from '../../sandbox/sample/mdm-client.ts'
import { CONNECTION, makeOrganisation, TENANT } from '../../sandbox/sample/organisation.ts'
import { compose, type Node } from '../../src/compose.ts'
import { readSettings } from '../../src/settings.ts'
import { temporaryFolder } from '../folder.ts'
import { agree, readLog } from '../node.ts'

const DAY_IN_MS = 86_400_000

describe('an agent of two nodes', () => {
  let folder: string
  let server: BundledServer
  let apple: SandboxApple
  let first: Node
  let second: Node
  let viaFirst: ReturnType<typeof createMdmClient>
  let viaSecond: ReturnType<typeof createMdmClient>

  before(async () => {
    folder = await temporaryFolder('agents')
    server = await startBundled({
      folder: join(folder, 'server'),
      clock: systemClock,
      log: silentLog,
    })
    apple = await startSandboxApple({ devices: 5 })
    const start = (name: string) => {
      const settings = readSettings(
        {
          SLUSS_FOLDER: join(folder, name),
          SLUSS_ROOT_KEY_FILE: join(folder, 'root.key'),
          SLUSS_PORT: '0',
        },
        true,
      )
      return compose({
        settings: { ...settings, database: { owner: server.owner, app: server.app } },
        clock: systemClock,
        log: silentLog,
      })
    }
    ;[first, second] = await Promise.all([start('first'), start('second')])
    const { client } = await makeOrganisation(first, apple)
    await agree(first)
    // Only its place on the list lets anything go: the explicit permission is gone.
    await first.database.write(TENANT, (tx) => withdrawPermission(tx, 'apple', admin(first)))
    const address = {
      tenantId: TENANT,
      connectionId: CONNECTION,
      connectorId: 'apple-device-enrollment',
      port: 0,
    }
    const [one, two] = [await first.openGateway(address), await second.openGateway(address)]
    viaFirst = createMdmClient(`http://127.0.0.1:${one.port}`, client)
    viaSecond = createMdmClient(`http://127.0.0.1:${two.port}`, client)
  })
  after(async () => {
    await viaFirst.close()
    await viaSecond.close()
    await second.stop()
    await first.stop()
    await server.stop()
    await apple.stop()
    await rm(folder, { recursive: true, force: true })
  })

  const operator = (at: number) => ({ actor: 'operator:test', at })
  const listApple = (at: number) => {
    const { catalog } = first.parts
    const flows = [...catalog.flows.values()].filter(({ party }) => party === 'apple')
    return first.database.write(INSTALLATION, (tx) =>
      listNewAgent(
        tx,
        catalog,
        {
          partyId: 'apple',
          terms: {
            name: 'Apple',
            corporateLocation: 'US',
            category: 'technology',
            dataCategories: [...dataCategoriesOf(catalog)],
            purposes: [...new Set(flows.flatMap(({ purposes }) => purposes))],
            regions: ['US'],
            neededBy: [],
          },
        },
        operator(at),
      ),
    )
  }
  const both = async () => [
    await viaFirst.call('GET', '/account'),
    await viaSecond.call('GET', '/account'),
  ]
  const calls = () => apple.received.filter((one) => one.target !== '/session').length

  it('P5 an objection made on one node stops the flow on both within a second, and a settled one lets it go on', async () => {
    for (const answer of await both()) assert.equal(answer.refusal, 'permission_withdrawn')
    assert.ok(isAgentChange(await listApple(systemClock.now() - 190 * DAY_IN_MS)))
    for (const answer of await both()) assert.equal(answer.status, 200, answer.refusal)
    const { catalog } = first.parts
    const impact = await first.database.read(TENANT, (reader) =>
      objectionImpact(reader, catalog, 'apple'),
    )
    assert.ok(impact)
    let stop = false
    const load = [viaFirst, viaSecond].map(async (client) => {
      while (!stop) await client.call('GET', '/account')
    })
    await pause(200)
    const objection = { partyId: 'apple', impactHash: impact.hash }
    const refused = await first.database.write(TENANT, (tx) =>
      objectToListedAgent(tx, catalog, objection, admin(first)),
    )
    assert.equal(refused, undefined)
    const objectedAt = Date.now()
    await pause(1_500)
    stop = true
    await Promise.all(load)
    const late = apple.received.filter((one) => one.at > objectedAt + 1_000)
    assert.deepEqual(late, [])
    for (const answer of await both()) assert.equal(answer.refusal, 'agent_objection')
    const entries = await readLog(first)
    const made = entries.findLastIndex((entry) => entry.kind === 'agent.objected')
    assert.ok(made > 0)
    assert.deepEqual(
      entries.slice(made).filter((entry) => entry.kind === 'disclosure'),
      [],
    )
    await first.database.write(TENANT, (tx) =>
      settleObjection(tx, 'apple', { outcome: 'settled' }, admin(first)),
    )
    for (const answer of await both()) assert.equal(answer.status, 200, answer.refusal)
  })

  it('P2 not a byte goes on either node to an agent that ended, nor before its new lead time is over', async () => {
    const before = calls()
    const now = systemClock.now()
    await second.database.write(INSTALLATION, (tx) => endAgent(tx, 'apple', operator(now)))
    for (const answer of await both()) assert.equal(answer.refusal, 'permission_withdrawn')
    assert.ok(isAgentChange(await listApple(now)))
    for (const answer of await both()) assert.equal(answer.refusal, 'agent_lead_time')
    assert.equal(calls(), before)
  })

  it('P16 anybody can check a change of the list against the signed checkpoint, and finds one that was altered', async () => {
    await first.sequencer.settled()
    const { parts, settings } = first
    const http = await startServer({ ...settings, ...parts, port: 0 })
    try {
      const base = `http://127.0.0.1:${http.port}`
      const json = async (path: string) => (await (await fetch(base + path)).json()) as Proved
      const list = await json('/trust/subprocessors')
      const path = list.changes?.at(-1)?.proof ?? ''
      const proof = await json(path)
      const key = parseVerifierKey(
        (await (await fetch(base + (list.log?.verifierKey ?? ''))).text()).trim(),
      )
      assert.ok(key)
      const checkpoint = openCheckpoint(proof.checkpoint ?? '', key)
      assert.ok(checkpoint)
      const entry = Buffer.from(proof.entry ?? '', 'base64')
      const fits = (bytes: Buffer) =>
        verifyInclusion(
          leafHash(bytes),
          proof.index ?? 0,
          checkpoint.size,
          (proof.hashes ?? []).map((hash) => Buffer.from(hash, 'base64').toString('latin1')),
          checkpoint.root,
        )
      assert.equal(fits(entry), true)
      const said = JSON.parse(entry.toString()) as { id: string; data: { party: string } }
      assert.deepEqual([said.id, said.data.party], [list.changes?.at(-1)?.entryId, 'apple'])
      assert.equal(fits(Buffer.from(entry.toString().replace('"US"', '"EU"'))), false)
    } finally {
      await http.close()
    }
  })

  it('P5 leaving the feature on one node stops the other, and leaves no secret to speak with the party', async () => {
    const { database, parts, keys } = second
    const feature = 'apple-device-enrollment'
    await database.write(TENANT, (tx) =>
      startOffBoarding(
        tx,
        { catalog: parts.catalog, destroyCredentials },
        feature,
        [CONNECTION],
        admin(second),
      ),
    )
    const before = calls()
    // The client's own way in is destroyed with the rest: a node that has heard of it says so first.
    const refused = ['connection_disabled', 'credentials_missing', 'client_unauthenticated']
    for (const { refusal = '' } of await both()) assert.ok(refused.includes(refusal), refusal)
    assert.equal(calls(), before)
    // Switched on again by somebody, it still has nothing to speak with, and its feature is off.
    await database.write(TENANT, (tx) => enableConnection(tx, CONNECTION, true, admin(second)))
    for (const { refusal = '' } of await both())
      assert.ok(refused.slice(1).includes(refusal), refusal)
    const secrets = await database.read(TENANT, (reader) =>
      openCredentials(reader, keys, CONNECTION),
    )
    assert.equal(secrets, undefined)
    assert.equal(calls(), before)
  })
})

interface Proved {
  readonly changes?: readonly { readonly proof: string; readonly entryId: string }[]
  readonly log?: { readonly verifierKey: string }
  readonly checkpoint?: string
  readonly entry?: string
  readonly index?: number
  readonly hashes?: readonly string[]
}

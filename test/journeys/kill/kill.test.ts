import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { systemClock } from '#foundation/clock.ts'
import { silentLog } from '#foundation/log.ts'
import { SHARE_POINTS } from '#sharing/parts.ts'
import { type SandboxApple, startSandboxApple } from '../../../sandbox/apple/server.ts'
import { createMdmClient } from '../../../sandbox/sample/mdm-client.ts'
import { makeOrganisation, TENANT } from '../../../sandbox/sample/organisation.ts'
import { compose } from '../../../src/compose.ts'
import { readSettings } from '../../../src/settings.ts'
import { temporaryFolder } from '../../folder.ts'
import { agree, readLog } from '../../node.ts'
import type { Order, Report } from './child.ts'

/** At least 200 of each: this many rounds over all points of a share. */
const ROUNDS = 34
const CALLS_AT_ONCE = 4

describe('kill -9', () => {
  let folder: string
  let apple: SandboxApple
  let client: Readonly<Record<string, string>>
  let calls = 0
  const environment = () => ({ SLUSS_FOLDER: folder, SLUSS_PORT: '0' })
  const open = () =>
    compose({ settings: readSettings(environment(), true), clock: systemClock, log: silentLog })

  before(async () => {
    folder = await temporaryFolder('kill')
    apple = await startSandboxApple({ devices: 5 })
    const node = await open()
    client = (await makeOrganisation(node, apple)).client
    await agree(node)
    await node.stop()
  })
  after(async () => {
    await apple.stop()
    await rm(folder, { recursive: true, force: true })
  })

  const startChild = async (): Promise<{ child: ChildProcess; port: number }> => {
    const child = fork(join(import.meta.dirname, 'child.ts'), {
      env: { ...process.env, ...environment() },
    })
    const port = await new Promise<number>((resolve, reject) => {
      child.once('exit', (code) => reject(new Error(`the node did not start (${code})`)))
      child.on('message', (report: Report) => 'ready' in report && resolve(report.ready))
    })
    return { child, port }
  }
  /** Every call is one of its kind, so that what Apple received can be told apart. */
  const makeCalls = (mdm: ReturnType<typeof createMdmClient>) =>
    Promise.allSettled(
      Array.from({ length: CALLS_AT_ONCE }, () =>
        mdm.call('POST', '/profile', {
          profile_name: `call-${calls++}`,
          url: 'https://mdm.example.org',
        }),
      ),
    )

  it(`P3 of Node, ${ROUNDS * SHARE_POINTS.length} times over every point of a share`, async () => {
    const hits = new Map<string, number>()
    for (let round = 0; round < ROUNDS; round++) {
      for (const point of SHARE_POINTS) {
        const { child, port } = await startChild()
        const mdm = createMdmClient(`http://127.0.0.1:${port}`, client)
        const died = new Promise<string | null>((resolve) =>
          child.once('exit', (_, signal) => resolve(signal)),
        )
        child.send({ victim: 'node', point, passing: 1 + (round % CALLS_AT_ONCE) } satisfies Order)
        await makeCalls(mdm)
        const signal = await Promise.race([died, pause(3_000, 'survived')])
        assert.equal(signal, 'SIGKILL', `the point ${point} was never reached`)
        hits.set(point, (hits.get(point) ?? 0) + 1)
        await mdm.close()
      }
    }
    assert.deepEqual(
      Object.fromEntries(hits),
      Object.fromEntries(SHARE_POINTS.map((point) => [point, ROUNDS])),
    )
    await everythingReceivedWasRecorded()
  })

  it(`P3 of PostgreSQL, ${ROUNDS * SHARE_POINTS.length} times over every point of a share`, async () => {
    const { child, port } = await startChild()
    const mdm = createMdmClient(`http://127.0.0.1:${port}`, client)
    const hits = new Map<string, number>()
    child.on(
      'message',
      (report: Report) => 'hit' in report && hits.set(report.hit, (hits.get(report.hit) ?? 0) + 1),
    )
    try {
      for (let round = 0; round < ROUNDS; round++) {
        for (const point of SHARE_POINTS) {
          const before = hits.get(point) ?? 0
          child.send({
            victim: 'postgres',
            point,
            passing: 1 + (round % CALLS_AT_ONCE),
          } satisfies Order)
          // While the server recovers calls are refused; they come back until the point was reached.
          for (let tries = 0; tries < 200 && (hits.get(point) ?? 0) === before; tries++) {
            await makeCalls(mdm)
            await pause(10)
          }
          assert.equal(hits.get(point), before + 1, `the point ${point} was never reached`)
        }
      }
    } finally {
      child.send('stop')
      await new Promise((resolve) => child.once('exit', resolve))
      await mdm.close()
    }
    await everythingReceivedWasRecorded()
  })

  /** The test's own bookkeeping against the ledger. */
  async function everythingReceivedWasRecorded(): Promise<void> {
    const node = await open()
    try {
      const entries = await readLog(node)
      const commit = await node.database.read(TENANT, (reader) =>
        node.keys.payloadCommitment(reader),
      )
      const disclosures = new Map(
        entries
          .filter((entry) => entry.kind === 'disclosure')
          .map((entry) => [entry.data.payload, entry]),
      )
      const received = apple.received.filter((one) => one.target === '/profile')
      assert.ok(received.length > 100)
      const seen = new Set<string>()
      for (const one of received) {
        const body = one.body.toString()
        const entry = disclosures.get(commit(`POST /profile\n${body}`))
        assert.ok(entry, `Apple received what no entry tells of: ${body}`)
        assert.ok(Date.parse(entry.at) <= one.at, 'an entry was written after its call')
        assert.ok(!seen.has(body), `sent twice: ${body}`)
        seen.add(body)
      }
      const outcomes = entries.filter((entry) => entry.kind === 'outcome')
      assert.deepEqual(
        outcomes.map((entry) => String(entry.data.of)).toSorted(),
        [...disclosures.values()].map((entry) => entry.id).toSorted(),
        'each disclosure has one outcome',
      )
      const delivered = new Set(
        outcomes
          .filter((entry) => entry.data.outcome === 'delivered')
          .map((entry) => entry.data.of),
      )
      const arrived = new Set(
        received.map((one) => disclosures.get(commit(`POST /profile\n${one.body.toString()}`))?.id),
      )
      for (const id of delivered)
        assert.ok(arrived.has(String(id)), 'an outcome claims a delivery that did not happen')
    } finally {
      await node.stop()
    }
  }
})

import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import type { Entry } from '#ledger/entry.ts'
import { VIEW_POINTS } from '#viewing/parts.ts'
import { SERIAL, type ViewingWorld, viewingWorld } from '../../viewing.ts'
import type { Ask, Orders, Report } from './child.ts'
import { TENANT } from './viewer.ts'

const ROUNDS_A_POINT = 4
const RANDOM_ROUNDS = 6
const CALLS_AT_ONCE = 3

/** The test's own bookkeeping of one round: who asked, and what each was served. */
interface Round {
  readonly asked: readonly string[]
  readonly served: ReadonlyMap<string, readonly string[]>
}

describe('kill -9 of a node that people look through', () => {
  let world: ViewingWorld
  const rounds: Round[] = []

  before(async () => {
    world = await viewingWorld()
    await world.makeTenant(TENANT)
    await world.keep(
      TENANT,
      Array.from({ length: 10 }, (_, i) => ({ [SERIAL]: `SYN${i}`, 'device.model': 'iPhone' })),
    )
  })
  after(() => world.stop())

  const startChild = async (dieAt?: Orders['dieAt']): Promise<ChildProcess> => {
    const child = fork(join(import.meta.dirname, 'child.ts'), { stdio: 'inherit' })
    const ready = new Promise<void>((resolve, reject) => {
      child.once('exit', (code) => reject(new Error(`the child did not start (${code})`)))
      child.once('message', () => resolve())
    })
    child.send({
      app: world.test.server.app,
      rootKeyFile: world.rootKeyFile,
      policies: join(import.meta.dirname, '..', '..', '..', 'policies'),
      ...(dieAt ? { dieAt } : {}),
    } satisfies Orders)
    await ready
    return child
  }

  const round = async (dieAt: Orders['dieAt'], killAfterMs?: number): Promise<void> => {
    const child = await startChild(dieAt)
    const died = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    const served = new Map<string, readonly string[]>()
    const asked: string[] = []
    const ask = (): void => {
      const accountId = randomUUID()
      asked.push(accountId)
      // Nobody is there any more once it died: that ask was never heard.
      if (child.connected) child.send({ accountId } satisfies Ask, () => {})
    }
    child.on('message', (report: Report) => {
      if (!('served' in report)) return
      served.set(report.accountId, report.served)
      ask()
    })
    for (let i = 0; i < CALLS_AT_ONCE; i++) ask()
    if (killAfterMs !== undefined) {
      await pause(killAfterMs)
      child.kill('SIGKILL')
    }
    await died
    rounds.push({ asked, served })
  }

  it('P8 records served equals entries of kind read, at every point and at random moments', async () => {
    for (const point of VIEW_POINTS)
      for (let i = 0; i < ROUNDS_A_POINT; i++) await round({ point, passing: 1 + i * 5 })
    for (let i = 0; i < RANDOM_ROUNDS; i++) await round(undefined, 20 + ((i * 37) % 90))
    const entries = (await world.entries(TENANT)).filter((entry) => entry.kind === 'read')
    assert.deepEqual(complaints(rounds, entries), [])
    const servedTo = rounds.reduce((sum, one) => sum + one.served.size, 0)
    assert.ok(servedTo > 50, `only ${servedTo} looks were served`)
    assert.ok(
      rounds.some((one) => one.asked.length > one.served.size),
      'nothing was interrupted',
    )

    // The bookkeeping would notice an entry that is missing, one too many, and one that tells of fewer records.
    const [first] = entries
    assert.ok(first)
    const isServed = (entry: Entry) =>
      rounds.some((one) => one.served.has(entry.actor.replace('admin:', '')))
    const told = entries.filter(isServed)
    assert.notDeepEqual(
      complaints(
        rounds,
        entries.filter((entry) => entry !== told[0]),
      ),
      [],
    )
    assert.notDeepEqual(complaints(rounds, [...entries, first]), [])
    const fewer = { ...(told[0] ?? first), data: { ...(told[0] ?? first).data, count: 1 } }
    assert.notDeepEqual(
      complaints(rounds, [fewer, ...entries.filter((one) => one !== told[0])]),
      [],
    )
  })
})

/**
 * Every look that was served has one entry of just as many records. An entry of a look that nobody got is one that
 * was under way when its node died: at most as many as it could have had under way.
 */
function complaints(rounds: readonly Round[], entries: readonly Entry[]): string[] {
  const byAsker = new Map<string, Entry[]>()
  for (const entry of entries) {
    const asker = entry.actor.replace('admin:', '')
    byAsker.set(asker, [...(byAsker.get(asker) ?? []), entry])
  }
  return rounds.flatMap(({ asked, served }) => {
    const wrong = asked.flatMap((asker) => {
      const told = byAsker.get(asker) ?? []
      const records = served.get(asker)
      if (!records) return told.length <= 1 ? [] : [`${asker} has ${told.length} entries`]
      const count = told.reduce((sum, entry) => sum + Number(entry.data.count), 0)
      return told.length === 1 && count === records.length
        ? []
        : [`${asker} was served ${records.length}, but ${told.length} entries tell of ${count}`]
    })
    const unserved = asked.filter((asker) => !served.has(asker) && byAsker.has(asker))
    return unserved.length <= CALLS_AT_ONCE
      ? wrong
      : [...wrong, 'more entries than could be under way']
  })
}

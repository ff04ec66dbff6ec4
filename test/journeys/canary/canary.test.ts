import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { leaf, object } from '#catalog/shape.ts'
import { readLog } from '../../node.ts'
import { IN, KEPT, OUT, createCanaries } from './canaries.ts'
import { strangersOnDisk } from './on-disk.ts'
import { type Speech, oneCall } from './one-call.ts'
import { generator } from './random.ts'
import { agreeAtRandom } from './rules.ts'
import { canaryWorld } from './world.ts'

const CANARIES = 1_000_000
const AT_ONCE = 16
/** Calls to each party in a round. Answers of one party are much larger than those of the others. */
const CALLS = 240
const MOST_LEAKS = 5

/** Members that nobody classified, as a wrong twin of an exchange would call them the name of a profile. */
const UNCLASSIFIED = Object.fromEntries(
  Array.from({ length: 50 }, (_, i) => [
    `x_${i}`,
    object({ owner: leaf('enrollmentProfile.name') }),
  ]),
)

type Options = Parameters<typeof canaryWorld>[0]

/** Calls every exchange of every connector, round after round of consents, until so many canaries are on their way. */
async function run(seed: number, until: number, wrongTwin?: Options) {
  const random = generator(seed)
  const canaries = createCanaries()
  const t = await canaryWorld(wrongTwin)
  const speech: Speech = { canaries, random, rules: { exact: () => false }, most: 12 }
  const leaks: string[] = []
  const calls = { made: 0, refused: 0, closed: 0 }
  /** Exchanges whose gate opened at least once, and all that there are. */
  const opened = new Set<string>()
  const spoken = new Set<string>()
  try {
    for (let round = 0; canaries.made() < until && leaks.length < MOST_LEAKS; round++) {
      const how = round % 4 === 3 ? 'closed' : round % 4 === 0 ? 'open' : 'random'
      speech.rules = await agreeAtRandom(t.node, t.lanes, random, how)
      for (const lane of t.lanes) {
        const before = lane.arrived()
        let left = how === 'closed' ? CALLS / 8 : CALLS
        const worker = async (): Promise<void> => {
          while (left-- > 0 && canaries.made() < until && leaks.length < MOST_LEAKS) {
            const exchange = lane.exchanges[left % lane.exchanges.length] ?? assert.fail()
            const told = await oneCall(lane, exchange, speech)
            leaks.push(...told.leaks)
            calls.made++
            spoken.add(exchange.id)
            if (told.refused !== undefined) calls.refused++
            else opened.add(exchange.id)
          }
        }
        await Promise.all(Array.from({ length: AT_ONCE }, worker))
        if (how === 'closed') calls.closed += lane.arrived() - before
      }
    }
  } catch (fault) {
    await t.stop()
    throw fault
  }
  return { t, canaries, leaks, calls, opened, spoken }
}

describe('a million canaries through every exchange of every connector', () => {
  it(`P1 P2 P3 P10 P12 P15 of ${CANARIES.toLocaleString('en')} unique values none reaches a party, comes back, is logged or is kept but where the model allows it`, async () => {
    const seed = Date.now() % 1_000_000
    console.log(`seed ${seed}`)
    const began = performance.now()
    const { t, canaries, leaks, calls, opened, spoken } = await run(seed, CANARIES)
    try {
      assert.deepEqual(leaks, [])
      assert.ok(canaries.made() >= CANARIES, `${canaries.made()}`)
      // A gate that let nothing through would pass the hunt as well.
      assert.ok(canaries.seen[OUT] > CANARIES / 200, `only ${canaries.seen[OUT]} arrived`)
      assert.ok(canaries.seen[IN] > CANARIES / 20, `only ${canaries.seen[IN]} came back`)
      assert.equal(calls.closed, 0, 'P2: something arrived while nothing was consented to')
      // What came through a gateway is kept nowhere, not in the ledger either.
      const disk = await strangersOnDisk(t, canaries, KEPT)
      assert.deepEqual(disk.strangers.slice(0, 20), [])
      assert.deepEqual(
        t.lines.filter((line) => /cny\d{7}x/.test(line)),
        [],
      )
      const entries = await readLog(t.node)
      const sent = entries.filter(({ kind }) => kind === 'disclosure')
      const ends = entries.filter(({ kind }) => kind === 'outcome')
      const attempts = ends.reduce((sum, { data }) => sum + Number(data.attempts), 0)
      const arrived = t.lanes.reduce((sum, lane) => sum + lane.arrived(), 0)
      assert.equal(ends.length, sent.length, 'P3: every disclosure has an outcome')
      assert.ok(arrived <= attempts, `P3: ${arrived} calls arrived, ${attempts} are in the ledger`)
      assert.ok(arrived > calls.made / 4)
      assert.deepEqual(
        [...new Set(sent.map(({ data }) => data.party))].toSorted(),
        ['acme', 'apple', 'google', 'jamf-pro'],
        'P15: nobody else got anything, Configuration Manager least of all',
      )
      const never = [...spoken].filter((id) => !opened.has(id))
      console.log(
        `${canaries.made()} canaries in ${calls.made} calls (${calls.refused} refused) of ${spoken.size} exchanges in ${Math.round((performance.now() - began) / 1000)} s;`,
        `${canaries.seen[OUT]} permitted outward, ${canaries.seen[IN]} inward; ${disk.rows} rows and ${Math.round(disk.bytes / 1e6)} MB searched;`,
        `always refused: ${never.join(' ')}`,
      )
    } finally {
      await t.stop()
    }
  })

  it('P1 catches a wrong twin whose projection lets one unknown member through', async () => {
    const { t, leaks } = await run(1, 40_000, (exchange) =>
      exchange.id === 'apple.dep.defineProfile' && exchange.request?.kind === 'object'
        ? { ...exchange, request: object({ ...exchange.request.fields, ...UNCLASSIFIED }) }
        : exchange,
    )
    try {
      assert.ok(leaks.length > 0)
      assert.match(leaks[0] ?? '', /left with apple\.dep\./)
    } finally {
      await t.stop()
    }
  })
})

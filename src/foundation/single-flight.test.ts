import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type SingleFlight, singleFlight } from './single-flight.ts'

const WHAT = {}

/** Work whose runs end when they are told to. */
function held() {
  const ends: ((result: string) => void)[] = []
  return {
    ends,
    run: () => new Promise<string>((resolve) => ends.push(resolve)),
  }
}

/** Lets everything that can go on go on. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Three hundred ask while one run is held, which then ends with `first`; the further ones with `then`. */
async function burst(flight: SingleFlight<string>, first: string, then: string) {
  const { ends, run } = held()
  const asked = Array.from({ length: 300 }, () =>
    flight.share('a', WHAT, run, (result) => result === 'permits'),
  )
  await settle()
  for (let ended = 0; ended < ends.length; ended++) {
    ends[ended]?.(ended === 0 ? first : then)
    await settle()
  }
  return { runs: ends.length, results: await Promise.all(asked) }
}

test('three hundred who ask at once share one run', async () => {
  const { runs, results } = await burst(singleFlight(), 'permits', 'never')
  assert.equal(runs, 1)
  assert.deepEqual(new Set(results), new Set(['permits']))
})

test('P2 who joined a run that refuses gets the result of one that began after they asked', async () => {
  const { runs, results } = await burst(singleFlight(), 'refuses', 'permits')
  assert.equal(runs, 2)
  // The first one asked before the run began.
  assert.deepEqual(results, ['refuses', ...Array.from({ length: 299 }, () => 'permits')])
})

test('a flight that every caller makes anew is caught by its count of runs', async () => {
  const wrong: SingleFlight<string> = { share: (_, __, run) => run() }
  const { runs } = await burst(wrong, 'permits', 'permits')
  assert.equal(runs, 300)
})

test('a flight that hands a refusal on to who asked later is caught', async () => {
  let only: Promise<string> | undefined
  const wrong: SingleFlight<string> = { share: (_, __, run) => (only ??= run()) }
  const { results } = await burst(wrong, 'refuses', 'permits')
  assert.deepEqual(new Set(results), new Set(['refuses']))
})

test('another thing under the same name is another run, and a run that failed is not kept', async () => {
  const flight = singleFlight<string>()
  const { ends, run } = held()
  const one = flight.share('a', WHAT, run, () => true)
  const other = flight.share('a', {}, run, () => true)
  await settle()
  assert.equal(ends.length, 2)
  for (const end of ends) end('done')
  await Promise.all([one, other])
  const failing = () => Promise.reject(new Error('away'))
  await assert.rejects(flight.share('a', WHAT, failing, () => true))
  assert.equal(
    await flight.share(
      'a',
      WHAT,
      () => Promise.resolve('back'),
      () => true,
    ),
    'back',
  )
})

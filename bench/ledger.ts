import { groupCommits } from '#database/group.ts'
import { systemClock } from '#foundation/clock.ts'
import { newOrderedId } from '#foundation/ids.ts'
import { silentLog } from '#foundation/log.ts'
import { signerFromSeed } from '#keys/signing.ts'
import { appendAll, entryBytes } from '#ledger/append.ts'
import type { Entry } from '#ledger/entry.ts'
import { findEntry, proveInclusion, readHead } from '#ledger/read.ts'
import { startSequencer } from '#ledger/sequencer.ts'
import { packEntries } from '#ledger/verify/bundle.ts'
import { testDatabase } from '../test/database.ts'
import { type BenchResult, printResults, spread } from './result.ts'

const CALLERS = 256
const ROUNDS = 4
const ROUND_IN_MS = 2_500
const MILLION = 1_000_000

const entry = (): Entry => ({
  id: newOrderedId(Date.now()),
  at: '2030-01-01T00:00:00.000Z',
  kind: 'disclosure',
  actor: 'client:bench',
  data: {
    connection: 'apple',
    exchange: 'apple.dep.assignProfile',
    plan: 'a'.repeat(64),
    subjects: ['b'.repeat(22)],
  },
})

/** Durable entries per second, how soon a signed checkpoint holds them, and a proof in a log of a million. */
export async function run(): Promise<BenchResult[]> {
  const { database, ownerQuery, stop } = await testDatabase()
  await ownerQuery(
    `create table durable_rows (id bigint generated always as identity primary key, bytes bytea not null);
     grant insert on durable_rows to sluss_app`,
  )
  const sequencer = startSequencer({
    database,
    ledgerName: 'bench',
    signer: signerFromSeed(Buffer.alloc(32, 1)),
    clock: systemClock,
    log: silentLog,
  })
  try {
    const append = groupCommits<Entry, true>((tenantId, entries) =>
      database.write(tenantId, async (tx) => {
        await appendAll(tx, entries)
        return entries.map(() => true)
      }),
    )
    // The floor: the same bytes in the same grouped commits, in plain rows that nobody sequences.
    const plain = groupCommits<Entry, true>((tenantId, entries) =>
      database.write(tenantId, async (tx) => {
        await tx.change('insert into durable_rows (bytes) values ($1)', [
          packEntries(entries.map(entryBytes)),
        ])
        return entries.map(() => true)
      }),
    )
    const ours: number[] = []
    const floor: number[] = []
    const lags: number[] = []
    for (let round = -1; round < ROUNDS; round++) {
      const lagging = watchLag(database, append, round >= 0 ? lags : [])
      const own = await load((one) => append.submit('sequenced', one))
      await lagging.stop()
      await sequencer.settled()
      const bare = await load((one) => plain.submit('installation', one))
      await sequencer.settled()
      if (round >= 0) {
        ours.push(own)
        floor.push(bare)
      }
    }
    const proofs = await proofsInAMillion(database, sequencer)
    const ratios = ours.map((value, i) => value / (floor[i] ?? 1))
    lags.sort((a, b) => a - b)
    const p99 = lags[Math.floor(lags.length * 0.99)] ?? 0
    return [
      {
        name: 'durable entries, 256 callers',
        unit: 'entries/s',
        ours: spread(ours),
        reference: 'the same bytes in plain rows, not sequenced',
        ratio: spread(ratios),
      },
      {
        name: '… against the bar of 20,000/s',
        unit: 'entries/s',
        ours: spread(ours),
        reference: '20,000/s',
        ratio: spread(ours.map((value) => value / 20_000)),
        bar: 1,
      },
      {
        name: 'entry to signed checkpoint, p99',
        unit: 'ms',
        ours: spread([p99]),
        reference: 'one second (more is better)',
        ratio: spread([1_000 / p99]),
        bar: 1,
      },
      {
        name: 'inclusion proof, 1 M entries',
        unit: 'ms',
        ours: spread(proofs),
        reference: 'one millisecond (more is better)',
        ratio: spread(proofs.map((value) => 1 / value)),
        bar: 1,
      },
    ]
  } finally {
    await sequencer.stop()
    await stop()
  }
}

async function load(submit: (one: Entry) => Promise<true>): Promise<number> {
  let done = 0
  const end = performance.now() + ROUND_IN_MS
  await Promise.all(
    Array.from({ length: CALLERS }, async () => {
      while (performance.now() < end) {
        await submit(entry())
        done++
      }
    }),
  )
  return (done / ROUND_IN_MS) * 1_000
}

/** While the load runs: how long from a durable entry until the published checkpoint holds it. */
function watchLag(
  database: Awaited<ReturnType<typeof testDatabase>>['database'],
  append: { submit(tenantId: string, one: Entry): Promise<true> },
  into: number[],
) {
  let stopped = false
  const watch = async (): Promise<void> => {
    while (!stopped) {
      const one = entry()
      await append.submit('sequenced', one)
      const began = performance.now()
      for (;;) {
        const place = await database.read('sequenced', (reader) => findEntry(reader, one.id))
        if (place !== undefined) break
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
      into.push(performance.now() - began)
    }
  }
  const watching = Promise.all([watch(), watch(), watch()])
  return {
    stop: async () => {
      stopped = true
      await watching
    },
  }
}

async function proofsInAMillion(
  database: Awaited<ReturnType<typeof testDatabase>>['database'],
  sequencer: { settled(): Promise<void> },
): Promise<number[]> {
  for (let made = 0; made < MILLION; made += 20_000) {
    await database.write('million', (tx) => appendAll(tx, Array.from({ length: 20_000 }, entry)))
    if (made % 200_000 === 0) await sequencer.settled()
  }
  await sequencer.settled()
  const times: number[] = []
  await database.read('million', async (reader) => {
    const size = (await readHead(reader))?.size ?? 0
    for (let i = 0; i < 300; i++) {
      const index = Math.floor((i / 300) * size)
      const began = performance.now()
      await proveInclusion(reader, index, size)
      times.push(performance.now() - began)
    }
  })
  return times
}

if (import.meta.main) printResults(await run())

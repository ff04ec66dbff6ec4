import { isRefusal } from '#foundation/refusal.ts'
import { listRecords } from '#records/list-records.ts'
import { SERIAL, type ViewingWorld, adminOf, viewingWorld } from '../test/viewing.ts'
import { rate } from './rate.ts'
import { type BenchResult, printResults, spread } from './result.ts'

const DEVICES = 2_000
const PAGE = 100
const ROUNDS = 9
const ROUND_IN_MS = 400
const TENANT = 'bench'

/** A masked and recorded list of 100 devices against the same query unmasked and unrecorded. */
export async function run(): Promise<BenchResult[]> {
  const world = await viewingWorld()
  try {
    await fill(world)
    const viewer = adminOf(TENANT)
    const query = { orderBy: [], top: PAGE, skip: 0, count: false }
    const looked = async (): Promise<number> => {
      const page = await world.viewing.listRecords(viewer, { kind: 'device', query })
      if (isRefusal(page)) throw new Error(page.refused)
      return JSON.stringify(page.rows).length
    }
    const bounds = { kind: 'device' as const, tags: 'all' as const, mayFilter: () => true }
    const plain = (): Promise<number> =>
      world.test.database.read(TENANT, async (reader) => {
        const page = await listRecords(reader, world.parts, bounds, query)
        if (isRefusal(page)) throw new Error(page.refused)
        return JSON.stringify(page.rows).length
      })
    return [
      await compare('masked list of 100 devices, one caller', 1, looked, plain),
      await compare('masked list of 100 devices, 16 callers', 16, looked, plain),
    ]
  } finally {
    await world.stop()
  }
}

async function compare(
  name: string,
  callers: number,
  ours: () => Promise<unknown>,
  reference: () => Promise<unknown>,
): Promise<BenchResult> {
  const rates: number[] = []
  const ratios: number[] = []
  for (let round = -1; round < ROUNDS; round++) {
    const own = await rate(callers, ROUND_IN_MS, ours)
    const bare = await rate(callers, ROUND_IN_MS, reference)
    if (round < 0) continue
    rates.push(own)
    ratios.push(own / bare)
  }
  return {
    name,
    unit: 'lists/s',
    ours: spread(rates),
    reference: 'the same query unmasked and unrecorded',
    ratio: spread(ratios),
    bar: 0.6,
  }
}

async function fill(world: ViewingWorld): Promise<void> {
  await world.makeTenant(TENANT)
  for (let from = 0; from < DEVICES; from += 500) {
    await world.keep(
      TENANT,
      Array.from({ length: 500 }, (_, i) => ({
        [SERIAL]: `SYN${String(from + i).padStart(7, '0')}`,
        'device.name': `Device of person ${from + i}`,
        'device.assignedBy': `person${from + i}@example.org`,
        'device.imei': String(350_000_000_000_000 + from + i),
        'device.model': i % 2 === 0 ? 'iPhone' : 'iPad',
        'device.osVersion': '19.1',
        'device.color': 'silver',
        'device.description': 'Synthetic device of a benchmark',
        'device.profileStatus': 'assigned',
        'device.assignedDate': '2030-01-01T00:00:00Z',
      })),
    )
  }
}

if (import.meta.main) printResults(await run())

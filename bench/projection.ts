import assert from 'node:assert/strict'
import { systemClock } from '#foundation/clock.ts'
import { deviceRecords } from './projection-records.ts'
import { type Variant, variantsFor } from './projection-variants.ts'
import { type BenchResult, printResults, spread } from './result.ts'

export interface ProjectionBenchOptions {
  readonly records?: number
  readonly rounds?: number
}

/** Least median ratio to the floor, by number of pseudonyms (0, 3, 10). */
const BARS: Readonly<Record<string, readonly number[]>> = {
  closures: [1.15, 1.0, 0.75],
  scanner: [2.0, 1.5, 1.0],
}

interface Wire {
  readonly name: string
  readonly print: (record: unknown) => string
  readonly bars: boolean
}

const COMPACT: Wire = { name: '', print: (record) => JSON.stringify(record), bars: true }
const SPACED: Wire = {
  name: ', a space after , and :',
  print: (record) => spaced(record),
  bars: false,
}
const PRINTED: Wire = {
  name: ', printed with line breaks',
  print: (record) => JSON.stringify(record, null, 2),
  bars: false,
}

/**
 * Records per second of every way to project 2 KB device records from bytes to JSON text, against parsing and
 * writing them whole. All variants take turns within each round, so that a busy machine slows all alike.
 */
export async function run(options: ProjectionBenchOptions = {}): Promise<BenchResult[]> {
  const { records = 2_000, rounds = 9 } = options
  const devices = deviceRecords(records)
  const results: BenchResult[] = []
  for (const pseudonyms of [0, 3, 10])
    results.push(...measure(devices, pseudonyms, COMPACT, rounds))
  for (const wire of [SPACED, PRINTED]) results.push(...measure(devices, 0, wire, rounds))
  return results
}

function measure(
  devices: readonly unknown[],
  pseudonyms: number,
  wire: Wire,
  rounds: number,
): BenchResult[] {
  const documents = devices.map((device) => Buffer.from(wire.print(device)))
  const { floor, others } = variantsFor(devices[0], pseudonyms)
  const variants = wire.bars ? others : others.filter(({ name }) => name in BARS)
  assertEqualOutputs(variants, documents)
  const speeds = takeTurns([floor, ...variants], documents, rounds)
  const reference = speeds[0] as readonly number[]
  return variants.map(({ name }, v) => {
    const ours = speeds[v + 1] as readonly number[]
    const bar = wire.bars ? BARS[name]?.[[0, 3, 10].indexOf(pseudonyms)] : undefined
    return {
      name: `projection, ${pseudonyms} pseudonyms${wire.name}: ${name}`,
      unit: 'records/s',
      ours: spread(ours),
      reference: 'JSON.stringify(JSON.parse(document)) in the same round',
      ratio: spread(ours.map((speed, round) => speed / (reference[round] as number))),
      ...(bar === undefined ? {} : { bar }),
    }
  })
}

/** Before any timing: the variants agree on every document, in values if not in the order of members. */
function assertEqualOutputs(variants: readonly Variant[], documents: readonly Buffer[]): void {
  for (const document of documents.slice(0, 500)) {
    const [first, ...others] = variants.map(({ project }) => JSON.parse(project(document), noNull))
    for (const other of others) assert.deepEqual(other, first)
  }
}

/** fast-redact does not remove a null. */
function noNull(_name: string, value: unknown): unknown {
  return value === null ? undefined : value
}

/** Records per second by variant and round; the first round only warms up. */
function takeTurns(
  variants: readonly Variant[],
  documents: readonly Buffer[],
  rounds: number,
): readonly (readonly number[])[] {
  const speeds = variants.map((): number[] => [])
  for (let round = 0; round <= rounds; round++) {
    for (let turn = 0; turn < variants.length; turn++) {
      const v = (turn + round) % variants.length
      const speed = documents.length / secondsOf(variants[v] as Variant, documents)
      if (round > 0) speeds[v]?.push(speed)
    }
  }
  return speeds
}

function secondsOf({ project }: Variant, documents: readonly Buffer[]): number {
  const start = systemClock.elapsed()
  for (const document of documents) flatten(project(document))
  return (systemClock.elapsed() - start) / 1000
}

const sink = Buffer.alloc(8_192)

/** Writes the text out, as sending it does: text put together from pieces is otherwise not yet made. */
function flatten(json: string): void {
  sink.write(json)
}

function spaced(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(spaced).join(', ')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const members = Object.entries(value).map(([name, inner]) => `"${name}": ${spaced(inner)}`)
  return `{${members.join(', ')}}`
}

if (import.meta.main) printResults(await run())

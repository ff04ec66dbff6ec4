import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { freePort } from '../sandbox/free-port.ts'
import type { Measured } from './first-sync-worker.ts'
import { type BenchResult, spread } from './result.ts'

const ROUNDS = 3
const SMALL = 10_000
const LARGE = 100_000

/**
 * The first synchronisation of an inventory from the stand-in for Jamf Pro into records, with consent, ledger and seals,
 * against the floor: the same pages fetched and each body stored as it came. Every run is a process of its own, and
 * so is the stand-in, so that memory is that of the node alone.
 */
export async function run(): Promise<BenchResult[]> {
  const small = await rounds(SMALL, ROUNDS)
  const large = await rounds(LARGE, 1)
  const grown = ({ startMb, peakMb }: Measured) => peakMb - startMb
  const flat = large.map(({ ours }, i) => grown(small[i]?.ours ?? ours) / grown(ours))
  return [
    ...[small, large].map((measured): BenchResult => {
      const [{ ours: first } = { ours: undefined }] = measured
      return {
        name: `first sync of ${(first?.devices ?? 0).toLocaleString('en')} devices`,
        unit: 'devices/s',
        ours: spread(measured.map(({ ours }) => ours.devices / ours.seconds)),
        reference: 'the same pages fetched and stored as they came',
        ratio: spread(measured.map(({ ours, floor }) => floor.seconds / ours.seconds)),
      }
    }),
    {
      name: `memory above the start, ${LARGE.toLocaleString('en')} devices`,
      unit: 'MB',
      ours: spread(large.map(({ ours }) => grown(ours))),
      reference: `for memory, what ${SMALL.toLocaleString('en')} devices took (1 is flat; all in memory would be 0.1)`,
      ratio: spread(flat),
      bar: 0.5,
    },
  ]
}

async function rounds(
  devices: number,
  times: number,
): Promise<readonly { ours: Measured; floor: Measured }[]> {
  const jamf = await startStandIn(devices)
  const measured: { ours: Measured; floor: Measured }[] = []
  try {
    for (let round = 0; round < times; round++) {
      const floor = await measure('floor', devices, jamf)
      const ours = await measure('ours', devices, jamf)
      measured.push({ ours, floor })
    }
  } finally {
    jamf.child.kill()
  }
  return measured
}

interface StandIn {
  readonly child: ChildProcess
  readonly origin: string
  readonly client: { readonly client_id: string; readonly client_secret: string }
}

async function startStandIn(devices: number): Promise<StandIn> {
  const port = await freePort()
  const child = spawn(process.execPath, [join(import.meta.dirname, '../sandbox/jamf/main.ts')], {
    env: {
      ...process.env,
      SANDBOX_PORT: String(port),
      SANDBOX_COMPUTERS: String(devices),
      SANDBOX_MOBILES: '0',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  for await (const line of createInterface({ input: child.stdout }))
    if (line.startsWith('{'))
      return {
        child,
        origin: `http://127.0.0.1:${port}`,
        client: JSON.parse(line) as StandIn['client'],
      }
  throw new Error('the stand-in did not start')
}

async function measure(mode: 'ours' | 'floor', devices: number, jamf: StandIn): Promise<Measured> {
  const worker = join(import.meta.dirname, 'first-sync-worker.ts')
  const { client_id, client_secret } = jamf.client
  const child = spawn(
    process.execPath,
    ['--expose-gc', worker, mode, String(devices), jamf.origin, client_id, client_secret],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  const told: Buffer[] = []
  child.stdout.on('data', (part: Buffer) => told.push(part))
  const [code] = (await once(child, 'close')) as [number]
  if (code !== 0) throw new Error(`a run ended with ${code}`)
  return JSON.parse(Buffer.concat(told).toString()) as Measured
}

import { type ChildProcess, fork } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Pool } from 'undici'
import { temporaryFolder } from '../test/folder.ts'
import { type BenchResult, printResults, spread } from './result.ts'

const CLIENTS = 32
const ROUNDS = 5
const ROUND_IN_MS = 2_500
/** Servers run for months: until their code is compiled, the first seconds say little, of each of the three. */
const WARM_UP_IN_MS = 8_000
const BODY = JSON.stringify({
  profile_uuid: 'A'.repeat(32),
  devices: Array.from({ length: 20 }, (_, i) => `SYN000${1000 + i}`),
})

interface Measured {
  readonly perSecond: number
  readonly p50: number
  readonly p99: number
  readonly cpuMicros: number
}

/**
 * Requests per second of the gateway (consent, decision, durable entry, outcome) against a plain reverse proxy on the
 * same HTTP parts: 32 clients, load, party, server and PostgreSQL all on this machine, in turn. Beside it the same
 * proxy with two durable rows for each request, which shows how much of the way is durability itself.
 */
export async function run(): Promise<BenchResult[]> {
  const folder = await temporaryFolder('bench')
  const upstream = await start('gateway-upstream.ts', [])
  const origin = `http://127.0.0.1:${upstream.report.port}`
  const proxy = await start('gateway-proxy.ts', [origin])
  const durable = await start('gateway-proxy.ts', [origin, 'durable'])
  const sluss = await start('gateway-sluss.ts', [origin, folder])
  try {
    const rounds: Round[] = []
    for (const one of [proxy, durable, sluss]) await measure(one, WARM_UP_IN_MS)
    for (let round = 0; round < ROUNDS; round++) {
      rounds.push({
        proxy: await measure(proxy),
        durable: await measure(durable),
        sluss: await measure(sluss),
      })
    }
    return [
      compare('gateway requests', 'requests/s', rounds, perSecond, { bar: 0.4 }),
      compare('gateway requests, against durable rows', 'requests/s', rounds, perSecond, {
        to: 'durable',
        reference: 'the proxy with two durable rows for each request',
      }),
      compare('gateway CPU of the server process', 'µs/request', rounds, (one) => one.cpuMicros),
      compare('gateway p50', 'ms', rounds, (one) => one.p50),
      compare('gateway p99', 'ms', rounds, (one) => one.p99),
    ]
  } finally {
    for (const { child } of [sluss, durable, proxy]) {
      const gone = new Promise((resolve) => child.once('exit', resolve))
      child.send('stop')
      await gone
    }
    upstream.child.kill()
    await rm(folder, { recursive: true, force: true })
  }
}

type Round = Readonly<Record<'proxy' | 'durable' | 'sluss', Measured>>

const perSecond = (one: Measured): number => one.perSecond

interface Started {
  readonly child: ChildProcess
  readonly report: { port: number; session?: string }
}

function start(file: string, args: readonly string[]): Promise<Started> {
  const child = fork(join(import.meta.dirname, file), [...args])
  return new Promise((resolve, reject) => {
    child.once('message', (report) => resolve({ child, report: report as Started['report'] }))
    child.once('exit', (code) => reject(new Error(`${file} ended with ${code}`)))
  })
}

async function measure({ child, report }: Started, forMs: number = ROUND_IN_MS): Promise<Measured> {
  const pool = new Pool(`http://127.0.0.1:${report.port}`, { connections: CLIENTS })
  const headers = {
    'content-type': 'application/json',
    'user-agent': 'bench/1',
    'x-adm-auth-session': report.session ?? 'bench',
  }
  const latencies: number[] = []
  const before = await cpuOf(child)
  const end = performance.now() + forMs
  await Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      while (performance.now() < end) {
        const began = performance.now()
        const { statusCode, body } = await pool.request({
          method: 'PUT',
          path: '/profile/devices',
          headers,
          body: BODY,
        })
        await body.dump()
        if (statusCode !== 200) throw new Error(`answered ${statusCode}`)
        latencies.push(performance.now() - began)
      }
    }),
  )
  const cpu = (await cpuOf(child)) - before
  await pool.close()
  latencies.sort((a, b) => a - b)
  const at = (share: number): number => latencies[Math.floor(latencies.length * share)] ?? 0
  return {
    perSecond: (latencies.length / forMs) * 1_000,
    p50: at(0.5),
    p99: at(0.99),
    cpuMicros: cpu / latencies.length,
  }
}

function cpuOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve) => {
    child.once('message', (message) => {
      const { cpu } = message as { cpu: NodeJS.CpuUsage }
      resolve(cpu.user + cpu.system)
    })
    child.send('cpu')
  })
}

function compare(
  name: string,
  unit: string,
  rounds: readonly Round[],
  figure: (measured: Measured) => number,
  options: { bar?: number; to?: 'proxy' | 'durable'; reference?: string } = {},
): BenchResult {
  const { bar, to = 'proxy', reference = 'plain reverse proxy' } = options
  return {
    name,
    unit,
    ours: spread(rounds.map((round) => figure(round.sluss))),
    reference,
    ratio: spread(rounds.map((round) => figure(round.sluss) / figure(round[to]))),
    ...(bar === undefined ? {} : { bar }),
  }
}

if (import.meta.main) printResults(await run())

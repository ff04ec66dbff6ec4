import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { temporaryFolder } from '../test/folder.ts'
import { type BenchResult, printResults, spread } from './result.ts'

const ROUNDS = 3
const SAMPLE = join(import.meta.dirname, '..', 'sandbox', 'sample', 'main.ts')

/** `npm start` on an empty folder: to the first governed share, to the end of the story, and memory at rest. */
export async function run(): Promise<BenchResult[]> {
  const first: number[] = []
  const whole: number[] = []
  const memory: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const folder = await temporaryFolder('bench')
    const began = performance.now()
    const child = spawn(process.execPath, [SAMPLE], {
      env: { ...process.env, SLUSS_FOLDER: folder, SLUSS_PORT: '0', SLUSS_LANGUAGE: 'en' },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await new Promise<void>((resolve, reject) => {
      let text = ''
      let shared = false
      child.once('exit', (code) => reject(new Error(`the sample ended with ${code}`)))
      child.stdout.on('data', (part: Buffer) => {
        text += part.toString()
        if (!shared && text.includes('devices kept')) {
          shared = true
          first.push(performance.now() - began)
        }
        if (text.includes('goes on running')) resolve()
      })
    })
    whole.push(performance.now() - began)
    await new Promise((resolve) => setTimeout(resolve, 1_000))
    memory.push(
      Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1] ?? 0) /
        1024,
    )
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGTERM')
    await gone
    await rm(folder, { recursive: true, force: true })
  }
  const against = (values: readonly number[], bar: number) =>
    spread(values.map((value) => bar / value))
  return [
    {
      name: 'start to first governed share',
      unit: 'ms',
      ours: spread(first),
      reference: '15 seconds (more is better)',
      ratio: against(first, 15_000),
      bar: 1,
    },
    {
      name: 'start to end of the story',
      unit: 'ms',
      ours: spread(whole),
      reference: '15 seconds (more is better)',
      ratio: against(whole, 15_000),
      bar: 1,
    },
    {
      name: 'memory at rest, Node process',
      unit: 'MB',
      ours: spread(memory),
      reference: '512 MB (more is better)',
      ratio: against(memory, 512),
    },
  ]
}

if (import.meta.main) printResults(await run())

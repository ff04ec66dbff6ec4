import { spawn } from 'node:child_process'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '..')

/** Runs a program of the project to its end, its output passed on. */
export function run(program: string, args: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: ROOT, stdio: 'inherit' })
    child.once('error', reject)
    child.once('exit', (code) => resolve(code ?? 1))
  })
}

/** A tool that npm installed. */
export function tool(name: string): string {
  return join(ROOT, 'node_modules', '.bin', name)
}

/** Runs steps in order and ends the process with the first failure. */
export async function steps(
  list: readonly (readonly [string, () => Promise<number>])[],
): Promise<void> {
  for (const [name, step] of list) {
    const began = performance.now()
    const code = await step()
    console.log(
      `${code === 0 ? 'ok' : 'FAILED'}  ${name}  ${((performance.now() - began) / 1000).toFixed(1)} s`,
    )
    if (code !== 0) process.exit(code)
  }
}

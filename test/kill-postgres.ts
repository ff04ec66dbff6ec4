import { readFileSync, readdirSync } from 'node:fs'

/** The postmaster and every process it started, at once and without a word. */
export function killPostgres(postmaster: number): void {
  const children = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        const status = readFileSync(`/proc/${name}/stat`, 'utf8')
        return Number(status.slice(status.lastIndexOf(')') + 2).split(' ')[1]) === postmaster
      } catch {
        return false
      }
    })
  for (const pid of [postmaster, ...children.map(Number)]) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // It was gone already, which is what was wanted.
    }
  }
}

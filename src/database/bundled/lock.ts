import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { newId } from '#foundation/ids.ts'

/** Another running Sluss holds the folder. */
export class FolderInUse extends Error {
  readonly pid: number
  constructor(folder: string, pid: number) {
    super(
      `the folder ${folder} is in use by the running process ${pid}; stop it or choose another folder`,
    )
    this.name = 'FolderInUse'
    this.pid = pid
  }
}

const CLAIM = /^sluss\.lock\.(\d+)\.([^.]+)\./
const MOST_ATTEMPTS = 8

/**
 * Takes the folder for this process. Everybody who wants it puts up a claim of a name of its own, and has the
 * folder if no other living process claims it: of two that see each other both step back and try again, so there
 * are never two. A claim names a process and its start time, so one that was left by a killed process is seen to
 * be stale, even when its number has been given to another since.
 *
 * @throws FolderInUse when a living process has it
 */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  await mkdir(folder, { recursive: true })
  const started = await startTime(process.pid)
  for (let attempt = 1; ; attempt++) {
    const claim = `sluss.lock.${process.pid}.${started}.${newId()}`
    const withdraw = (): Promise<void> => rm(join(folder, claim), { force: true })
    await writeFile(join(folder, claim), '', { flag: 'wx' })
    const rival = await livingRival(folder, claim)
    if (rival === undefined) return withdraw
    await withdraw()
    if (attempt === MOST_ATTEMPTS) throw new FolderInUse(folder, rival)
    await pause(attempt * (5 + Math.random() * 15))
  }
}

/** The process of another claim whose maker lives. Claims of the dead are taken away: their names never come back. */
async function livingRival(folder: string, mine: string): Promise<number | undefined> {
  for (const name of await readdir(folder)) {
    const match = name === mine ? null : CLAIM.exec(name)
    if (!match) continue
    if ((await startTime(Number(match[1]))) === match[2]) return Number(match[1])
    await rm(join(folder, name), { force: true })
  }
  return undefined
}

/** When the process started, in a form that only needs to be equal to itself; undefined when it is gone. */
async function startTime(pid: number): Promise<string | undefined> {
  const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
  if (status !== undefined) {
    const fields = status.slice(status.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' ? undefined : fields[19]
  }
  if (process.platform === 'linux') return undefined
  try {
    process.kill(pid, 0)
    return 'running'
  } catch {
    return undefined
  }
}

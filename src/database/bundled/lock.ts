import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

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

/**
 * Takes the folder for this process. The lock names a process and its start time, so one that was left by
 * a killed process is seen to be stale, even when its number has been given to another since.
 *
 * @throws FolderInUse when a living process has it
 */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  await mkdir(folder, { recursive: true })
  const path = join(folder, 'sluss.lock')
  const mine = `${process.pid} ${await startTime(process.pid)}\n`
  const draft = `${path}.${process.pid}`
  await writeFile(draft, mine)
  try {
    for (let attempt = 0; attempt < 20; attempt++) {
      if (await tryLink(draft, path)) return () => rm(path, { force: true })
      const held = await readFile(path, 'utf8').catch(() => '')
      const [pid, started] = held.trim().split(' ')
      if (pid && (await startTime(Number(pid))) === started)
        throw new FolderInUse(folder, Number(pid))
      await removeStale(path, held)
    }
  } finally {
    await rm(draft, { force: true })
  }
  throw new Error(`the lock of ${folder} kept changing hands`)
}

async function tryLink(from: string, to: string): Promise<boolean> {
  return link(from, to).then(
    () => true,
    (fault: NodeJS.ErrnoException) => {
      if (fault.code === 'EEXIST') return false
      throw fault
    },
  )
}

/** Moves the stale lock aside; if another process replaced it meanwhile, theirs is put back. */
async function removeStale(path: string, seen: string): Promise<void> {
  const aside = `${path}.stale.${process.pid}`
  const moved = await rename(path, aside).then(
    () => true,
    () => false,
  )
  if (!moved) return
  if ((await readFile(aside, 'utf8')) !== seen) await tryLink(aside, path)
  await rm(aside, { force: true })
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

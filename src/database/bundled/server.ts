import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmod, chown, mkdir, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Clock } from '#foundation/clock.ts'
import { sha256Hex } from '#foundation/hashing.ts'
import type { Log } from '#foundation/log.ts'
import type { PoolSettings } from '../pool.ts'
import { type Account, postgresAccount, reachable } from './account.ts'
import { type Binaries, findBinaries } from './binaries.ts'
import { lockFolder } from './lock.ts'

/** Where root puts what an unprivileged account must reach when the chosen folder is private. */
const SHARED_FOLDER = '/var/lib/sluss'
const LONGEST_SOCKET_PATH = 103
const START_DEADLINE_IN_MS = 60_000

export interface BundledServer {
  readonly owner: PoolSettings
  readonly app: PoolSettings
  readonly socketFolder: string
  readonly dataFolder: string
  postmasterPid(): number | undefined
  stop(): Promise<void>
}

interface Place {
  readonly base: string
  readonly data: string
  readonly account: Account
  readonly binaries: Binaries
}

/**
 * Starts the PostgreSQL that came with the npm packages on `folder`, creating it on first use. It listens
 * on a private Unix socket only, runs unprivileged, and is started again if it dies.
 *
 * @throws FolderInUse when another process has the folder
 * @throws Error when the folder was written by another major version, saying what to do
 */
export async function startBundled(parts: {
  folder: string
  clock: Clock
  log: Log
}): Promise<BundledServer> {
  const unlock = await lockFolder(parts.folder)
  try {
    const place = await choosePlace(parts.folder)
    const passwords = await preparePasswords(parts.folder)
    if (await isNew(place.data)) await initialise(place, passwords.owner)
    await refuseOtherMajor(place)
    await stopLeftover(place, parts.clock)
    const socketFolder = await makeSocketFolder(place)
    const running = await supervise(place, socketFolder, parts)
    const settings = (user: string, password: string): PoolSettings => ({
      host: socketFolder,
      port: 5432,
      database: 'postgres',
      user,
      password,
    })
    return {
      owner: settings('sluss_owner', passwords.owner),
      app: settings('sluss_app', passwords.app),
      socketFolder,
      dataFolder: place.data,
      postmasterPid: running.pid,
      stop: async () => {
        await running.stop()
        if (!socketFolder.startsWith(place.base))
          await rm(socketFolder, { recursive: true, force: true })
        await unlock()
      },
    }
  } catch (fault) {
    await unlock()
    throw fault
  }
}

async function choosePlace(folder: string): Promise<Place> {
  const account = await postgresAccount()
  const binaries = await findBinaries(account, SHARED_FOLDER)
  const near = await reachable(account, folder)
  const base = near ? join(folder, 'postgres') : join(SHARED_FOLDER, sha256Hex(folder).slice(0, 16))
  await mkdir(base, { recursive: true, mode: 0o755 })
  await give(account, base)
  return { base, data: join(base, 'data'), account, binaries }
}

async function preparePasswords(folder: string): Promise<{ owner: string; app: string }> {
  const read = async (name: string): Promise<string> => {
    const path = join(folder, `postgres-${name}.password`)
    const kept = await readFile(path, 'utf8').catch(() => undefined)
    if (kept) return kept
    const made = randomBytes(24).toString('base64url')
    await writeFile(path, made, { mode: 0o600, flush: true })
    return made
  }
  return { owner: await read('owner'), app: await read('app') }
}

async function isNew(data: string): Promise<boolean> {
  return readFile(join(data, 'PG_VERSION')).then(
    () => false,
    () => true,
  )
}

/** Made beside its place and renamed by initdb's own success: a half-made folder is removed, never used. */
async function initialise(place: Place, password: string): Promise<void> {
  await rm(place.data, { recursive: true, force: true })
  await mkdir(place.data, { mode: 0o700 })
  await give(place.account, place.data)
  const passwordFile = join(place.base, 'initial-password')
  await writeFile(passwordFile, password, { mode: 0o600 })
  await give(place.account, passwordFile)
  const child = spawn(
    place.binaries.initdb,
    [
      ...['-D', place.data, '--username=sluss_owner', `--pwfile=${passwordFile}`],
      ...['--auth=scram-sha-256', '--encoding=UTF8', '--locale=C', '--no-instructions'],
    ],
    { ...place.account.ids, cwd: place.base, stdio: ['ignore', 'ignore', 'pipe'] },
  )
  let complaint = ''
  child.stderr.on('data', (chunk: Buffer) => {
    complaint = (complaint + chunk.toString()).slice(-2000)
  })
  const code = await ended(child)
  await rm(passwordFile, { force: true })
  if (code === 0) return
  await rm(place.data, { recursive: true, force: true })
  throw new Error(`the database folder could not be made: ${complaint.trim()}`)
}

async function refuseOtherMajor(place: Place): Promise<void> {
  const found = Number((await readFile(join(place.data, 'PG_VERSION'), 'utf8')).trim())
  if (found === place.binaries.major) return
  const advice =
    found > place.binaries.major
      ? 'start the newer Sluss that wrote it'
      : 'start the Sluss that wrote it, export with its backup command, and restore into a new folder'
  throw new Error(
    `the database folder ${place.data} was written by PostgreSQL ${found}, and this Sluss ships ${place.binaries.major}: ${advice}`,
  )
}

/** A PostgreSQL that outlived a killed Sluss is asked to stop; its data are whole. */
async function stopLeftover(place: Place, clock: Clock): Promise<void> {
  const pid = await readPid(place.data)
  if (pid === undefined || !(await isPostgresOn(pid, place.data))) return
  signal(pid, 'SIGINT')
  const started = clock.elapsed()
  while (await isPostgresOn(pid, place.data)) {
    if (clock.elapsed() - started > START_DEADLINE_IN_MS) {
      throw new Error(`a PostgreSQL left behind (process ${pid}) does not stop`)
    }
    await pause(20)
  }
}

async function isPostgresOn(pid: number, data: string): Promise<boolean> {
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => undefined)
  if (command !== undefined) return command.split('\0').includes(data)
  return process.platform !== 'linux' && signal(pid, 0)
}

async function readPid(data: string): Promise<number | undefined> {
  const text = await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => undefined)
  return text === undefined ? undefined : Number(text.split('\n')[0])
}

async function makeSocketFolder(place: Place): Promise<string> {
  const near = join(place.base, 'socket')
  const folder =
    join(near, '.s.PGSQL.5432').length <= LONGEST_SOCKET_PATH
      ? near
      : await mkdtemp(join(tmpdir(), 'sluss-'))
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await chmod(folder, 0o700)
  await give(place.account, folder)
  return folder
}

/** Keeps one postgres process alive: whoever kills it finds it started again, after its orphans have ended. */
async function supervise(place: Place, socketFolder: string, parts: { clock: Clock; log: Log }) {
  let stopping = false
  let child = await launch(place, socketFolder, parts.clock)
  let restarting: Promise<void> | undefined
  const watch = (watched: ChildProcess): void => {
    watched.once('exit', () => {
      if (stopping) return
      parts.log.warn('the database server died and is started again', { pid: watched.pid ?? 0 })
      restarting = launch(place, socketFolder, parts.clock).then(
        (next) => {
          child = next
          if (stopping) next.kill('SIGINT')
          else watch(next)
        },
        () => parts.log.error('the database server does not start again'),
      )
    })
  }
  watch(child)
  return {
    pid: () => (child.exitCode === null && child.signalCode === null ? child.pid : undefined),
    stop: async () => {
      stopping = true
      await restarting
      if (child.exitCode !== null || child.signalCode !== null) return
      const gone = ended(child)
      child.kill('SIGINT')
      await gone
    },
  }
}

/** Starts the server and waits until it takes connections. Retries while orphans of a killed one still run. */
async function launch(place: Place, socketFolder: string, clock: Clock): Promise<ChildProcess> {
  const started = clock.elapsed()
  const logPath = join(place.base, 'postgres.log')
  for (;;) {
    const logFile = await open(logPath, 'a', 0o600)
    const child = spawn(
      place.binaries.postgres,
      [
        ...['-D', place.data, '-k', socketFolder, '-c', 'listen_addresses='],
        ...[
          '-c',
          'max_connections=60',
          '-c',
          'shared_buffers=64MB',
          '-c',
          'log_min_messages=fatal',
        ],
        // What PostgreSQL logs must not quote statements or rows.
        ...[
          '-c',
          'log_statement=none',
          '-c',
          'log_min_error_statement=panic',
          '-c',
          'log_error_verbosity=terse',
        ],
        ...['-c', 'wal_level=minimal', '-c', 'max_wal_senders=0', '-c', 'max_wal_size=512MB'],
      ],
      // A group of its own: an interrupt typed at a terminal is for Sluss, which stops its server itself.
      {
        ...place.account.ids,
        cwd: place.base,
        detached: true,
        stdio: ['ignore', logFile.fd, logFile.fd],
      },
    )
    await logFile.close()
    if (await becomesReady(child, place.data, clock, started)) return child
    if (clock.elapsed() - started > START_DEADLINE_IN_MS) {
      throw new Error(`the bundled PostgreSQL does not start; see ${logPath}`)
    }
    await pause(100)
  }
}

async function becomesReady(
  child: ChildProcess,
  data: string,
  clock: Clock,
  started: number,
): Promise<boolean> {
  let gone = false
  child.once('exit', () => {
    gone = true
  })
  child.once('error', () => {
    gone = true
  })
  while (!gone && clock.elapsed() - started <= START_DEADLINE_IN_MS) {
    const lines = (await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n')
    if (Number(lines[0]) === child.pid && lines[7]?.trim() === 'ready') return true
    await pause(10)
  }
  return false
}

async function give(account: Account, path: string): Promise<void> {
  if (account.ids) await chown(path, account.ids.uid, account.ids.gid)
}

function ended(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.once('exit', resolve)
    child.once('error', reject)
  })
}

function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name)
  } catch {
    return false
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}

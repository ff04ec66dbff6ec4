import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import { FolderInUse } from '#database/bundled/lock.ts'
import { type BundledServer, startBundled } from '#database/bundled/server.ts'
import { driverConfig } from '#database/pool.ts'
import { systemClock } from '#foundation/clock.ts'
import { silentLog } from '#foundation/log.ts'
import { temporaryFolder } from '../folder.ts'
import { databaseContract, type ServerUnderTest } from './database.ts'

const start = (folder: string): Promise<BundledServer> =>
  startBundled({ folder, clock: systemClock, log: silentLog })
const fresh = (): Promise<string> => temporaryFolder('bundled')

async function query<Row extends object>(server: BundledServer, text: string): Promise<Row[]> {
  const client = new pg.Client(driverConfig(server.owner))
  client.on('error', () => {})
  await client.connect()
  try {
    return (await client.query(text)).rows as Row[]
  } finally {
    await client.end()
  }
}

databaseContract('the bundled PostgreSQL', async (): Promise<ServerUnderTest> => {
  const folder = await fresh()
  const server = await start(folder)
  return {
    owner: server.owner,
    app: server.app,
    ownerQuery: (text, values) => ownerQuery(server, text, values),
    stop: async () => {
      await server.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
})

async function ownerQuery<Row extends object>(
  server: BundledServer,
  text: string,
  values?: unknown[],
): Promise<Row[]> {
  const client = new pg.Client(driverConfig(server.owner))
  await client.connect()
  try {
    return (await client.query(text, values)).rows as Row[]
  } finally {
    await client.end()
  }
}

describe('the bundled server', () => {
  it('runs twice at once on two folders, and refuses a second start on one', async () => {
    const [one, two] = await Promise.all([fresh(), fresh()])
    const servers = await Promise.all([start(one), start(two)])
    await assert.rejects(
      start(one),
      (fault: unknown) => fault instanceof FolderInUse && fault.pid === process.pid,
    )
    await Promise.all(servers.map((server) => server.stop()))
    const again = await start(one)
    assert.deepEqual(await query(again, 'select 1 as one'), [{ one: 1 }])
    await again.stop()
    for (const folder of [one, two]) await rm(folder, { recursive: true })
  })

  it('takes over the lock of a process that was killed, and lets only one of many in', async () => {
    const folder = await fresh()
    await writeFile(join(folder, 'sluss.lock.999999.12345.x'), '')
    await writeFile(join(folder, `sluss.lock.${process.pid}.12345.x`), '')
    const tries = await Promise.allSettled(Array.from({ length: 4 }, () => start(folder)))
    assert.equal(tries.filter((one) => one.status === 'fulfilled').length, 1)
    for (const one of tries) if (one.status === 'fulfilled') await one.value.stop()
    await rm(folder, { recursive: true })
  })

  it('listens on no network address and runs unprivileged with fsync on', async () => {
    const folder = await fresh()
    const server = await start(folder)
    const [row] = await query<Record<string, string>>(
      server,
      "select current_setting('listen_addresses') as addresses, current_setting('fsync') as fsync",
    )
    assert.deepEqual(row, { addresses: '', fsync: 'on' })
    const status = await readFile(`/proc/${server.postmasterPid()}/status`, 'utf8')
    assert.notEqual(/^Uid:\s+(\d+)/m.exec(status)?.[1], '0')
    await server.stop()
    await rm(folder, { recursive: true })
  })

  it('works in a folder that others cannot enter', async () => {
    const outer = await fresh()
    await chmod(outer, 0o700)
    const server = await start(join(outer, 'inner'))
    assert.deepEqual(await query(server, 'select 1 as one'), [{ one: 1 }])
    await server.stop()
    if (process.getuid?.() === 0) await rm(join(server.dataFolder, '..'), { recursive: true })
    await rm(outer, { recursive: true })
  })

  it('works for a plain user', async () => {
    if (process.getuid?.() !== 0) {
      console.log('left out: this run is by a plain user already, and every other test shows it')
      return
    }
    const folder = await fresh()
    const home = join(folder, 'home')
    await mkdir(home)
    execFileSync('chown', ['-R', 'nobody', folder])
    const script = `
      const { startBundled } = await import('#database/bundled/server.ts')
      const clock = { now: () => Date.now(), elapsed: () => performance.now() }
      const log = { info() {}, warn() {}, error() {} }
      const server = await startBundled({ folder: ${JSON.stringify(home)}, clock, log })
      console.log('started', server.postmasterPid() > 0)
      await server.stop()`
    const root = join(import.meta.dirname, '..', '..')
    const reachable =
      spawnSync('test', ['-r', join(root, 'package.json')], { uid: 65534, gid: 65534 }).status === 0
    if (!reachable) {
      console.log('left out: an unprivileged user cannot read this checkout')
    } else {
      const result = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
        cwd: root,
        uid: 65534,
        gid: 65534,
        env: { HOME: home },
        encoding: 'utf8',
      })
      assert.match(result.stdout, /started true/, result.stderr)
    }
    await rm(folder, { recursive: true })
  })

  it('starts again after it was killed, with all that was acknowledged', async () => {
    const folder = await fresh()
    const server = await start(folder)
    await query(server, 'create table kept (n int primary key)')
    for (let round = 1; round <= 3; round++) {
      await query(server, `insert into kept values (${round})`)
      process.kill(server.postmasterPid() ?? 0, 'SIGKILL')
      for (let tries = 0; tries < 200; tries++) {
        const back = await query(server, 'select 1').then(
          () => true,
          () => false,
        )
        if (back) break
        await pause(50)
      }
      const rows = await query<{ n: number }>(server, 'select n from kept order by n')
      assert.deepEqual(
        rows.map((row) => row.n),
        Array.from({ length: round }, (_, i) => i + 1),
      )
    }
    await server.stop()
    await rm(folder, { recursive: true })
  })

  it('finds a server that outlived a killed Sluss, and starts cleanly', async () => {
    const folder = await fresh()
    const script = `
      const { startBundled } = await import('#database/bundled/server.ts')
      const clock = { now: () => Date.now(), elapsed: () => performance.now() }
      const log = { info() {}, warn() {}, error() {} }
      await startBundled({ folder: ${JSON.stringify(folder)}, clock, log })
      process.kill(process.pid, 'SIGKILL')`
    spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      cwd: join(import.meta.dirname, '..', '..'),
    })
    const server = await start(folder)
    assert.deepEqual(await query(server, 'select 1 as one'), [{ one: 1 }])
    await server.stop()
    await rm(folder, { recursive: true })
  })

  it('refuses a folder of another major version and says what to do', async () => {
    const folder = await fresh()
    const server = await start(folder)
    await server.stop()
    await writeFile(join(server.dataFolder, 'PG_VERSION'), '99\n')
    await assert.rejects(start(folder), /PostgreSQL 99.*start the newer Sluss/)
    await writeFile(join(server.dataFolder, 'PG_VERSION'), '14\n')
    await assert.rejects(start(folder), /PostgreSQL 14.*export/)
    await rm(folder, { recursive: true })
  })
})

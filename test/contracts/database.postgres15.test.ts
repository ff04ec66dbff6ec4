import { execFileSync, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chown, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import { driverConfig, type PoolSettings, poolSettingsFromUrl } from '#database/pool.ts'
import { temporaryFolder } from '../folder.ts'
import { databaseContract, type ServerUnderTest } from './database.ts'

const BIN = '/usr/lib/postgresql/15/bin'
const given = process.env.SLUSS_TEST_DATABASE_OWNER_URL

if (given !== undefined || existsSync(join(BIN, 'initdb')))
  databaseContract(
    'a PostgreSQL given by URL',
    given === undefined ? startDebian : () => useGiven(given),
  )
else
  console.log(
    `the suite on a PostgreSQL given by URL is left out: neither SLUSS_TEST_DATABASE_OWNER_URL nor ${BIN} is there`,
  )

/** Debian's PostgreSQL 15, on a folder and port of its own. */
async function startDebian(): Promise<ServerUnderTest> {
  const folder = await temporaryFolder('pg15')
  const ids = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {}
  if (ids.uid !== undefined) await chown(folder, ids.uid, ids.gid)
  const passwordFile = join(folder, 'password')
  await writeFile(passwordFile, 'owner-password')
  if (ids.uid !== undefined) await chown(passwordFile, ids.uid, ids.gid)
  const data = join(folder, 'data')
  execFileSync(
    join(BIN, 'initdb'),
    [
      '-D',
      data,
      '-U',
      'sluss_owner',
      `--pwfile=${passwordFile}`,
      '-A',
      'scram-sha-256',
      '-E',
      'UTF8',
      '--locale=C',
    ],
    { ...ids, cwd: folder, stdio: 'ignore' },
  )
  const port = await freePort()
  const child = spawn(
    join(BIN, 'postgres'),
    ['-D', data, '-k', folder, '-p', String(port), '-c', 'listen_addresses=127.0.0.1'],
    { ...ids, cwd: folder, stdio: 'ignore' },
  )
  const url = `postgres://sluss_owner:owner-password@127.0.0.1:${port}/postgres`
  const server = await useGiven(url)
  return {
    ...server,
    stop: async () => {
      const gone = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGINT')
      await gone
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function useGiven(url: string): Promise<ServerUnderTest> {
  const owner = poolSettingsFromUrl(url)
  const ownerQuery = async <Row extends object>(
    text: string,
    values?: unknown[],
  ): Promise<Row[]> => {
    const client = new pg.Client(driverConfig(owner))
    await client.connect()
    try {
      return (await client.query(text, values)).rows as Row[]
    } finally {
      await client.end()
    }
  }
  for (let tries = 0; ; tries++) {
    try {
      await ownerQuery('select 1')
      break
    } catch (fault) {
      if (tries > 100) throw fault
      await pause(100)
    }
  }
  const app: PoolSettings = { ...owner, user: 'sluss_app', password: 'app-password' }
  return { owner, app, ownerQuery, stop: async () => {} }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}

import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { sha256Hex } from '#foundation/hashing.ts'
import type { Log } from '#foundation/log.ts'
import { type PoolSettings, driverConfig } from './pool.ts'

const LOCK = 7587_0001
const FILE_NAME = /^(\d{4})-([a-z]+)-[a-z0-9-]+\.sql$/

interface Migration {
  readonly name: string
  readonly sql: string
  readonly hash: string
}

/**
 * Brings the schema up to this code, as the owner role: each numbered file once, in one transaction, safe
 * when two nodes start together. Gives the application's login role its password.
 *
 * @throws Error when an applied file has changed since, when the database is newer than the code, or when a
 *   file does not say which room owns it
 */
export async function migrate(parts: {
  owner: PoolSettings
  appPassword: string
  folder: string
  log: Log
}): Promise<void> {
  const migrations = await readMigrations(parts.folder)
  const client = new pg.Client(driverConfig(parts.owner, 0))
  await client.connect()
  try {
    await client.query('select pg_advisory_lock($1)', [LOCK])
    await client.query(
      'create table if not exists migrations (name text primary key, hash text not null, applied_at timestamptz not null default now())',
    )
    const applied = await client.query<{ name: string; hash: string }>(
      'select name, hash from migrations',
    )
    const known = new Map(applied.rows.map((row) => [row.name, row.hash]))
    refuseUnknown(known, migrations)
    await ensureAppRole(client, parts.appPassword)
    for (const migration of migrations) {
      const hash = known.get(migration.name)
      if (hash === undefined) await apply(client, migration)
      else if (hash !== migration.hash)
        throw new Error(`the migration ${migration.name} was changed after it was applied`)
    }
    parts.log.info('the schema is up to date', { count: migrations.length })
  } finally {
    await client.end()
  }
}

async function readMigrations(folder: string): Promise<Migration[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort()
  return Promise.all(
    names.map(async (name) => {
      const sql = await readFile(join(folder, name), 'utf8')
      const owner = FILE_NAME.exec(name)?.[2]
      if (!owner) throw new Error(`a migration is named NNNN-room-title.sql, but one is ${name}`)
      if (!sql.startsWith(`-- owner: ${owner}\n`))
        throw new Error(`${name} must begin with "-- owner: ${owner}"`)
      return { name, sql, hash: sha256Hex(sql) }
    }),
  )
}

function refuseUnknown(known: ReadonlyMap<string, string>, migrations: readonly Migration[]): void {
  const ours = new Set(migrations.map((migration) => migration.name))
  const theirs = [...known.keys()].find((name) => !ours.has(name))
  if (theirs) throw new Error(`the database is newer than this Sluss: it has ${theirs}`)
}

async function ensureAppRole(client: pg.Client, password: string): Promise<void> {
  const found = await client.query("select 1 from pg_roles where rolname = 'sluss_app'")
  const quoted = client.escapeLiteral(password)
  await client.query(
    found.rowCount === 0
      ? `create role sluss_app login password ${quoted} nosuperuser nobypassrls nocreatedb nocreaterole`
      : `alter role sluss_app login password ${quoted}`,
  )
}

async function apply(client: pg.Client, migration: Migration): Promise<void> {
  await client.query('begin')
  try {
    await client.query(migration.sql)
    await client.query('insert into migrations (name, hash) values ($1, $2)', [
      migration.name,
      migration.hash,
    ])
    await client.query('commit')
  } catch (thrown) {
    await client.query('rollback')
    const reason = thrown instanceof Error ? thrown.message : 'unknown'
    throw new Error(`the migration ${migration.name} failed: ${reason}`)
  }
}

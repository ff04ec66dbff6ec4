import { createReadStream } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { driverConfig } from '#database/pool.ts'
import type { Canaries, Place } from './canaries.ts'
import type { CanaryWorld } from './world.ts'

const OVERLAP = 64

/**
 * Canaries in clear that may not be kept: in every row of every table, and in every byte of every file of the node and of
 * its database, write-ahead log and all. Rows are read as well, since what PostgreSQL packs is no text in its files.
 */
export async function strangersOnDisk(
  { node, folder }: Pick<CanaryWorld, 'node' | 'folder'>,
  canaries: Canaries,
  place: Place,
): Promise<{ strangers: readonly string[]; bytes: number; rows: number }> {
  const strangers: string[] = []
  const { bundled } = node
  if (!bundled) throw new Error('the run has a database of its own')
  const pool = new pg.Pool({ ...driverConfig(bundled.owner), max: 1 })
  let rows = 0
  try {
    await pool.query('checkpoint').catch(() => undefined)
    const tables = await pool.query<{ name: string }>(
      `select format('%I.%I', schemaname, tablename) as name from pg_tables
        where schemaname not in ('pg_catalog', 'information_schema')`,
    )
    for (const { name } of tables.rows)
      for (let from = 0; ; from += 2_000) {
        const page = await pool.query<{ text: string }>(
          `select t::text as text from ${name} t order by ctid offset ${from} limit 2000`,
        )
        rows += page.rows.length
        for (const { text } of page.rows)
          strangers.push(...canaries.strangers(text, place).map((one) => `${one} in ${name}`))
        if (page.rows.length < 2_000) break
      }
  } finally {
    await pool.end()
  }
  let bytes = 0
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    let tail = ''
    // Read as text and not unpacked: these are no messages.
    for await (const part of createReadStream(path, {
      encoding: 'latin1',
    }) as AsyncIterable<string>) {
      bytes += part.length
      const text = tail + part
      for (const [canary] of text.matchAll(/cny\d{7}x/g))
        if (!canaries.may(canary, place)) strangers.push(`${canary} in ${entry.name}`)
      tail = text.slice(-OVERLAP)
    }
  }
  return { strangers, bytes, rows }
}

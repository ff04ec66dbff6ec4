import type { Reader } from '#database/handles.ts'
import type { Json } from '#foundation/canonical-json.ts'
import { BoundedCache } from '#foundation/bounded-cache.ts'
import type { Entry } from './entry.ts'
import { lastNearId } from './prepare.ts'
import { packEntries, unpackEntries } from './verify/bundle.ts'
import {
  HASH_BYTES,
  type Subtree,
  type TreeHash,
  consistencyProof,
  inclusionProof,
} from './verify/hash-tree.ts'
import { TILE_WIDTH, subtreeFromTiles } from './verify/tile.ts'

/** Hashes of complete subtrees never change either; proofs meet the same ones again and again. */
const completeHashes = new BoundedCache<string, TreeHash>(100_000)

/** Full tiles never change, so a few thousand of them (8 KB each) may stay in memory. */
const fullTiles = new BoundedCache<string, Buffer>(2_000)

export interface Head {
  readonly size: number
  /** The signed note. */
  readonly checkpoint: string
  readonly signedAt: number
}

/** The log's newest published head; undefined before its first entry has a place. */
export async function readHead(reader: Reader): Promise<Head | undefined> {
  const [row] = await reader.rows<{ size: number; checkpoint: string; signed_at: Date }>(
    'select size, checkpoint, signed_at from ledger_heads where tenant_id = $1 and size > 0',
    [reader.tenantId],
  )
  return row && { size: row.size, checkpoint: row.checkpoint, signedAt: row.signed_at.getTime() }
}

/** The first `width` hashes of a tile; undefined when it does not have as many. */
export async function readTile(
  reader: Reader,
  level: number,
  index: number,
  width = TILE_WIDTH,
): Promise<Buffer | undefined> {
  const bytes = await wholeTile(reader, level, index)
  return bytes && bytes.length >= width * HASH_BYTES
    ? bytes.subarray(0, width * HASH_BYTES)
    : undefined
}

async function wholeTile(
  reader: Reader,
  level: number,
  index: number,
): Promise<Buffer | undefined> {
  const name = `${reader.tenantId}/${level}/${index}`
  const known = fullTiles.get(name)
  if (known) return known
  const [row] = await reader.rows<{ hashes: Buffer }>(
    'select hashes from ledger_tiles where tenant_id = $1 and level = $2 and tile_index = $3',
    [reader.tenantId, level, index],
  )
  if (row?.hashes.length === TILE_WIDTH * HASH_BYTES) fullTiles.set(name, row.hashes)
  return row?.hashes
}

/** The first `width` entries of a bundle, packed; undefined when it does not have as many. */
export async function readBundle(
  reader: Reader,
  index: number,
  width = TILE_WIDTH,
): Promise<Buffer | undefined> {
  const from = index * TILE_WIDTH
  const entries = await readPlaced(reader, from, from + width)
  return entries.length === width ? packEntries(entries.map((entry) => entry.bytes)) : undefined
}

/** RFC 6962 audit path of the entry in the tree of `size`. */
export async function proveInclusion(
  reader: Reader,
  index: number,
  size: number,
): Promise<TreeHash[]> {
  return withTiles(reader, (subtree) => inclusionProof(subtree, index, size))
}

/** RFC 6962 proof that the log of `older` is the beginning of the log of `newer`. */
export async function proveConsistency(
  reader: Reader,
  older: number,
  newer: number,
): Promise<TreeHash[]> {
  return withTiles(reader, (subtree) => consistencyProof(subtree, older, newer))
}

/** Where an entry stands; undefined while it still waits, or when there is none. */
export async function findEntry(reader: Reader, entryId: string): Promise<number | undefined> {
  const [place] = await findEntries(reader, [entryId])
  return place
}

/** Where the entries of these ids stand, in the order of the log; those that wait or do not exist are left out. */
export async function findEntries(
  reader: Reader,
  entryIds: readonly string[],
): Promise<readonly number[]> {
  const rows = await reader.rows<{ entry_index: number }>(
    `select s.first_index + array_position(s.entry_ids, n.id) - 1 as entry_index
       from unnest($2::uuid[], $3::uuid[]) as n (id, last)
      cross join lateral (
        select near.* from ledger_segments near
         where near.tenant_id = $1 and near.greatest_id >= n.id and near.greatest_id <= n.last and not near.wide
         union all
        select far.* from ledger_segments far where far.tenant_id = $1 and far.wide) s
      where s.first_index is not null and s.least_id <= n.id and s.greatest_id >= n.id and n.id = any(s.entry_ids)
      order by entry_index`,
    [reader.tenantId, entryIds, entryIds.map(lastNearId)],
  )
  return rows.map((row) => row.entry_index)
}

/** Entries from index `from` up to `to` (exclusive), as far as there are any. */
export async function readEntries(
  reader: Reader,
  from: number,
  to: number,
): Promise<(Entry & { index: number })[]> {
  return (await readPlaced(reader, from, to)).map(({ bytes, index }) => ({
    ...(JSON.parse(bytes.toString()) as { [key: string]: Json } & Entry),
    index,
  }))
}

/** Cuts the bytes of entries out of the segments that hold them: the one that begins at or before `from`, and those after. */
async function readPlaced(
  reader: Reader,
  from: number,
  to: number,
): Promise<{ readonly index: number; readonly bytes: Buffer }[]> {
  const rows = await reader.rows<{ first_index: number; entries: Buffer }>(
    `select first_index, entries from ledger_segments
      where tenant_id = $1 and first_index < $3
        and first_index >= (select coalesce(max(first_index), 0) from ledger_segments
                             where tenant_id = $1 and first_index <= $2)
      order by first_index`,
    [reader.tenantId, from, to],
  )
  return rows.flatMap((row) =>
    unpackEntries(row.entries)
      .map((bytes, i) => ({ bytes, index: row.first_index + i }))
      .filter(({ index }) => index >= from && index < to),
  )
}

/**
 * Runs a calculation that needs tiles, fetching those it misses and running it again: three rounds at most
 * for a million entries, one when they are in memory.
 */
async function withTiles<Result>(
  reader: Reader,
  calculate: (subtree: Subtree) => Result,
): Promise<Result> {
  const known = new Map<string, Buffer>()
  for (;;) {
    const missing = new Map<string, { level: number; index: number }>()
    const fromTiles = subtreeFromTiles((level, index) => {
      const tile =
        known.get(`${level}/${index}`) ?? fullTiles.get(`${reader.tenantId}/${level}/${index}`)
      if (tile) return tile
      missing.set(`${level}/${index}`, { level, index })
      return NOT_YET
    })
    const subtree: Subtree = (level, index) => {
      const name = `${reader.tenantId}/${level}/${index}`
      const kept = completeHashes.get(name)
      if (kept !== undefined) return kept
      const before = missing.size
      const made = fromTiles(level, index)
      if (missing.size === before && before === 0) completeHashes.set(name, made)
      return made
    }
    const result = calculate(subtree)
    if (missing.size === 0) return result
    for (const [name, { level, index }] of missing) {
      const tile = await wholeTile(reader, level, index)
      if (!tile) throw new RangeError('the log is not as large as was asked')
      known.set(name, tile)
    }
  }
}

const NOT_YET = Buffer.alloc(TILE_WIDTH * HASH_BYTES)

import type { Reader, Transaction } from '#database/handles.ts'
import { HASH_BYTES, rangeRoot, type TreeHash } from './verify/hash-tree.ts'
import { fold, subtreeFromTiles, TILE_WIDTH } from './verify/tile.ts'

/** The growing right edge of one log: per level the last tile. */
export interface TreeEdge {
  size: number
  /** By level; `start` is the tile's index. The last tile of a level is kept even when it is full. */
  readonly tiles: { start: number; hashes: Buffer }[]
}

export function emptyEdge(): TreeEdge {
  return { size: 0, tiles: [] }
}

/** Reads the edge of a log of `size` in one statement. */
export async function loadEdge(reader: Reader, size: number): Promise<TreeEdge> {
  const edge = emptyEdge()
  edge.size = size
  const levels: number[] = []
  const indexes: number[] = []
  for (
    let level = 0, hashes = size;
    hashes > 0;
    level++, hashes = Math.floor(hashes / TILE_WIDTH)
  ) {
    levels.push(level)
    indexes.push(Math.floor((hashes - 1) / TILE_WIDTH))
  }
  if (size === 0) return edge
  const rows = await reader.rows<{ level: number; hashes: Buffer }>(
    `select t.level, t.hashes from ledger_tiles t
       join unnest($2::smallint[], $3::bigint[]) as n (level, tile_index) using (level, tile_index)
      where t.tenant_id = $1 order by t.level`,
    [reader.tenantId, levels, indexes],
  )
  if (rows.length !== levels.length) throw new Error('the ledger lacks a tile of its edge')
  rows.forEach((row, level) => edge.tiles.push({ start: indexes[level] ?? 0, hashes: row.hashes }))
  return edge
}

/** A tile that is new or grew. */
export interface ChangedTile {
  readonly level: number
  readonly index: number
  readonly hashes: Buffer
}

/** Adds leaves to the edge and answers the tiles that are new or grew. */
export function growEdge(edge: TreeEdge, leaves: readonly TreeHash[]): readonly ChangedTile[] {
  const changes = new Map<string, ChangedTile>()
  for (let from = 0; from < leaves.length; ) {
    const room = TILE_WIDTH - (edge.size % TILE_WIDTH)
    const some = leaves.slice(from, from + room)
    growLevel(edge, 0, some, changes)
    edge.size += some.length
    from += some.length
  }
  return [...changes.values()]
}

/** Root of the edge's tree: only the edge is needed, since all to its left is complete. */
export function edgeRoot(edge: TreeEdge): TreeHash {
  const subtree = subtreeFromTiles((level, index) => {
    const tile = edge.tiles[level]
    if (tile?.start !== index) throw new Error('the root needs a tile that is not at the edge')
    return tile.hashes
  })
  return rangeRoot(subtree, 0, edge.size)
}

/** As one byte string: an array of them would travel as quoted hexadecimal. */
export async function writeTiles(tx: Transaction, tiles: readonly ChangedTile[]): Promise<void> {
  const hashes = packed(tiles.map((tile) => tile.hashes))
  await tx.change(
    `insert into ledger_tiles (tenant_id, level, tile_index, hashes)
     select $1, n.level, n.tile_index, substring($6::bytea from n.start for n.length)
       from unnest($2::smallint[], $3::bigint[], $4::int[], $5::int[]) as n (level, tile_index, start, length)
     on conflict (tenant_id, level, tile_index) do update set hashes = excluded.hashes`,
    [
      tx.tenantId,
      tiles.map((tile) => tile.level),
      tiles.map((tile) => tile.index),
      hashes.starts,
      hashes.lengths,
      hashes.bytes,
    ],
  )
}

/** Adds hashes that fit the level's last tile; a tile that becomes full puts its own hash one level up. */
function growLevel(
  edge: TreeEdge,
  level: number,
  hashes: readonly TreeHash[],
  changes: Map<string, ChangedTile>,
): void {
  const last = edge.tiles[level]
  const full = last?.hashes.length === TILE_WIDTH * HASH_BYTES
  const tile = last && !full ? last : { start: last ? last.start + 1 : 0, hashes: Buffer.alloc(0) }
  tile.hashes = Buffer.concat([tile.hashes, Buffer.from(hashes.join(''), 'latin1')])
  edge.tiles[level] = tile
  changes.set(`${level}/${tile.start}`, { level, index: tile.start, hashes: tile.hashes })
  if (tile.hashes.length === TILE_WIDTH * HASH_BYTES)
    growLevel(edge, level + 1, [fold(tile.hashes, 0, TILE_WIDTH)], changes)
}

/** Many byte strings as one, and where each of them starts (from 1) and how long it is. */
function packed(parts: readonly Buffer[]): { starts: number[]; lengths: number[]; bytes: Buffer } {
  let end = 1
  const starts = parts.map((part) => {
    const start = end
    end += part.length
    return start
  })
  return { starts, lengths: parts.map((part) => part.length), bytes: Buffer.concat(parts) }
}

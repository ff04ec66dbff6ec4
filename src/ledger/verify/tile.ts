import { HASH_BYTES, type Subtree, type TreeHash, nodeHash } from './hash-tree.ts'

/** C2SP tlog-tiles: tiles are 256 hashes wide and eight levels high. */
export const TILE_WIDTH = 256
export const TILE_HEIGHT = 8

/** A hash tile or an entry bundle, and how many hashes or entries of it there are. */
export interface Tile {
  readonly level: number | 'entries'
  readonly index: number
  readonly width: number
}

/** `tile/<level>/<index>[.p/<width>]`, the index in groups of three digits, all but the last marked with x. */
export function tilePath(level: number | 'entries', index: number, width = TILE_WIDTH): string {
  const digits = String(index)
  const padded = digits.padStart(Math.ceil(digits.length / 3) * 3, '0')
  const groups = padded.match(/\d{3}/g) ?? []
  const path = groups.map((group, i) => (i < groups.length - 1 ? `x${group}` : group)).join('/')
  return `tile/${level}/${path}${width < TILE_WIDTH ? `.p/${width}` : ''}`
}

const PATH =
  /^tile\/(entries|[0-9]|[1-5][0-9]|6[0-3])\/((?:x\d{3}\/)*\d{3})(?:\.p\/([1-9]\d{0,2}))?$/

/** The inverse; undefined for what is not exactly such a path. */
export function parseTilePath(path: string): Tile | undefined {
  const match = PATH.exec(path)
  if (!match) return undefined
  const level = match[1] === 'entries' ? 'entries' : Number(match[1])
  const index = Number(match[2]?.replaceAll(/[x/]/g, ''))
  const width = match[3] === undefined ? TILE_WIDTH : Number(match[3])
  if (!Number.isSafeInteger(index) || width > TILE_WIDTH) return undefined
  return tilePath(level, index, width) === path ? { level, index, width } : undefined
}

/** Every hash tile and entry bundle of a tree of `size`: level, index and how wide it is. */
export function tilesOf(size: number): Tile[] {
  const tiles: Tile[] = []
  for (
    let level = 0, hashes = size;
    hashes > 0;
    level++, hashes = Math.floor(hashes / TILE_WIDTH)
  ) {
    for (let index = 0; index * TILE_WIDTH < hashes; index++) {
      const width = Math.min(TILE_WIDTH, hashes - index * TILE_WIDTH)
      tiles.push({ level, index, width })
      if (level === 0) tiles.push({ level: 'entries', index, width })
    }
  }
  return tiles
}

/** Hashes of complete subtrees out of tiles: the hash of any level is folded from the tile below it. */
export function subtreeFromTiles(tile: (level: number, index: number) => Buffer): Subtree {
  return (level, index) => {
    const tileLevel = Math.floor(level / TILE_HEIGHT)
    const height = level % TILE_HEIGHT
    const first = index * 2 ** height
    const bytes = tile(tileLevel, Math.floor(first / TILE_WIDTH))
    return fold(bytes, first % TILE_WIDTH, 2 ** height)
  }
}

/** Root of `count` (a power of two) neighbouring hashes of a tile. */
export function fold(bytes: Buffer, first: number, count: number): TreeHash {
  let row: TreeHash[] = []
  for (let i = first; i < first + count; i++) {
    if ((i + 1) * HASH_BYTES > bytes.length) throw new RangeError('the tile is too narrow')
    row.push(bytes.toString('latin1', i * HASH_BYTES, (i + 1) * HASH_BYTES))
  }
  while (row.length > 1) {
    const next: TreeHash[] = []
    for (let i = 0; i < row.length; i += 2) next.push(nodeHash(row[i] ?? '', row[i + 1] ?? ''))
    row = next
  }
  return row[0] ?? ''
}

import { readFile, readdir } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { canonicalJson, type Json } from '#foundation/canonical-json.ts'
import { unpackEntries } from './bundle.ts'
import { type Checkpoint, openCheckpoint } from './checkpoint.ts'
import { HASH_BYTES, leafHash, rangeRoot } from './hash-tree.ts'
import type { NoteKey } from './note.ts'
import {
  TILE_WIDTH,
  type Tile,
  fold,
  parseTilePath,
  subtreeFromTiles,
  tilePath,
  tilesOf,
} from './tile.ts'

export interface Finding {
  /** File inside the folder. */
  readonly where: string
  readonly what: string
}

export interface Verdict {
  readonly checkpoint: Checkpoint | undefined
  readonly entries: number
  readonly kinds: Readonly<Record<string, number>>
  readonly findings: readonly Finding[]
}

/** A checkpoint of an earlier download, kept beside the newest. */
const OLDER = /^checkpoint\.\d+$/

/**
 * Checks a downloaded log without asking anybody: signature, every entry hashed anew, every tile, the root,
 * and that the log only grew since the older checkpoint that is given and those in the folder. What an earlier
 * download left of a tile must be the beginning of that tile now. Any changed bit is a finding.
 *
 * The folder has the layout of C2SP tlog-tiles: `checkpoint`, `tile/<level>/...`, `tile/entries/...`, and
 * `checkpoint.<size>` for those before.
 */
export async function verifyFolder(
  folder: string,
  key: NoteKey,
  olderNote?: string,
): Promise<Verdict> {
  const findings: Finding[] = []
  const kinds: Record<string, number> = {}
  const found = (where: string, what: string): void => {
    findings.push({ where, what })
  }
  const note = await readFile(join(folder, 'checkpoint'), 'utf8').catch(() => '')
  const checkpoint = openCheckpoint(note, key)
  if (!checkpoint) {
    found('checkpoint', 'is not a checkpoint signed by the given key for its log')
    return { checkpoint, entries: 0, kinds, findings }
  }
  const expected = tilesOf(checkpoint.size)
  await reportStrangers(folder, expected, found)

  const tiles = new Map<string, Buffer>()
  for (const { level, index, width } of expected.filter((tile) => tile.level !== 'entries')) {
    const path = tilePath(level, index, width)
    const bytes = await readFile(join(folder, path)).catch(() => undefined)
    if (bytes?.length !== width * HASH_BYTES)
      found(path, bytes ? 'has the wrong length' : 'is missing')
    else tiles.set(`${level}/${index}`, bytes)
  }
  let entries = 0
  for (const { index, width } of expected.filter((tile) => tile.level === 'entries')) {
    const path = tilePath('entries', index, width)
    entries += await checkBundle(
      path,
      join(folder, path),
      width,
      tiles.get(`0/${index}`),
      kinds,
      found,
    )
  }
  checkUpperTiles(expected, tiles, found)
  if (findings.length === 0) {
    const subtree = subtreeFromTiles(
      (level, index) => tiles.get(`${level}/${index}`) ?? Buffer.alloc(0),
    )
    if (rangeRoot(subtree, 0, checkpoint.size) !== checkpoint.root)
      found('checkpoint', 'has another root than the tiles')
    const older = await olderCheckpoints(folder)
    if (olderNote !== undefined) older.set('older checkpoint', olderNote)
    for (const [where, olderText] of older) {
      const before = openCheckpoint(olderText, key)
      if (!before) found(where, 'is not signed by the given key for this log')
      else if (before.size > checkpoint.size) found(where, 'is larger than the newer one')
      else if (rangeRoot(subtree, 0, before.size) !== before.root)
        found(where, 'is not the beginning of this log')
    }
  }
  return { checkpoint, entries, kinds, findings }
}

const pathOf = ({ level, index, width }: Tile): string => tilePath(level, index, width)

type Report = (where: string, what: string) => void

async function reportStrangers(
  folder: string,
  expected: readonly Tile[],
  found: Report,
): Promise<void> {
  const paths = new Map(expected.map((tile) => [tilePath(tile.level, tile.index), pathOf(tile)]))
  const known = new Set(['checkpoint', ...paths.values()])
  const files = await readdir(folder, { recursive: true, withFileTypes: true })
  for (const file of files) {
    if (file.isDirectory()) continue
    const path = relative(folder, join(file.parentPath, file.name)).split(sep).join('/')
    if (known.has(path) || OLDER.test(path)) continue
    const tile = parseTilePath(path)
    const now = tile && paths.get(tilePath(tile.level, tile.index))
    if (!tile || now === undefined) found(path, 'is not part of a log of this size')
    else if (!(await isBeginning(join(folder, path), tile, join(folder, now))))
      found(path, 'is not the beginning of what stands there now')
  }
}

async function isBeginning(older: string, tile: Tile, newer: string): Promise<boolean> {
  const [bytes, now] = await Promise.all([
    readFile(older),
    readFile(newer).catch(() => Buffer.alloc(0)),
  ])
  if (!now.subarray(0, bytes.length).equals(bytes)) return false
  if (tile.level !== 'entries') return bytes.length === tile.width * HASH_BYTES
  try {
    return unpackEntries(bytes).length === tile.width
  } catch {
    return false
  }
}

async function olderCheckpoints(folder: string): Promise<Map<string, string>> {
  const names = (await readdir(folder)).filter((name) => OLDER.test(name)).sort()
  const notes = names.map(
    async (name) => [name, await readFile(join(folder, name), 'utf8')] as const,
  )
  return new Map(await Promise.all(notes))
}

async function checkBundle(
  where: string,
  path: string,
  width: number,
  tile: Buffer | undefined,
  kinds: Record<string, number>,
  found: Report,
): Promise<number> {
  const bytes = await readFile(path).catch(() => undefined)
  if (!bytes) {
    found(where, 'is missing')
    return 0
  }
  let entries: Buffer[]
  try {
    entries = unpackEntries(bytes)
  } catch (fault) {
    found(where, fault instanceof Error ? fault.message : 'cannot be read')
    return 0
  }
  if (entries.length !== width) found(where, `holds ${entries.length} entries instead of ${width}`)
  entries.forEach((entry, i) => {
    if (tile && leafHash(entry) !== tile.toString('latin1', i * HASH_BYTES, (i + 1) * HASH_BYTES)) {
      found(where, `entry ${i} does not have the hash that stands in the tile`)
    }
    const kind = kindOf(entry)
    if (kind === undefined) found(where, `entry ${i} is not canonical JSON`)
    else kinds[kind] = (kinds[kind] ?? 0) + 1
  })
  return entries.length
}

function kindOf(entry: Buffer): string | undefined {
  try {
    const text = entry.toString('utf8')
    const value = JSON.parse(text) as Json
    if (canonicalJson(value) !== text || typeof value !== 'object' || value === null)
      return undefined
    const { kind } = value as { kind?: Json }
    return typeof kind === 'string' ? kind : undefined
  } catch {
    return undefined
  }
}

function checkUpperTiles(
  expected: readonly Tile[],
  tiles: ReadonlyMap<string, Buffer>,
  found: Report,
): void {
  for (const { level, index, width } of expected) {
    if (level === 'entries' || level === 0) continue
    const upper = tiles.get(`${level}/${index}`)
    for (let i = 0; upper && i < width; i++) {
      const lower = tiles.get(`${level - 1}/${index * TILE_WIDTH + i}`)
      if (lower?.length !== TILE_WIDTH * HASH_BYTES) continue
      if (
        fold(lower, 0, TILE_WIDTH) !==
        upper.toString('latin1', i * HASH_BYTES, (i + 1) * HASH_BYTES)
      ) {
        found(tilePath(level, index, width), `hash ${i} is not that of the tile below`)
      }
    }
  }
}

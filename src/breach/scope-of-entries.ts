import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Catalog } from '#catalog/catalog.ts'
import type { Entry } from '#ledger/entry.ts'
import { unpackEntries } from '#ledger/verify/bundle.ts'
import type { NoteKey } from '#ledger/verify/note.ts'
import { TILE_WIDTH, tilePath } from '#ledger/verify/tile.ts'
import { verifyFolder } from '#ledger/verify/verify-folder.ts'
import { type Criterion, type Facts, probesOf } from './criterion.ts'
import { sealedItems } from './scope.ts'
import { type TenantScope, sumScope } from './tenant-scope.ts'
import { type Placed, type Touch, touchesOf, unsentBy } from './touch.ts'

/** A tenant's log as it was downloaded, in the layout of C2SP tlog-tiles. */
export interface ExportedLog {
  readonly tenantId: string
  readonly folder: string
  readonly key: NoteKey
}

/**
 * The scope from exported logs alone, for an incident inside Sluss's own database: nothing of that database is asked.
 * Each log is verified first.
 *
 * @throws Error naming the tenant whose log does not verify: a scope of a log that was changed would be a guess
 */
export async function scopeFromExports(
  catalog: Catalog,
  logs: readonly ExportedLog[],
  criteria: readonly Criterion[],
): Promise<readonly TenantScope[]> {
  const histories = new Map<string, readonly Placed[]>()
  for (const log of logs) histories.set(log.tenantId, await readExport(log))
  return scopeOfHistories(catalog, histories, criteria)
}

/** The same from entries that are at hand, each log from its beginning. */
export function scopeOfHistories(
  catalog: Catalog,
  histories: ReadonlyMap<string, readonly Placed[]>,
  criteria: readonly Criterion[],
): readonly TenantScope[] {
  const facts = factsOf([...histories.values()].flat())
  const probes = criteria.flatMap((criterion) => probesOf(criterion, facts))
  return [...histories]
    .map(([tenantId, entries]) => {
      const parts = { tenantId, probes, completeTo: entries.length, isSealed: sealedItems(catalog) }
      const sum = sumScope(parts)
      for (const touch of touchesOfHistory(entries)) sum.add(touch)
      return sum.result()
    })
    .filter((one) => one.entries + one.excluded.entries + one.unattributed > 0)
    .toSorted((a, b) => (a.tenantId < b.tenantId ? -1 : 1))
}

/** Every touch of a log, with what later outcomes say of it. */
function touchesOfHistory(entries: readonly Placed[]): readonly Touch[] {
  const opened = new Map<string, readonly Touch[]>()
  for (const entry of entries) {
    const made = touchesOf(entry, (id) => opened.get(id) ?? [])
    if (made.length > 0) opened.set(entry.id, made)
    const unsent = unsentBy(entry)
    for (const touch of opened.get(unsent ?? '') ?? []) touch.unsentIndex ??= entry.index
  }
  return [...opened.values()].flat()
}

function factsOf(entries: readonly Placed[]): Facts {
  const credentials = new Map<string, Facts['credentials'][number]>()
  const runs: { node: string; version: string; from: number; until: number | undefined }[] = []
  for (const { kind, at, data } of entries) {
    const time = Date.parse(at)
    const { key, account, node, version } = data
    if (typeof key === 'string' && typeof account === 'string') {
      const known = credentials.get(key)
      const since = { credential: key, account, from: time, until: undefined }
      if (kind === 'key.registered') credentials.set(key, since)
      if (kind === 'key.removed' && known) credentials.set(key, { ...known, until: time })
    }
    if (kind === 'node' && typeof node === 'string' && typeof version === 'string') {
      const last = runs.findLast((run) => run.node === node)
      if (last) last.until = time
      runs.push({ node, version, from: time, until: undefined })
    }
  }
  return { credentials: [...credentials.values()], nodeRuns: runs }
}

async function readExport({ tenantId, folder, key }: ExportedLog): Promise<readonly Placed[]> {
  const { checkpoint, findings } = await verifyFolder(folder, key)
  if (!checkpoint || findings.length > 0)
    throw new Error(`the exported log of ${tenantId} does not verify (${findings.length} findings)`)
  const entries: Placed[] = []
  for (let index = 0; entries.length < checkpoint.size; index++) {
    const width = Math.min(TILE_WIDTH, checkpoint.size - entries.length)
    const bundle = await readFile(join(folder, tilePath('entries', index, width)))
    for (const bytes of unpackEntries(bundle).slice(0, width))
      entries.push({ ...(JSON.parse(bytes.toString()) as Entry), index: entries.length })
  }
  return entries
}

import type { Catalog, ItemId } from '#catalog/catalog.ts'
import { type Database, INSTALLATION, type Reader } from '#database/handles.ts'
import { isSealed } from '#records/sealed.ts'
import { type Criterion, type Facts, type Probe, probesOf } from './criterion.ts'
import { followAllLogs } from './follow-log.ts'
import { type TenantScope, sumScope } from './tenant-scope.ts'
import { findTouches } from './touch.table.ts'
import type { Touch } from './touch.ts'

export interface ScopeParts {
  readonly database: Database
  readonly catalog: Catalog
  /** Resolves when every entry that was committed has its place; without it, what waits is not looked at. */
  readonly settled?: (() => Promise<void>) | undefined
}

/** What one look found: every tenant that was looked at, and up to where. */
export interface ScopeAnswer {
  readonly probes: readonly Probe[]
  /** Log to the size up to which it was looked at. */
  readonly completeTo: ReadonlyMap<string, number>
  /** Touched tenants, and those where everything was excluded or cannot be attributed; sorted by id. */
  readonly tenants: readonly TenantScope[]
}

/**
 * From credentials, people, parties, connections, grants, nodes, versions, subjects or times to the tenants, people,
 * records and items that were touched. It first reads on every log, and says up to which size each was read.
 */
export async function findScope(
  parts: ScopeParts,
  criteria: readonly Criterion[],
): Promise<ScopeAnswer> {
  const { completeTo, probes } = await prepareScope(parts, criteria)
  const candidates = await candidateTenants(parts.database, probes, [...completeTo.keys()])
  const tenants: TenantScope[] = []
  for (const tenantId of candidates) {
    const size = completeTo.get(tenantId) ?? 0
    const found = await scopeOfTenant(parts, tenantId, probes, size)
    if (found.entries + found.excluded.entries + found.unattributed > 0) tenants.push(found)
  }
  return { probes, completeTo, tenants }
}

/** Reads on every log and settles what to look for: the same probes over logs of the same sizes find the same. */
export async function prepareScope(
  parts: ScopeParts,
  criteria: readonly Criterion[],
): Promise<Pick<ScopeAnswer, 'probes' | 'completeTo'>> {
  await parts.settled?.()
  const completeTo = await followAllLogs(parts.database)
  const facts = await readFacts(parts.database, criteria)
  return { completeTo, probes: criteria.flatMap((criterion) => probesOf(criterion, facts)) }
}

/** The part of one tenant, from its own rows only, as its log stood at `completeTo`. Asked again, it is the same. */
export async function scopeOfTenant(
  { database, catalog }: Pick<ScopeParts, 'database' | 'catalog'>,
  tenantId: string,
  probes: readonly Probe[],
  completeTo: number,
): Promise<TenantScope> {
  return database.read(tenantId, (reader) =>
    scopeFromRows(reader, probes, completeTo, sealedItems(catalog)),
  )
}

async function scopeFromRows(
  reader: Reader,
  probes: readonly Probe[],
  completeTo: number,
  sealed: (item: ItemId) => boolean,
): Promise<TenantScope> {
  const { tenantId } = reader
  const sum = sumScope({ tenantId, probes, completeTo, isSealed: sealed })
  const mine = probes.filter((probe) => !probe.tenants || probe.tenants.includes(tenantId))
  const seen = new Set<string>()
  for (const probe of mine)
    for await (const touch of findTouches(reader, probe)) {
      // Each touch once, however many probes find it: the sum asks all of them.
      if (mine.length > 1 && !isNew(seen, touch)) continue
      sum.add(touch)
    }
  return sum.result()
}

function isNew(seen: Set<string>, { entryIndex, part }: Touch): boolean {
  const place = `${entryIndex}/${part}`
  if (seen.has(place)) return false
  seen.add(place)
  return true
}

/** An item that the catalog does not know is taken to lie open: nothing vouches that it was sealed. */
export function sealedItems(catalog: Catalog): (item: ItemId) => boolean {
  return (id) => {
    const item = catalog.items.get(id)
    return item !== undefined && isSealed(item)
  }
}

/** One line a tenant: how much, from when until when. Identifiers and counts only. */
export interface Overview {
  readonly tenantId: string
  readonly entries: number
  readonly subjects: number
  readonly itemSets: readonly number[]
  readonly firstAt: number
  readonly lastAt: number
}

/** The first answer, in one statement over all tenants, from what the index holds now. */
export async function overview(database: Database, probe: Probe): Promise<readonly Overview[]> {
  if (probe.by === 'subject') throw new RangeError('a subject is looked up in its own tenant')
  const rows = await database.read(INSTALLATION, (reader) =>
    reader.rows<{
      tenant_id: string
      entries: number
      subjects: number
      item_sets: readonly (number | string)[]
      first_at: Date
      last_at: Date
    }>('select * from sluss_breach_overview($1, $2, $3, $4, $5)', [
      probe.by,
      probe.names,
      new Date(probe.from),
      new Date(probe.to),
      probe.touches,
    ]),
  )
  return rows
    .filter((row) => !probe.tenants || probe.tenants.includes(row.tenant_id))
    .map((row) => ({
      tenantId: row.tenant_id,
      entries: row.entries,
      subjects: row.subjects,
      itemSets: row.item_sets.map(Number),
      firstAt: row.first_at.getTime(),
      lastAt: row.last_at.getTime(),
    }))
}

/** Tenants that a closer look is worth. */
export async function candidateTenants(
  database: Database,
  probes: readonly Probe[],
  all: readonly string[],
): Promise<readonly string[]> {
  const found = new Set<string>()
  for (const probe of probes) {
    // A subject is known by a number of its tenant; and what names no node is looked for wherever there is anything.
    if (probe.by === 'subject' || probe.by === 'node')
      for (const id of probe.tenants ?? all) found.add(id)
    else for (const { tenantId } of await overview(database, probe)) found.add(tenantId)
  }
  return [...found].toSorted()
}

async function readFacts(database: Database, criteria: readonly Criterion[]): Promise<Facts> {
  const names = criteria.filter((one) => one.kind === 'credential').map((one) => one.name)
  const needsRuns = criteria.some((one) => one.kind === 'version')
  return database.read(INSTALLATION, async (reader) => {
    const credentials = []
    for (const credential of new Set(names)) {
      const rows = await reader.rows<{ account: string; from_at: Date; until_at: Date | null }>(
        'select account, from_at, until_at from sluss_breach_credential($1)',
        [credential],
      )
      for (const row of rows)
        credentials.push({
          credential: credential ?? '',
          account: row.account,
          from: row.from_at.getTime(),
          until: row.until_at?.getTime(),
        })
    }
    return { credentials, nodeRuns: needsRuns ? await readNodeRuns(reader) : [] }
  })
}

/** A version runs on a node until the node starts again. */
async function readNodeRuns(reader: Reader): Promise<Facts['nodeRuns']> {
  const rows = await reader.rows<{
    node: string
    version: string
    at: Date
    until_at: Date | null
  }>(
    `select node, version, at, lead(at) over (partition by node order by entry_index) as until_at
       from breach_node_starts where tenant_id = $1`,
    [reader.tenantId],
  )
  return rows.map((row) => ({
    node: row.node,
    version: row.version,
    from: row.at.getTime(),
    until: row.until_at?.getTime(),
  }))
}

import {
  DEFAULT_DIAGNOSTICS_LEVEL,
  DIAGNOSTICS_ITEMS,
  DIAGNOSTICS_KEPT_IN_DAYS,
  type DiagnosticsLevel,
  rankOf,
} from '#catalog/diagnostics.ts'
import type { ItemId } from '#catalog/catalog.ts'
import type { Reader, Transaction } from '#database/handles.ts'
import type { ListSource } from '#database/list.ts'
import type { Json } from '#foundation/canonical-json.ts'

const DAY_IN_MS = 86_400_000

/** The tenant's choice of how much its sites may send in. */
export interface DiagnosticsSettings {
  readonly level: DiagnosticsLevel
  readonly changedBy: string | undefined
  readonly changedAt: number | undefined
}

/** One package as it is kept: minimised, its hierarchy under a pseudonym. */
export interface DiagnosticsPackage {
  readonly packageId: string
  readonly source: string
  readonly productVersion: string
  readonly level: DiagnosticsLevel
  readonly collectedAt: number
  readonly receivedAt: number
  readonly items: Readonly<Record<ItemId, Json>>
}

interface SettingsRow {
  level: DiagnosticsLevel
  changed_by: string
  changed_at: Date
}

/** The level now, or the least where none was chosen. */
export async function readDiagnosticsSettings(reader: Reader): Promise<DiagnosticsSettings> {
  return settings(reader, '')
}

/** The same, held until the transaction ends: nothing is kept by a level that was lowered meanwhile. */
export async function lockDiagnosticsSettings(tx: Transaction): Promise<DiagnosticsSettings> {
  return settings(tx, ' for share')
}

async function settings(reader: Reader, lock: '' | ' for share'): Promise<DiagnosticsSettings> {
  const [row] = await reader.rows<SettingsRow>(
    `select level, changed_by, changed_at from diagnostics_settings where tenant_id = $1${lock}`,
    [reader.tenantId],
  )
  return {
    level: row?.level ?? DEFAULT_DIAGNOSTICS_LEVEL,
    changedBy: row?.changed_by,
    changedAt: row?.changed_at.getTime(),
  }
}

/** Sets the level. What was kept above it goes in the same commit; answers how many values that were. */
export async function setDiagnosticsLevel(
  tx: Transaction,
  level: DiagnosticsLevel,
  by: { readonly actor: string; readonly at: number },
): Promise<number> {
  await tx.change(
    `insert into diagnostics_settings (tenant_id, level, changed_by, changed_at) values ($1, $2, $3, $4)
     on conflict (tenant_id) do update set level = $2, changed_by = $3, changed_at = $4`,
    [tx.tenantId, level, by.actor, new Date(by.at)],
  )
  return tx.change('delete from diagnostics_values where tenant_id = $1 and level_rank > $2', [
    tx.tenantId,
    rankOf(level),
  ])
}

/** Keeps a package that the door in has minimised. */
export async function keepDiagnostics(tx: Transaction, kept: DiagnosticsPackage): Promise<void> {
  await tx.change(
    `insert into diagnostics_packages
       (tenant_id, package_id, source, product_version, level, collected_at, received_at)
     values ($1, $2, $3, $4, $5, $6, $7)`,
    [
      tx.tenantId,
      kept.packageId,
      kept.source,
      kept.productVersion,
      kept.level,
      new Date(kept.collectedAt),
      new Date(kept.receivedAt),
    ],
  )
  const items = Object.entries(kept.items).flatMap(([id, value]) => {
    const item = DIAGNOSTICS_ITEMS.get(id)
    // What the catalog does not have has no level, and nothing could remove it later.
    return item ? [{ id, rank: rankOf(item.level), value: JSON.stringify(value) }] : []
  })
  await tx.change(
    `insert into diagnostics_values (tenant_id, package_id, item_id, level_rank, value)
     select $1, $2, n.id, n.rank, n.value from unnest($3::text[], $4::smallint[], $5::jsonb[]) as n (id, rank, value)`,
    [
      tx.tenantId,
      kept.packageId,
      items.map(({ id }) => id),
      items.map(({ rank }) => rank),
      items.map(({ value }) => value),
    ],
  )
}

/** Removes what is older than a year. Answers how many packages. */
export function removeExpiredDiagnostics(tx: Transaction, now: number): Promise<number> {
  return tx.change('delete from diagnostics_packages where tenant_id = $1 and received_at <= $2', [
    tx.tenantId,
    keptSince(now),
  ])
}

/** The packages of these ids that are still to be kept, with the named items and no others. */
export async function readDiagnostics(
  reader: Reader,
  packageIds: readonly string[],
  items: readonly ItemId[],
  now: number,
): Promise<readonly DiagnosticsPackage[]> {
  const rows = await reader.rows<{
    package_id: string
    source: string
    product_version: string
    level: DiagnosticsLevel
    collected_at: Date
    received_at: Date
    items: Record<ItemId, Json> | null
  }>(
    `select p.package_id, p.source, p.product_version, p.level, p.collected_at, p.received_at,
            (select jsonb_object_agg(v.item_id, v.value) from diagnostics_values v
              where v.tenant_id = p.tenant_id and v.package_id = p.package_id and v.item_id = any($3)) as items
       from diagnostics_packages p
      where p.tenant_id = $1 and p.package_id = any($2::uuid[]) and p.received_at > $4
      order by p.package_id`,
    [reader.tenantId, packageIds, items, keptSince(now)],
  )
  return rows.map((row) => ({
    packageId: row.package_id,
    source: row.source,
    productVersion: row.product_version,
    level: row.level,
    collectedAt: row.collected_at.getTime(),
    receivedAt: row.received_at.getTime(),
    items: row.items ?? {},
  }))
}

const COLUMNS = {
  id: { sql: 'p.package_id', type: 'uuid' },
  receivedDateTime: { sql: 'p.received_at', type: 'timestamptz' },
} as const

/** The tenant's own packages, by id. */
export function ownDiagnostics(reader: Reader, now: number): ListSource {
  return {
    select: 'p.tenant_id, p.package_id',
    from: 'diagnostics_packages p where p.tenant_id = $1 and p.received_at > $2',
    values: [reader.tenantId, keptSince(now)],
    columns: COLUMNS,
    key: 'id',
  }
}

/** The packages of all tenants, by id; what is in them is read in each tenant by itself. */
export function diagnosticsAcrossTenants(now: number): ListSource {
  return {
    select: 'p.tenant_id, p.package_id',
    from: 'sluss_diagnostics_packages($1) as p where true',
    values: [keptSince(now)],
    columns: COLUMNS,
    key: 'id',
  }
}

function keptSince(now: number): Date {
  return new Date(now - DIAGNOSTICS_KEPT_IN_DAYS * DAY_IN_MS)
}

import type { Decider } from '#access/decide.ts'
import type { DiagnosticsFacts } from '#access/diagnostics-decide.ts'
import type { ItemId } from '#catalog/catalog.ts'
import {
  DIAGNOSTICS_FORBIDDEN,
  DIAGNOSTICS_ITEMS,
  DIAGNOSTICS_PURPOSES,
} from '#catalog/diagnostics.ts'
import { PURPOSES } from '#catalog/purposes.ts'
import { type Database, INSTALLATION, type Transaction } from '#database/handles.ts'
import { type ListQuery, type ListSource, type Page, listPage } from '#database/list.ts'
import type { Json } from '#foundation/canonical-json.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { newOrderedId } from '#foundation/ids.ts'
import { type Refusal, type RefusalCode, refuse } from '#foundation/refusal.ts'
import { append } from '#ledger/append.ts'
import {
  type DiagnosticsPackage,
  diagnosticsAcrossTenants,
  ownDiagnostics,
  readDiagnostics,
} from '#records/diagnostics.ts'
import { readTenant } from '#tenants/tenant.ts'

export interface DiagnosticsParts {
  readonly database: Database
  readonly decider: Pick<Decider, 'decideDiagnostics' | 'policyHash'>
}

export interface DiagnosticsReader {
  readonly actor: string
  /** Holds the permission that the reader's realm has for it. */
  readonly mayDiagnose: boolean
  readonly now: number
}

/** The tenant reads what its own sites sent in. The read is an entry of its log. */
export function readOwnDiagnostics(
  parts: DiagnosticsParts,
  tenantId: string,
  reader: DiagnosticsReader,
  query: ListQuery,
): Promise<Page<DiagnosticsPackage> | Refusal> {
  return parts.database.write(tenantId, async (tx) => {
    const look = { purpose: 'own', own: true, realm: 'tenant' } as const
    const allowed = decide(parts, reader, { ...look, tenantOpen: await isOpen(tx) })
    if ('refused' in allowed) return recordRefused(tx, reader, look.purpose, allowed)
    const page = await pageOf(tx, ownDiagnostics(tx, reader.now), query)
    const ids = page.rows.map((row) => row.package_id)
    const rows = await readDiagnostics(tx, ids, allowed.items, reader.now)
    await recordRead(tx, parts, reader, look.purpose, ids)
    return { ...page, rows: inOrder(ids, rows) }
  })
}

/**
 * The operator's staff read diagnostics of all tenants for a stated purpose. Which tenant sent them is not told: a
 * hierarchy is a pseudonym that differs per tenant. Each read is an entry in the log of every tenant whose packages
 * are on the page, and one of the installation's; a read for any other purpose is refused and recorded.
 *
 * @returns `diagnostics_purpose` for anything but the three purposes, `role_missing`
 */
export async function readDiagnosticsFor(
  parts: DiagnosticsParts,
  purpose: string,
  reader: DiagnosticsReader,
  query: ListQuery,
): Promise<Page<DiagnosticsPackage> | Refusal> {
  const { database } = parts
  const look = { purpose, own: false, realm: 'operator' } as const
  // Once per state of a tenant, not once per tenant: nothing else of a tenant bears on the answer.
  const inOpen = decide(parts, reader, { ...look, tenantOpen: true })
  if ('refused' in inOpen)
    return database.write(INSTALLATION, (tx) => recordRefused(tx, reader, purpose, inOpen))
  const inClosed = decide(parts, reader, { ...look, tenantOpen: false })
  const page = await database.read(INSTALLATION, (tx) =>
    pageOf(tx, diagnosticsAcrossTenants(reader.now), query),
  )
  const found: DiagnosticsPackage[] = []
  for (const [tenantId, rows] of Map.groupBy(page.rows, (row) => row.tenant_id)) {
    const ids = rows.map((row) => row.package_id)
    // In one commit with the entry that tells the tenant of it.
    const read = await database.write(tenantId, async (tx) => {
      const allowed = (await isOpen(tx)) ? inOpen : inClosed
      if ('refused' in allowed) return []
      const packages = await readDiagnostics(tx, ids, allowed.items, reader.now)
      if (packages.length > 0) await recordRead(tx, parts, reader, purpose, ids)
      return packages
    })
    found.push(...read)
  }
  const shown = inOrder(
    page.rows.map((row) => row.package_id),
    found,
  )
  const ids = shown.map(({ packageId }) => packageId)
  await database.write(INSTALLATION, (tx) => recordRead(tx, parts, reader, purpose, ids))
  return { ...page, rows: shown }
}

/** The items that may be read, or the reason why none may. */
function decide(
  parts: DiagnosticsParts,
  { mayDiagnose }: DiagnosticsReader,
  look: Omit<DiagnosticsFacts, 'mayDiagnose'>,
): { readonly items: readonly ItemId[] } | Refusal {
  const answers = parts.decider.decideDiagnostics({ ...look, mayDiagnose }, [
    ...DIAGNOSTICS_ITEMS.values(),
  ])
  const items = answers.flatMap(({ item, allowed }) => (allowed ? [item] : []))
  if (items.length > 0) return { items }
  // Items that are never taken in have a reason of their own, which is not why nothing may be read.
  const reasons = answers.map(({ reason }) => reason as RefusalCode)
  return refuse(reasons.find((reason) => reason !== 'item_never') ?? 'policy_denied')
}

async function isOpen(tx: Transaction): Promise<boolean> {
  return (await readTenant(tx))?.state === 'open'
}

interface PackageRow {
  readonly tenant_id: string
  readonly package_id: string
}

const pageOf = (tx: Parameters<typeof listPage>[0], source: ListSource, query: ListQuery) =>
  listPage<PackageRow>(tx, source, query)

function inOrder(
  ids: readonly string[],
  found: readonly DiagnosticsPackage[],
): readonly DiagnosticsPackage[] {
  const byId = new Map(found.map((one) => [one.packageId, one]))
  return ids.flatMap((id) => byId.get(id) ?? [])
}

function recordRead(
  tx: Transaction,
  parts: DiagnosticsParts,
  reader: DiagnosticsReader,
  purpose: string,
  packages: readonly string[],
): Promise<void> {
  const policies = parts.decider.policyHash
  return record(tx, reader, 'diagnostics.read', { purpose, policies, packages })
}

async function recordRefused(
  tx: Transaction,
  reader: DiagnosticsReader,
  purpose: string,
  refusal: Refusal,
): Promise<Refusal> {
  await record(tx, reader, 'refusal', {
    door: 'diagnostics',
    purpose: nameOf(purpose),
    reason: refusal.refused,
  })
  return refusal
}

function record(
  tx: Transaction,
  { now, actor }: DiagnosticsReader,
  kind: 'diagnostics.read' | 'refusal',
  data: { readonly [key: string]: Json },
): Promise<void> {
  return append(tx, { id: newOrderedId(now), at: toTimestamp(now), kind, actor, data })
}

const NAMED = new Set([
  'own',
  ...DIAGNOSTICS_PURPOSES.keys(),
  ...DIAGNOSTICS_FORBIDDEN.keys(),
  ...PURPOSES.map(({ id }) => id),
])

/** A stated purpose is somebody's own words: only one that has a name stands in an entry. */
function nameOf(purpose: string): string {
  return NAMED.has(purpose) ? purpose : 'other'
}

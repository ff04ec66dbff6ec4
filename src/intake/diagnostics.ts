import type { DiagnosticsLevel } from '#catalog/diagnostics.ts'
import type { Reader, Transaction } from '#database/handles.ts'
import { type Json, canonicalJson } from '#foundation/canonical-json.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { keyedHash } from '#foundation/hashing.ts'
import { newOrderedId } from '#foundation/ids.ts'
import { type Refusal, type RefusalCode, refuse } from '#foundation/refusal.ts'
import type { Keys } from '#keys/keys.ts'
import { append } from '#ledger/append.ts'
import {
  type DiagnosticsSettings,
  keepDiagnostics,
  lockDiagnosticsSettings,
  readDiagnosticsSettings,
  removeExpiredDiagnostics,
  setDiagnosticsLevel,
} from '#records/diagnostics.ts'
import { bumpFactsVersion } from '#tenants/facts-version.ts'
import { readTenant } from '#tenants/tenant.ts'
import { keyedForm } from './diagnostics-hash.ts'
import { type DiagnosticsReport, type SortedItem, sortDiagnostics } from './diagnostics-sort.ts'

export interface DiagnosticsBy {
  readonly actor: string
  readonly now: number
}

/** What of a report would be kept, value by value. */
export interface DiagnosticsPreview {
  readonly level: DiagnosticsLevel
  readonly items: readonly SortedItem[]
}

/** What was kept of a report. */
export interface DiagnosticsReceived {
  readonly packageId: string
  readonly level: DiagnosticsLevel
  readonly kept: number
  readonly hashed: number
  /** How many items and values were not, by reason. */
  readonly dropped: Readonly<Record<string, number>>
}

/** Values of one report beyond which it is refused. */
const MOST_VALUES = 20_000

/** The tenant's level now; the least until one was chosen. */
export function diagnosticsSettings(reader: Reader): Promise<DiagnosticsSettings> {
  return readDiagnosticsSettings(reader)
}

/** Chooses how much sites may send in. What was kept above a lowered level is removed in the same commit. */
export async function chooseDiagnosticsLevel(
  tx: Transaction,
  level: DiagnosticsLevel,
  by: DiagnosticsBy,
): Promise<void> {
  const removed = await setDiagnosticsLevel(tx, level, { actor: by.actor, at: by.now })
  await bumpFactsVersion(tx)
  await append(tx, entryOf(by, 'diagnostics.level', { level, removed }))
}

/**
 * Shows what would be kept of a report, at the tenant's level or at another to compare. Keeps nothing.
 *
 * @returns `body_too_large` when there are too many values
 */
export async function previewDiagnostics(
  reader: Reader,
  keys: Keys,
  report: DiagnosticsReport,
  at?: DiagnosticsLevel,
): Promise<DiagnosticsPreview | Refusal> {
  const { level } = await readDiagnosticsSettings(reader)
  const keyed = await tenantHash(reader, keys)
  const items = sortDiagnostics(report, at ?? level, keyed)
  if (valuesIn(items) > MOST_VALUES) return refuse('body_too_large')
  return { level: at ?? level, items }
}

/**
 * The door in for diagnostics. What is above the tenant's level, unknown, or an identifier stops here, in memory, and
 * is counted (P12). What is kept leads to no person and no device: there is no subject in it.
 *
 * @returns what was kept; or `tenant_closed`, `body_too_large`, `nothing_allowed`, which is then what is recorded
 */
export async function receiveDiagnostics(
  tx: Transaction,
  keys: Keys,
  report: DiagnosticsReport,
  by: DiagnosticsBy,
): Promise<DiagnosticsReceived | Refusal> {
  const { level } = await lockDiagnosticsSettings(tx)
  const keyed = await tenantHash(tx, keys)
  const items = sortDiagnostics(report, level, keyed)
  const dropped = countDropped(items)
  const kept = Object.fromEntries(
    items.flatMap(({ id, kept: value }) => (value === undefined ? [] : [[id, value] as const])),
  )
  const tenant = await readTenant(tx)
  if (tenant?.state !== 'open') return recordRefused(tx, 'tenant_closed', dropped, by)
  if (valuesIn(items) > MOST_VALUES) return recordRefused(tx, 'body_too_large', dropped, by)
  if (Object.keys(kept).length === 0) return recordRefused(tx, 'nothing_allowed', dropped, by)
  const packageId = newOrderedId(by.now)
  const made = {
    packageId,
    source: keyed(report.hierarchyId),
    productVersion: report.productVersion,
    level,
    collectedAt: report.collectedAt,
    receivedAt: by.now,
    items: kept,
  }
  await removeExpiredDiagnostics(tx, by.now)
  await keepDiagnostics(tx, made)
  const hashed = countHashed(items)
  const commit = await keys.payloadCommitment(tx)
  const data = {
    package: packageId,
    level,
    items: Object.fromEntries(Object.keys(kept).map((id) => [id, countKept(items, id)])),
    hashed,
    dropped,
    payload: commit(canonicalJson(kept)),
  }
  await append(tx, entryOf(by, 'diagnostics.received', data))
  return { packageId, level, kept: Object.keys(kept).length, hashed, dropped }
}

/** Under a key that the tenant has for nothing else: what is hashed here equals nothing that is hashed elsewhere. */
async function tenantHash(reader: Reader, keys: Keys): Promise<(text: string) => string> {
  const keyed = keyedHash(await keys.pseudonymKey(reader, 'configuration-manager/diagnostics'))
  return (text) => keyedForm(keyed, text)
}

async function recordRefused(
  tx: Transaction,
  reason: RefusalCode,
  dropped: Readonly<Record<string, number>>,
  by: DiagnosticsBy,
): Promise<Refusal> {
  await append(tx, entryOf(by, 'refusal', { door: 'diagnostics', reason, dropped }))
  return refuse(reason)
}

function entryOf(
  by: DiagnosticsBy,
  kind: 'refusal' | 'diagnostics.level' | 'diagnostics.received',
  data: { readonly [key: string]: Json },
) {
  return { id: newOrderedId(by.now), at: toTimestamp(by.now), kind, actor: by.actor, data }
}

const valuesIn = (items: readonly SortedItem[]): number =>
  items.reduce((sum, { values }) => sum + values.length, 0)

const countHashed = (items: readonly SortedItem[]): number =>
  items.reduce((sum, one) => sum + one.values.filter((v) => v.outcome === 'hashed').length, 0)

const countKept = (items: readonly SortedItem[], id: string): number =>
  items.find((one) => one.id === id && one.kept !== undefined)?.values.length ?? 0

/** Items that are dropped whole count once; of the others each dropped value. */
function countDropped(items: readonly SortedItem[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { values, reason, outcome } of items) {
    const reasons = values.flatMap((value) => (value.outcome === 'dropped' ? [value.reason] : []))
    if (outcome === 'dropped' && values.length === 0) reasons.push(reason)
    for (const one of reasons) if (one) counts[one] = (counts[one] ?? 0) + 1
  }
  return counts
}

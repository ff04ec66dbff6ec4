import { INSTALLATION } from '#database/handles.ts'
import { canonicalJson, type Json } from '#foundation/canonical-json.ts'
import { sha256Hex } from '#foundation/hashing.ts'
import { newOrderedId } from '#foundation/ids.ts'
import { type Refusal, isRefusal, refuse } from '#foundation/refusal.ts'
import { changeIncident } from './change-incident.ts'
import { readIncident } from './incident.table.ts'
import { packetHash } from './packet.ts'
import { type BreachParts, type By, byActor } from './parts.ts'
import { publish } from './publish.ts'
import { candidateTenants, prepareScope, scopeOfTenant } from './scope.ts'
import {
  type ComputedScope,
  readCriteria,
  readRunning,
  readScope,
  touchedTenants,
} from './scope.table.ts'
import { type TenantDifference, differenceOf } from './scope-difference.ts'
import type { TenantScope } from './tenant-scope.ts'

/**
 * Computes the scope of the incident from its criteria: first what to look for and up to where, durably; then each
 * tenant's part in the tenant's own rows; then that it is done. A node that dies in the middle leaves a scope that
 * `running`; the next call goes on with it, and finds the same.
 *
 * @returns `incident_unknown`, `incident_state` where it is not open, `query_invalid` without a criterion
 */
export async function computeScope(
  parts: BreachParts,
  incidentId: string,
  by: By,
): Promise<ComputedScope | Refusal> {
  const incident = await parts.database.read(INSTALLATION, (reader) =>
    readIncident(reader, parts.keys, incidentId),
  )
  if (!incident) return refuse('incident_unknown', { incident: incidentId })
  if (incident.state !== 'open') return refuse('incident_state', { state: incident.state })
  const begun = (await readRunning(parts, incidentId)) ?? (await begin(parts, incidentId, by))
  if (isRefusal(begun)) return begun
  const previous = begun.previous ? await readScope(parts, incidentId, begun.previous) : undefined
  const totals = { tenants: 0, subjects: 0, records: 0 }
  for (const tenantId of await tenantsToLookAt(parts, begun, previous)) {
    const [now] = await tenantPart(parts, begun, previous, tenantId, by.now)
    if (!now || now.entries === 0) continue
    totals.tenants++
    totals.subjects += now.subjects.length
    totals.records += now.records.length
  }
  const done = await finish(parts, begun, totals, by)
  if (isRefusal(done)) return done
  await publish(parts, incidentId, by.now)
  return { ...begun, ...totals, state: 'done' }
}

async function begin(
  parts: BreachParts,
  incidentId: string,
  by: By,
): Promise<ComputedScope | Refusal> {
  const criteria = await parts.database.read(INSTALLATION, (reader) =>
    readCriteria(reader, incidentId),
  )
  if (criteria.length === 0) return refuse('query_invalid', { field: 'criteria' })
  const prepared = await prepareScope(
    parts,
    criteria.map((one) => one.criterion),
  )
  const scopeId = newOrderedId(by.now)
  await parts.database.write(INSTALLATION, async (tx) => {
    // Of two that begin at once one makes the row; the other goes on with it.
    await tx.change(
      `insert into breach_scopes (tenant_id, incident_id, scope_id, state, computed_by, computed_at, probes, complete_to,
         previous, tenants, subjects, records)
       select $1, $2, $3, 'running', $4, $5, $6, $7, i.scope_id, 0, 0, 0
         from breach_incidents i where i.tenant_id = $1 and i.incident_id = $2 on conflict do nothing`,
      [
        tx.tenantId,
        incidentId,
        scopeId,
        byActor(by).actor,
        new Date(by.now),
        JSON.stringify(prepared.probes),
        JSON.stringify(Object.fromEntries(prepared.completeTo)),
      ],
    )
  })
  const running = await readRunning(parts, incidentId)
  return running ?? refuse('incident_state', { incident: incidentId })
}

async function tenantsToLookAt(
  parts: BreachParts,
  scope: ComputedScope,
  previous: ComputedScope | undefined,
): Promise<readonly string[]> {
  const now = await candidateTenants(parts.database, scope.probes, [...scope.completeTo.keys()])
  if (!previous) return now
  const before = await touchedTenants(parts, scope.incidentId, previous.scopeId)
  return [...new Set([...now, ...before.map((one) => one.tenantId)])].toSorted()
}

/** The tenant's part now and before, and its row. A row that is there already is the same and stays. */
async function tenantPart(
  parts: BreachParts,
  scope: ComputedScope,
  previous: ComputedScope | undefined,
  tenantId: string,
  now: number,
): Promise<readonly [TenantScope, TenantDifference | undefined]> {
  const part = await scopeAt(parts, scope, tenantId)
  const before = previous ? [await scopeAt(parts, previous, tenantId)] : []
  const [difference] = differenceOf(before, [part])
  const isWorthARow = part.entries + part.excluded.entries + part.unattributed > 0 || difference
  if (!isWorthARow) return [part, undefined]
  await parts.database.write(tenantId, (tx) =>
    tx.change(
      `insert into breach_touched (tenant_id, incident_id, scope_id, is_touched, must_be_told, change, complete_to,
         entries, subjects, records, items, excluded_entries, unattributed, first_at, last_at, packet_hash, written_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) on conflict do nothing`,
      [
        tenantId,
        scope.incidentId,
        scope.scopeId,
        part.entries > 0,
        difference?.mustBeToldMore ?? false,
        difference?.change ?? 'same',
        part.completeTo,
        part.entries,
        part.subjects.length,
        part.records.length,
        JSON.stringify(part.items),
        part.excluded.entries,
        part.unattributed,
        part.firstSeen === undefined ? null : new Date(part.firstSeen),
        part.lastSeen === undefined ? null : new Date(part.lastSeen),
        packetHash(scope, part),
        new Date(now),
      ],
    ),
  )
  return [part, difference]
}

/** What of the tenant is in a computed scope: looked up anew in the tenant's log as it stood, so it is the same each time. */
export function scopeAt(
  parts: Pick<BreachParts, 'database' | 'catalog'>,
  scope: ComputedScope,
  tenantId: string,
): Promise<TenantScope> {
  return scopeOfTenant(parts, tenantId, scope.probes, scope.completeTo.get(tenantId) ?? 0)
}

async function finish(
  parts: BreachParts,
  scope: ComputedScope,
  totals: Pick<ComputedScope, 'tenants' | 'subjects' | 'records'>,
  by: By,
): Promise<true | Refusal> {
  return parts.database.write(INSTALLATION, async (tx) => {
    const { incidentId, scopeId } = scope
    const ended = await tx.change(
      `update breach_scopes set state = 'done', tenants = $4, subjects = $5, records = $6
        where tenant_id = $1 and incident_id = $2 and scope_id = $3 and state = 'running'`,
      [tx.tenantId, incidentId, scopeId, totals.tenants, totals.subjects, totals.records],
    )
    // Another node came to the end first.
    if (ended === 0) return true
    const changed = await changeIncident(tx, parts.keys, incidentId, by, () => ({
      event: { event: 'scope' },
      kind: 'scoped',
      entry: 'incident.scoped',
      about: {
        scope: scopeId,
        probes: sha256Hex(canonicalJson(scope.probes as unknown as Json)),
        logs: scope.completeTo.size,
        ...totals,
        ...(scope.previous === undefined ? {} : { previous: scope.previous }),
      },
      over: { scopeId },
    }))
    return isRefusal(changed) ? changed : true
  })
}

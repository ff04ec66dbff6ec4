import { INSTALLATION, type Reader } from '#database/handles.ts'
import type { Criterion, Probe } from './criterion.ts'
import type { BreachParts } from './parts.ts'
import type { TenantDifference } from './scope-difference.ts'

export interface ComputedScope {
  readonly scopeId: string
  readonly incidentId: string
  readonly computedBy: string
  readonly computedAt: number
  readonly state: 'running' | 'done'
  readonly probes: readonly Probe[]
  /** Log to the size up to which it was looked at. */
  readonly completeTo: ReadonlyMap<string, number>
  readonly previous: string | undefined
  readonly tenants: number
  readonly subjects: number
  readonly records: number
}

export async function readCriteria(reader: Reader, incidentId: string) {
  const rows = await reader.rows<{
    criterion_id: string
    criterion: Criterion
    added_by: string
    added_at: Date
  }>(
    `select criterion_id, criterion, added_by, added_at from breach_criteria
      where tenant_id = $1 and incident_id = $2 and removed_at is null order by added_at, criterion_id`,
    [INSTALLATION, incidentId],
  )
  return rows.map((row) => ({
    criterionId: row.criterion_id,
    criterion: row.criterion,
    addedBy: row.added_by,
    addedAt: row.added_at.getTime(),
  }))
}

interface ScopeRow {
  readonly scope_id: string
  readonly incident_id: string
  readonly state: 'running' | 'done'
  readonly computed_by: string
  readonly computed_at: Date
  readonly probes: readonly Probe[]
  readonly complete_to: Readonly<Record<string, number>>
  readonly previous: string | null
  readonly tenants: number
  readonly subjects: number
  readonly records: number
}

async function readScopes(
  { database }: Pick<BreachParts, 'database'>,
  condition: string,
  values: readonly unknown[],
): Promise<readonly ComputedScope[]> {
  const rows = await database.read(INSTALLATION, (reader) =>
    reader.rows<ScopeRow>(
      `select scope_id, incident_id, state, computed_by, computed_at, probes, complete_to, previous, tenants, subjects,
              records
         from breach_scopes where tenant_id = $1 and incident_id = $2 and ${condition} order by scope_id`,
      [INSTALLATION, ...values],
    ),
  )
  return rows.map((row) => ({
    scopeId: row.scope_id,
    incidentId: row.incident_id,
    state: row.state,
    computedBy: row.computed_by,
    computedAt: row.computed_at.getTime(),
    probes: row.probes,
    completeTo: new Map(Object.entries(row.complete_to)),
    previous: row.previous ?? undefined,
    tenants: row.tenants,
    subjects: row.subjects,
    records: row.records,
  }))
}

export async function readRunning(
  parts: Pick<BreachParts, 'database'>,
  incidentId: string,
): Promise<ComputedScope | undefined> {
  return (await readScopes(parts, `state = 'running'`, [incidentId]))[0]
}

export async function readScope(
  parts: Pick<BreachParts, 'database'>,
  incidentId: string,
  scopeId: string,
): Promise<ComputedScope | undefined> {
  return (await readScopes(parts, 'scope_id = $3', [incidentId, scopeId]))[0]
}

/** Every computed scope of the incident, the oldest first. */
export function listScopes(
  parts: Pick<BreachParts, 'database'>,
  incidentId: string,
): Promise<readonly ComputedScope[]> {
  return readScopes(parts, 'true', [incidentId])
}

/** One touched tenant, in counts: what the operator may see of it. */
export interface TouchedTenant {
  readonly tenantId: string
  readonly scopeId: string
  readonly isTouched: boolean
  /** Whether there is something that an earlier scope did not tell. */
  readonly mustBeTold: boolean
  readonly change: TenantDifference['change']
  readonly completeTo: number
  readonly entries: number
  readonly subjects: number
  readonly records: number
  readonly excludedEntries: number
  readonly unattributed: number
  readonly firstSeen: number | undefined
  readonly lastSeen: number | undefined
  readonly packetHash: string
}

/** All tenants of one computed scope, those that it excluded or that are no longer touched among them. */
export async function touchedTenants(
  { database }: Pick<BreachParts, 'database'>,
  incidentId: string,
  scopeId: string,
): Promise<readonly TouchedTenant[]> {
  const rows = await database.read(INSTALLATION, (reader) =>
    reader.rows<{
      tenant_id: string
      scope_id: string
      is_touched: boolean
      must_be_told: boolean
      change: TenantDifference['change']
      complete_to: number
      entries: number
      subjects: number
      records: number
      excluded_entries: number
      unattributed: number
      first_at: Date | null
      last_at: Date | null
      packet_hash: string
    }>('select * from sluss_breach_touched($1) where scope_id = $2 order by tenant_id', [
      incidentId,
      scopeId,
    ]),
  )
  return rows.map((row) => ({
    tenantId: row.tenant_id,
    scopeId: row.scope_id,
    isTouched: row.is_touched,
    mustBeTold: row.must_be_told,
    change: row.change,
    completeTo: row.complete_to,
    entries: row.entries,
    subjects: row.subjects,
    records: row.records,
    excludedEntries: row.excluded_entries,
    unattributed: row.unattributed,
    firstSeen: row.first_at?.getTime(),
    lastSeen: row.last_at?.getTime(),
    packetHash: row.packet_hash,
  }))
}

import type { Reader, Transaction } from '#database/handles.ts'
import type { ListSource } from '#database/list.ts'
import { isUuid } from '#foundation/ids.ts'
import type { Keys } from '#keys/keys.ts'
import type { Ground, Impact, IncidentClass, IncidentState, Phase, Standing } from './incident.ts'

/** An incident as its row has it; times are UTC milliseconds. */
export interface Incident extends Omit<Standing, 'isDeclared' | 'isScoped'> {
  readonly incidentId: string
  readonly title: string
  readonly detectedAt: number
  readonly openedBy: string
  readonly openedAt: number
  readonly declared:
    | {
        readonly at: number
        readonly accountId: string
        readonly marks: readonly string[]
        readonly ground: Ground
      }
    | undefined
  readonly mergedInto: string | undefined
  readonly endedAt: number | undefined
  /** The newest computed scope. */
  readonly scopeId: string | undefined
  readonly version: number
}

export interface IncidentRow {
  readonly incident_id: string
  readonly title: Buffer
  readonly phase: Phase
  readonly state: IncidentState
  readonly class: IncidentClass
  readonly impact: Impact
  readonly detected_at: Date
  readonly opened_by: string
  readonly opened_at: Date
  readonly declared_at: Date | null
  readonly declared_by: string | null
  readonly declarer_marks: readonly string[]
  readonly ground: Ground | null
  readonly merged_into: string | null
  readonly ended_at: Date | null
  readonly post_mortem: boolean
  readonly scope_id: string | null
  readonly version: number
}

const COLUMNS = `i.incident_id, i.title, i.phase, i.state, i.class, i.impact, i.detected_at, i.opened_by, i.opened_at,
  i.declared_at, i.declared_by, i.declarer_marks, i.ground, i.merged_into, i.ended_at, i.post_mortem, i.scope_id, i.version`

const titleContext = (incidentId: string): string => `breach-incident/${incidentId}/title`

export function standingOf(incident: Incident): Standing {
  const { phase, state, class: kind, impact, hasPostMortem } = incident
  return {
    phase,
    state,
    class: kind,
    impact,
    hasPostMortem,
    isDeclared: incident.declared !== undefined,
    isScoped: incident.scopeId !== undefined,
  }
}

export async function readIncident(
  reader: Reader,
  keys: Keys,
  incidentId: string,
  lock: '' | 'for update' = '',
): Promise<Incident | undefined> {
  if (!isUuid(incidentId)) return undefined
  const [row] = await reader.rows<IncidentRow>(
    `select ${COLUMNS} from breach_incidents i where i.tenant_id = $1 and i.incident_id = $2 ${lock}`,
    [reader.tenantId, incidentId],
  )
  return row && toIncident(reader, keys, row)
}

export async function toIncident(reader: Reader, keys: Keys, row: IncidentRow): Promise<Incident> {
  const { incident_id: incidentId } = row
  const title = await keys.openForTenant(reader, titleContext(incidentId), row.title)
  return {
    incidentId,
    title: title.toString(),
    phase: row.phase,
    state: row.state,
    class: row.class,
    impact: row.impact,
    hasPostMortem: row.post_mortem,
    detectedAt: row.detected_at.getTime(),
    openedBy: row.opened_by,
    openedAt: row.opened_at.getTime(),
    declared:
      row.declared_at && row.declared_by && row.ground
        ? {
            at: row.declared_at.getTime(),
            accountId: row.declared_by,
            marks: row.declarer_marks,
            ground: row.ground,
          }
        : undefined,
    mergedInto: row.merged_into ?? undefined,
    endedAt: row.ended_at?.getTime(),
    scopeId: row.scope_id ?? undefined,
    version: row.version,
  }
}

/** Incidents for a list: fields `id`, `phase`, `state`, `class`, `impact` and the times. */
export function incidentList(reader: Reader): ListSource {
  return {
    select: COLUMNS,
    from: 'breach_incidents i where i.tenant_id = $1',
    values: [reader.tenantId],
    columns: {
      id: { sql: 'i.incident_id', type: 'uuid' },
      phase: { sql: 'i.phase', type: 'text' },
      state: { sql: 'i.state', type: 'text' },
      classification: { sql: 'i.class', type: 'text' },
      informationImpact: { sql: 'i.impact', type: 'text' },
      detectedDateTime: { sql: 'i.detected_at', type: 'timestamptz' },
      createdDateTime: { sql: 'i.opened_at', type: 'timestamptz' },
      declaredDateTime: { sql: 'i.declared_at', type: 'timestamptz' },
    },
    key: 'id',
  }
}

export async function insertIncident(
  tx: Transaction,
  keys: Keys,
  incident: Pick<Incident, 'incidentId' | 'title' | 'detectedAt' | 'openedBy' | 'openedAt'>,
): Promise<void> {
  const { incidentId, title, detectedAt, openedBy, openedAt } = incident
  await tx.change(
    `insert into breach_incidents (tenant_id, incident_id, title, phase, state, class, impact, detected_at, opened_by,
       opened_at, version)
     values ($1, $2, $3, 'detect', 'open', 'unclassified', 'unknown', $4, $5, $6, 1)`,
    [
      tx.tenantId,
      incidentId,
      await keys.sealForTenant(tx, titleContext(incidentId), Buffer.from(title)),
      new Date(detectedAt),
      openedBy,
      new Date(openedAt),
    ],
  )
}

/** Writes what an event changed. The row is locked by whoever read it. */
export async function updateIncident(tx: Transaction, incident: Incident): Promise<void> {
  const { declared } = incident
  await tx.change(
    `update breach_incidents set phase = $3, state = $4, class = $5, impact = $6, declared_at = $7, declared_by = $8,
       declarer_marks = $9, ground = $10, merged_into = $11, ended_at = $12, post_mortem = $13, scope_id = $14,
       version = version + 1
      where tenant_id = $1 and incident_id = $2`,
    [
      tx.tenantId,
      incident.incidentId,
      incident.phase,
      incident.state,
      incident.class,
      incident.impact,
      declared ? new Date(declared.at) : null,
      declared?.accountId ?? null,
      declared?.marks ?? [],
      declared?.ground ?? null,
      incident.mergedInto ?? null,
      incident.endedAt === undefined ? null : new Date(incident.endedAt),
      incident.hasPostMortem,
      incident.scopeId ?? null,
    ],
  )
}

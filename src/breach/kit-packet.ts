import type { Reader } from '#database/handles.ts'
import { type Refusal, isRefusal, refuse } from '#foundation/refusal.ts'
import { type Awareness, awarenessOf } from './awareness.ts'
import { packetFor } from './packet-for.ts'
import type { Packet } from './packet.ts'
import type { BreachParts } from './parts.ts'

/** An incident of which the tenant's own log tells it. */
export interface ToldIncident {
  readonly incidentId: string
  /** The newest scope that the log tells of. */
  readonly scopeId: string
  readonly toldAt: number
  readonly isTouched: boolean
  readonly ended: 'merged' | 'retracted' | undefined
  readonly subjects: number
  readonly records: number
  readonly packetHash: string
  /** The tenant's own 72 hours; undefined until a notice reached it. */
  readonly awareness: Awareness | undefined
}

/** Incidents that the tenant of the handle was told of, the newest first. What was not told to it does not exist for it. */
export async function toldIncidents(
  reader: Reader,
  now: number,
  incidentId?: string,
): Promise<readonly ToldIncident[]> {
  const rows = await reader.rows<{
    incident_id: string
    scope_id: string
    published_at: Date
    is_touched: boolean
    subjects: number
    records: number
    packet_hash: string
    ended: ToldIncident['ended'] | null
  }>(
    `select distinct on (t.incident_id) t.incident_id, t.scope_id, p.published_at, t.is_touched, t.subjects, t.records,
            t.packet_hash,
            (select e.what from breach_published e where e.tenant_id = $1 and e.incident_id = t.incident_id
                and e.what in ('merged', 'retracted')) as ended
       from breach_published p
       join breach_touched t on t.tenant_id = $1 and t.incident_id = p.incident_id and t.scope_id::text = p.what
      where p.tenant_id = $1 and ($2::uuid is null or p.incident_id = $2)
      order by t.incident_id, t.written_at desc, t.scope_id desc`,
    [reader.tenantId, incidentId ?? null],
  )
  const told: ToldIncident[] = []
  for (const row of rows)
    told.push({
      incidentId: row.incident_id,
      scopeId: row.scope_id,
      toldAt: row.published_at.getTime(),
      isTouched: row.is_touched,
      ended: row.ended ?? undefined,
      subjects: row.subjects,
      records: row.records,
      packetHash: row.packet_hash,
      awareness: await awarenessOf(reader, row.incident_id, now),
    })
  return told.toSorted((a, b) => b.toldAt - a.toldAt)
}

/**
 * What the tenant may take with it of an incident: the packet of the newest scope that its log tells of.
 *
 * @returns `incident_unknown` for one that it was not told of, as for one that does not exist
 */
export async function packetOfTenant(
  parts: BreachParts,
  tenantId: string,
  incidentId: string,
  now: number,
): Promise<{ readonly told: ToldIncident; readonly packet: Packet } | Refusal> {
  const [told] = await parts.database.read(tenantId, (reader) =>
    toldIncidents(reader, now, incidentId),
  )
  if (!told) return refuse('incident_unknown', { incident: incidentId })
  const packet = await packetFor(parts, incidentId, tenantId, told.scopeId)
  return isRefusal(packet) ? packet : { told, packet }
}

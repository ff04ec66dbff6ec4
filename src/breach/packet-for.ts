import { INSTALLATION } from '#database/handles.ts'
import { type Refusal, refuse } from '#foundation/refusal.ts'
import { scopeAt } from './compute-scope.ts'
import { readIncident } from './incident.table.ts'
import { type Packet, packetOf } from './packet.ts'
import type { BreachParts } from './parts.ts'
import { readScope } from './scope.table.ts'

/**
 * What the tenant is handed of the newest scope of the incident, or of an earlier one. It is looked up anew and is the
 * same each time: its SHA-256 stands in the tenant's log.
 *
 * @returns `incident_unknown`, or `scope_missing` before a scope was computed
 */
export async function packetFor(
  parts: BreachParts,
  incidentId: string,
  tenantId: string,
  scopeId?: string,
): Promise<Packet | Refusal> {
  const incident = await parts.database.read(INSTALLATION, (reader) =>
    readIncident(reader, parts.keys, incidentId),
  )
  if (!incident) return refuse('incident_unknown', { incident: incidentId })
  const wanted = scopeId ?? incident.scopeId
  const scope = wanted === undefined ? undefined : await readScope(parts, incidentId, wanted)
  if (!scope) return refuse('scope_missing', { incident: incidentId })
  return packetOf(scope, await scopeAt(parts, scope, tenantId))
}

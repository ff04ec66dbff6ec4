import { z } from 'zod'
import { awarenessOfAll } from '#breach/awareness.ts'
import { computeScope } from '#breach/compute-scope.ts'
import {
  type ComputedScope,
  listScopes,
  readCriteria,
  readScope,
  touchedTenants,
} from '#breach/scope.table.ts'
import { addCriterion, removeCriterion } from '#breach/incidents.ts'
import { readIncident } from '#breach/incident.table.ts'
import { outsideOf } from '#breach/packet.ts'
import { INSTALLATION } from '#database/handles.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { isRefusal, refuse } from '#foundation/refusal.ts'
import { type Endpoint, changeEndpoint, listEndpoint } from '../endpoint.ts'
import { listInMemory } from '../odata/list-in-memory.ts'
import {
  BASE,
  HANDLE,
  type IncidentEndpointParts,
  OPERATOR,
  PAGE,
  READ,
  both,
  byOf,
  clockAnswer,
  criterionBody,
  criterionOf,
  describeClock,
  nothing,
  numbered,
  reason,
  stamp,
} from './shapes.ts'

const scopeAnswer = z.object({
  id: z.string(),
  state: z.enum(['running', 'done']),
  computedBy: z.string(),
  computedDateTime: z.string(),
  previousScopeId: z.string().nullable(),
  /** Logs that were looked at. */
  logCount: z.int(),
  tenantCount: z.int(),
  subjectCount: z.int(),
  recordCount: z.int(),
})

const describeScope = (scope: ComputedScope): z.input<typeof scopeAnswer> => ({
  id: scope.scopeId,
  state: scope.state,
  computedBy: scope.computedBy,
  computedDateTime: toTimestamp(scope.computedAt),
  previousScopeId: scope.previous ?? null,
  logCount: scope.completeTo.size,
  tenantCount: scope.tenants,
  subjectCount: scope.subjects,
  recordCount: scope.records,
})

/** `security/incidents/{id}/criteria`, `/scopes`, `/touchedTenants`: whom an incident touched. */
export function incidentScopeEndpoints(parts: IncidentEndpointParts): readonly Endpoint[] {
  return [...criteriaEndpoints(parts), ...scopeEndpoints(parts), touchedEndpoint(parts)]
}

const criterionAnswer = z.object({
  id: z.string(),
  kind: z.string(),
  name: z.string().nullable(),
  fromDateTime: z.string(),
  toDateTime: z.string(),
  touches: z.array(z.string()).nullable(),
  tenants: z.array(z.string()).nullable(),
  readable: z.string(),
  createdBy: z.string(),
  createdDateTime: z.string(),
})

function criteriaEndpoints({ breach }: IncidentEndpointParts): readonly Endpoint[] {
  return [
    listEndpoint({
      id: 'listIncidentCriteria',
      path: `${BASE}/{id}/criteria`,
      summary: 'What the scope begins from',
      realms: OPERATOR,
      permission: READ,
      params: numbered,
      answer: criterionAnswer,
      pageSize: PAGE,
      fields: { id: both, kind: both, createdDateTime: both },
      list: (_, { id }, query) =>
        breach.database.read(INSTALLATION, async (reader) => {
          if (!(await readIncident(reader, breach.keys, id))) return refuse('incident_unknown')
          const rows = (await readCriteria(reader, id)).map((one) => ({
            id: one.criterionId,
            kind: one.criterion.kind,
            name: one.criterion.name ?? null,
            fromDateTime: toTimestamp(one.criterion.from),
            toDateTime: toTimestamp(one.criterion.to),
            touches: one.criterion.touches ? [...one.criterion.touches] : null,
            tenants: one.criterion.tenants ? [...one.criterion.tenants] : null,
            readable: one.criterion.readable,
            createdBy: one.addedBy,
            createdDateTime: toTimestamp(one.addedAt),
          }))
          return listInMemory(rows, 'id', query)
        }),
    }),
    changeEndpoint({
      id: 'addCriterionToIncident',
      path: `${BASE}/{id}/addCriterion`,
      method: 'POST',
      summary:
        'Adds what the scope begins from: a key, account, party, connection, grant, node or time',
      realms: OPERATOR,
      permission: HANDLE,
      params: numbered,
      body: criterionBody,
      answer: z.object({ id: z.string() }),
      success: 201,
      change: async (call, { id }, body) => {
        const added = await addCriterion(breach, id, criterionOf(body), byOf(call))
        return isRefusal(added) ? added : { id: added }
      },
    }),
    changeEndpoint({
      id: 'removeCriterionFromIncident',
      path: `${BASE}/{id}/removeCriterion`,
      method: 'POST',
      summary: 'Takes a criterion out, with a reason; what was computed stays on record',
      realms: OPERATOR,
      permission: HANDLE,
      params: numbered,
      body: z.strictObject({ criterionId: z.uuid(), reason }),
      answer: z.object({ id: z.string() }),
      success: 200,
      change: async (call, { id }, body) => {
        const gone = await removeCriterion(breach, id, body.criterionId, body.reason, byOf(call))
        return isRefusal(gone) ? gone : { id: body.criterionId }
      },
    }),
  ]
}

function scopeEndpoints({ breach }: IncidentEndpointParts): readonly Endpoint[] {
  return [
    changeEndpoint({
      id: 'computeScopeOfIncident',
      path: `${BASE}/{id}/computeScope`,
      method: 'POST',
      summary: 'Looks up in all logs whom it touched; goes on with a computation that broke off',
      realms: OPERATOR,
      permission: HANDLE,
      params: numbered,
      body: nothing,
      answer: scopeAnswer,
      success: 200,
      change: async (call, { id }) => {
        const scope = await computeScope(breach, id, byOf(call))
        return isRefusal(scope) ? scope : describeScope(scope)
      },
    }),
    listEndpoint({
      id: 'listIncidentScopes',
      path: `${BASE}/{id}/scopes`,
      summary: 'Every scope that was computed',
      realms: OPERATOR,
      permission: READ,
      params: numbered,
      answer: scopeAnswer,
      pageSize: PAGE,
      fields: { id: both, state: both, computedDateTime: both, tenantCount: both },
      list: async (_, { id }, query) => {
        const found = await breach.database.read(INSTALLATION, (reader) =>
          readIncident(reader, breach.keys, id),
        )
        if (!found) return refuse('incident_unknown')
        return listInMemory((await listScopes(breach, id)).map(describeScope), 'id', query)
      },
    }),
  ]
}

const touchedAnswer = z.object({
  id: z.string(),
  scopeId: z.string(),
  isTouched: z.boolean(),
  mustBeToldMore: z.boolean(),
  change: z.enum(['new', 'more', 'less', 'moreAndLess', 'same', 'gone']),
  tenantState: z.enum(['open', 'closing', 'closed', 'deleted']),
  completeTo: z.int(),
  entryCount: z.int(),
  subjectCount: z.int(),
  recordCount: z.int(),
  excludedEntryCount: z.int(),
  unattributedEntryCount: z.int(),
  firstSeenDateTime: z.string().nullable(),
  lastSeenDateTime: z.string().nullable(),
  /** The same in the zone of the tenant, with the offset. */
  firstSeenLocal: z.string().nullable(),
  lastSeenLocal: z.string().nullable(),
  packetHash: z.string(),
  /** The tenant's own 72 hours; null until it was reached. */
  clock: clockAnswer.nullable(),
})

/** Counts and identifiers only: what exactly was touched is for the tenant. */
function touchedEndpoint({ breach }: IncidentEndpointParts): Endpoint {
  return listEndpoint({
    id: 'listIncidentTouchedTenants',
    path: `${BASE}/{id}/touchedTenants`,
    summary: 'Tenants of the newest scope, what changed since the one before, and their clocks',
    realms: OPERATOR,
    permission: READ,
    params: numbered,
    answer: touchedAnswer,
    pageSize: PAGE,
    fields: {
      id: both,
      isTouched: both,
      mustBeToldMore: both,
      change: both,
      subjectCount: both,
      recordCount: both,
    },
    list: async (call, { id }, query) => {
      const incident = await breach.database.read(INSTALLATION, (reader) =>
        readIncident(reader, breach.keys, id),
      )
      if (!incident) return refuse('incident_unknown')
      const scope = incident.scopeId ? await readScope(breach, id, incident.scopeId) : undefined
      if (!scope) return refuse('scope_missing', { incident: id })
      const aware = await awarenessOfAll(breach.database, id, call.now)
      const all = await touchedTenants(breach, id, scope.scopeId)
      const touched = all.map((one) => ({
        id: one.tenantId,
        scopeId: one.scopeId,
        isTouched: one.isTouched,
        mustBeToldMore: one.mustBeTold,
        change: one.change,
        completeTo: one.completeTo,
        entryCount: one.entries,
        subjectCount: one.subjects,
        recordCount: one.records,
        excludedEntryCount: one.excludedEntries,
        unattributedEntryCount: one.unattributed,
        firstSeenDateTime: stamp(one.firstSeen),
        lastSeenDateTime: stamp(one.lastSeen),
        packetHash: one.packetHash,
        clock: describeClock(aware.get(one.tenantId)?.clock),
      }))
      const page = listInMemory(touched, 'id', query)
      const rows = []
      for (const row of page.rows) {
        const found = all.find((one) => one.tenantId === row.id)
        const outside = found && (await outsideOf(breach, found))
        if (!outside) continue
        rows.push({
          ...row,
          tenantState: outside.state,
          firstSeenLocal: outside.firstSeen ?? null,
          lastSeenLocal: outside.lastSeen ?? null,
        })
      }
      return { ...page, rows }
    },
  })
}

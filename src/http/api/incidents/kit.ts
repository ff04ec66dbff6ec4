import { z } from 'zod'
import { type KitParts, exportTouched, toCsv, touchedRecords } from '#breach/kit-people.ts'
import { kitOf } from '#breach/kit.ts'
import { type ToldIncident, packetOfTenant, toldIncidents } from '#breach/kit-packet.ts'
import { postMortemReport } from '#breach/post-mortem.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { isRefusal } from '#foundation/refusal.ts'
import type { ViewedRecord } from '#viewing/project.ts'
import type { Viewing } from '#viewing/view.ts'
import { type Call, type Endpoint, getEndpoint, listEndpoint } from '../endpoint.ts'
import { listInMemory } from '../odata/list-in-memory.ts'
import { viewerOf } from '../viewing/records.ts'
import {
  BASE,
  type IncidentEndpointParts,
  OPERATOR,
  PAGE,
  READ,
  both,
  clockAnswer,
  describeClock,
  noParams,
  numbered,
} from './shapes.ts'

export interface KitEndpointParts extends IncidentEndpointParts {
  readonly viewing: Viewing
}

const TOLD = '/security/touchedIncidents'
const TENANT = ['tenant'] as const
const AUDIT = 'Audit data/Read'

const told = z.object({
  id: z.string(),
  scopeId: z.string(),
  isTouched: z.boolean(),
  ended: z.enum(['merged', 'retracted']).nullable(),
  subjectCount: z.int(),
  recordCount: z.int(),
  packetHash: z.string(),
  createdDateTime: z.string(),
  /** The tenant's own 72 hours. */
  clock: clockAnswer.nullable(),
})

const describeTold = (one: ToldIncident): z.input<typeof told> => ({
  id: one.incidentId,
  scopeId: one.scopeId,
  isTouched: one.isTouched,
  ended: one.ended ?? null,
  subjectCount: one.subjects,
  recordCount: one.records,
  packetHash: one.packetHash,
  createdDateTime: toTimestamp(one.toldAt),
  clock: describeClock(one.awareness?.clock),
})

/**
 * `security/touchedIncidents`: for a tenant, the incidents that touched it, its own packet, and the controller's kit.
 * What it was not told of does not exist for it.
 */
export function controllersKitEndpoints(parts: KitEndpointParts): readonly Endpoint[] {
  return [...toldEndpoints(parts), ...peopleEndpoints(parts), postMortemEndpoint(parts)]
}

function toldEndpoints({ breach }: KitEndpointParts): readonly Endpoint[] {
  const common = { realms: TENANT, permission: AUDIT }
  return [
    listEndpoint({
      ...common,
      id: 'listTouchedIncidents',
      path: TOLD,
      summary: 'Incidents that touched the organisation',
      params: noParams,
      answer: told,
      pageSize: PAGE,
      fields: { id: both, isTouched: both, createdDateTime: both },
      list: async (call, _, query) => {
        const all = await breach.database.read(call.tenantId, (reader) =>
          toldIncidents(reader, call.now),
        )
        return listInMemory(all.map(describeTold), 'id', query)
      },
    }),
    getEndpoint({
      ...common,
      id: 'getTouchedIncidentPacket',
      path: `${TOLD}/{id}/packet`,
      summary: 'What of the organisation was touched; its SHA-256 stands in the log',
      params: numbered,
      answer: z.object({ id: z.string(), packetHash: z.string(), packet: z.unknown() }),
      get: async (call, { id }) => {
        const found = await packetOfTenant(breach, call.tenantId, id, call.now)
        if (isRefusal(found)) return found
        return { id, packetHash: found.told.packetHash, packet: found.packet }
      },
    }),
    getEndpoint({
      ...common,
      id: 'getControllersKit',
      path: `${TOLD}/{id}/controllersKit`,
      summary: 'Drafts for the authority and for people, in English and Swedish',
      params: numbered,
      answer: z.object({
        id: z.string(),
        incident: told,
        drafts: z.array(
          z.object({
            kind: z.enum(['authorityNotification', 'letterToPeople']),
            language: z.enum(['en', 'sv']),
            title: z.string(),
            sections: z.array(
              z.object({
                id: z.string(),
                heading: z.string(),
                text: z.string(),
                isFilled: z.boolean(),
              }),
            ),
          }),
        ),
      }),
      get: async (call, { id }) => {
        const kit = await kitOf(breach, call.tenantId, id, call.now)
        if (isRefusal(kit)) return kit
        const drafts = kit.drafts.map((draft) => ({ ...draft, sections: [...draft.sections] }))
        return { id, incident: describeTold(kit.told), drafts }
      },
    }),
  ]
}

const record = z.object({
  id: z.string(),
  connection: z.string(),
  items: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  masked: z.array(z.object({ item: z.string(), precision: z.string(), reason: z.string() })),
})

const describe = (row: ViewedRecord): z.input<typeof record> => ({
  id: row.recordId,
  connection: row.connectionId,
  items: { ...row.items },
  masked: row.marks.map((mark) => ({ ...mark })),
})

const KINDS = [
  { kind: 'person', noun: 'People', path: 'people', permission: 'Personal data/Read' },
  { kind: 'device', noun: 'Devices', path: 'devices', permission: 'Managed devices/Read' },
] as const

function peopleEndpoints({ breach, viewing }: KitEndpointParts): readonly Endpoint[] {
  const parts: KitParts = { ...breach, viewing }
  return KINDS.flatMap(({ kind, noun, path, permission }) => [
    listEndpoint({
      id: `listTouched${noun}`,
      path: `${TOLD}/{id}/${path}`,
      summary: 'Records that the incident touched, masked to what the caller may see',
      realms: TENANT,
      permission,
      params: numbered,
      answer: record,
      pageSize: PAGE,
      fields: {},
      list: async (call, { id }, { top, skip, count, after }) => {
        const paging = { top, skip, count, ...(after ? { after } : {}) }
        const asked = { incidentId: id, kind, paging }
        const page = await touchedRecords(parts, viewerOf(call), asked, call.now)
        if (isRefusal(page)) return page
        return { rows: page.rows.map(describe), next: page.next, count: page.count }
      },
    }),
    exportEndpoint(parts, { kind, noun, path, permission }),
  ])
}

/** A file, as Graph hands files over in JSON: `contentBytes` is base64. */
function exportEndpoint(
  parts: KitParts,
  {
    kind,
    noun,
    path,
    permission,
  }: { [Name in keyof (typeof KINDS)[number]]: (typeof KINDS)[number][Name] },
): Endpoint {
  return getEndpoint({
    id: `exportTouched${noun}`,
    path: `${TOLD}/{id}/${path}/export/{format}`,
    summary: 'The same as a file',
    realms: TENANT,
    permission,
    params: z.strictObject({ id: z.uuid(), format: z.enum(['csv', 'json']) }),
    answer: z.object({
      id: z.string(),
      contentType: z.string(),
      contentBytes: z.string(),
      /** False where there are more than one file holds: the list has the rest. */
      isComplete: z.boolean(),
    }),
    get: async (call: Call, { id, format }) => {
      const asked = { incidentId: id, kind }
      const found = await exportTouched(parts, viewerOf(call), asked, call.now)
      if (isRefusal(found)) return found
      const { rows, isComplete } = found
      const text = format === 'csv' ? toCsv(rows) : JSON.stringify(rows.map(describe), null, 2)
      return {
        id: `${id}-${path}.${format}`,
        contentType: format === 'csv' ? 'text/csv' : 'application/json',
        contentBytes: Buffer.from(text).toString('base64'),
        isComplete,
      }
    },
  })
}

function postMortemEndpoint({ breach }: IncidentEndpointParts): Endpoint {
  return getEndpoint({
    id: 'getIncidentPostMortemReport',
    path: `${BASE}/{id}/postMortemReport`,
    summary: 'The report of the incident as a document (Markdown), made from its record',
    realms: OPERATOR,
    permission: READ,
    params: numbered,
    answer: z.object({ id: z.string(), contentType: z.string(), text: z.string() }),
    get: async (call, { id }) => {
      const text = await postMortemReport(breach, id, call.now)
      return isRefusal(text) ? text : { id, contentType: 'text/markdown', text }
    },
  })
}

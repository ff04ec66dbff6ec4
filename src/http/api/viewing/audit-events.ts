import { z } from 'zod'
import type { Filter, ListQuery } from '#database/list.ts'
import { isRefusal } from '#foundation/refusal.ts'
import type { PlacedEntry } from '#ledger/list-entries.ts'
import { type Endpoint, getEndpoint, listEndpoint } from '../endpoint.ts'
import { PAGE, type ViewingParts, noParams, numbered, viewerOf } from './records.ts'

/** Names in Graph of what an entry says on its outside. */
const FIELDS: Readonly<Record<string, string>> = {
  id: 'id',
  activityDateTime: 'at',
  activityType: 'kind',
  activity: 'kind',
  'sluss/actor': 'actor',
  'sluss/index': 'index',
}
/** Kinds of actor that are a person, and those that are a program. */
const PEOPLE = ['admin', 'operator'] as const
const PROGRAMS = ['service', 'client', 'job', 'node'] as const
const BOTH = { filter: true, sort: true } as const
const EQUAL_ONLY = { filter: true, sort: false, whyNot: 'it is found by eq and in' } as const

const nullable = z.string().nullable()
const auditEvent = z.object({
  id: z.string(),
  displayName: z.string(),
  componentName: z.string(),
  activity: z.string(),
  activityDateTime: z.string(),
  activityType: z.string(),
  activityOperationType: z.string(),
  activityResult: z.string(),
  correlationId: z.string(),
  category: z.string(),
  actor: z.object({
    auditActorType: z.string(),
    applicationId: nullable,
    applicationDisplayName: nullable,
    userId: nullable,
    userPrincipalName: nullable,
    servicePrincipalName: nullable,
    ipAddress: nullable,
    userPermissions: z.array(z.string()),
  }),
  resources: z.array(
    z.object({
      auditResourceType: z.string(),
      displayName: nullable,
      resourceId: z.string(),
      modifiedProperties: z.array(z.object({})),
    }),
  ),
  /** The entry itself, as it is hashed into the log at that index. */
  sluss: z.object({
    index: z.number(),
    actor: z.string(),
    data: z.record(z.string(), z.json()),
  }),
})

/** The tenant's ledger in Graph's shape. There is no endpoint that changes it, for anybody. */
export function auditEventEndpoints({ viewing }: ViewingParts): readonly Endpoint[] {
  const common = {
    realms: ['tenant' as const],
    permission: 'Audit data/Read',
    answer: auditEvent,
  }
  return [
    listEndpoint({
      ...common,
      id: 'listAuditEvents',
      path: '/deviceManagement/auditEvents',
      summary: 'The ledger; reading it is recorded in it',
      params: noParams,
      fields: {
        ...Object.fromEntries(Object.keys(FIELDS).map((name) => [name, BOTH])),
        'actor/userId': EQUAL_ONLY,
        'actor/applicationId': EQUAL_ONLY,
      },
      pageSize: PAGE,
      list: async (call, _, query) => {
        const page = await viewing.readLedger(viewerOf(call), toLabels(query))
        if (isRefusal(page)) return page
        return { rows: page.rows.map(toAuditEvent), next: page.next, count: page.count }
      },
    }),
    getEndpoint({
      ...common,
      id: 'getAuditEvent',
      path: '/deviceManagement/auditEvents/{id}',
      summary: 'One entry of the ledger',
      params: numbered,
      get: async (call, { id }) => {
        const entry = await viewing.readLedgerEntry(viewerOf(call), id)
        return entry === undefined || isRefusal(entry) ? entry : toAuditEvent(entry)
      },
    }),
  ]
}

/** Newest first, unless asked otherwise. */
function toLabels(query: ListQuery): ListQuery {
  const orderBy = query.orderBy.map((order) => ({ ...order, field: labelOf(order.field) }))
  return {
    ...query,
    orderBy: orderBy.length > 0 ? orderBy : [{ field: 'index', descending: true }],
    ...(query.filter ? { filter: labelled(query.filter) } : {}),
  }
}

const labelOf = (field: string): string => FIELDS[field] ?? field

function labelled(filter: Filter): Filter {
  if ('of' in filter) {
    if (filter.op === 'not') return { op: 'not', of: labelled(filter.of) }
    return { op: filter.op, of: filter.of.map(labelled) }
  }
  const kinds =
    filter.field === 'actor/userId'
      ? PEOPLE
      : filter.field === 'actor/applicationId'
        ? PROGRAMS
        : undefined
  if (!kinds) return { ...filter, field: labelOf(filter.field) }
  if (filter.op !== 'eq' && filter.op !== 'in') return filter
  const ids = filter.op === 'in' ? filter.values : [filter.value]
  return {
    op: 'in',
    field: 'actor',
    values: ids.flatMap((id) => kinds.map((kind) => `${kind}:${String(id)}`)),
  }
}

function toAuditEvent(entry: PlacedEntry): z.input<typeof auditEvent> {
  const { id, at, kind, actor, data, index } = entry
  const [actorKind = '', actorId = ''] = splitOnce(actor)
  const isPerson = (PEOPLE as readonly string[]).includes(actorKind)
  return {
    id,
    displayName: kind,
    componentName: 'Sluss',
    activity: kind,
    activityDateTime: at,
    activityType: kind,
    activityOperationType: operationOf(kind),
    activityResult: /refus|denied|failed|lapsed|expired/.test(kind) ? 'Failure' : 'Success',
    correlationId: id,
    category: kind.split('.')[0] ?? kind,
    actor: {
      auditActorType: isPerson ? 'ItPro' : 'Application',
      applicationId: isPerson ? null : actorId,
      applicationDisplayName: null,
      userId: isPerson ? actorId : null,
      // Names are personal values, and the ledger holds none.
      userPrincipalName: null,
      servicePrincipalName: null,
      ipAddress: null,
      userPermissions: [],
    },
    resources: ['grant', 'request', 'case', 'connection', 'record', 'role', 'account'].flatMap(
      (name) => {
        const resourceId = data[name]
        if (typeof resourceId !== 'string') return []
        return [{ auditResourceType: name, displayName: null, resourceId, modifiedProperties: [] }]
      },
    ),
    sluss: { index, actor, data: data as Record<string, z.core.util.JSONType> },
  }
}

function splitOnce(actor: string): [string, string] {
  const at = actor.indexOf(':')
  return at < 0 ? ['', actor] : [actor.slice(0, at), actor.slice(at + 1)]
}

function operationOf(kind: string): string {
  if (/^(?:read|reveal|ledger\.read|sign-in|preview)/.test(kind)) return 'Get'
  if (/(?:removed|withdrawn|ended|unassigned|erasure)$/.test(kind)) return 'Delete'
  if (/(?:changed|started|lapsed|expired)$/.test(kind)) return 'Patch'
  return 'Create'
}

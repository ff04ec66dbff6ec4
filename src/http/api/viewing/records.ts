import { z } from 'zod'
import type { Catalog } from '#catalog/catalog.ts'
import { type Refusal, isRefusal } from '#foundation/refusal.ts'
import type { RevealRequest } from '#viewing/reveal.ts'
import type { Viewing } from '#viewing/view.ts'
import type { Viewer } from '#viewing/viewer.ts'
import { type Call, type Endpoint, changeEndpoint, getEndpoint, listEndpoint } from '../endpoint.ts'
import { MANAGED_DEVICE, USER } from './properties.ts'
import { type RecordShape, recordShape } from './record-shape.ts'

export interface ViewingParts {
  readonly catalog: Catalog
  readonly viewing: Viewing
}

export const PAGE = { usual: 100, most: 1_000 } as const
export const noParams = z.strictObject({})
export const numbered = z.strictObject({ id: z.uuid() })

/** The caller as the door knows them: at their own tenant's records. */
export const viewerOf = ({ principal, access, tenantId }: Call): Viewer => ({
  principal,
  access,
  tenantId,
})

interface Collection {
  readonly kind: RevealRequest['kind']
  /** `ManagedDevice`, in names of operations, and what many of them are called. */
  readonly noun: string
  readonly plural: string
  readonly path: string
  readonly permission: string
  readonly summary: string
  readonly shape: RecordShape
}

/**
 * Devices and people, as their tenant's own admins see them. A person whose data is held need have no account, so they
 * are not `/users`.
 */
export function recordEndpoints(parts: ViewingParts): readonly Endpoint[] {
  const devices: Collection = {
    kind: 'device',
    noun: 'ManagedDevice',
    plural: 'ManagedDevices',
    path: '/deviceManagement/managedDevices',
    permission: 'Managed devices/Read',
    summary: 'Managed devices, masked to what the caller may see',
    shape: recordShape(parts.catalog, MANAGED_DEVICE),
  }
  const people: Collection = {
    kind: 'person',
    noun: 'Person',
    plural: 'People',
    path: '/people',
    permission: 'Personal data/Read',
    summary: 'People, masked to what the caller may see',
    shape: recordShape(parts.catalog, USER),
  }
  return [devices, people].flatMap((one) => [
    ...reading(parts, one),
    revealing(parts, one, 'reveal', 'Personal data/Reveal'),
    revealing(parts, one, 'revealSecret', 'Secrets/Reveal'),
  ])
}

function reading({ viewing }: ViewingParts, collection: Collection): readonly Endpoint[] {
  const { kind, noun, plural, path, permission, summary, shape } = collection
  return [
    listEndpoint({
      id: `list${plural}`,
      path,
      summary,
      realms: ['tenant'],
      permission,
      params: noParams,
      answer: shape.answer,
      fields: shape.fields,
      pageSize: PAGE,
      list: async (call, _, query, select) =>
        listed(viewing, viewerOf(call), kind, shape, query, select),
    }),
    getEndpoint({
      id: `get${noun}`,
      path: `${path}/{id}`,
      summary: 'One of them',
      realms: ['tenant'],
      permission,
      params: numbered,
      answer: shape.answer,
      get: async (call, { id }, select) => read(viewing, viewerOf(call), kind, shape, id, select),
    }),
  ]
}

export async function listed(
  viewing: Viewing,
  viewer: Viewer,
  kind: RevealRequest['kind'],
  shape: RecordShape,
  query: Parameters<RecordShape['toItems']>[0],
  select: ReadonlySet<string> | undefined,
) {
  const only = shape.itemsFor(select)
  const page = await viewing.listRecords(viewer, {
    kind,
    query: shape.toItems(query),
    ...(only ? { only } : {}),
  })
  if (isRefusal(page)) return page
  return { rows: page.rows.map(shape.render), next: page.next, count: page.count }
}

export async function read(
  viewing: Viewing,
  viewer: Viewer,
  kind: RevealRequest['kind'],
  shape: RecordShape,
  recordId: string,
  select: ReadonlySet<string> | undefined,
): Promise<Readonly<Record<string, unknown>> | Refusal> {
  const only = shape.itemsFor(select)
  const record = await viewing.readRecord(viewer, { kind, recordId, ...(only ? { only } : {}) })
  return isRefusal(record) ? record : shape.render(record)
}

const asked = z.strictObject({
  item: z.string().min(1).max(128),
  reason: z.string().min(10).max(1_000),
})
const revealed = z.object({
  id: z.string(),
  item: z.string(),
  value: z.union([z.string(), z.number(), z.boolean()]).nullable(),
  entryId: z.string(),
})

/** One exact value for a stated reason. Secrets have an address of their own, since another right opens them. */
function revealing(
  { viewing }: ViewingParts,
  { kind, noun, path }: Collection,
  action: 'reveal' | 'revealSecret',
  permission: string,
): Endpoint {
  return changeEndpoint({
    id: `${action}${noun}`,
    method: 'POST',
    path: `${path}/{id}/${action}`,
    summary: 'One exact value, recorded with the reason for it',
    realms: ['tenant'],
    permission,
    params: numbered,
    body: asked,
    answer: revealed,
    success: 200,
    change: async (call, { id }, { item, reason }) => {
      const answer = await viewing.reveal(viewerOf(call), { kind, recordId: id, item, reason })
      if (isRefusal(answer)) return answer
      const { value = null, entryId } = answer
      return { id, item, value, entryId }
    },
  })
}

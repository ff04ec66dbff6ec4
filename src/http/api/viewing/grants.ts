import { z } from 'zod'
import { type Refusal, isRefusal, refuse } from '#foundation/refusal.ts'
import type { Viewer } from '#viewing/viewer.ts'
import { type Call, type Endpoint, getEndpoint, listEndpoint } from '../endpoint.ts'
import { MANAGED_DEVICE, USER } from './properties.ts'
import { recordShape } from './record-shape.ts'
import { PAGE, type ViewingParts, listed, read, viewerOf } from './records.ts'

export interface GrantViewingParts extends ViewingParts {
  /** The tenant that a grant of this operator account is for; see `#viewing/grant-home.ts`. */
  tenantOfGrant(operatorAccountId: string, grantId: string): Promise<string | undefined>
}

const underGrant = z.strictObject({ grantId: z.uuid() })
const oneUnderGrant = z.strictObject({ grantId: z.uuid(), id: z.uuid() })

/** What the operator's staff see under a grant, and what the tenant sees of that. */
export function grantViewingEndpoints(parts: GrantViewingParts): readonly Endpoint[] {
  return [
    ...seeing(parts, 'device', 'ManagedDevice', 'managedDevices'),
    ...seeing(parts, 'person', 'User', 'users'),
    replaying(parts),
  ]
}

function seeing(
  parts: GrantViewingParts,
  kind: 'device' | 'person',
  noun: string,
  segment: string,
): readonly Endpoint[] {
  const shape = recordShape(parts.catalog, kind === 'device' ? MANAGED_DEVICE : USER)
  const path = `/support/accessGrants/{grantId}/${segment}`
  const common = {
    realms: ['operator' as const],
    permission: 'Support access/Request',
    answer: shape.answer,
  }
  return [
    listEndpoint({
      ...common,
      id: `listGranted${noun}s`,
      path,
      summary: 'What the customer approved to be seen, while the grant lasts',
      params: underGrant,
      fields: shape.fields,
      pageSize: PAGE,
      list: async (call, { grantId }, query, select) => {
        const viewer = await supportViewer(parts, call, grantId)
        if (isRefusal(viewer)) return viewer
        return listed(parts.viewing, viewer, kind, shape, query, select)
      },
    }),
    getEndpoint({
      ...common,
      id: `getGranted${noun}`,
      path: `${path}/{id}`,
      summary: 'One of them',
      params: oneUnderGrant,
      get: async (call, { grantId, id }, select) => {
        const viewer = await supportViewer(parts, call, grantId)
        if (isRefusal(viewer)) return viewer
        return read(parts.viewing, viewer, kind, shape, id, select)
      },
    }),
  ]
}

async function supportViewer(
  parts: GrantViewingParts,
  { principal, access }: Call,
  grantId: string,
): Promise<Viewer | Refusal> {
  const tenantId = await parts.tenantOfGrant(principal.accountId, grantId)
  if (tenantId === undefined) return refuse('grant_missing', { grant: grantId })
  return { principal, access, tenantId, grantId }
}

const view = z.object({
  id: z.string(),
  at: z.string(),
  kind: z.enum(['read', 'reveal']),
  actor: z.string(),
  /** Place in the tenant's log, so that it can be proved. */
  index: z.number(),
  recordIds: z.array(z.string()),
  erased: z.number(),
  exactItems: z.array(z.string()),
  maskedItems: z.record(z.string(), z.string()),
})

function replaying({ viewing }: GrantViewingParts): Endpoint {
  return listEndpoint({
    id: 'listGrantViews',
    path: '/support/accessGrants/{grantId}/views',
    summary: 'What the operator saw under a grant, again',
    realms: ['tenant'],
    permission: 'Support requests/Read',
    params: underGrant,
    answer: view,
    fields: { id: { filter: true, sort: true } },
    pageSize: PAGE,
    list: async (call, { grantId }, query) => {
      const page = await viewing.replayGrant(viewerOf(call), grantId, query)
      if (isRefusal(page)) return page
      const rows = page.rows.map(({ entryId, exact, masked, ...rest }) => ({
        ...rest,
        id: entryId,
        recordIds: [...rest.recordIds],
        exactItems: [...exact],
        maskedItems: masked,
      }))
      return { rows, next: page.next, count: page.count }
    },
  })
}

import { z } from 'zod'
import type { Leaf, Shape } from '#catalog/shape.ts'
import type { Database } from '#database/handles.ts'
import { refuse } from '#foundation/refusal.ts'
import type { Exchange } from '#sharing/exchange.ts'
import { allExchanges } from '#sharing/permanent.ts'
import type { SharingParts } from '#sharing/parts.ts'
import { previewCall } from '#sharing/preview.ts'
import { type Endpoint, changeEndpoint, listEndpoint } from '../endpoint.ts'
import { listInMemory } from '../odata/list-in-memory.ts'
import { CONSENT, PAGE, READ, TENANT_ONLY, both, by, filterOnly, flowAt, named } from './shared.ts'

export interface PreviewParts {
  readonly sharing: SharingParts
  readonly database: Database
}

const exchangeAnswer = z.object({
  id: z.string(),
  methods: z.array(z.string()),
  path: z.string(),
  purpose: z.string(),
  sendsBody: z.boolean(),
  permanent: z.boolean(),
  idempotent: z.boolean(),
})

/** What of an example would leave, before anybody consents; and the calls that a flow is made of. */
export function previewEndpoints({ sharing, database }: PreviewParts): readonly Endpoint[] {
  const { catalog } = sharing
  const exchangesOf = (flowId: string): readonly Exchange[] =>
    [...sharing.connectors.values()]
      .flatMap((connector) => allExchanges(connector.exchanges))
      .filter((exchange) => exchange.outbound === flowId || exchange.inbound === flowId)
  return [
    listEndpoint({
      id: 'listDataSharingExchanges',
      path: '/deviceManagement/dataSharingConsents/{id}/exchanges',
      summary: "The calls of the party's protocol that carry the flow",
      realms: TENANT_ONLY,
      permission: READ,
      params: named,
      answer: exchangeAnswer,
      pageSize: PAGE,
      fields: { id: both, purpose: both, permanent: filterOnly, sendsBody: filterOnly },
      list: async (_, { id }, query) => {
        const flowId = flowAt(catalog, id)
        if (flowId === undefined) return refuse('not_found')
        const all = exchangesOf(flowId).map((exchange) => ({
          id: exchange.id,
          methods: [...exchange.methods],
          path: exchange.path,
          purpose: exchange.purpose,
          sendsBody: exchange.request !== undefined,
          permanent: exchange.permanent,
          idempotent: exchange.idempotent,
        }))
        return listInMemory(all, 'id', query)
      },
    }),
    changeEndpoint({
      id: 'previewDataSharing',
      path: '/deviceManagement/dataSharingConsents/{id}/preview',
      method: 'POST',
      summary: 'Shows the bytes that an example call would send; nothing is sent',
      realms: TENANT_ONLY,
      permission: CONSENT,
      params: named,
      body: z.strictObject({
        exchangeId: z.string().min(1).max(128),
        /** A body of the call; without it one is made up. */
        example: z.record(z.string(), z.json()).optional(),
      }),
      answer: z.object({
        /** To be handed in with the consent: a keyed commitment to the very bytes. */
        previewId: z.string(),
        manifestHash: z.string(),
        sent: z.json(),
        withheld: z.record(z.string(), z.int()),
        unknownCount: z.int(),
      }),
      success: 200,
      change: async (call, { id }, { exchangeId, example }) => {
        const flowId = flowAt(catalog, id)
        if (flowId === undefined) return refuse('not_found')
        const exchange = exchangesOf(flowId).find((one) => one.id === exchangeId)
        if (!exchange?.request || exchange.outbound !== flowId)
          return refuse('exchange_unknown', { field: 'exchangeId', flow: id })
        const body = Buffer.from(JSON.stringify(example ?? exampleOf(exchange.request)))
        const parts = { ...sharing, database }
        const preview = await previewCall(parts, call.tenantId, exchange, body, by(call))
        return {
          previewId: preview.commitment,
          manifestHash: preview.manifestHash,
          sent: preview.json === '' ? null : (JSON.parse(preview.json) as z.core.util.JSONType),
          withheld: preview.withheld,
          unknownCount: preview.unknown,
        }
      },
    }),
  ]
}

/** A made-up body of that shape: no value of it is anybody's. */
export function exampleOf(shape: Shape): z.core.util.JSONType {
  switch (shape.kind) {
    case 'object':
      return Object.fromEntries(
        Object.entries(shape.fields).map(([name, field]) => [name, exampleOf(field)]),
      )
    case 'array':
      return [exampleOf(shape.of)]
    case 'map':
      return { [String(exampleLeaf(shape.key))]: exampleOf(shape.value) }
    case 'leaf':
      return exampleLeaf(shape)
  }
}

function exampleLeaf({ type, oneOf, item, maxLength }: Leaf): string | number | boolean {
  if (type === 'number') return 1
  if (type === 'boolean') return true
  return oneOf?.[0] ?? `example ${item}`.slice(0, maxLength)
}

import { z } from 'zod'
import type { Database } from '#database/handles.ts'
import type { Catalog, FlowId } from '#catalog/catalog.ts'
import { toTimestamp } from '#foundation/clock.ts'
import type { Call, CollectionField } from '../endpoint.ts'

/** What the endpoints of agreements need. */
export interface AgreementParts {
  readonly database: Database
  readonly catalog: Catalog
}

export const READ = 'Data sharing/Read'
export const CONSENT = 'Data sharing/Consent'
export const TENANT_ONLY = ['tenant'] as const
export const PAGE = { usual: 100, most: 500 } as const

export const noParams = z.strictObject({})
/** The name of a thing of the catalog or of a connection. */
export const named = z.strictObject({ id: z.string().min(1).max(128) })
/** The id of a thing that was made here. */
export const numbered = z.strictObject({ id: z.uuid() })
export const time = z.iso.datetime({ offset: true })
export const noBody = z.strictObject({})
export const nothing = z.strictObject({})

/** A field that can be filtered and sorted by. */
export const both: CollectionField = { filter: true, sort: true }
/** A field that only equality and its kin make sense for. */
export const filterOnly: CollectionField = { filter: true, sort: false }

export const by = (call: Call): { actor: string; at: number } => ({
  actor: call.actor,
  at: call.now,
})

export const iso = (time: Date | string | null | undefined): string | null => {
  if (time === null || time === undefined) return null
  return toTimestamp(typeof time === 'string' ? Date.parse(time) : time.getTime())
}

/** A flow in an address: `apple-device-enrollment.outbound`. A slash would have to be encoded, and proxies undo that. */
export const addressOfFlow = (flowId: FlowId): string => flowId.replace('/', '.')

export function flowAt(catalog: Catalog, address: string): FlowId | undefined {
  const flowId = address.replace('.', '/')
  return catalog.flows.has(flowId) ? flowId : undefined
}

/** The id of a connection, in a path or a body. */
export const slug = z.strictObject({
  id: z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'lower-case letters, digits and hyphens'),
})

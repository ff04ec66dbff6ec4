import { readFlowFacts } from '#agreements/read-flow-facts.ts'
import type { FlowFacts } from '#agreements/facts.ts'
import type { Catalog, Flow, FlowId } from '#catalog/catalog.ts'
import { type Connection, readConnection } from '#connections/connection.ts'
import type { Transaction } from '#database/handles.ts'
import { BoundedCache } from '#foundation/bounded-cache.ts'
import type { Keys } from '#keys/keys.ts'

/** What bears on whether events of a tenant come in, as it was at one version of the tenant's facts. */
export interface EventFacts {
  readonly version: number
  connection(tx: Transaction, connectionId: string): Promise<Connection | undefined>
  flow(tx: Transaction, flowId: FlowId): Promise<FlowFacts>
}

const TENANTS_IN_MEMORY = 2_000
const CONNECTIONS_IN_MEMORY = 200
/** By the keys of a node, because that is by its database. */
const remembered = new WeakMap<Keys, WeakMap<Catalog, BoundedCache<string, EventFacts>>>()

/** What is remembered of the tenant. Good for a transaction that holds the facts at that very version, and no other. */
export function rememberedFacts(
  parts: { readonly keys: Keys; readonly catalog: Catalog },
  tenantId: string,
): EventFacts | undefined {
  return cacheOf(parts).get(tenantId)
}

/** Facts that are read when they are asked for, once, in a transaction that holds them at `version`. */
export function factsAt(
  parts: { readonly keys: Keys; readonly catalog: Catalog },
  tenantId: string,
  { version, untouched }: { readonly version: number; readonly untouched: boolean },
): EventFacts {
  const connections = new BoundedCache<string, { readonly found: Connection | undefined }>(
    CONNECTIONS_IN_MEMORY,
  )
  const flows = new Map<FlowId, { readonly of: Flow | undefined; readonly read: FlowFacts }>()
  const facts: EventFacts = {
    version,
    connection: async (tx, connectionId) => {
      const known = connections.get(connectionId)
      if (known) return known.found
      const found = await readConnection(tx, connectionId)
      connections.set(connectionId, { found })
      return found
    },
    flow: async (tx, flowId) => {
      // A described party's flow is another one when its description changes, which a node may hear of a moment later.
      const of = parts.catalog.flows.get(flowId)
      const known = flows.get(flowId)
      if (known && known.of === of) return known.read
      const read = await readFlowFacts(tx, parts.catalog, flowId)
      flows.set(flowId, { of, read })
      return read
    },
  }
  // What a transaction changed itself may yet be undone, and nobody else may go by it.
  if (untouched) cacheOf(parts).set(tenantId, facts)
  return facts
}

function cacheOf({ keys, catalog }: { readonly keys: Keys; readonly catalog: Catalog }) {
  const catalogs = remembered.get(keys) ?? new WeakMap<Catalog, BoundedCache<string, EventFacts>>()
  remembered.set(keys, catalogs)
  const cache = catalogs.get(catalog) ?? new BoundedCache<string, EventFacts>(TENANTS_IN_MEMORY)
  catalogs.set(catalog, cache)
  return cache
}

import { type Connection, readConnection } from '#connections/connection.ts'
import { openEventSecret } from '#connections/credentials.ts'
import type { Database } from '#database/handles.ts'
import { isTenantId } from '#foundation/ids.ts'
import type { EventSource } from '#intake/event-source.ts'
import type { Keys } from '#keys/keys.ts'
import { FACTS_CHANNEL } from '#tenants/facts-version.ts'
import { doorMemory } from './door-memory.ts'

/** Where events of one connection come in, and what proves that they are the tenant's own. */
export interface EventDoor {
  readonly tenantId: string
  readonly connectionId: string
  readonly source: EventSource
  readonly secret: string
}

export interface EventDoors {
  /** The door at `<tenant>.<connection>`; undefined where there is none, or none that takes events. */
  find(address: string): Promise<EventDoor | undefined>
  close(): Promise<void>
}

const DOORS_IN_MEMORY = 10_000
const ADDRESS = /^([a-z0-9-]{1,63})\.([a-z0-9][a-z0-9-]{0,62})$/

/** Doors are kept in memory, those that are not there too, until facts of their tenant change. */
export async function createEventDoors(parts: {
  readonly database: Database
  readonly keys: Keys
  readonly sources: ReadonlyMap<string, EventSource>
}): Promise<EventDoors> {
  const { database } = parts
  const memory = doorMemory<EventDoor | undefined>(DOORS_IN_MEMORY)
  const close = await database.listen(
    FACTS_CHANNEL,
    (tenantId) => (tenantId === '*' ? memory.forgetAll() : memory.forget(tenantId)),
    memory.forgetAll,
  )
  return {
    close,
    find: async (address) => {
      const at = ADDRESS.exec(address)
      const [, tenantId = '', connectionId = ''] = at ?? []
      if (!at || !isTenantId(tenantId)) return undefined
      const found = memory.get(tenantId, address)
      if (found) return found.door
      const readAt = memory.now()
      const { door, keep } = await readDoor(parts, tenantId, connectionId)
      if (keep) memory.keep(tenantId, address, door, readAt)
      return door
    },
  }
}

function readDoor(
  { database, keys, sources }: Parameters<typeof createEventDoors>[0],
  tenantId: string,
  connectionId: string,
): Promise<{ readonly door: EventDoor | undefined; readonly keep: boolean }> {
  return database.read(tenantId, async (reader) => {
    const connection: Connection | undefined = await readConnection(reader, connectionId)
    const source = connection && sources.get(connection.connectorId)
    // A connection whose source is not known here yet: another node heard of its description first.
    if (!source) return { door: undefined, keep: !connection }
    const secret = await openEventSecret(reader, keys, connectionId)
    const door = secret === undefined ? undefined : { tenantId, connectionId, source, secret }
    return { door, keep: true }
  })
}

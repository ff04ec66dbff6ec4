import { z } from 'zod'
import type { Catalog } from '#catalog/catalog.ts'
import type { CheckedAgainst } from '#catalog/check-partner.ts'
import { type PartnerDraft, type PartnerKind } from '#catalog/partner-description.ts'
import type { ReadPartner } from '#catalog/read-partner.ts'
import type { StoredDescription } from '#connections/partner-descriptions.ts'
import { type ConnectionRecord, listTenantConnections } from '#connections/list-connections.ts'
import { type PartnerState, UNHEARD, readPartnerStates } from '#connections/partner-state.ts'
import type { Database, Reader } from '#database/handles.ts'
import { readLastEvents } from '#intake/last-event.ts'
import { toTimestamp } from '#foundation/clock.ts'

/** What the endpoints of described parties need. */
export interface PartnerParts {
  readonly database: Database
  readonly catalog: Catalog
  readonly partners: {
    readonly against: Omit<CheckedAgainst, 'others'>
    /** As they are in force on this node, by id. */
    readonly described: ReadonlyMap<string, ReadPartner>
    readonly drafts: readonly PartnerDraft[]
    /** Reads the descriptions anew, so that who stored one finds it at once. */
    load(): Promise<void>
    /** Has what a connection's partner gets by itself sent soon. */
    push(tenantId: string, connectionId: string): Promise<void>
  }
}

export const described = z.object({
  id: z.string(),
  kind: z.string(),
  version: z.int(),
  /** SHA-256 of the canonical JSON. */
  hash: z.string(),
  partyId: z.string(),
  partyDisplayName: z.string(),
  region: z.string(),
  hosts: z.array(z.string()),
  features: z.array(z.string()),
  description: z.record(z.string(), z.json()),
  storedBy: z.string(),
  storedDateTime: z.string(),
  /** The entry in the installation's log. */
  entryId: z.string(),
})

export function describeStored(stored: StoredDescription): z.input<typeof described> {
  const { description, version, hash, storedBy, storedAt, entryId } = stored
  return {
    id: description.id,
    kind: description.kind,
    version,
    hash,
    partyId: description.party.id,
    partyDisplayName: description.party.name,
    region: description.party.region,
    hosts: description.hosts,
    features: description.flows.map(({ feature }) => feature),
    description: description as unknown as Record<string, z.core.util.JSONType>,
    storedBy,
    storedDateTime: toTimestamp(storedAt.getTime()),
    entryId,
  }
}

/** A connection to a described partner, with all that its state is made of. */
export interface PartnerConnection {
  readonly connection: ConnectionRecord
  readonly partner: ReadPartner
  readonly heardAt: Date | undefined
  readonly state: PartnerState
}

const MOST_CONNECTIONS = 1_000

/** The tenant's connections to partners of a kind, all of one moment. */
export async function partnerConnections(
  reader: Reader,
  { described: now }: PartnerParts['partners'],
  kind: PartnerKind,
): Promise<readonly PartnerConnection[]> {
  const page = await listTenantConnections(reader, {
    orderBy: [],
    top: MOST_CONNECTIONS,
    skip: 0,
    count: false,
  })
  const states = await readPartnerStates(reader)
  const events = await readLastEvents(reader)
  return page.rows.flatMap((connection) => {
    const partner = now.get(connection.connectorId)
    if (partner?.description.kind !== kind) return []
    const state = states.get(connection.id) ?? UNHEARD
    const times = [state.heardAt, events.get(connection.id)].filter((time) => time !== undefined)
    const heardAt = times.toSorted((a, b) => b.getTime() - a.getTime())[0]
    return [{ connection, partner, heardAt, state }]
  })
}

const DAY_IN_MS = 86_400_000

/** Whether the partner was silent for longer than the tenant allows. One that was never heard of is only not there yet. */
export function isUnresponsive({ heardAt, state }: PartnerConnection, now: number): boolean {
  return heardAt !== undefined && now - heardAt.getTime() > state.unresponsiveAfterDays * DAY_IN_MS
}

/** Graph's word for a time that never was. */
export const NEVER = '0001-01-01T00:00:00Z'

export const heard = (time: Date | undefined): string =>
  time === undefined ? NEVER : toTimestamp(time.getTime())

/** Whether something could be sent or taken in at all. */
export function isSetUp({ connection, partner }: PartnerConnection): boolean {
  return connection.hasCredentials || partner.exchanges.length === 0
}

import type { Reader, Transaction } from '#database/handles.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { newOrderedId } from '#foundation/ids.ts'
import { append } from '#ledger/append.ts'

/** Some parties take a change in, name an event for it, and say later what became of it. */
export interface PartyEvent {
  readonly tenantId: string
  readonly connectionId: string
  readonly eventId: string
  /** The disclosure that the event came from. */
  readonly entryId: string
  /** The exchange by which the party is asked. */
  readonly askedBy: string
  readonly acceptedAt: number
}

/** How it ended. `in_part`: some of it was done. `unknown`: the party does not know either, or not any more. */
export type Settled = 'delivered' | 'in_part' | 'rejected' | 'unknown'

/** Apple asks that status be asked for no more often than this. */
const ASK_EVERY_IN_MS = 30_000
/** An event that has not ended by then is given up: its outcome is unknown. */
export const EVENT_LIFE_IN_MS = 24 * 60 * 60_000

/** Keeps the event of an accepted change, to be asked about. */
export async function keepPartyEvent(
  tx: Transaction,
  event: Omit<PartyEvent, 'tenantId'>,
): Promise<void> {
  await tx.change(
    `insert into party_events (tenant_id, connection_id, event_id, entry_id, asked_by, accepted_at, next_ask_at)
     values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing`,
    [
      tx.tenantId,
      event.connectionId,
      event.eventId,
      event.entryId,
      event.askedBy,
      new Date(event.acceptedAt),
      new Date(event.acceptedAt + ASK_EVERY_IN_MS),
    ],
  )
}

/** Word of the event came by another way: it is asked about as soon as the party allows. Unknown events change nothing. */
export async function hastenPartyEvents(
  tx: Transaction,
  connectionId: string,
  eventIds: readonly string[],
  now: number,
): Promise<void> {
  if (eventIds.length === 0) return
  await tx.change(
    `update party_events set next_ask_at = greatest($4::timestamptz, coalesce(asked_at, accepted_at) + interval '${ASK_EVERY_IN_MS} milliseconds')
      where tenant_id = $1 and connection_id = $2 and event_id = any($3::text[]) and settled is null
        and next_ask_at > $4`,
    [tx.tenantId, connectionId, eventIds, new Date(now)],
  )
}

/** Events to be asked about now, across tenants: identifiers only. */
export async function duePartyEvents(
  reader: Reader,
  now: number,
  most: number,
): Promise<readonly PartyEvent[]> {
  const rows = await reader.rows<{
    tenant_id: string
    connection_id: string
    event_id: string
    entry_id: string
    asked_by: string
    accepted_at: Date
  }>('select * from sluss_due_party_events($1, $2)', [new Date(now), most])
  return rows.map((row) => ({
    tenantId: row.tenant_id,
    connectionId: row.connection_id,
    eventId: row.event_id,
    entryId: row.entry_id,
    askedBy: row.asked_by,
    acceptedAt: row.accepted_at.getTime(),
  }))
}

/**
 * Takes the event to be asked about, so that no other node asks meanwhile.
 *
 * @returns whether it was there to be taken
 */
export async function takePartyEvent(
  tx: Transaction,
  { connectionId, eventId, acceptedAt }: PartyEvent,
  now: number,
): Promise<boolean> {
  // Asked more and more seldom: an event may take seconds or hours.
  const wait = Math.max(ASK_EVERY_IN_MS, Math.min((now - acceptedAt) / 2, 3_600_000))
  const taken = await tx.change(
    `update party_events set asked_at = $4, next_ask_at = $5
      where tenant_id = $1 and connection_id = $2 and event_id = $3 and settled is null and next_ask_at <= $4`,
    [tx.tenantId, connectionId, eventId, new Date(now), new Date(now + wait)],
  )
  return taken === 1
}

/** Records how the event ended, once, whoever hears of it first and however often. */
export async function settlePartyEvent(
  tx: Transaction,
  event: PartyEvent,
  end: {
    readonly settled: Settled
    readonly requested?: number
    readonly completed?: number
    /** How often the party gave each of its documented reasons. */
    readonly failures?: Readonly<Record<string, number>>
  },
  by: { readonly actor: string; readonly at: number },
): Promise<boolean> {
  const changed = await tx.change(
    `update party_events set settled = $4, settled_at = $5
      where tenant_id = $1 and connection_id = $2 and event_id = $3 and settled is null`,
    [tx.tenantId, event.connectionId, event.eventId, end.settled, new Date(by.at)],
  )
  if (changed === 0) return false
  const { settled, ...counts } = end
  await append(tx, {
    id: newOrderedId(by.at),
    at: toTimestamp(by.at),
    kind: 'outcome.settled',
    actor: by.actor,
    data: { of: event.entryId, outcome: settled, ...counts },
  })
  return true
}

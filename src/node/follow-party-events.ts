import { INSTALLATION } from '#database/handles.ts'
import { errorNumberOf, wordOf } from '#connectors/apple-apps-and-books/error-words.ts'
import { isRefusal } from '#foundation/refusal.ts'
import {
  EVENT_LIFE_IN_MS,
  type PartyEvent,
  type Settled,
  duePartyEvents,
  settlePartyEvent,
  takePartyEvent,
} from '#sharing/party-event.ts'
import type { Node } from '../compose.ts'

type Parts = Pick<Node, 'parts' | 'sharing' | 'database'>

const ACTOR = 'job:follow-party-events'
const MOST_AT_ONCE = 500
const NOT_FOUND = 9604

/**
 * Asks what became of changes that a party had accepted, through the door out like any call, and records how each
 * ended. Safe to run on several nodes at once, and to be ended at any point.
 *
 * @returns how many were settled
 */
export async function followPartyEvents(node: Parts): Promise<number> {
  const now = node.sharing.gate.now()
  const due = await node.database.read(INSTALLATION, (reader) =>
    duePartyEvents(reader, now, MOST_AT_ONCE),
  )
  let settled = 0
  for (const event of due) if (await followOne(node, event)) settled++
  return settled
}

async function followOne(node: Parts, event: PartyEvent): Promise<boolean> {
  const { database, sharing } = node
  const { tenantId } = event
  const now = sharing.gate.now()
  const taken = await database.write(tenantId, (tx) => takePartyEvent(tx, event, now))
  if (!taken) return false
  const end = (await ask(node, event)) ?? (isGivenUp(event, now) ? UNKNOWN : undefined)
  if (!end) return false
  return database.write(tenantId, (tx) =>
    settlePartyEvent(tx, event, end, { actor: ACTOR, at: sharing.gate.now() }),
  )
}

interface End {
  readonly settled: Settled
  readonly requested?: number
  readonly completed?: number
  readonly failures?: Readonly<Record<string, number>>
}
const UNKNOWN: End = { settled: 'unknown' }

function isGivenUp({ acceptedAt }: PartyEvent, now: number): boolean {
  return now - acceptedAt > EVENT_LIFE_IN_MS
}

/** How the event ended as the party tells it; undefined while it does not, or cannot be asked. */
async function ask(
  { parts, sharing }: Parts,
  { tenantId, connectionId, eventId, askedBy }: PartyEvent,
): Promise<End | undefined> {
  const exchange = [...parts.connectors.values()]
    .flatMap((connector) => connector.exchanges)
    .find((one) => one.id === askedBy)
  if (!exchange) return UNKNOWN
  const call = { method: 'GET' as const, query: new URLSearchParams({ eventId }), body: undefined }
  const shared = await sharing.share({ tenantId, connectionId, exchange, call, actor: ACTOR })
  // What stands in the way stands in the ledger; it may be gone next time.
  if (isRefusal(shared) || 'failed' in shared) return undefined
  if (shared.raw.status !== 200)
    return errorNumberOf(shared.raw.body) === NOT_FOUND ? UNKNOWN : undefined
  return readStatus(shared.admitted.response.body)
}

/** Of the failures only how many of each documented kind; whom they are about is nobody's business here. */
export function readStatus(body: Buffer): End | undefined {
  let read: Record<string, unknown>
  try {
    read = JSON.parse(body.toString()) as Record<string, unknown>
  } catch {
    // Half an answer: it is asked again.
    return undefined
  }
  const { eventStatus, failures: list, numCompleted, numRequested } = read
  if (eventStatus !== 'COMPLETE' && eventStatus !== 'FAILED') return undefined
  const failures: Record<string, number> = {}
  for (const one of Array.isArray(list) ? (list as { errorNumber?: unknown }[]) : []) {
    const word = wordOf(Number(one?.errorNumber)) ?? 'UNDOCUMENTED_ERROR'
    failures[word] = (failures[word] ?? 0) + 1
  }
  const requested = countOf(numRequested)
  const completed = countOf(numCompleted)
  const some = completed === undefined ? eventStatus === 'COMPLETE' : completed > 0
  const failed = eventStatus === 'FAILED' || Object.keys(failures).length > 0
  return {
    settled: !failed ? 'delivered' : some ? 'in_part' : 'rejected',
    ...(requested === undefined ? {} : { requested }),
    ...(completed === undefined ? {} : { completed }),
    ...(failed ? { failures } : {}),
  }
}

function countOf(value: unknown): number | undefined {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : undefined
}

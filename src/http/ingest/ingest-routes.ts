import { type Context, Hono } from 'hono'
import type { Decider } from '#access/decide.ts'
import type { Catalog } from '#catalog/catalog.ts'
import type { Database, Transaction } from '#database/handles.ts'
import { type GroupCommits, groupCommits } from '#database/group.ts'
import type { Lease } from '#database/lease.ts'
import { type Clock, toTimestamp } from '#foundation/clock.ts'
import { newId } from '#foundation/ids.ts'
import type { Log } from '#foundation/log.ts'
import { type Refusal, type RefusalCode, isRefusal, refuse } from '#foundation/refusal.ts'
import type { EventSource, SourceEvent, Wakes } from '#intake/event-source.ts'
import { receiveEvents } from '#intake/receive-event.ts'
import { recordRefusedEvents } from '#intake/record-intake.ts'
import type { Keys } from '#keys/keys.ts'
import { refusalBody, statusOf } from '../problem.ts'
import { type EventDoor, createEventDoors } from './event-doors.ts'
import { type Claim, memoryBudget } from './memory-budget.ts'
import { readBody } from './read-body.ts'
import { createRefusedEvents } from './refused-events.ts'
import { isProven } from './verify-sender.ts'

/** An app list of a few thousand apps is about 2 MB as base64. */
export const LARGEST_EVENT = 4 * 1024 * 1024
/** Of all bodies together; beyond it a sender has to come again. */
const MOST_IN_MEMORY = 256 * 1024 * 1024
/** Per tenant: while one waits for the database, the next is made. */
const COMMITS_AT_ONCE = 2

export interface IngestParts {
  readonly database: Database
  readonly keys: Keys
  readonly catalog: Catalog
  readonly decider: Decider
  readonly lease: Lease
  readonly clock: Clock
  readonly log: Log
  /** By connector id. */
  readonly sources: ReadonlyMap<string, EventSource>
  /** Does, in the commit of an event, what it wakes. */
  readonly woken?: (
    tx: Transaction,
    connectionId: string,
    wakes: Wakes,
    now: number,
  ) => Promise<void>
}

export interface Ingest {
  readonly app: Hono
  close(): Promise<void>
}

/** No event, or not from who it should be: the sender is told. Everything else is the tenant's affair, not the sender's. */
const TOLD: ReadonlySet<RefusalCode> = new Set([
  'client_unauthenticated',
  'connection_unknown',
  'connection_disabled',
  'body_too_large',
  'body_malformed',
  'encoding_unsupported',
  'too_many_requests',
  'lease_expired',
  'evidence_unavailable',
])

/**
 * `POST /ingest/<tenant>.<connection>`: events by webhook. Answered with exactly 200 once what may be kept of the event
 * and the evidence are durable; also where it came before, or where nothing of it may be kept: the sender could do
 * nothing about it, and some stop sending after an error.
 */
export async function ingestRoutes(parts: IngestParts): Promise<Ingest> {
  const { database, clock, log } = parts
  const actor = `node:${database.nodeId}`
  const doors = await createEventDoors(parts)
  const refused = createRefusedEvents(({ tenantId, connectionId, reason }, times, now) =>
    database.write(tenantId, (tx) =>
      recordRefusedEvents(tx, connectionId, { reason, times }, { actor, now }),
    ),
  )
  const events = groupCommits(
    (tenantId, items: readonly Waiting[]) => commitEvents(tenantId, items, { ...parts, actor }),
    { inFlight: COMMITS_AT_ONCE },
  )
  const claim = memoryBudget(MOST_IN_MEMORY)
  const app = new Hono()
  app.post('/ingest/:address', async (context) => {
    const memory = claim()
    try {
      const refusal = await takeEvent(context, { ...parts, actor, doors, refused, events, memory })
      return answer(context, refusal, clock)
    } catch {
      log.error('an event could not be taken in', { code: 'evidence_unavailable' })
      return answer(context, refuse('evidence_unavailable'), clock)
    } finally {
      memory.release()
    }
  })
  return {
    app,
    close: async () => {
      await events.idle()
      await doors.close()
      await refused.flush(clock.now())
    },
  }
}

interface TakeParts extends IngestParts {
  readonly actor: string
  readonly doors: Awaited<ReturnType<typeof createEventDoors>>
  readonly refused: ReturnType<typeof createRefusedEvents>
  readonly events: GroupCommits<Waiting, Outcome>
  readonly memory: Claim
}

async function takeEvent(context: Context, parts: TakeParts): Promise<Refusal | undefined> {
  const { lease, clock, refused } = parts
  if (!lease.held()) return refuse('lease_expired')
  const door = await parts.doors.find(context.req.param('address') ?? '')
  if (!door) return refuse('client_unauthenticated')
  const refusal = await receiveAt(door, context, parts)
  if (!refusal || !TOLD.has(refusal.refused)) return undefined
  const { tenantId, connectionId } = door
  await refused.add({ tenantId, connectionId, reason: refusal.refused }, clock.now())
  return refusal
}

async function receiveAt(
  door: EventDoor,
  context: Context,
  { events, memory, clock }: TakeParts,
): Promise<Refusal | undefined> {
  const body = await readBody(context, LARGEST_EVENT, memory)
  if (isRefusal(body)) return body
  const header = (name: string): string | undefined => context.req.header(name)
  if (!(await isProven(door, header, body, clock.now()))) return refuse('client_unauthenticated')
  const event = door.source.read(body, header)
  if (isRefusal(event)) return event
  const outcome = await events.submit(door.tenantId, { door, event })
  if (outcome === 'fault') return refuse('evidence_unavailable')
  return outcome
}

interface Waiting {
  readonly door: EventDoor
  readonly event: SourceEvent
}

/** Undefined for an event that was taken in. */
type Outcome = Refusal | 'fault' | undefined

/** Events that wait at the same time share a commit. Where that fails, each is tried alone: one must not cost the others. */
async function commitEvents(
  tenantId: string,
  waiting: readonly Waiting[],
  parts: IngestParts & { readonly actor: string },
): Promise<readonly Outcome[]> {
  try {
    return await commitTogether(tenantId, waiting, parts)
  } catch {
    const outcomes: Outcome[] = []
    for (const one of waiting)
      outcomes.push(
        ...(await commitTogether(tenantId, [one], parts).catch(() => ['fault' as const])),
      )
    return outcomes
  }
}

function commitTogether(
  tenantId: string,
  waiting: readonly Waiting[],
  {
    database,
    catalog,
    decider,
    keys,
    clock,
    actor,
    woken,
  }: IngestParts & { readonly actor: string },
): Promise<readonly Outcome[]> {
  const parts = { catalog, decider, keys, now: clock.now(), actor, node: database.nodeId }
  return database.write(tenantId, async (tx) => {
    const outcomes = new Map<Waiting, Outcome>()
    for (const [connectionId, group] of Map.groupBy(waiting, (one) => one.door.connectionId)) {
      const source = group[0]?.door.source
      if (!source) continue
      const events = group.map((one) => one.event)
      const results = await receiveEvents(tx, connectionId, source, events, parts)
      group.forEach((one, i) => {
        const result = results[i]
        outcomes.set(one, isRefusal(result) ? result : undefined)
      })
      for (const [i, { wakes }] of events.entries())
        if (wakes && results[i] === 'taken') await woken?.(tx, connectionId, wakes, parts.now)
    }
    return waiting.map((one) => outcomes.get(one))
  })
}

function answer(context: Context, refusal: Refusal | undefined, clock: Clock): Response {
  if (!refusal) return context.body('', 200)
  const requestId = newId()
  return context.json(
    refusalBody(refusal, {
      date: toTimestamp(clock.now()),
      requestId,
      clientRequestId: undefined,
    }),
    statusOf(refusal.refused),
    { 'request-id': requestId },
  )
}

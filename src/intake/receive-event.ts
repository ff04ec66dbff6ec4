import type { ItemId } from '#catalog/catalog.ts'
import type { ObjectShape } from '#catalog/shape.ts'
import type { Connection } from '#connections/connection.ts'
import type { Transaction } from '#database/handles.ts'
import { type Refusal, isRefusal, refuse } from '#foundation/refusal.ts'
import { appendAll } from '#ledger/append.ts'
import type { Entry } from '#ledger/entry.ts'
import type { Precision } from '#catalog/precision.ts'
import type { Plan } from '#minimisation/plan.ts'
import type { Projected } from '#minimisation/projection.ts'
import { type MergedRecord, mergeRecords } from '#records/merge.ts'
import { lockFactsVersion } from '#tenants/facts-version.ts'
import { type EventFacts, factsAt, rememberedFacts } from './event-facts.ts'
import { REPLAY_WINDOW_IN_MS, openEvents } from './event-mark.ts'
import type { EventSource, SourceEvent } from './event-source.ts'
import { planBatch } from './plan-batch.ts'
import { intakeEntries, refusalEntry } from './record-intake.ts'
import { type IntakeParts, type Received, whollyRefused } from './receive.ts'
import { toRecords } from './to-records.ts'

/** What became of an event that is not refused. `old`: beyond the replay window. */
export type EventTaken = 'taken' | 'repeated' | 'old'

/**
 * Takes events of one connection in, each once: their marks, what is kept of them and the evidence share one commit,
 * and a few statements, however many events there are. An event that is refused is marked too, so that a repetition
 * writes no second refusal. The tenant's facts are held until the commit: what was withdrawn before it counts.
 *
 * @returns one result for each event, in their order
 */
export async function receiveEvents(
  tx: Transaction,
  connectionId: string,
  source: EventSource,
  events: readonly SourceEvent[],
  parts: IntakeParts,
): Promise<readonly (EventTaken | Refusal)[]> {
  const young = events.filter((event) => event.at >= parts.now - REPLAY_WINDOW_IN_MS)
  const opened = await open(tx, connectionId, source, young, parts)
  if (isRefusal(opened)) return events.map(() => opened)
  const { facts, fresh } = opened
  const pseudonymKey = await parts.keys.pseudonymKey(tx, 'tenant')
  const results = new Map<SourceEvent, EventTaken | Refusal>()
  young.forEach((event, i) => results.set(event, fresh[i] ? 'taken' : 'repeated'))
  const batches: Batch[] = []
  for (const [shape, alike] of Map.groupBy(
    young.filter((_, i) => fresh[i]),
    (event) => event.shape,
  )) {
    const group = { connectionId, source, shape, events: alike, pseudonymKey }
    const batch = await project(tx, group, facts, parts)
    if (batch.refusal) for (const event of alike) results.set(event, batch.refusal)
    batches.push(batch)
  }
  await keep(tx, connectionId, young, batches, parts)
  return events.map((event) => results.get(event) ?? 'old')
}

/**
 * Takes in the present state of records, as a list tells it: like events, except that none is marked, because whoever
 * walks through the list commits with them how far it came. The tenant's facts are held until the commit here too.
 *
 * @param states of one shape
 */
export async function receiveStates(
  tx: Transaction,
  connectionId: string,
  source: Pick<EventSource, 'flow' | 'purpose'>,
  states: readonly SourceEvent[],
  parts: IntakeParts,
): Promise<Received | Refusal> {
  const [first] = states
  if (!first) return { kept: 0, withheld: {}, unknown: 0 }
  const version = await lockFactsVersion(tx)
  const facts = factsAt(parts, tx.tenantId, { version, untouched: false })
  const pseudonymKey = await parts.keys.pseudonymKey(tx, 'tenant')
  const where = { connectionId, source, shape: first.shape, events: states, pseudonymKey }
  const batch = await project(tx, where, facts, parts)
  await keep(tx, connectionId, states, [batch], parts)
  const { withheld, unknown } = batch.projected
  return batch.refusal ?? { kept: batch.records.size, withheld, unknown }
}

/** Marks the events, under facts of which it is known that the connection takes them. */
async function open(
  tx: Transaction,
  connectionId: string,
  source: EventSource,
  events: readonly SourceEvent[],
  parts: IntakeParts,
): Promise<{ facts: EventFacts; fresh: readonly boolean[] } | Refusal> {
  const names = events.map((event) => event.name)
  const whyNot = async (facts: EventFacts) =>
    refusalOf(await facts.connection(tx, connectionId), connectionId, source)
  const mark = async (facts: EventFacts | undefined) => {
    const known = facts && !(await whyNot(facts)) ? facts.version : undefined
    return openEvents(tx, parts.keys, connectionId, names, { now: parts.now, known })
  }
  let facts = rememberedFacts(parts, tx.tenantId)
  let opened = await mark(facts)
  if (facts?.version !== opened.version) {
    facts = factsAt(parts, tx.tenantId, opened)
    if (!(await whyNot(facts))) opened = await mark(facts)
  }
  const { fresh } = opened
  return fresh ? { facts, fresh } : ((await whyNot(facts)) ?? refuse('evidence_unavailable'))
}

function refusalOf(
  connection: Connection | undefined,
  connectionId: string,
  source: EventSource,
): Refusal | undefined {
  if (connection?.connectorId !== source.connectorId)
    return refuse('connection_unknown', { connection: connectionId })
  return connection.enabled
    ? undefined
    : refuse('connection_disabled', { connection: connectionId })
}

/** Events of one shape, and what may be kept of them. */
interface Batch {
  readonly place: { readonly connectionId: string; readonly flow: string }
  readonly events: readonly SourceEvent[]
  readonly plan: Plan
  readonly refusal: Refusal | undefined
  readonly projected: Projected
  readonly records: ReadonlyMap<SourceEvent, MergedRecord>
}

const NOTHING: Projected = { json: undefined, withheld: {}, unknown: 0, subjects: [], passed: {} }

async function project(
  tx: Transaction,
  {
    connectionId,
    source: { flow, purpose },
    shape,
    events,
    pseudonymKey,
  }: {
    readonly connectionId: string
    readonly source: Pick<EventSource, 'flow' | 'purpose'>
    readonly shape: ObjectShape
    readonly events: readonly SourceEvent[]
    readonly pseudonymKey: Buffer
  },
  facts: EventFacts,
  parts: IntakeParts,
): Promise<Batch> {
  const wanted = { flow, purpose, shape, inParts: true }
  const flowFacts = await facts.flow(tx, flow)
  const { plan, project: compiled } = planBatch(flowFacts, wanted, parts, pseudonymKey)
  const place = { connectionId, flow }
  const [first] = events
  const { subjectItem = '', removal = { item: '', word: '' } } = first ?? {}
  const refusal = whollyRefused(plan, { flow, subjectItem })
  if (refusal) return { place, events, plan, refusal, projected: NOTHING, records: new Map() }
  const projected = compiled(JSON.stringify(events.map((event) => event.record)))
  const records = new Map<SourceEvent, MergedRecord>()
  for (const { place: at, ...record } of toRecords(projected.json, {
    shape,
    subjectItem,
    removal,
  })) {
    const event = events[at]
    if (event) records.set(event, { ...record, ...timed(event, parts.now) })
  }
  return { place, events, plan, refusal, projected, records }
}

/** A clock that runs ahead must not keep out what comes after it. */
function timed({ section, at, subjectItem, alsoKnownBy }: SourceEvent, now: number) {
  return { section, at: Math.min(at, now), subjectItem, alsoKnownBy }
}

/**
 * Adds the events to their records in the order in which they came, whatever their shape. Evidence counts what the
 * records got, which is less than what passed when some came late.
 */
async function keep(
  tx: Transaction,
  connectionId: string,
  events: readonly SourceEvent[],
  batches: readonly Batch[],
  parts: IntakeParts,
): Promise<void> {
  const all = new Map(batches.flatMap(({ records }) => [...records]))
  const ordered = events.filter((event) => all.has(event))
  const merged = await mergeRecords(tx, parts.keys, parts.catalog, {
    connectionId,
    kind: 'device',
    records: ordered.flatMap((event) => all.get(event) ?? []),
    allowed: allowedBy(batches),
    now: parts.now,
  })
  const subjectOf = new Map(ordered.map((event, i) => [event, merged[i]]))
  const entries: Entry[] = []
  for (const { place, events: own, plan, refusal, projected, records } of batches) {
    if (refusal) {
      entries.push(refusalEntry({ ...place, records: own.length }, plan, refusal, parts))
      continue
    }
    const passed: Record<ItemId, number> = {}
    const subjects = new Set<string>()
    for (const [event, { items }] of records) {
      const subject = subjectOf.get(event)
      if (subject === undefined) continue
      subjects.add(subject)
      for (const item of Object.keys(items)) passed[item] = (passed[item] ?? 0) + 1
    }
    const counted = { ...projected, passed }
    entries.push(...(await intakeEntries(tx, place, plan, counted, [...subjects], parts)))
  }
  await appendAll(tx, entries)
}

function allowedBy(batches: readonly Batch[]): ReadonlyMap<ItemId, Precision> {
  return new Map(
    batches.flatMap(({ plan }) =>
      plan.items.flatMap(({ item, precision }) =>
        precision === 'withheld' ? [] : [[item, precision] as const],
      ),
    ),
  )
}

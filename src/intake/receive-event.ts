import { readConnection } from '#connections/connection.ts'
import type { Transaction } from '#database/handles.ts'
import { type Refusal, isRefusal, refuse } from '#foundation/refusal.ts'
import { REPLAY_WINDOW_IN_MS, markEvents } from './event-mark.ts'
import type { EventSource, SourceEvent } from './event-source.ts'
import { type IntakeParts, receive } from './receive.ts'

/** What became of an event that is not refused. `old`: beyond the replay window. */
export type EventTaken = 'taken' | 'repeated' | 'old'

/**
 * Takes events of one connection in, each once: their marks, what is kept of them and the evidence share one commit.
 * An event that is refused is marked too, so that a repetition writes no second refusal.
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
  const connection = await readConnection(tx, connectionId)
  const refusal =
    connection?.connectorId !== source.connectorId
      ? refuse('connection_unknown', { connection: connectionId })
      : connection.enabled
        ? undefined
        : refuse('connection_disabled', { connection: connectionId })
  if (refusal) return events.map(() => refusal)
  const results = new Map<SourceEvent, EventTaken | Refusal>()
  const young = events.filter((event) => event.at >= parts.now - REPLAY_WINDOW_IN_MS)
  const names = young.map((event) => event.name)
  const fresh = await markEvents(tx, parts.keys, connectionId, names, parts.now)
  young.forEach((event, i) => {
    if (fresh[i] !== true) results.set(event, 'repeated')
  })
  for (const wave of wavesOf(young.filter((_, i) => fresh[i]))) {
    const result = await receiveWave(tx, connectionId, source, wave, parts)
    for (const event of wave) results.set(event, result)
  }
  return events.map((event) => results.get(event) ?? 'old')
}

async function receiveWave(
  tx: Transaction,
  connectionId: string,
  { flow, purpose }: EventSource,
  wave: readonly SourceEvent[],
  parts: IntakeParts,
): Promise<EventTaken | Refusal> {
  const [first] = wave
  if (!first) return 'taken'
  const { shape, subjectItem, removal, alsoKnownBy } = first
  const taken = await receive(
    tx,
    {
      connectionId,
      flow,
      purpose,
      kind: 'device',
      records: wave.map((event) => event.record),
      shape,
      subjectItem,
      removal,
      merge: {
        // A clock that runs ahead must not keep out what comes after it.
        events: wave.map(({ section, at }) => ({ section, at: Math.min(at, parts.now) })),
        alsoKnownBy,
      },
    },
    parts,
  )
  return isRefusal(taken) ? taken : 'taken'
}

/** Events that can be taken in together: of one shape, and none of a device that is among them already. */
function* wavesOf(events: readonly SourceEvent[]): Generator<readonly SourceEvent[]> {
  let rest = events
  while (rest.length > 0) {
    const shape = rest[0]?.shape
    const devices = new Set<unknown>()
    const wave: SourceEvent[] = []
    const later: SourceEvent[] = []
    for (const event of rest) {
      const device = deviceOf(event)
      const fits = event.shape === shape && (device === undefined || !devices.has(device))
      ;(fits ? wave : later).push(event)
      // What is put off holds back what comes after it of the same device.
      devices.add(device)
    }
    yield wave
    rest = later
  }
}

function deviceOf({ shape, record }: SourceEvent): unknown {
  const found = Object.entries(shape.fields).find(
    ([, part]) => part.kind === 'leaf' && part.subject,
  )
  return found && record[found[0]]
}

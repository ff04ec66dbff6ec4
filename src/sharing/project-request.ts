import type { ItemId } from '#catalog/catalog.ts'
import { type Refusal, refuse } from '#foundation/refusal.ts'
import type { OutgoingRequest } from './exchange.ts'
import type { OpenGate } from './gate.ts'

/** A call as its client made it. */
export interface IncomingCall {
  readonly method: OutgoingRequest['method']
  readonly query: URLSearchParams
  readonly body: Buffer | undefined
}

/** Exactly what would leave, and what was kept back. */
export interface Payload {
  readonly request: OutgoingRequest
  readonly withheld: Readonly<Record<ItemId, number>>
  readonly passed: Readonly<Record<ItemId, number>>
  readonly unknown: number
  readonly subjects: readonly string[]
}

/** Builds the outgoing request from allowed items only; header, path and unknown parameters never pass. */
export function projectRequest(gate: OpenGate, call: IncomingCall): Payload | Refusal {
  const { exchange } = gate
  const query = gate.query(JSON.stringify(Object.fromEntries(call.query)))
  const body = exchange.request && call.body ? gate.body?.(call.body) : undefined
  if (exchange.request && body?.json === undefined) {
    return refuse('body_malformed', { exchange: exchange.id, expected: 'a JSON object in UTF-8' })
  }
  const overLimit = tooMany(gate, body?.json)
  if (overLimit) return overLimit
  const parameters = new URLSearchParams(
    JSON.parse(query.json ?? '{}') as Record<string, string>,
  ).toString()
  return {
    request: {
      exchange,
      method: call.method,
      target: parameters === '' ? exchange.path : `${exchange.path}?${parameters}`,
      body: body?.json,
    },
    withheld: { ...query.withheld, ...body?.withheld },
    passed: {
      ...Object.fromEntries(exchange.carries.map((item) => [item, 1])),
      ...query.passed,
      ...body?.passed,
    },
    // A repeated parameter counts as unknown beyond its last value; so does a body where none belongs.
    unknown:
      query.unknown +
      (body?.unknown ?? 0) +
      (call.query.size - new Set(call.query.keys()).size) +
      (!exchange.request && call.body?.length ? 1 : 0),
    subjects: [...new Set([...query.subjects, ...(body?.subjects ?? [])])],
  }
}

function tooMany({ exchange }: OpenGate, json: string | undefined): Refusal | undefined {
  for (const [field, most] of Object.entries(exchange.limits ?? {})) {
    // An element takes three characters at least: a shorter text cannot hold too many.
    if (json === undefined || json.length < most * 3) continue
    const list = (JSON.parse(json) as Record<string, unknown>)[field]
    if (Array.isArray(list) && list.length > most) {
      return refuse('body_malformed', {
        exchange: exchange.id,
        field,
        expected: `at most ${most}`,
        came: list.length,
      })
    }
  }
  return undefined
}

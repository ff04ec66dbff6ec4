import type { ItemId } from '#catalog/catalog.ts'
import { type Refusal, isRefusal, refuse } from '#foundation/refusal.ts'
import type { Projected } from '#minimisation/projection.ts'
import type { OutgoingRequest } from './exchange.ts'
import type { OpenGate } from './gate.ts'
import { subjectsOf } from './party-names.ts'
import { fillPath } from './path-template.ts'

/** A call as its client made it. */
export interface IncomingCall {
  readonly method: OutgoingRequest['method']
  /** Of the path, where the exchange has any. */
  readonly parameters?: Readonly<Record<string, string>> | undefined
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
  /** The same by the items that name them, where the call names subjects by several. */
  readonly named?: ReadonlyMap<ItemId, readonly string[]>
}

/** Builds the outgoing request from allowed items only; headers and unknown parameters never pass. */
export function projectRequest(gate: OpenGate, call: IncomingCall): Payload | Refusal {
  const { exchange } = gate
  const query = gate.query(call.query.size === 0 ? '{}' : JSON.stringify(queryOf(gate, call.query)))
  const body = exchange.request && call.body ? gate.body?.(call.body) : undefined
  if (exchange.request && body?.json === undefined) {
    return refuse('body_malformed', { exchange: exchange.id, expected: 'a JSON object in UTF-8' })
  }
  const unfit = tooMany(gate, body?.json) ?? mutilated(gate, body)
  if (unfit) return unfit
  const path = gate.path && projectPath(gate, gate.path(JSON.stringify(call.parameters ?? {})))
  if (path !== undefined && isRefusal(path)) return path
  const vetted = vet(gate, path?.text ?? exchange.path, printQuery(query.json ?? '{}'), call)
  if (isRefusal(vetted)) return vetted
  return {
    request: {
      exchange,
      method: call.method,
      target: vetted,
      body: body?.json,
    },
    withheld: { ...query.withheld, ...body?.withheld },
    passed: passedOf(gate, query, body, path?.projected),
    // A repeated parameter counts as unknown beyond its last value; so does a body where none belongs.
    unknown:
      query.unknown +
      (body?.unknown ?? 0) +
      repeated(gate, call.query) +
      (!exchange.request && call.body?.length ? 1 : 0),
    subjects: [
      ...new Set([
        ...(path?.projected.subjects ?? []),
        ...query.subjects,
        ...(body?.subjects ?? []),
      ]),
    ],
    ...(exchange.subjects
      ? { named: subjectsOf(exchange, { body: call.body, query: queryOf(gate, call.query) }) }
      : {}),
  }
}

/** What leaves as path and query, after the exchange's own look at it where it has one. */
function vet(
  { exchange, inbound }: OpenGate,
  path: string,
  parameters: string,
  call: IncomingCall,
): string | Refusal {
  const print = (text: string) => (text === '' ? '' : `?${text}`)
  if (!exchange.vet) return path + print(parameters)
  const precisions = new Map(inbound.items.map((item) => [item.item, item.precision]))
  const sees = (item: ItemId) => precisions.get(item) ?? 'withheld'
  const asked = { path, query: new URLSearchParams(parameters) }
  const vetted = exchange.vet(asked, sees, call.query)
  return isRefusal(vetted) ? vetted : vetted.path + print(vetted.query.toString())
}

/** The path stands only as a whole: a parameter that may not pass leaves no call. */
function projectPath(
  { exchange }: OpenGate,
  projected: Projected,
): { readonly text: string; readonly projected: Projected } | Refusal {
  const text = fillPath(
    exchange.path,
    JSON.parse(projected.json ?? '{}') as Record<string, unknown>,
  )
  return text === undefined
    ? refuse('exchange_unknown', { exchange: exchange.id })
    : { text, projected }
}

function passedOf(
  { exchange }: OpenGate,
  query: Projected,
  body: Projected | undefined,
  path: Projected | undefined,
): Readonly<Record<ItemId, number>> {
  const passed: Record<ItemId, number> = {
    ...Object.fromEntries(exchange.carries.map((item) => [item, 1])),
    ...query.passed,
    ...body?.passed,
  }
  if (path)
    for (const [item, count] of Object.entries(path.passed))
      passed[item] = (passed[item] ?? 0) + count
  return passed
}

/** Of a repeated parameter the last value counts, unless the protocol says that it may be repeated. */
function queryOf({ exchange }: OpenGate, query: URLSearchParams): Record<string, unknown> {
  const read: Record<string, unknown> = Object.fromEntries(query)
  for (const name in exchange.query)
    if (exchange.query[name]?.kind === 'array' && query.has(name)) read[name] = query.getAll(name)
  return read
}

function repeated({ exchange }: OpenGate, query: URLSearchParams): number {
  if (query.size === 0) return 0
  const names = [...query.keys()].filter((name) => exchange.query[name]?.kind !== 'array')
  return names.length - new Set(names).size
}

function printQuery(json: string): string {
  if (json === '{}') return ''
  const printed = new URLSearchParams()
  const values = Object.entries(JSON.parse(json) as Record<string, string | readonly string[]>)
  for (const [name, value] of values)
    for (const one of typeof value === 'string' ? [value] : value) printed.append(name, one)
  return printed.toString()
}

/** What replaces something at the party goes whole or not at all: what was kept back would be lost there. */
function mutilated({ exchange }: OpenGate, body: Projected | undefined): Refusal | undefined {
  const kept = exchange.intact?.find((item) => (body?.withheld[item] ?? 0) > 0)
  if (kept !== undefined) return refuse('nothing_allowed', { exchange: exchange.id, item: kept })
  if (!exchange.whole || !body) return undefined
  const [item] = Object.keys(body.withheld)
  if (item !== undefined) return refuse('nothing_allowed', { exchange: exchange.id, item })
  return body.unknown > 0
    ? refuse('item_unclassified', { exchange: exchange.id, count: body.unknown })
    : undefined
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

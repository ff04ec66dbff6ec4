import type { Leaf, Shape } from '#catalog/shape.ts'
import type { Exchange } from '#sharing/exchange.ts'
import { IN, KEPT, OUT, type Canaries } from './canaries.ts'
import { type Filling, fill } from './fill.ts'
import type { Random } from './random.ts'
import type { Rules } from './rules.ts'
import type { Lane } from './world.ts'

export interface Told {
  /** The reason, where the call was refused. */
  readonly refused: string | undefined
  /** Canaries where they may not be, with the exchange. */
  readonly leaks: readonly string[]
}

/** What every document of the run is filled from. */
export interface Speech {
  readonly canaries: Canaries
  readonly random: Random
  /** Of this round: an answer that waits for a later call is made by the rules of its time. */
  rules: Rules
  readonly most: number
}

/** One call of an exchange with canaries in path, query, headers and body, and an answer full of them. */
export async function oneCall(lane: Lane, exchange: Exchange, speech: Speech): Promise<Told> {
  const { canaries, random, rules } = speech
  const strange = random.chance(0.5) ? 0 : 0.7
  const outward: Filling = {
    ...speech,
    strange,
    places: (item) => (rules.exact(exchange.outbound, item) ? [OUT] : []),
  }
  const path = pathOf(lane, exchange, outward)
  const tag = canaries.make()
  const headers = { 'x-note': tag, cookie: tag, referer: `https://${tag}.example.org/` }
  lane.answer?.(path, (method) => answerOf(lane, path, method, exchange, speech))
  const method = exchange.methods[random.below(exchange.methods.length)] ?? 'GET'
  const body = exchange.request ? bodyOf(exchange, exchange.request, outward) : undefined
  const answer = await lane.call(
    method,
    `${path}?${queryOf(lane, exchange, outward)}`,
    body,
    headers,
  )
  const leaks = lane.drain().flatMap((bytes) => canaries.strangers(bytes, OUT))
  const back = canaries.strangers(JSON.stringify(answer.headers) + answer.body, IN)
  return {
    refused: answer.refusal,
    leaks: [
      ...leaks.map((one) => `${one} left with ${exchange.id}`),
      ...back.map((one) => `${one} came back from ${exchange.id}`),
    ],
  }
}

function pathOf({ names }: Lane, exchange: Exchange, filling: Filling): string {
  return exchange.path.replace(/\{(\w+)=([^}]+)\}/g, (_, name: string, pattern: string) => {
    const leaf = exchange.parameters?.[name]
    const places = leaf ? filling.places(leaf.item) : []
    return pattern.replaceAll('*', () => {
      const canary = filling.canaries.make(...places)
      if (names === 'numbers') return canary.slice(3, -1)
      return names === 'hexadecimal' ? Buffer.from(canary).toString('hex') : canary
    })
  })
}

function queryOf(
  lane: Lane,
  exchange: Exchange,
  { canaries, random, places, strange }: Filling,
): string {
  const query = new URLSearchParams()
  for (const [name, shape] of Object.entries(exchange.query)) {
    if (
      !random.chance(lane.names === 'hexadecimal' ? 0.1 : 0.5) ||
      (exchange.vet && !name.startsWith('page'))
    )
      continue
    const leaf: Shape = shape.kind === 'array' ? shape.of : shape
    query.append(name, leaf.kind === 'leaf' ? parameterOf(exchange, leaf, canaries, places) : '')
  }
  if (random.chance(strange))
    query.append(random.chance(0.5) ? 'owner' : canaries.make(), canaries.make())
  return query.toString()
}

/** Where an exchange has the last word on its query itself, what it lets through is another test's. */
function parameterOf(
  { vet }: Exchange,
  { item, oneOf, maxLength = 99 }: Leaf,
  canaries: Canaries,
  places: Filling['places'],
): string {
  if (vet) return oneOf?.[0] ?? '1'
  return canaries.make(...(oneOf || maxLength < 11 ? [] : places(item)))
}

function bodyOf(exchange: Exchange, shape: Shape, filling: Filling): unknown {
  const body = fill(
    shape,
    exchange.limits ? { ...filling, most: Math.min(4, filling.most ?? 4) } : filling,
  )
  return typeof body === 'object' && body !== null ? body : {}
}

/** What the stand-in answers: a success as the shape has it with strange members, or an error that quotes people. */
function answerOf(
  lane: Lane,
  path: string,
  method: string,
  asked: Exchange,
  { canaries, random, rules, most }: Speech,
): { status: number; body: unknown; headers: Record<string, string> } {
  const exchange =
    lane.exchanges.find(
      (one) =>
        one.methods.some((other) => other === method) && (one === asked || one.path === path),
    ) ?? asked
  const note = canaries.make()
  const headers = { 'x-note': note, etag: note, 'set-cookie': `a=${note}` }
  if (random.chance(0.15)) {
    const quoted = canaries.make()
    const error = { code: 400, message: quoted, status: quoted, details: [{ quoted }] }
    return { status: 400, body: { error, reason: quoted, errors: [{ code: quoted }] }, headers }
  }
  const filling: Filling = {
    canaries,
    random,
    most,
    strange: random.chance(0.4) ? 0 : 0.6,
    places: (item) => (rules.exact(exchange.inbound, item) ? [IN] : []),
  }
  const body = exchange.response ? fill(exchange.response, filling) : { owner: canaries.make() }
  // What Apple calls a change that it took is kept until its outcome is known: Sluss asks by it.
  const { eventId } = body as { eventId?: unknown }
  if (exchange.settledBy && typeof eventId === 'string' && eventId.length === 11)
    canaries.allow(eventId, KEPT)
  return { status: 200, body, headers }
}

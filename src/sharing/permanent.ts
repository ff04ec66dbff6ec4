import type { Command } from '#agreements/approval.ts'
import type { CommandWords, Exchange } from './exchange.ts'
import type { OpenGate } from './gate.ts'
import { pathMatcher } from './path-template.ts'
import type { IncomingCall, Payload } from './project-request.ts'

/**
 * The exchange that the call really is: where some commands of a method cannot be undone, those are another one. This
 * only chooses; a call that is sent down the wrong way does not fit the shape there and is refused.
 */
export function exchangeOf(exchange: Exchange, call: IncomingCall): Exchange {
  const { variant } = exchange
  if (!variant?.commandWords || !call.body) return exchange
  const words = wordsOf(variant.commandWords, readTop(call.body.toString()))
  return words.length > 0 ? variant : exchange
}

/** Every exchange of a connector, those that only stand for the permanent commands of another among them. */
export function allExchanges(exchanges: readonly Exchange[]): readonly Exchange[] {
  return exchanges.flatMap((one) => (one.variant ? [one, one.variant] : [one]))
}

/**
 * What a call that cannot be undone does, to what: read from what would leave. Undefined where it is done to more than
 * one thing: an approval is for one.
 */
export function commandOf(gate: OpenGate, { request, subjects }: Payload): Command | undefined {
  const { exchange } = gate
  const [subject, ...more] = subjects
  const target = subject ?? pathTarget(exchange, request.target)
  if (target === undefined || more.length > 0) return undefined
  return {
    connectionId: gate.connection.connectionId,
    exchangeId: exchange.id,
    target,
    command: exchange.commandWords
      ? wordsOf(exchange.commandWords, readTop(request.body ?? '')).join('+')
      : '',
  }
}

/** What the path names, where no device is named: the enterprise that is deleted. */
function pathTarget(exchange: Exchange, target: string): string | undefined {
  const [path = ''] = target.split('?')
  const named = Object.values(pathMatcher(exchange.path)(path) ?? {})
  return named.length === 1 ? named[0] : undefined
}

/** Each word once; two that contradict each other make a command that nobody approved. */
function wordsOf(
  { field, words, implied }: CommandWords,
  top: Readonly<Record<string, unknown>>,
): readonly string[] {
  const found = new Set<string>()
  const word = top[field]
  if (typeof word === 'string' && words.includes(word)) found.add(word)
  for (const [member, meant] of Object.entries(implied)) if (member in top) found.add(meant)
  return [...found].sort()
}

function readTop(json: string): Readonly<Record<string, unknown>> {
  try {
    const read: unknown = JSON.parse(json)
    return typeof read === 'object' && read !== null ? (read as Record<string, unknown>) : {}
  } catch {
    // No JSON: the projection refuses it as such.
    return {}
  }
}

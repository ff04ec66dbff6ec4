import { PLAIN_ERRORS } from './error-form.ts'
import type { IncomingResponse } from './exchange.ts'
import type { OpenGate } from './gate.ts'

/** A party's answer as far as it may come in, and what was kept back. */
export interface Admitted {
  readonly response: IncomingResponse
  readonly received: Readonly<Record<string, number>>
  readonly withheld: Readonly<Record<string, number>>
  readonly unknown: number
}

/** Headers that carry protocol and nothing else, with the form their value must have. */
const HEADERS: readonly (readonly [string, RegExp])[] = [['retry-after', /^\d{1,6}$/]]
const JSON_TYPE = 'application/json;charset=UTF8'

/** Lets through items of the inbound plan, and of an error only the word that the protocol documents for it. */
export function admitResponse(gate: OpenGate, response: IncomingResponse): Admitted {
  const headers: Record<string, string> = {}
  for (const [name, form] of HEADERS) {
    const value = response.headers[name]
    if (value !== undefined && form.test(value)) headers[name] = value
  }
  if (response.status >= 200 && response.status < 300) return admitSuccess(gate, response, headers)
  const form = gate.connector.errorForm ?? PLAIN_ERRORS
  const code = form.codeOf(response.body, gate.exchange.errors[response.status] ?? [])
  const { type, body } = form.render(response.status, code ?? 'UNDOCUMENTED_ERROR')
  return {
    response: { status: response.status, headers: { ...headers, 'content-type': type }, body },
    received: {},
    withheld: {},
    unknown: code === undefined ? 1 : 0,
  }
}

function admitSuccess(
  gate: OpenGate,
  response: IncomingResponse,
  headers: Record<string, string>,
): Admitted {
  if (!gate.response) {
    return {
      response: { status: response.status, headers, body: Buffer.alloc(0) },
      received: {},
      withheld: {},
      unknown: response.body.length > 0 ? 1 : 0,
    }
  }
  const projected = gate.response(response.body)
  if (projected.json === undefined) {
    // The party answered something else than its protocol says; nothing of it is known, so nothing of it passes.
    const form = gate.connector.errorForm ?? PLAIN_ERRORS
    const { type, body } = form.render(502, 'MALFORMED_RESPONSE_BODY')
    return {
      response: { status: 502, headers: { 'content-type': type }, body },
      received: {},
      withheld: {},
      unknown: 1,
    }
  }
  return {
    response: {
      status: response.status,
      headers: { ...headers, 'content-type': JSON_TYPE },
      body: Buffer.from(projected.json),
    },
    received: projected.passed,
    withheld: projected.withheld,
    unknown: projected.unknown,
  }
}

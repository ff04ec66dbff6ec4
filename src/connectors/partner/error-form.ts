import type { RefusalCode, Refusal } from '#foundation/refusal.ts'
import type { ErrorForm, IncomingResponse } from '#sharing/exchange.ts'

const JSON_TYPE = 'application/json;charset=UTF8'

/**
 * Where HTTPS JSON services put the word of an error: `error`, `error.code`, `error.status`, `code`. A word is compared
 * in capitals (`invalid_request` is `INVALID_REQUEST`); nothing else of an error is read.
 */
export const PARTNER_ERRORS: ErrorForm = {
  codeOf: (body, codes) => {
    const words = wordsOf(body)
    return codes.find((code) => words.includes(code))
  },
  render: (status, code) => ({
    type: JSON_TYPE,
    body: Buffer.from(JSON.stringify({ error: { code, status } })),
  }),
}

function wordsOf(body: Buffer): readonly string[] {
  try {
    const read = JSON.parse(body.toString()) as Record<string, unknown> | null
    const error = read?.error as Record<string, unknown> | string | null | undefined
    const inner = typeof error === 'object' && error !== null ? error : {}
    return [error, inner.code, inner.status, inner.type, read?.code, read?.error_code]
      .filter((word) => typeof word === 'string')
      .map((word) => word.toUpperCase().replaceAll(/[^A-Z0-9]+/g, '_'))
  } catch {
    // No form of an error that is known: it names no code.
    return []
  }
}

export function failure(status: number, code: string): IncomingResponse {
  const { type, body } = PARTNER_ERRORS.render(status, code)
  return { status, headers: { 'content-type': type }, body }
}

/** Refusals that have a status of their own; all others are 403. */
const STATUS: Partial<Record<RefusalCode, number>> = {
  client_unauthenticated: 401,
  exchange_unknown: 404,
  body_too_large: 413,
  body_malformed: 400,
  content_type_unsupported: 415,
  encoding_unsupported: 415,
  rate_limited: 429,
  evidence_unavailable: 503,
  lease_expired: 503,
}

/** A no to the tenant's own client, with its reason in a header and as the code. */
export function refusalResponse(refusal: Refusal): IncomingResponse {
  const status = STATUS[refusal.refused] ?? 403
  const code = refusal.refused.toUpperCase()
  return {
    status,
    headers: {
      'content-type': JSON_TYPE,
      'sluss-refusal': refusal.refused,
      ...(status === 503 || status === 429 ? { 'retry-after': '5' } : {}),
    },
    body: Buffer.from(JSON.stringify({ error: { code, status, message: refusal.message } })),
  }
}

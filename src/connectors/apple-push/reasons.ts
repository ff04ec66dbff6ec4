import { type Refusal, type RefusalCode } from '#foundation/refusal.ts'
import type { ErrorForm, IncomingResponse } from '#sharing/exchange.ts'

/** The party's certificate is not taken: no push of it will be, until it is replaced or Apple mends it. */
export const CERTIFICATE_REASONS: ReadonlySet<string> = new Set([
  'BadCertificate',
  'BadCertificateEnvironment',
  'Forbidden',
])

/** `{"reason":"BadDeviceToken"}`: of an error only the reason is read, and only one that is documented. */
export const APNS_ERRORS: ErrorForm = {
  codeOf: (body, codes) => {
    const reason = reasonOf(body)
    return codes.find((code) => code === reason)
  },
  render: (_, reason) => ({
    type: 'application/json',
    body: Buffer.from(JSON.stringify({ reason: WORDS[reason] ?? reason })),
  }),
}

/** Words of the gateway itself, said as APNs says them. */
const WORDS: Readonly<Record<string, string>> = {
  INTERNAL_SERVER_ERROR: 'InternalServerError',
  BAD_GATEWAY: 'ServiceUnavailable',
  GATEWAY_TIMEOUT: 'ServiceUnavailable',
  MALFORMED_RESPONSE_BODY: 'InternalServerError',
}

/** The reason that the body of an error, or the data of a GOAWAY frame, names. */
export function reasonOf(body: Buffer): string | undefined {
  try {
    const { reason } = JSON.parse(body.subarray(0, 4_096).toString()) as { reason?: unknown }
    return typeof reason === 'string' ? reason : undefined
  } catch {
    // Not the form of an error of APNs: it names no reason.
    return undefined
  }
}

/** An answer in APNs' form that Sluss itself gives, without asking Apple. */
export function failure(status: number, reason: string, retryAfter?: number): IncomingResponse {
  const { type, body } = APNS_ERRORS.render(status, reason)
  return {
    status,
    headers: {
      'content-type': type,
      ...(retryAfter === undefined ? {} : { 'retry-after': String(Math.max(1, retryAfter)) }),
    },
    body,
  }
}

/** Refusals that APNs has a reason for; all others are 403 Forbidden. */
const ANSWERS: Partial<Record<RefusalCode, readonly [number, string]>> = {
  client_unauthenticated: [401, 'MissingProviderToken'],
  exchange_unknown: [404, 'BadPath'],
  method_unsupported: [405, 'MethodNotAllowed'],
  body_too_large: [413, 'PayloadTooLarge'],
  body_malformed: [400, 'PayloadEmpty'],
  item_unclassified: [400, 'PayloadEmpty'],
  encoding_unsupported: [400, 'PayloadEmpty'],
  credentials_missing: [403, 'BadCertificate'],
  credentials_expired: [403, 'BadCertificate'],
  rate_limited: [429, 'TooManyRequests'],
  evidence_unavailable: [503, 'ServiceUnavailable'],
  lease_expired: [503, 'ServiceUnavailable'],
}

/** A refusal as a client of APNs reads it; why Sluss refused stands in the header `sluss-refusal`. */
export function refusalResponse({ refused }: Refusal): IncomingResponse {
  const [status, reason] = ANSWERS[refused] ?? [403, 'Forbidden']
  const wait = status === 503 || status === 429 ? 5 : undefined
  const { headers, body } = failure(status, reason, wait)
  return { status, headers: { ...headers, 'sluss-refusal': refused }, body }
}

import type { IncomingHttpHeaders } from 'node:http'
import { type Refusal, refuse } from '#foundation/refusal.ts'
import { isUuid } from '#foundation/ids.ts'

/** The largest payload of APNs, in bytes. */
export const LARGEST_PAYLOAD = 4_096

/** A push as a client asks for it: options that came as headers stand in `query`. */
export interface PushCall {
  readonly token: string
  readonly query: URLSearchParams
  readonly body: Buffer
}

/** Why a request is no push; `reason` where APNs has a word of its own for it. */
export interface NoPush {
  readonly refusal: Refusal
  readonly reason?: string
}

const PATH = /^\/3\/device\/([^/?#]*)$/
const TOKEN = /^(?:[0-9a-f]{2}){1,100}$/i

/** Headers of APNs: how each must look, and what APNs says otherwise. `apns-collapse-id` passes no gate, and is counted. */
const OPTIONS: readonly (readonly [name: string, fits: (value: string) => boolean, no: string])[] =
  [
    ['apns-id', isUuid, 'BadMessageId'],
    ['apns-expiration', (value) => /^\d{1,12}$/.test(value), 'BadExpirationDate'],
    ['apns-priority', (value) => /^(?:10|5|1)$/.test(value), 'BadPriority'],
    ['apns-push-type', (value) => value === 'mdm', 'InvalidPushType'],
    ['apns-topic', (value) => /^[\w.-]{1,200}$/.test(value), 'BadTopic'],
    ['apns-collapse-id', (value) => value.length <= 64, 'BadCollapseId'],
  ]

/** Reads a request as APNs does. No header is needed, as NanoMDM and Fleet send none. */
export function readPush(
  method: string,
  url: string,
  headers: IncomingHttpHeaders,
  body: Buffer,
): PushCall | NoPush {
  const [, token] = PATH.exec(url) ?? []
  if (token === undefined) return { refusal: refuse('exchange_unknown') }
  if (method !== 'POST') return { refusal: refuse('method_unsupported', { expected: 'POST' }) }
  if (token === '') return malformed('token', 'MissingDeviceToken')
  if (!TOKEN.test(token)) return malformed('token', 'BadDeviceToken')
  if (body.length > LARGEST_PAYLOAD)
    return { refusal: refuse('body_too_large', { expected: LARGEST_PAYLOAD }) }
  if ((headers['content-encoding'] ?? 'identity') !== 'identity')
    return { refusal: refuse('encoding_unsupported') }
  if (body.length === 0) return malformed('body', 'PayloadEmpty')
  const query = new URLSearchParams()
  for (const [name, fits, no] of OPTIONS) {
    const value = headers[name]
    if (value === undefined) continue
    // Node joins what came twice.
    if (typeof value !== 'string' || value.includes(', '))
      return malformed(name, 'DuplicateHeaders')
    if (!fits(value)) return malformed(name, no)
    query.set(name, value)
  }
  return { token: token.toLowerCase(), query, body }
}

function malformed(field: string, reason: string): NoPush {
  return { refusal: refuse('body_malformed', { field }), reason }
}

import { setTimeout as pause } from 'node:timers/promises'
import { BoundedCache } from '#foundation/bounded-cache.ts'
import {
  type Connector,
  type IncomingResponse,
  type PartyCall,
  type SendResult,
  TransportFault,
} from '#sharing/exchange.ts'
import { PUSH } from './exchanges.ts'
import { APNS_ERRORS, CERTIFICATE_REASONS, failure, reasonOf, refusalResponse } from './reasons.ts'
import type { Wire, WireRequest } from './wire.ts'

/** The largest payload that APNs takes. */
export const LARGEST_PAYLOAD = 4_096
const TOKEN = /^\/3\/device\/(?:[0-9a-f]{2}){1,100}$/i
const MOST_ATTEMPTS = 2
/** A longer wait is left to the client. */
const LONGEST_WAIT_IN_MS = 1_000
const FIRST_PAUSE_IN_MS = 500
const LONGEST_PAUSE_IN_MS = 60_000
/** A certificate that was refused is tried again after so long, in case Apple has mended it. */
const UNHEALTHY_FOR_IN_MS = 60_000
const REMEMBERED = 10_000

interface Standing {
  /** Until when no push of this certificate is tried. */
  until: number
  failures: number
  /** Why the certificate is not taken, while it is not. */
  unhealthy: string | undefined
}

interface State {
  readonly certificates: BoundedCache<string, Standing>
  /** Devices that were sent too much: until when they are left alone. */
  readonly devices: BoundedCache<string, number>
  readonly elapsed: () => number
}

/**
 * Apple's push service for device management. Sluss holds the push certificate and is the only one that pushes with it:
 * topic and kind of a push are its own, whatever a client says, or the push is refused as Apple would refuse it.
 *
 * @param elapsed milliseconds on a scale that never runs backwards
 */
export function applePush(wire: Wire, elapsed: () => number): Connector {
  const state: State = {
    certificates: new BoundedCache(REMEMBERED),
    devices: new BoundedCache(REMEMBERED),
    elapsed,
  }
  return {
    id: 'apple-push',
    party: 'apple',
    service: 'APNs',
    exchanges: [PUSH],
    clientDoor: 'bearer',
    errorForm: APNS_ERRORS,
    refusalResponse,
    send: (call) => send(wire, state, call),
  }
}

/** Sends one push, and once more where APNs said that it only had trouble itself. */
async function send(wire: Wire, state: State, call: PartyCall): Promise<SendResult> {
  const request = toWire(call)
  if ('status' in request) return { outcome: 'rejected', response: request, attempts: 0 }
  const device = `${request.certificate.fingerprint} ${request.path}`
  const standing = standingOf(state, request.certificate.fingerprint)
  const held = heldBack(state, standing, device)
  if (held) return { outcome: 'rejected', response: held, attempts: 0 }
  let attempts = 0
  let fresh = false
  for (;;) {
    try {
      const { response, sent } = await wire({ ...request, fresh })
      if (sent) attempts++
      const reason = response.status === 200 ? undefined : reasonOf(response.body)
      const wait = await learn(state, standing, device, call, response, reason)
      if (wait === undefined || attempts >= MOST_ATTEMPTS || wait > LONGEST_WAIT_IN_MS)
        return concluded(response, attempts)
      if (wait > 0) await pause(wait)
      if (call.stands && !(await call.stands())) return concluded(response, attempts)
      fresh = reason === 'Shutdown' || reason === 'IdleTimeout'
      if (!sent) attempts++
    } catch (fault) {
      if (!(fault instanceof TransportFault)) throw fault
      const unsent = !fault.sent && attempts === 0
      return { outcome: unsent ? 'unsent' : 'unknown', code: fault.code, attempts: attempts + 1 }
    }
  }
}

/** The push as it leaves, or how Apple would answer one that cannot be right. */
function toWire({
  origin,
  credentials,
  request,
  stands,
}: PartyCall): WireRequest | IncomingResponse {
  const { certificate = '', privateKey = '', fingerprint = '', topic = '' } = credentials
  const [path = '', query = ''] = request.target.split('?')
  const given = new URLSearchParams(query)
  const body = request.body ?? ''
  if (!TOKEN.test(path)) return failure(400, 'BadDeviceToken')
  if (Buffer.byteLength(body) > LARGEST_PAYLOAD) return failure(413, 'PayloadTooLarge')
  if (body === '' || body === '{}') return failure(400, 'PayloadEmpty')
  const asked = given.get('apns-topic')
  if (asked !== null && asked !== topic) return failure(400, 'TopicDisallowed')
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    'apns-topic': topic,
    'apns-push-type': 'mdm',
  }
  for (const name of ['apns-id', 'apns-expiration', 'apns-priority']) {
    const value = given.get(name)
    if (value !== null) headers[name] = value
  }
  const certified = { fingerprint, certificate, privateKey }
  return { origin, certificate: certified, path, headers, body, ...(stands ? { stands } : {}) }
}

function standingOf({ certificates }: State, fingerprint: string): Standing {
  let standing = certificates.get(fingerprint)
  if (!standing) {
    standing = { until: 0, failures: 0, unhealthy: undefined }
    certificates.set(fingerprint, standing)
  }
  return standing
}

/** What was learned before holds: nothing is sent that is known to be refused. */
function heldBack(
  { devices, elapsed }: State,
  { until, unhealthy }: Standing,
  device: string,
): IncomingResponse | undefined {
  const now = elapsed()
  const seconds = (end: number): number => Math.ceil((end - now) / 1_000)
  if (until > now)
    return unhealthy === undefined
      ? failure(503, 'ServiceUnavailable', seconds(until))
      : failure(403, unhealthy)
  const end = devices.get(device)
  if (end === undefined) return undefined
  if (end > now) return failure(429, 'TooManyRequests', seconds(end))
  devices.delete(device)
  return undefined
}

/**
 * Takes from an answer what it means for the pushes after it.
 *
 * @returns after how many milliseconds the same push may be tried again; undefined where it may not
 */
async function learn(
  { devices, elapsed }: State,
  standing: Standing,
  device: string,
  { session, credentials }: PartyCall,
  response: IncomingResponse,
  reason: string | undefined,
): Promise<number | undefined> {
  const { status } = response
  if (status === 403 && reason !== undefined && CERTIFICATE_REASONS.has(reason)) {
    standing.until = elapsed() + UNHEALTHY_FOR_IN_MS
    standing.unhealthy = reason
    const health = JSON.stringify({ fingerprint: credentials.fingerprint ?? '', reason })
    await session.replace(await session.get(), health)
    return undefined
  }
  if (status === 429) {
    devices.set(device, elapsed() + (retryAfter(response) ?? FIRST_PAUSE_IN_MS * 2))
    return undefined
  }
  // The device has left or has another token: nothing of the old one is kept here, and whoever pushed is told.
  if (status === 410) devices.delete(device)
  if (status === 500 || status === 503) {
    const wait =
      retryAfter(response) ??
      Math.min(FIRST_PAUSE_IN_MS * 2 ** standing.failures, LONGEST_PAUSE_IN_MS)
    if (reason === 'Shutdown') return 0
    standing.failures++
    if (status === 503) standing.until = elapsed() + wait
    return wait
  }
  if (status === 400 && reason === 'IdleTimeout') return 0
  if (standing.unhealthy !== undefined) {
    standing.unhealthy = undefined
    await session.replace(await session.get(), undefined)
  }
  standing.failures = 0
  standing.until = 0
  return undefined
}

function retryAfter({ headers }: IncomingResponse): number | undefined {
  const value = headers['retry-after']
  return value !== undefined && /^\d{1,5}$/.test(value) ? Number(value) * 1_000 : undefined
}

/** APNs gives the id of a push in a header, and no body. */
function concluded(response: IncomingResponse, attempts: number): SendResult {
  if (response.status !== 200) return { outcome: 'rejected', response, attempts }
  const id = response.headers['apns-id']
  const body = Buffer.from(JSON.stringify(id === undefined ? {} : { 'apns-id': id }))
  return { outcome: 'delivered', response: { ...response, body }, attempts }
}

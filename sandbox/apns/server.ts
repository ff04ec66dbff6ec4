import { randomUUID } from 'node:crypto'
import {
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  constants,
  createSecureServer,
} from 'node:http2'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { type StandInAuthority, TOPIC, makeAuthority } from './certificates.ts'
import { complaintAbout } from './check.ts'

/**
 * What the stand-in does with the next push instead of answering it rightly: any reason of Apple's, a slow answer, none at
 * all, a cut stream or connection, or a GOAWAY with or without a reason, before (`refused`) or after it was processed.
 */
export type ApnsFault =
  | { readonly reason: string; readonly status: number; readonly retryAfter?: number }
  | { readonly slowMs: number }
  | { readonly never: true }
  | { readonly cut: 'stream' | 'connection' }
  | { readonly goaway: 'refused' | 'processed'; readonly reason?: string; readonly code?: number }
  | { readonly raw: string; readonly status: number }

export interface ReceivedPush {
  readonly token: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
  /** Which connection it came on, counted from 1. */
  readonly connection: number
  /** Headers and body as one text: what tests hunt in. */
  readonly bytes: string
}

export interface SandboxApns {
  /** `https://127.0.0.1:<port>`; not Apple. */
  readonly origin: string
  readonly port: number
  readonly authority: StandInAuthority
  readonly received: ReceivedPush[]
  /** How many connections were opened, and how many are open. */
  connections(): { readonly opened: number; readonly open: number }
  /** How many pushes it took. */
  taken(): number
  /** The most pushes that were on their way at once. */
  mostAtOnce(): number
  /** The next pushes meet these, one each. */
  next(...faults: readonly ApnsFault[]): void
  /** From now on the device is gone. */
  unregister(token: string, timestamp?: number): void
  /** Answers are held until `release` is called. */
  hold(): { release(): void }
  stop(): Promise<void>
}

export interface SandboxApnsOptions {
  readonly port?: number
  readonly now?: () => number
  readonly authority?: StandInAuthority
  readonly topic?: string
  readonly mostStreams?: number
  /** Keeps no copies of what it received, for measuring. */
  readonly forgetful?: boolean
}

/** A stand-in for Apple's push service, strict and disobedient on command. It is not Apple's and reaches no device. */
export async function startSandboxApns(options: SandboxApnsOptions = {}): Promise<SandboxApns> {
  const { now = Date.now, topic = TOPIC, mostStreams = 1_000 } = options
  const authority = options.authority ?? makeAuthority(now())
  const received: ReceivedPush[] = []
  const faults: ApnsFault[] = []
  const gone = new Map<string, number>()
  const sessions = new Map<ServerHttp2Session, number>()
  let opened = 0
  let atOnce = 0
  let most = 0
  let taken = 0
  let held: Promise<void> | undefined
  const server = createSecureServer({
    key: authority.server.privateKey,
    cert: authority.server.certificate,
    ca: authority.ca,
    requestCert: true,
    rejectUnauthorized: true,
    settings: { maxConcurrentStreams: mostStreams },
  })
  server.on('session', (session) => {
    sessions.set(session, ++opened)
    session.on('error', () => {})
    session.once('close', () => sessions.delete(session))
  })
  server.on('stream', (stream, headers) => {
    most = Math.max(most, ++atOnce)
    stream.once('close', () => atOnce--)
    stream.on('error', () => {})
    const parts: Buffer[] = []
    stream.on('data', (part: Buffer) => parts.push(part))
    stream.on('end', () => void answer(stream, headers, Buffer.concat(parts)))
  })
  const answer = async (
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    body: Buffer,
  ): Promise<void> => {
    const session = stream.session as ServerHttp2Session | undefined
    if (!session) return
    const fault = faults.shift()
    if (fault && 'goaway' in fault && fault.goaway === 'refused')
      return goAway(stream, fault, false)
    if (!options.forgetful) received.push(readPush(headers, body, sessions.get(session) ?? 0))
    if (held) await held
    if (fault && (await misbehave(stream, fault))) return
    const owner = topicOf(session)
    const complaint =
      owner === undefined
        ? { status: 403, reason: 'BadCertificate' }
        : complaintAbout(headers, body, { topic: owner, gone })
    if (complaint) {
      const { status, ...rest } = complaint
      return respond(stream, headers, status, JSON.stringify(rest))
    }
    taken++
    respond(stream, headers, 200, '')
  }
  const topics = new WeakMap<ServerHttp2Session, string | undefined>()
  const topicOf = (session: ServerHttp2Session): string | undefined => {
    // Read once for each connection: it takes longer than all else that is done for a push.
    if (topics.has(session)) return topics.get(session)
    const { subject } = (session.socket as TLSSocket).getPeerCertificate()
    const { UID } = (subject ?? {}) as unknown as { UID?: string }
    topics.set(session, UID === topic ? UID : undefined)
    return topics.get(session)
  }
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    origin: `https://127.0.0.1:${port}`,
    port,
    authority,
    received,
    connections: () => ({ opened, open: sessions.size }),
    taken: () => taken,
    mostAtOnce: () => most,
    next: (...more) => void faults.push(...more),
    unregister: (token, timestamp = now()) => void gone.set(token.toLowerCase(), timestamp),
    hold: () => {
      const { promise, resolve } = Promise.withResolvers<void>()
      held = promise
      return {
        release: () => {
          held = undefined
          resolve()
        },
      }
    },
    stop: () => close(server, sessions),
  }
}

/** Answers whether the fault was all of the answer. */
async function misbehave(stream: ServerHttp2Stream, fault: ApnsFault): Promise<boolean> {
  if ('never' in fault) return true
  if ('slowMs' in fault) {
    await new Promise((resolve) => setTimeout(resolve, fault.slowMs))
    return false
  }
  if ('cut' in fault) {
    if (fault.cut === 'stream') stream.close(constants.NGHTTP2_INTERNAL_ERROR)
    else stream.session?.destroy()
    return true
  }
  if ('goaway' in fault) {
    goAway(stream, fault, true)
    return false
  }
  const wait = 'retryAfter' in fault && fault.retryAfter !== undefined
  stream.respond({
    ':status': fault.status,
    ...(wait ? { 'retry-after': String(fault.retryAfter) } : {}),
  })
  stream.end('raw' in fault ? fault.raw : JSON.stringify({ reason: fault.reason }))
  return true
}

/** Says which stream was the last that it processed, and why it goes where Apple would say so. */
function goAway(
  stream: ServerHttp2Stream,
  { reason, code = constants.NGHTTP2_NO_ERROR }: { reason?: string; code?: number },
  processed: boolean,
): void {
  const last = processed ? (stream.id ?? 0) : Math.max(0, (stream.id ?? 0) - 2)
  const data = reason === undefined ? undefined : Buffer.from(JSON.stringify({ reason }))
  stream.session?.goaway(code, last, data)
}

function respond(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  status: number,
  body: string,
): void {
  if (stream.destroyed || stream.closed) return
  const id =
    typeof headers['apns-id'] === 'string' ? headers['apns-id'] : randomUUID().toUpperCase()
  stream.respond({ ':status': status, 'apns-id': id })
  stream.end(body)
}

function readPush(headers: IncomingHttpHeaders, body: Buffer, connection: number): ReceivedPush {
  return {
    token: String(headers[':path']).slice('/3/device/'.length),
    headers,
    body: body.toString(),
    connection,
    bytes: `${Object.entries(headers)
      .map(([name, value]) => `${name}: ${String(value)}`)
      .join('\n')}\n\n${body.toString()}`,
  }
}

function close(server: Http2Server, sessions: Map<ServerHttp2Session, number>): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    for (const session of sessions.keys()) session.destroy()
  })
}

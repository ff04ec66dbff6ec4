import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type IncomingHttpHeaders,
  connect,
  constants,
} from 'node:http2'
import type { Clock } from '#foundation/clock.ts'
import {
  type IncomingResponse,
  TransportFault,
  type TransportFaultCode,
} from '#sharing/exchange.ts'
import { STATUS_OF_REASON } from './exchanges.ts'
import type { Flight } from './lane.ts'
import { reasonOf } from './reasons.ts'
import type { Certificate, WireOptions } from './wire.ts'

/** Why the peer left, where it said so. */
interface Goodbye {
  readonly lastStream: number
  readonly reason: string | undefined
  readonly status: number | undefined
}

/** What became of one stream: an answer, or none, and whether the peer may have processed it. */
export type StreamOutcome =
  | { readonly response: IncomingResponse }
  | { readonly processed: true; readonly code: TransportFaultCode }
  | { readonly processed: false; readonly goodbye: Goodbye | undefined }

/** One HTTP/2 connection. */
export interface Link {
  usable(): boolean
  /** Whether the peer allows another stream at once. */
  hasRoom(): boolean
  start(flight: Flight, ended: (outcome: StreamOutcome) => void): void
  /** Takes no more pushes; those on their way are awaited. */
  leave(): void
  close(): Promise<void>
}

interface Told {
  /** There may be room, or no link any more. */
  readonly changed: () => void
  readonly idle: () => void
}

interface Opened {
  ended(outcome: StreamOutcome): void
  readonly since: number
  cancel(): void
}

const LARGEST_ANSWER = 64 * 1024
const LOOK_EVERY_IN_MS = 250

/**
 * Connects, and resolves once the peer has sent its settings: before that nothing has been sent, so that a certificate
 * that is refused in the handshake never leaves an unknown outcome.
 *
 * @throws TransportFault `connect_failed`, with nothing sent
 */
export function openLink(
  origin: string,
  { certificate, privateKey }: Certificate,
  clock: Clock,
  options: WireOptions,
  told: Told,
): Promise<Link> {
  const { connectMs = 5_000 } = options
  const session = connect(origin, {
    cert: certificate,
    key: privateKey,
    settings: { enablePush: false },
    ...(options.ca === undefined ? {} : { ca: options.ca }),
  })
  return new Promise((resolve, reject) => {
    const give = (): void => {
      clearTimeout(timer)
      session.destroy()
      reject(new TransportFault('connect_failed', false))
    }
    const timer = setTimeout(give, connectMs)
    session.once('error', give)
    session.once('close', give)
    session.once('remoteSettings', () => {
      clearTimeout(timer)
      session.off('error', give)
      session.off('close', give)
      resolve(linkOver(session, clock, options, told))
    })
  })
}

function linkOver(
  session: ClientHttp2Session,
  clock: Clock,
  options: WireOptions,
  told: Told,
): Link {
  const { mostStreams = 1_000 } = options
  const open = new Set<Opened>()
  const state: { goodbye: Goodbye | undefined; left: boolean; heardAt: number } = {
    goodbye: undefined,
    left: false,
    heardAt: clock.elapsed(),
  }
  const room = (): number =>
    Math.min(session.remoteSettings?.maxConcurrentStreams ?? 100, mostStreams)
  const usable = (): boolean => !state.left && !session.closed && !session.destroyed
  const stopLooking = watch(session, open, state, clock, options, told)
  session.on('error', () => {
    // Its streams end with it, and each says for itself what became of it.
  })
  session.on('goaway', (_, lastStream, data) => {
    const reason = data === undefined ? undefined : reasonOf(Buffer.from(data))
    const known = reason !== undefined && STATUS_OF_REASON.has(reason)
    state.goodbye = {
      lastStream,
      reason: known ? reason : undefined,
      status: known ? STATUS_OF_REASON.get(reason) : undefined,
    }
    state.left = true
    told.changed()
  })
  session.on('remoteSettings', () => told.changed())
  session.once('close', () => {
    stopLooking()
    state.left = true
    told.changed()
  })
  return {
    usable,
    hasRoom: () => open.size < room(),
    start: (flight, ended) => {
      const opened: Opened = {
        since: clock.elapsed(),
        cancel: () => {},
        ended: (outcome) => {
          if (!open.delete(opened)) return
          state.heardAt = clock.elapsed()
          ended(outcome)
        },
      }
      open.add(opened)
      startStream(session, flight, opened, () => state.goodbye)
    },
    leave: () => {
      state.left = true
      session.close()
    },
    close: async () => {
      state.left = true
      if (session.destroyed) return
      await new Promise<void>((resolve) => {
        session.close(() => resolve())
      })
    },
  }
}

function startStream(
  session: ClientHttp2Session,
  { request: { path, headers, body } }: Flight,
  opened: Opened,
  goodbye: () => Goodbye | undefined,
): void {
  let stream: ClientHttp2Stream
  try {
    stream = session.request({ ':method': 'POST', ':path': path, ...headers })
  } catch {
    // The connection ended between the look and the call, or has no stream ids left: certainly nothing left.
    session.close()
    setImmediate(() => opened.ended({ processed: false, goodbye: goodbye() }))
    return
  }
  let answered: IncomingHttpHeaders | undefined
  let size = 0
  const parts: Buffer[] = []
  opened.cancel = () => {
    opened.ended({ processed: true, code: 'timeout' })
    stream.close(constants.NGHTTP2_CANCEL)
  }
  stream.on('error', () => {
    // 'close' follows, with the same to be said.
  })
  stream.on('response', (received) => {
    answered = received
  })
  stream.on('data', (part: Buffer) => {
    size += part.length
    if (size <= LARGEST_ANSWER) return void parts.push(part)
    opened.ended({ processed: true, code: 'response_too_large' })
    stream.close(constants.NGHTTP2_CANCEL)
  })
  stream.on('end', () => {
    if (answered) opened.ended({ response: readAnswer(answered, parts) })
  })
  stream.on('close', () => {
    if (answered && stream.readableEnded) return
    const refused = stream.rstCode === constants.NGHTTP2_REFUSED_STREAM
    // What the peer said when it left may be told a moment after its streams have ended.
    setImmediate(() => {
      const last = goodbye()?.lastStream
      const beyond = last !== undefined && (stream.id === undefined || stream.id > last)
      opened.ended(
        answered === undefined && (refused || beyond)
          ? { processed: false, goodbye: goodbye() }
          : { processed: true, code: 'closed_early' },
      )
    })
  })
  stream.end(body)
}

function readAnswer(headers: IncomingHttpHeaders, parts: readonly Buffer[]): IncomingResponse {
  const kept: Record<string, string> = {}
  for (const name of ['apns-id', 'retry-after']) {
    const value = headers[name]
    if (typeof value === 'string') kept[name] = value
  }
  return { status: Number(headers[':status']), headers: kept, body: Buffer.concat([...parts]) }
}

/** Ends what takes too long, asks a quiet peer whether it is there, and closes what nobody uses. */
function watch(
  session: ClientHttp2Session,
  open: ReadonlySet<Opened>,
  state: { left: boolean; heardAt: number },
  clock: Clock,
  options: WireOptions,
  told: Told,
): () => void {
  const { answerMs = 20_000, quietMs = 30_000, pingMs = 10_000, idleMs = 15 * 60_000 } = options
  let usedAt = clock.elapsed()
  let askedAt: number | undefined
  const timer = setInterval(() => {
    const now = clock.elapsed()
    for (const one of open) {
      if (now - one.since < answerMs) break
      one.cancel()
    }
    if (open.size > 0) usedAt = now
    else if (now - usedAt >= idleMs && !state.left) {
      state.left = true
      session.close()
      told.idle()
      return
    }
    if (askedAt !== undefined) {
      if (now - askedAt >= pingMs) session.destroy()
    } else if (now - state.heardAt >= quietMs && !session.destroyed) {
      askedAt = now
      session.ping((fault) => {
        askedAt = undefined
        if (!fault) state.heardAt = clock.elapsed()
      })
    }
  }, LOOK_EVERY_IN_MS)
  timer.unref()
  return () => clearInterval(timer)
}

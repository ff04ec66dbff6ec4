import { constants } from 'node:http2'
import type { Clock } from '#foundation/clock.ts'
import { TransportFault } from '#sharing/exchange.ts'
import { failure } from './reasons.ts'
import { type Link, openLink } from './link.ts'
import type { Certificate, WireAnswer, WireOptions, WireRequest } from './wire.ts'

/** A push that waits or is on its way. */
export interface Flight {
  request: WireRequest
  readonly settle: (answer: WireAnswer) => void
  readonly fail: (fault: TransportFault) => void
  readonly promise: Promise<WireAnswer>
  /** How often the peer has said that it did not process it. */
  moves: number
  /** When it was last known that it may leave. */
  knownAt: number
}

export interface Lane {
  send(request: WireRequest): Promise<WireAnswer>
  close(): Promise<void>
}

const MOST_MOVES = 3
/** A push that waited longer is asked about before it leaves. */
const FRESH_IN_MS = 250

/**
 * The pushes of one certificate. At most one push per device is on its way and one more waits: a push that comes while
 * another waits takes its place, and both get its answer. A connection that the peer leaves is opened anew, and only
 * pushes that the peer did not process are sent again.
 */
export function openLane(
  origin: string,
  certificate: Certificate,
  clock: Clock,
  options: WireOptions,
  idle: () => void,
): Lane {
  const waiting = new Map<string, Flight>()
  /** Waiting for the answer to the push before, to the same device. */
  const behind = new Map<string, Flight>()
  const flying = new Map<string, Flight>()
  let link: Link | undefined
  let opening = false
  let closed = false

  const pump = (): void => {
    for (const [path, flight] of waiting) {
      if (!link?.usable()) return open()
      if (!link.hasRoom()) return
      waiting.delete(path)
      if (flight.request.stands && clock.elapsed() - flight.knownAt >= FRESH_IN_MS) {
        ask(flight, flight.request.stands)
        continue
      }
      flying.set(path, flight)
      link.start(flight, (outcome) => {
        flying.delete(path)
        const next = behind.get(path)
        if (next) {
          behind.delete(path)
          waiting.set(path, next)
        }
        finish(flight, outcome)
        pump()
      })
    }
  }
  const forgetIfIdle = (): void => {
    if (waiting.size === 0 && behind.size === 0 && flying.size === 0) idle()
  }
  const ask = (flight: Flight, stands: () => Promise<boolean>): void => {
    const no = (): void => flight.fail(new TransportFault('aborted', false))
    stands().then((may) => {
      if (!may || closed) return no()
      flight.knownAt = clock.elapsed()
      queue(flight)
      pump()
    }, no)
  }
  /** One that waits for the same device takes its place. */
  const queue = (flight: Flight): void => {
    const { path } = flight.request
    const newer = waiting.get(path) ?? behind.get(path)
    if (newer) joinTo(newer, flight)
    else if (flying.has(path)) behind.set(path, flight)
    else waiting.set(path, flight)
  }
  const open = (): void => {
    if (opening || closed) return
    opening = true
    openLink(origin, certificate, clock, options, {
      changed: () => {
        pump()
        if (!opening && !link?.usable()) forgetIfIdle()
      },
      idle: forgetIfIdle,
    }).then(
      (opened) => {
        opening = false
        link = opened
        if (closed) void opened.close()
        else pump()
      },
      () => {
        opening = false
        const failed = [...waiting.values()]
        waiting.clear()
        for (const flight of failed) flight.fail(new TransportFault('connect_failed', false))
      },
    )
  }
  const finish = (flight: Flight, outcome: Parameters<Parameters<Link['start']>[1]>[0]): void => {
    if ('response' in outcome) return flight.settle({ response: outcome.response, sent: true })
    if (outcome.processed) return flight.fail(new TransportFault(outcome.code, true))
    const { status, reason } = outcome.goodbye ?? {}
    // The peer closed because of the certificate: the same would happen again.
    if (status === constants.HTTP_STATUS_FORBIDDEN && reason !== undefined)
      return flight.settle({ response: failure(status, reason), sent: true })
    flight.moves++
    if (flight.moves > MOST_MOVES || closed)
      return flight.fail(new TransportFault('connect_failed', false))
    queue(flight)
  }
  return {
    send: (request) => {
      if (closed) return Promise.reject(new TransportFault('aborted', false))
      if (request.fresh && link?.usable()) link.leave()
      const { path } = request
      const before = waiting.get(path) ?? behind.get(path)
      if (before) {
        before.request = request
        before.knownAt = clock.elapsed()
        return before.promise.then((answer) => ({ ...answer, sent: false }))
      }
      const flight = newFlight(request, clock.elapsed())
      queue(flight)
      pump()
      return flight.promise
    },
    close: async () => {
      closed = true
      for (const flight of [...waiting.values(), ...behind.values()])
        flight.fail(new TransportFault('aborted', false))
      waiting.clear()
      behind.clear()
      await link?.close()
    },
  }
}

function joinTo(newer: Flight, older: Flight): void {
  newer.promise.then(
    (answer) => older.settle({ ...answer, sent: false }),
    (fault: TransportFault) => older.fail(fault),
  )
}

function newFlight(request: WireRequest, knownAt: number): Flight {
  const { promise, resolve, reject } = Promise.withResolvers<WireAnswer>()
  return { request, settle: resolve, fail: reject, promise, moves: 0, knownAt }
}

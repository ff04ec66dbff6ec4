import type { Clock } from '#foundation/clock.ts'
import type { IncomingResponse } from '#sharing/exchange.ts'
import { type Lane, openLane } from './lane.ts'

/** One push on its way out. */
export interface WireRequest {
  /** `https://host[:port]` of APNs. */
  readonly origin: string
  readonly certificate: Certificate
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** The connection that is open now is to be left: the peer said that it is going. */
  readonly fresh?: boolean
  /** Whether it may still leave; asked of one that had to wait. */
  readonly stands?: () => Promise<boolean>
}

export interface Certificate {
  /** Tells certificates apart: connections are never shared between two. */
  readonly fingerprint: string
  /** PEM, with its chain. */
  readonly certificate: string
  /** PEM. */
  readonly privateKey: string
}

/** What came back, and whether these very bytes were sent or a later push to the same device took their place. */
export interface WireAnswer {
  readonly response: IncomingResponse
  readonly sent: boolean
}

/** Sends one push; faults are `TransportFault`s that say whether a byte may have left. */
export type Wire = (request: WireRequest) => Promise<WireAnswer>

export interface WireOptions {
  readonly connectMs?: number
  /** From the request to the end of its answer. */
  readonly answerMs?: number
  /** After so long without a frame the peer is asked whether it is there, and given `pingMs` to say so. */
  readonly quietMs?: number
  readonly pingMs?: number
  /** An unused connection is closed after so long. */
  readonly idleMs?: number
  /** Streams at once at the most, whatever the peer allows. */
  readonly mostStreams?: number
  /** PEM of a certificate authority to trust instead of the system's. */
  readonly ca?: string
}

/** HTTP/2 to APNs: one connection for each certificate and address, reused by all pushes. */
export function createWire(
  clock: Clock,
  options: WireOptions = {},
): { readonly send: Wire; close(): Promise<void> } {
  const lanes = new Map<string, Lane>()
  return {
    send: (request) => {
      const name = `${request.origin} ${request.certificate.fingerprint}`
      let lane = lanes.get(name)
      if (!lane) {
        const opened = openLane(request.origin, request.certificate, clock, options, () => {
          // A lane that nobody uses and whose connection has ended is let go, so that replaced certificates are forgotten.
          if (lanes.get(name) === opened) lanes.delete(name)
        })
        lane = opened
        lanes.set(name, lane)
      }
      return lane.send(request)
    },
    close: async () => {
      await Promise.all([...lanes.values()].map((lane) => lane.close()))
      lanes.clear()
    },
  }
}

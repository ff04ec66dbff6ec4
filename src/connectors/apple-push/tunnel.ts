import { type Socket, connect } from 'node:net'
import type { Refusal } from '#foundation/refusal.ts'
import type { Connector, IncomingResponse, SendResult } from '#sharing/exchange.ts'
import { TUNNEL } from './exchanges.ts'

const CONNECT_MS = 5_000
/** A connection that nobody takes is closed after so long. */
const TAKE_WITHIN_MS = 10_000

/**
 * Where tunnels may lead: the addresses of protocols facts, section apple_apns, and no others. Of the two names of
 * Apple's service for development, the one that Apple documents today.
 */
export const APNS_DESTINATIONS: readonly string[] = [
  'api.push.apple.com:443',
  'api.push.apple.com:2197',
  'api.development.push.apple.com:443',
]

/**
 * Opens connections to Apple's push service for a management server that keeps its own push certificate. What is sent
 * through them is encrypted for Apple: *unseen* here, and no projection is made of it.
 */
export function applePushTunnel(): {
  readonly connector: Connector
  /** The connection that was opened for the tunnel of this id, once. */
  take(id: string): Socket | undefined
} {
  const opened = new Map<string, Socket>()
  return {
    take: (id) => {
      const socket = opened.get(id)
      opened.delete(id)
      return socket
    },
    connector: {
      id: 'apple-push-tunnel',
      party: 'apple',
      service: 'APNs',
      exchanges: [TUNNEL],
      clientDoor: 'bearer',
      withoutCredentials: true,
      refusalResponse,
      send: async ({ request }) => {
        const target = new URL(request.target, 'https://tunnel.invalid')
        const destination = decodeURIComponent(target.pathname.slice('/tunnel/'.length))
        const id = target.searchParams.get('id') ?? ''
        const socket = await dial(destination)
        if (!socket) return { outcome: 'unsent', code: 'connect_failed', attempts: 1 }
        opened.set(id, socket)
        setTimeout(() => {
          if (opened.delete(id)) socket.destroy()
        }, TAKE_WITHIN_MS).unref()
        return OPENED
      },
    },
  }
}

const OPENED: SendResult = {
  outcome: 'delivered',
  response: { status: 200, headers: {}, body: Buffer.from('{}') },
  attempts: 1,
}

function dial(destination: string): Promise<Socket | undefined> {
  const colon = destination.lastIndexOf(':')
  const port = Number(destination.slice(colon + 1))
  return new Promise((resolve) => {
    const socket = connect({ host: destination.slice(0, colon), port, noDelay: true })
    const give = (): void => {
      socket.destroy()
      resolve(undefined)
    }
    socket.setTimeout(CONNECT_MS, give)
    socket.once('error', give)
    socket.once('connect', () => {
      socket.setTimeout(0)
      socket.off('error', give)
      // Whoever takes it says what becomes of its end; until then there is nothing to say.
      socket.on('error', () => {})
      resolve(socket)
    })
  })
}

function refusalResponse({ refused, message }: Refusal): IncomingResponse {
  const status =
    refused === 'client_unauthenticated'
      ? 407
      : refused === 'evidence_unavailable' || refused === 'lease_expired'
        ? 503
        : 403
  return {
    status,
    headers: {
      'content-type': 'text/plain;charset=UTF8',
      'sluss-refusal': refused,
      ...(status === 407 ? { 'proxy-authenticate': 'Basic realm="sluss"' } : {}),
    },
    body: Buffer.from(message),
  }
}

import type { IncomingHttpHeaders } from 'node:http'
import type { LookupFunction } from 'node:net'
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib'
import { type Dispatcher, Pool } from 'undici'
import type { Clock } from '#foundation/clock.ts'
import { sha256Hex } from '#foundation/hashing.ts'
import {
  type IncomingResponse,
  type Transport,
  TransportFault,
  type TransportFaultCode,
  type TransportRequest,
} from '#sharing/exchange.ts'

export interface TransportOptions {
  readonly connectMs?: number
  /** From the request until the first byte of the answer. */
  readonly headersMs?: number
  /** Between two pieces of the answer. */
  readonly bodyMs?: number
  /** For one whole answer; looked at with every piece, so `bodyMs` is its grain. */
  readonly wholeMs?: number
  readonly largestBody?: number
  /** Connections per origin. */
  readonly connections?: number
  /** PEM of a certificate authority to trust beside the system's. */
  readonly ca?: string
  /** Looks names up and hands on public addresses only; without it no `publicOnly` request is made. */
  readonly publicLookup?: LookupFunction
}

/** Certificates of callers that are kept connected at a time. */
const MOST_CALLERS = 200

/** HTTP to the parties, with connections kept open per origin. Every wait is bounded. */
export function createTransport(
  clock: Clock,
  options: TransportOptions = {},
): {
  send: Transport
  close(): Promise<void>
} {
  const {
    connectMs = 5_000,
    headersMs = 20_000,
    bodyMs = 10_000,
    wholeMs = 45_000,
    largestBody = 32 * 1024 * 1024,
    connections = 64,
  } = options
  const pools = new Map<string, Pool>()
  const callers = new Map<string, Pool>()
  const makePool = (origin: string, more: object): Pool =>
    new Pool(origin, {
      connections,
      headersTimeout: headersMs,
      bodyTimeout: bodyMs,
      connect: {
        timeout: connectMs,
        ...(options.ca === undefined ? {} : { ca: options.ca }),
        ...more,
      },
    })
  const poolOf = ({ origin, tls, publicOnly }: TransportRequest): Pool => {
    if (publicOnly && !options.publicLookup) throw new TransportFault('connect_failed', false)
    const name = `${origin}${publicOnly ? ' public' : ''}`
    const lookup = publicOnly ? { lookup: options.publicLookup } : {}
    // A connection is made with one certificate: callers do not share them.
    if (tls) return callerPool(`${name} ${sha256Hex(JSON.stringify(tls))}`, origin, tls, lookup)
    const pool = pools.get(name) ?? makePool(origin, lookup)
    pools.set(name, pool)
    return pool
  }
  const callerPool = (
    name: string,
    origin: string,
    { certificate: cert, privateKey: key }: NonNullable<TransportRequest['tls']>,
    lookup: object,
  ): Pool => {
    const pool = callers.get(name) ?? makePool(origin, { ...lookup, cert, key })
    callers.delete(name)
    callers.set(name, pool)
    const [oldest = name] = callers.keys()
    if (callers.size > MOST_CALLERS) {
      // What is under way on it is finished.
      void callers.get(oldest)?.close()
      callers.delete(oldest)
    }
    return pool
  }
  return {
    send: async (request) => {
      const { method, target, headers, body } = request
      const deadline = clock.elapsed() + wholeMs
      const call = { method, path: target, headers, body: body ?? null }
      return exchange(poolOf(request), call, largestBody, () => clock.elapsed() > deadline)
    },
    close: async () => {
      await Promise.all([...pools.values(), ...callers.values()].map((pool) => pool.close()))
    },
  }
}

/** By undici's own events: a stream for each body costs as much again, and this is the data path. */
function exchange(
  pool: Pool,
  call: Dispatcher.DispatchOptions,
  largest: number,
  late: () => boolean,
): Promise<IncomingResponse> {
  return new Promise((resolve, reject) => {
    let status = 0
    let headers: Record<string, string> = {}
    let size = 0
    const parts: Buffer[] = []
    const fail = (thrown: unknown): void => reject(toFault(thrown, status !== 0))
    pool.dispatch(call, {
      onRequestStart: () => undefined,
      onResponseStart: (_, statusCode, received) => {
        if (statusCode < 200) return
        status = statusCode
        headers = singleValues(received)
      },
      onResponseData: (controller, part) => {
        size += part.length
        if (size > largest) controller.abort(new TransportFault('response_too_large', true))
        else if (late()) controller.abort(new TransportFault('timeout', true))
        else parts.push(part)
      },
      onResponseEnd: () => {
        const [only] = parts
        const body = parts.length === 1 && only ? only : Buffer.concat(parts)
        try {
          resolve({ status, headers, body: decompress(headers['content-encoding'], body, largest) })
        } catch (thrown) {
          fail(thrown)
        }
      },
      onResponseError: (_, thrown) => fail(thrown),
    })
  })
}

function singleValues(headers: IncomingHttpHeaders): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(', ') : String(value),
    ]),
  )
}

/** We ask for no encoding; a party that encodes all the same is understood, within the same bound. */
function decompress(encoding: string | undefined, body: Buffer, largest: number): Buffer {
  const limit = { maxOutputLength: largest }
  try {
    switch (encoding?.trim().toLowerCase() || 'identity') {
      case 'identity':
        return body
      case 'gzip':
        return gunzipSync(body, limit)
      case 'deflate':
        return inflateSync(body, limit)
      case 'br':
        return brotliDecompressSync(body, limit)
      default:
        throw new TransportFault('response_malformed', true)
    }
  } catch (thrown) {
    if (thrown instanceof TransportFault) throw thrown
    const tooLarge = (thrown as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE'
    throw new TransportFault(tooLarge ? 'response_too_large' : 'response_malformed', true)
  }
}

/** Faults before a connection stood: certainly nothing left. Everything else may have. */
const UNSENT: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
  'EPRIVATEADDRESS',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'CERT_HAS_EXPIRED',
])
const CODES: Readonly<Record<string, TransportFaultCode>> = {
  UND_ERR_HEADERS_TIMEOUT: 'timeout',
  UND_ERR_BODY_TIMEOUT: 'timeout',
  UND_ERR_ABORTED: 'aborted',
  ABORT_ERR: 'aborted',
}

function toFault(thrown: unknown, answered: boolean): TransportFault {
  if (thrown instanceof TransportFault) return thrown
  const { code = '', name = '' } = thrown as NodeJS.ErrnoException
  if (!answered && UNSENT.has(code)) return new TransportFault('connect_failed', false)
  if (name === 'HTTPParserError') return new TransportFault('response_malformed', true)
  return new TransportFault(
    CODES[code] ?? (name === 'TimeoutError' ? 'timeout' : 'closed_early'),
    true,
  )
}

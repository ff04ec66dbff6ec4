import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib'
import { Pool } from 'undici'
import type { Clock } from '#foundation/clock.ts'
import {
  type IncomingResponse,
  type Transport,
  TransportFault,
  type TransportFaultCode,
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
}

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
  const poolOf = (origin: string): Pool => {
    let pool = pools.get(origin)
    if (!pool) {
      pool = new Pool(origin, {
        connections,
        headersTimeout: headersMs,
        bodyTimeout: bodyMs,
        connect: { timeout: connectMs, ...(options.ca === undefined ? {} : { ca: options.ca }) },
      })
      pools.set(origin, pool)
    }
    return pool
  }
  return {
    send: async ({ origin, method, target, headers, body }) => {
      const began = clock.elapsed()
      let answered = false
      try {
        const answer = await poolOf(origin).request({
          method,
          path: target,
          headers,
          body: body ?? null,
        })
        answered = true
        return await readAnswer(answer, largestBody, () => clock.elapsed() - began > wholeMs)
      } catch (thrown) {
        throw toFault(thrown, answered)
      }
    },
    close: async () => {
      await Promise.all([...pools.values()].map((pool) => pool.close()))
    },
  }
}

type Answer = Awaited<ReturnType<Pool['request']>>

async function readAnswer(
  answer: Answer,
  largest: number,
  late: () => boolean,
): Promise<IncomingResponse> {
  const body = await readBody(answer.body, largest, late)
  const headers = Object.fromEntries(
    Object.entries(answer.headers).map(([name, value]) => [
      name.toLowerCase(),
      Array.isArray(value) ? value.join(', ') : String(value),
    ]),
  )
  return {
    status: answer.statusCode,
    headers,
    body: decompress(headers['content-encoding'], body, largest),
  }
}

/** By events: iterating a stream costs several times as much, and this is the data path. */
function readBody(body: Answer['body'], largest: number, late: () => boolean): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = []
    let size = 0
    const giveUp = (code: TransportFaultCode): void => {
      reject(new TransportFault(code, true))
      body.destroy()
    }
    body.on('data', (part: Buffer) => {
      size += part.length
      if (size > largest) giveUp('response_too_large')
      else if (late()) giveUp('timeout')
      else parts.push(part)
    })
    body.once('end', () => {
      const [only] = parts
      resolve(parts.length === 1 && only ? only : Buffer.concat(parts))
    })
    body.once('error', reject)
    body.once('close', () => reject(new TransportFault('closed_early', true)))
  })
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
  if (code.startsWith('HPE_')) return new TransportFault('response_malformed', true)
  return new TransportFault(
    CODES[code] ?? (name === 'TimeoutError' ? 'timeout' : 'closed_early'),
    true,
  )
}

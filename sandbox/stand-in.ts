import { type IncomingMessage, type RequestListener, createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { bytesAsReceived } from './http-message.ts'
import { type JsonAnswer, sendAnswer } from './send-answer.ts'

/** One request as it came. */
export interface Received {
  readonly at: number
  readonly method: string
  readonly target: string
  readonly headers: IncomingMessage['headers']
  readonly body: Buffer
  /** Request line, headers and body in one piece, to hunt in. */
  readonly bytes: Buffer
}

/** What goes wrong with a call on command. */
export type Fault =
  | { readonly kind: 'answer'; readonly answer: JsonAnswer }
  /** The true answer, changed: other types, huge pages, rows twice or in another order. */
  | { readonly kind: 'alter'; readonly alter: (answer: JsonAnswer, method: string) => JsonAnswer }
  | { readonly kind: 'gzip' | 'hang' | 'close' | 'close-mid-body' | 'malformed' }
  /** What was asked is done, and nobody hears of it. */
  | { readonly kind: 'lose-answer' }
  | { readonly kind: 'slow'; readonly milliseconds: number }
  /** Answered only when the test says so. */
  | { readonly kind: 'hold'; readonly until: Promise<unknown> }

export interface StandIn {
  readonly origin: string
  /** Every request, oldest first. */
  readonly received: Received[]
  /** Most calls that were under way at the same time. */
  readonly mostAtOnce: () => number
  /** The next calls of that path meet these faults, one each, in order. */
  inject(path: string, ...faults: Fault[]): void
  stop(): Promise<void>
}

export interface StandInOptions {
  readonly port: number | undefined
  readonly now: () => number
  readonly largestBody: number
  readonly contentType?: string
  /** What the party answers. */
  decide(request: IncomingMessage, url: URL, body: Buffer): JsonAnswer | Promise<JsonAnswer>
}

/** What every stand-in for a party with an HTTP API does: it writes down what came, and misbehaves on command. */
export async function startStandIn(options: StandInOptions): Promise<StandIn> {
  const faults = new Map<string, Fault[]>()
  const received: Received[] = []
  let under = 0
  let most = 0
  const { origin, stop } = await serve(options.port, (request, response) => {
    most = Math.max(most, ++under)
    response.on('close', () => under--)
    collect(request, options.largestBody, (body) => {
      received.push(record(request, body, options.now()))
      const url = new URL(request.url ?? '/', origin)
      const fault = faults.get(url.pathname)?.shift()
      answered(options, request, url, body, fault)
        .then((answer) => sendAnswer(response, answer, fault?.kind, options.contentType))
        .catch(() => response.destroy())
    })
  })
  return {
    origin,
    received,
    mostAtOnce: () => most,
    inject: (path, ...more) => {
      faults.set(path, [...(faults.get(path) ?? []), ...more])
    },
    stop,
  }
}

async function answered(
  { decide }: StandInOptions,
  request: IncomingMessage,
  url: URL,
  body: Buffer,
  fault: Fault | undefined,
): Promise<JsonAnswer> {
  if (fault?.kind === 'answer') return fault.answer
  if (fault?.kind === 'close' || fault?.kind === 'hang') return { status: 500 }
  if (fault?.kind === 'hold') await fault.until
  if (fault?.kind === 'slow')
    await new Promise((resolve) => setTimeout(resolve, fault.milliseconds))
  const answer = await decide(request, url, body)
  return fault?.kind === 'alter' ? fault.alter(answer, request.method ?? '') : answer
}

/** On loopback only; `stop` ends every connection. */
async function serve(port: number | undefined, listener: RequestListener) {
  const sockets = new Set<Socket>()
  const server = createServer(listener)
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port ?? 0, '127.0.0.1', resolve)
  })
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise<void>((resolve) => {
        server.close(() => resolve())
      })
    },
  }
}

function collect(request: IncomingMessage, largest: number, done: (body: Buffer) => void): void {
  const parts: Buffer[] = []
  let size = 0
  request.on('data', (part: Buffer) => {
    parts.push(part)
    size += part.length
    if (size > largest) request.destroy()
  })
  request.on('end', () => done(Buffer.concat(parts)))
}

function record(request: IncomingMessage, body: Buffer, at: number): Received {
  return {
    at,
    method: request.method ?? '',
    target: request.url ?? '',
    headers: request.headers,
    body,
    bytes: bytesAsReceived(request, body),
  }
}

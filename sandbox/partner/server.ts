import { type IncomingMessage, type ServerResponse, createServer } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { bytesAsReceived, jsonObject } from '../http-message.ts'
import { sendAnswer } from '../send-answer.ts'
import { type Answer, type SandboxSignIn, createSignIn } from './sign-in.ts'

/**
 * A stand-in for any partner that is described as data, for samples and tests; it is nobody's service. It checks who
 * calls as strictly as the specifications allow, takes JSON only, and misbehaves on command.
 */
export interface SandboxPartner {
  readonly origin: string
  readonly tokenEndpoint: string
  /** Every request as it came, token requests too, oldest first. */
  readonly received: Received[]
  /** The next calls of that path meet these faults, one each, in order. */
  inject(path: string, ...faults: Fault[]): void
  /** Every access token ends now. */
  endTokens(): void
  /** The credentials are taken back. */
  revoke(): void
  /** Ids of signed messages, each once. */
  messages(): readonly string[]
  stop(): Promise<void>
}

export interface Received {
  readonly method: string
  readonly target: string
  readonly headers: IncomingMessage['headers']
  readonly body: Buffer
  /** Request line, headers and body in one piece, to hunt in. */
  readonly bytes: Buffer
  readonly status: number
}

export type Fault =
  | { readonly kind: 'answer'; readonly answer: Answer }
  | { readonly kind: 'gzip' | 'hang' | 'close' | 'close-mid-body' | 'malformed' }
  /** What was asked is done, and nobody hears of it. */
  | { readonly kind: 'lose-answer' }

export interface SandboxPartnerOptions {
  readonly signIn: SandboxSignIn
  /** Answers of calls by `METHOD /path`; any other call is answered 200 with an empty object. */
  readonly answers?: Readonly<Record<string, (body: Record<string, unknown> | undefined) => Answer>>
  readonly now?: () => number
  readonly tokenLifeInSeconds?: number
  /** PEM. With them it speaks https only and asks for a certificate that `ca` signed. */
  readonly tls?: { readonly key: string; readonly cert: string; readonly ca: string }
}

const LARGEST_BODY = 4 * 1024 * 1024

export async function startSandboxPartner(options: SandboxPartnerOptions): Promise<SandboxPartner> {
  const faults = new Map<string, Fault[]>()
  const received: Received[] = []
  const sockets = new Set<Socket>()
  let origin = ''
  const signIn = createSignIn(
    options.signIn,
    options.now ?? Date.now,
    options.tokenLifeInSeconds ?? 3_600,
    () => `${origin}/token`,
  )
  const decide = async (request: IncomingMessage, body: Buffer): Promise<Answer> => {
    const { pathname } = new URL(request.url ?? '/', origin)
    if (pathname === '/token') return signIn.token(request, body)
    if (!signIn.isKnown(request, body)) return { status: 401, body: { error: 'invalid_token' } }
    const isRead = request.method === 'GET' || request.method === 'DELETE'
    const parsed = isRead ? undefined : jsonObject(request, body)
    if (isRead ? body.length > 0 : !parsed)
      return { status: 400, body: { error: 'invalid_request' } }
    return options.answers?.[`${request.method} ${pathname}`]?.(parsed) ?? { status: 200, body: {} }
  }
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    const parts: Buffer[] = []
    let size = 0
    request.on('data', (part: Buffer) => {
      parts.push(part)
      size += part.length
      if (size > LARGEST_BODY) request.destroy()
    })
    request.on('end', () => {
      const body = Buffer.concat(parts)
      const { pathname } = new URL(request.url ?? '/', origin)
      const fault = faults.get(pathname)?.shift()
      const answering =
        fault?.kind === 'answer' ? Promise.resolve(fault.answer) : decide(request, body)
      answering
        .then((answer) => {
          received.push(record(request, body, answer.status))
          sendAnswer(response, answer, fault?.kind)
        })
        .catch(() => response.destroy())
    })
  }
  const { tls } = options
  const server = tls
    ? createTlsServer({ ...tls, requestCert: true, rejectUnauthorized: false }, listener)
    : createServer(listener)
  server.on(tls ? 'secureConnection' : 'connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  origin = `${tls ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    origin,
    tokenEndpoint: `${origin}/token`,
    received,
    inject: (path, ...more) => {
      faults.set(path, [...(faults.get(path) ?? []), ...more])
    },
    endTokens: signIn.endTokens,
    revoke: signIn.revoke,
    messages: signIn.messages,
    stop: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function record(request: IncomingMessage, body: Buffer, status: number): Received {
  return {
    method: request.method ?? '',
    target: request.url ?? '',
    headers: request.headers,
    body,
    bytes: bytesAsReceived(request, body),
    status,
  }
}

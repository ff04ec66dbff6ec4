import { randomBytes } from 'node:crypto'
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { gzipSync } from 'node:zlib'
import { bytesAsReceived, jsonObject } from '../http-message.ts'
import { type Answer, fail, ok } from './answer.ts'
import { type SandboxDevice, syntheticDevices } from './devices.ts'
import { type SandboxToken, createJudge } from './oauth.ts'
import { createService } from './service.ts'

/**
 * A stand-in for Apple's Device Enrollment service, for samples and tests. It is not Apple's, and it is
 * stricter than a real server needs to be: every request is judged before it is answered.
 */
export interface SandboxApple {
  readonly origin: string
  readonly token: SandboxToken
  /** Every request as it came, oldest first. */
  readonly received: Received[]
  readonly service: ReturnType<typeof createService>
  /** The next calls of that path meet these faults, one each, in order. */
  inject(path: string, ...faults: Fault[]): void
  /** Every session ends now. */
  endSessions(): void
  stop(): Promise<void>
}

export interface Received {
  readonly at: number
  readonly method: string
  readonly target: string
  readonly rawHeaders: readonly string[]
  readonly body: Buffer
  /** Request line, headers and body in one piece, to hunt in. */
  readonly bytes: Buffer
}

export type Fault =
  | { readonly kind: 'answer'; readonly answer: Answer }
  /** The true answer, changed. */
  | { readonly kind: 'alter'; readonly alter: (answer: Answer, method: string) => Answer }
  | { readonly kind: 'gzip' | 'hang' | 'close' | 'close-mid-body' | 'malformed' }

export interface SandboxOptions {
  readonly port?: number
  readonly devices?: number | SandboxDevice[]
  readonly now?: () => number
  readonly token?: SandboxToken
  /** Give a new session with every n-th answer. */
  readonly rotateEvery?: number
  /** Keep what was received; a load test switches it off. */
  readonly record?: boolean
}

const LARGEST_BODY = 4 * 1024 * 1024

export async function startSandboxApple(options: SandboxOptions = {}): Promise<SandboxApple> {
  const now = options.now ?? Date.now
  const token = options.token ?? {
    consumer_key: `CK_${randomBytes(20).toString('hex')}`,
    consumer_secret: `CS_${randomBytes(20).toString('hex')}`,
    access_token: `AT_${randomBytes(20).toString('hex')}`,
    access_secret: `AS_${randomBytes(20).toString('hex')}`,
  }
  let version = 1
  const devices = Array.isArray(options.devices)
    ? options.devices
    : syntheticDevices(options.devices ?? 500)
  const service = createService(devices, now, () => version)
  const judge = createJudge(token, now)
  const sessions = new Set<string>()
  const faults = new Map<string, Fault[]>()
  const received: Received[] = []
  const sockets = new Set<Socket>()
  let answers = 0

  const newSession = (): string => {
    const session = `ses_${randomBytes(16).toString('hex')}`
    sessions.add(session)
    return session
  }
  const rotate = (old: string): Record<string, string> => {
    answers++
    if (!options.rotateEvery || answers % options.rotateEvery !== 0) return {}
    sessions.delete(old)
    return { 'X-ADM-Auth-Session': newSession() }
  }

  const decide = (request: IncomingMessage, url: URL, body: Buffer): Answer => {
    const agent = request.headers['user-agent']
    if (agent === undefined) return fail(400, 'USER_AGENT_MISSING')
    if (!/^[\x20-\x7e]{3,256}$/.test(agent)) return fail(400, 'USER_AGENT_INVALID')
    version = Number(request.headers['x-server-protocol-version'] ?? 1)
    if (url.pathname === '/session') {
      return (
        judge(`${origin}/session`, request.headers.authorization) ??
        ok({ auth_session_token: newSession() })
      )
    }
    const session = request.headers['x-adm-auth-session']
    if (typeof session !== 'string') return fail(401, 'UNAUTHORIZED')
    if (!sessions.has(session)) return fail(401, 'UNAUTHORIZED')
    const parsed = parseBody(request, body)
    if (!parsed) return fail(400, 'MALFORMED_REQUEST_BODY')
    const answer = service.call(request.method ?? '', url.pathname, parsed, url.searchParams)
    return { ...answer, headers: { ...answer.headers, ...rotate(session) } }
  }

  const server = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => {
      parts.push(part)
      if (parts.reduce((sum, one) => sum + one.length, 0) > LARGEST_BODY) request.destroy()
    })
    request.on('end', () => {
      const body = Buffer.concat(parts)
      if (options.record !== false) received.push(record(request, body, now()))
      const url = new URL(request.url ?? '/', origin)
      const fault = faults.get(url.pathname)?.shift()
      const answer = fault?.kind === 'answer' ? fault.answer : decide(request, url, body)
      send(
        response,
        fault?.kind === 'alter' ? fault.alter(answer, request.method ?? '') : answer,
        fault,
      )
    })
  })
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, '127.0.0.1', resolve)
  })
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    origin,
    token,
    received,
    service,
    inject: (path, ...more) => {
      faults.set(path, [...(faults.get(path) ?? []), ...more])
    },
    endSessions: () => sessions.clear(),
    stop: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function parseBody(request: IncomingMessage, body: Buffer): Record<string, unknown> | undefined {
  if (request.method === 'GET') return {}
  return jsonObject(request, body)
}

function record(request: IncomingMessage, body: Buffer, at: number): Received {
  return {
    at,
    method: request.method ?? '',
    target: request.url ?? '',
    rawHeaders: request.rawHeaders,
    body,
    bytes: bytesAsReceived(request, body),
  }
}

function send(response: ServerResponse, answer: Answer, fault: Fault | undefined): void {
  if (fault?.kind === 'hang') return
  if (fault?.kind === 'close') {
    response.socket?.destroy()
    return
  }
  const text =
    answer.body === undefined
      ? ''
      : typeof answer.body === 'string'
        ? answer.body
        : JSON.stringify(answer.body)
  const plain = Buffer.from(fault?.kind === 'malformed' ? text.slice(0, -2) : text)
  const bytes = fault?.kind === 'gzip' ? gzipSync(plain) : plain
  response.writeHead(answer.status, {
    'content-type': 'application/json;charset=UTF8',
    'content-length': bytes.length,
    ...(fault?.kind === 'gzip' ? { 'content-encoding': 'gzip' } : {}),
    ...answer.headers,
  })
  if (fault?.kind === 'close-mid-body') {
    response.write(bytes.subarray(0, Math.floor(bytes.length / 2)), () =>
      response.socket?.destroy(),
    )
    return
  }
  response.end(bytes)
}

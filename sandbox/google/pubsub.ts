import { type KeyObject, generateKeyPairSync, randomUUID } from 'node:crypto'
import { type Server, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { setTimeout } from 'node:timers/promises'
import { SignJWT, exportJWK } from 'jose'
import { request } from 'undici'

/**
 * A stand-in for Cloud Pub/Sub as it pushes notifications, and for the keys with which Google signs its tokens; not
 * Google's. It signs as Google does (RS256, issuer, audience, e-mail of the subscription's service account), and sends a
 * message again until it is acknowledged. On command it misbehaves.
 */
export interface SandboxPubSub {
  readonly issuer: { readonly issuer: string; readonly keys: string }
  /** How often the keys were asked for. */
  readonly keyRequests: () => number
  /** Signs with a new key from now on; the old one stays published, unless `forget`. */
  rotate(options?: { forget?: boolean }): Promise<void>
  /** The keys cannot be had while this is true. */
  keysAway(away: boolean): void
  token(claims?: TokenClaims): Promise<string>
  message(type: string | undefined, data: unknown, rest?: Partial<Message>): Message
  /** Pushes one delivery of a message. Answers its status. */
  push(message: Message, options?: PushOptions): Promise<number>
  /** Pushes until it is acknowledged, as Pub/Sub does; answers how many deliveries that took. */
  deliver(message: Message, options?: PushOptions & { most?: number }): Promise<number>
  stop(): Promise<void>
}

export interface Message {
  readonly messageId: string
  /** Milliseconds since 1970. */
  readonly publishedAt: number
  readonly attributes: Readonly<Record<string, string>>
  readonly data: string
}

export interface TokenClaims {
  readonly email?: string
  readonly emailVerified?: boolean
  readonly audience?: string
  readonly issuer?: string
  /** Seconds from now. */
  readonly from?: number
  readonly until?: number
  /** Signed with a key that nobody published. */
  readonly foreignKey?: boolean
  readonly algorithm?: 'RS256' | 'HS256' | 'none'
}

export interface PushOptions extends TokenClaims {
  readonly unwrapped?: boolean
  readonly authorization?: string
  /** The body in two halves, this long apart. */
  readonly pauseMs?: number
}

export interface SandboxPubSubOptions {
  /** Where the subscription pushes to, and what its tokens are for unless `audience` says otherwise. */
  readonly endpoint: () => string
  readonly email: string
  readonly now?: () => number
}

const ISSUER = 'https://accounts.google.example'
const SUBSCRIPTION = 'projects/synthetic/subscriptions/sluss'
const ACKNOWLEDGED: ReadonlySet<number> = new Set([102, 200, 201, 202, 204])

interface SigningKey {
  readonly id: string
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
}

export async function startSandboxPubSub(options: SandboxPubSubOptions): Promise<SandboxPubSub> {
  const now = options.now ?? Date.now
  let keys: SigningKey[] = [makeKey()]
  const foreign = makeKey()
  let away = false
  let asked = 0
  const server: Server = createServer((_, response) => {
    asked++
    if (away) return response.writeHead(503).end()
    Promise.all(keys.map(published)).then(
      (all) =>
        response
          .writeHead(200, {
            'content-type': 'application/json',
            'cache-control': 'public, max-age=600',
          })
          .end(JSON.stringify({ keys: all })),
      () => response.destroy(),
    )
    return undefined
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo

  const token: SandboxPubSub['token'] = (claims = {}) => {
    const key = claims.foreignKey ? foreign : keys.at(-1)
    const { algorithm = 'RS256', from = 0, until = 3_600 } = claims
    const at = Math.floor(now() / 1_000)
    const payload = {
      iss: claims.issuer ?? ISSUER,
      aud: claims.audience ?? options.endpoint(),
      azp: '113774264463038321964',
      sub: '113774264463038321964',
      email: claims.email ?? options.email,
      email_verified: claims.emailVerified ?? true,
      iat: at + from,
      exp: at + until,
    }
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
    if (algorithm === 'none')
      return Promise.resolve(`${part({ alg: 'none', typ: 'JWT' })}.${part(payload)}.AAAA`)
    const header = { alg: algorithm, kid: key?.id ?? '', typ: 'JWT' }
    // The known attack on verifiers that take the algorithm from the token: the public key as a shared secret.
    const secret = Buffer.from(key?.publicKey.export({ type: 'spki', format: 'pem' }) ?? '')
    return new SignJWT(payload)
      .setProtectedHeader(header)
      .sign(algorithm === 'HS256' ? secret : (key ?? foreign).privateKey)
  }

  const push: SandboxPubSub['push'] = async (message, how = {}) => {
    const authorization = how.authorization ?? `Bearer ${await token(how)}`
    const { headers, body } = how.unwrapped ? unwrapped(message) : wrapped(message)
    const answer = await request(options.endpoint(), {
      method: 'POST',
      headers: { ...headers, authorization, 'user-agent': 'APIs-Google' },
      body: how.pauseMs === undefined ? body : Readable.from(inHalves(body, how.pauseMs)),
    })
    await answer.body.dump()
    return answer.statusCode
  }

  return {
    issuer: { issuer: ISSUER, keys: `http://127.0.0.1:${port}/certs` },
    keyRequests: () => asked,
    rotate: async ({ forget = false } = {}) => {
      keys = [...(forget ? [] : keys), makeKey()]
    },
    keysAway: (gone) => {
      away = gone
    },
    token,
    message: (type, data, rest = {}) => ({
      messageId: randomUUID(),
      publishedAt: now(),
      attributes: type === undefined ? {} : { notificationType: type },
      data: typeof data === 'string' ? data : JSON.stringify(data),
      ...rest,
    }),
    push,
    deliver: async (message, { most = 10, ...how } = {}) => {
      for (let deliveries = 1; deliveries <= most; deliveries++)
        if (ACKNOWLEDGED.has(await push(message, how))) return deliveries
      throw new Error('the message was never acknowledged')
    },
    stop: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function* inHalves(body: Buffer, pauseMs: number): AsyncGenerator<Buffer> {
  const half = Math.floor(body.length / 2)
  yield body.subarray(0, half)
  await setTimeout(pauseMs)
  yield body.subarray(half)
}

function makeKey(): SigningKey {
  return {
    id: randomUUID().replaceAll('-', ''),
    ...generateKeyPairSync('rsa', { modulusLength: 2048 }),
  }
}

async function published({ id, publicKey }: SigningKey) {
  return { ...(await exportJWK(publicKey)), kid: id, alg: 'RS256', use: 'sig' }
}

function wrapped({ messageId, publishedAt, attributes, data }: Message) {
  const publishTime = new Date(publishedAt).toISOString()
  const message = {
    attributes,
    ...(data === '' ? {} : { data: Buffer.from(data).toString('base64') }),
    messageId,
    message_id: messageId,
    publishTime,
    publish_time: publishTime,
  }
  return {
    headers: { 'content-type': 'application/json' },
    body: Buffer.from(JSON.stringify({ message, subscription: SUBSCRIPTION })),
  }
}

/** A subscription that unwraps, and writes the rest into headers. */
function unwrapped({ messageId, publishedAt, attributes, data }: Message) {
  return {
    headers: {
      'content-type': 'application/json',
      'x-goog-pubsub-subscription-name': SUBSCRIPTION,
      'x-goog-pubsub-message-id': messageId,
      'x-goog-pubsub-publish-time': new Date(publishedAt).toISOString(),
      ...attributes,
    },
    body: Buffer.from(data),
  }
}

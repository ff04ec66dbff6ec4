import { randomBytes, randomUUID, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { request } from 'undici'
import { jsonObject } from '../http-message.ts'
import { type Fault, type Received, startStandIn } from '../stand-in.ts'
import { type Answer, fail, ok } from './answer.ts'
import { legacyAnswer, metadataOf } from './legacy.ts'
import { createService } from './service.ts'

/**
 * A stand-in for Apple's Apps and Books service, for samples and tests. It is not Apple's, and it is stricter than a
 * real server needs to be: token, method, body and every member of it are judged before anything is done.
 */
export interface SandboxAppleApps {
  readonly origin: string
  /** The content token as Apple's portal hands it out: the text of the file. */
  readonly tokenFile: string
  /** Every request as it came, oldest first. */
  readonly received: Received[]
  readonly service: ReturnType<typeof createService>
  /** Most calls that were under way at the same time. */
  readonly mostAtOnce: () => number
  /** The next calls of that path meet these faults, one each, in order. */
  inject(path: string, ...faults: Fault[]): void
  /** The token is taken back: every call is answered 200 with an error number, as Apple does. */
  revokeToken(): void
  /** Sends a notification to whoever subscribed, as often as said; answers the statuses. */
  notify(type: string, notification: object, options?: NotifyOptions): Promise<number[]>
  stop(): Promise<void>
}

export interface NotifyOptions {
  readonly times?: number
  readonly notificationId?: string
  /** Instead of the token that the subscriber gave. */
  readonly token?: string
}

export type { Fault, Received }

export interface SandboxAppleAppsOptions {
  readonly port?: number
  readonly now?: () => number
  readonly assets?: number
  readonly users?: number
  readonly devices?: readonly string[]
  readonly pageSize?: number
  /** How long Apple takes over what it accepted. */
  readonly eventMs?: number
  readonly tokenLifeMs?: number
}

const LARGEST_BODY = 4 * 1024 * 1024
const YEAR_IN_MS = 365 * 86_400_000
const ASSET = ['adamId', 'pricingParam']
const USER = ['clientUserId', 'email', 'managedAppleId']
/** Members that each body may have; below a list, those of its elements. */
const MEMBERS: Readonly<Record<string, Readonly<Record<string, readonly string[] | true>>>> = {
  '/assets/associate': { assets: ASSET, clientUserIds: true, serialNumbers: true },
  '/assets/disassociate': { assets: ASSET, clientUserIds: true, serialNumbers: true },
  '/assets/revoke': { clientUserIds: true, serialNumbers: true },
  '/users/create': { users: USER },
  '/users/update': { users: USER },
  '/users/retire': { users: ['clientUserId'] },
  '/client/config': {
    mdmInfo: true,
    notificationAuthToken: true,
    notificationTypes: true,
    notificationUrl: true,
  },
}

export async function startSandboxAppleApps(
  options: SandboxAppleAppsOptions = {},
): Promise<SandboxAppleApps> {
  const now = options.now ?? Date.now
  const expiresAt = now() + (options.tokenLifeMs ?? YEAR_IN_MS)
  const tokenFile = Buffer.from(
    JSON.stringify({
      expDate: `${new Date(expiresAt).toISOString().slice(0, 19)}+0000`,
      orgName: 'Example organisation',
      token: randomBytes(40).toString('base64'),
    }),
  ).toString('base64')
  const service = createService({
    now,
    expiresAt,
    assets: options.assets ?? 3,
    users: options.users ?? 0,
    devices: options.devices ?? ['SYN0000001', 'SYN0000002', 'SYN0000003'],
    pageSize: options.pageSize ?? 100,
    eventMs: options.eventMs ?? 0,
  })
  let revoked = false

  /** 200 with an error number for a token that is wrong: that is what Apple does. */
  const tokenFault = (token: string): Answer | undefined => {
    if (revoked) return fail(200, 9625)
    if (expiresAt <= now()) return fail(200, 9621)
    const [came, expected] = [Buffer.from(token), Buffer.from(tokenFile)]
    return came.length === expected.length && timingSafeEqual(came, expected)
      ? undefined
      : fail(200, 9622)
  }
  const decide = async (request: IncomingMessage, url: URL, body: Buffer): Promise<Answer> => {
    const { pathname, searchParams } = url
    const method = request.method ?? ''
    if (pathname === '/mdm/v2/service/config') return service.serviceConfig(origin)
    if (pathname.endsWith('/VPPServiceConfigSrv'))
      return ok({ status: 0, maxBatchAssociateLicenseCount: 10, getVPPUsersSrvUrl: `${origin}/x` })
    if (pathname === '/WebObjects/MZStorePlatform.woa/wa/lookup') {
      const [, token = ''] = /itvt=(\S+)/.exec(request.headers.cookie ?? '') ?? []
      return tokenFault(token) ?? metadataOf((searchParams.get('id') ?? '').split(','))
    }
    const parsed = method === 'POST' ? (jsonObject(request, body) ?? 'bad') : {}
    if (parsed === 'bad') return fail(400, 9602)
    if (!pathname.startsWith('/mdm/v2/')) {
      if (!pathname.startsWith('/mdm/') || method !== 'POST') return fail(404, 9726)
      const { sToken, ...rest } = parsed
      return (
        tokenFault(String(sToken)) ?? legacyAnswer(service, pathname.slice('/mdm/'.length), rest)
      )
    }
    const [, token = ''] = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '') ?? []
    const wrong = tokenFault(token)
    if (wrong) return wrong
    const path = pathname.slice('/mdm/v2'.length)
    if (method === 'POST' && strange(path, parsed)) return fail(400, 9602)
    if (path !== '/client/config') return service.call(method, path, parsed, searchParams)
    if (method === 'GET') return service.clientConfig()
    service.setConfig(parsed)
    const statuses =
      parsed.notificationUrl === undefined ? [] : await notify('TEST_NOTIFICATION', {})
    return statuses.every((status) => status >= 200 && status < 300)
      ? service.clientConfig()
      : fail(400, 9602)
  }
  const notify: SandboxAppleApps['notify'] = async (type, notification, how = {}) => {
    const { notificationUrl, notificationAuthToken } = service.config
    const statuses: number[] = []
    const body = JSON.stringify({
      notification,
      notificationId: how.notificationId ?? randomUUID(),
      notificationType: type,
      uId: '2049025000431439',
    })
    for (let i = 0; i < (how.times ?? 1); i++) {
      const answer = await request(String(notificationUrl), {
        method: 'POST',
        headers: {
          authorization: `Bearer ${how.token ?? String(notificationAuthToken)}`,
          'content-type': 'application/json',
        },
        body,
      })
      await answer.body.dump()
      statuses.push(answer.statusCode)
    }
    return statuses
  }

  const standIn = await startStandIn({
    port: options.port,
    now,
    largestBody: LARGEST_BODY,
    decide,
  })
  const { origin, received, inject, mostAtOnce, stop } = standIn
  return {
    origin,
    tokenFile,
    received,
    service,
    notify,
    mostAtOnce,
    inject,
    revokeToken: () => {
      revoked = true
    },
    stop,
  }
}

function strange(path: string, body: Record<string, unknown>): boolean {
  const members = MEMBERS[path]
  if (!members) return false
  return Object.entries(body).some(([name, value]) => {
    const inner = members[name]
    if (inner === undefined) return true
    if (inner === true) return false
    return (
      !Array.isArray(value) ||
      value.some((one: object) => Object.keys(one).some((key) => !inner.includes(key)))
    )
  })
}

import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { request } from 'undici'
import { createConnection } from '#connections/connection.ts'
import { storeCredentials } from '#connections/credentials.ts'
import { storeDescription } from '#connections/partner-descriptions.ts'
import { INSTALLATION } from '#database/handles.ts'
import { systemClock } from '#foundation/clock.ts'
import { isRefusal } from '#foundation/refusal.ts'
import { newWebhookSecret } from '#foundation/standard-webhooks.ts'
import type { Exchange } from '#sharing/exchange.ts'
import { admin, agreeOn } from '../../../sandbox/agree.ts'
import { connectPush, PUSH_CONNECTION } from '../../../sandbox/apns/connect.ts'
import { startSandboxApns } from '../../../sandbox/apns/server.ts'
import { connectAppleApps, APPS_CONNECTION } from '../../../sandbox/apple-apps/connect.ts'
import { startSandboxAppleApps } from '../../../sandbox/apple-apps/server.ts'
import { startSandboxApple } from '../../../sandbox/apple/server.ts'
import { connectGoogle, GOOGLE_CONNECTION } from '../../../sandbox/google/connect.ts'
import { startSandboxGoogle } from '../../../sandbox/google/server.ts'
import { connectJamf, JAMF_CONNECTION } from '../../../sandbox/jamf/connect.ts'
import { startSandboxJamf } from '../../../sandbox/jamf/server.ts'
import { startSandboxPartner } from '../../../sandbox/partner/server.ts'
import { createMdmClient } from '../../../sandbox/sample/mdm-client.ts'
import { CONNECTION, TENANT, makeOrganisation } from '../../../sandbox/sample/organisation.ts'
import { type Node, compose } from '../../../src/compose.ts'
import { readSettings } from '../../../src/settings.ts'
import { temporaryFolder } from '../../folder.ts'
import { keptLog } from '../../kept-log.ts'
import { acmeThreat } from '../../partner/descriptions.ts'

export const PARTNER = 'acme-threat'

/** The first line of a request for a session or a token, which is part of no call. */
const SIGN_IN = /^(?:GET \/session|POST (?:\/api(?:\/v1)?\/oauth)?\/token) /

export interface Answered {
  readonly status: number
  readonly headers: object
  readonly body: string
  readonly refusal: string | undefined
}

/** What the party's stand-in is to answer to a call of that method, in place of its own answer. */
export type AnswerMaker = (method: string) => {
  status: number
  body: unknown
  headers: Record<string, string>
}

/** One connector as the run sees it: its exchanges, how they are called, and all that its party received. */
export interface Lane {
  readonly id: string
  readonly exchanges: readonly Exchange[]
  /** The form that the protocol wants names in paths in. */
  readonly names?: 'hexadecimal' | 'numbers'
  call(
    method: string,
    target: string,
    body: unknown,
    headers: Record<string, string>,
  ): Promise<Answered>
  /** The next call of that path is answered so; undefined where the stand-in answers for itself. */
  answer?(path: string, make: AnswerMaker): void
  /** Requests since the last time, each in one piece. */
  drain(): readonly (Buffer | string)[]
  /** How many calls arrived in all, without those that ask for a token or a session. */
  arrived(): number
}

const FEATURES: Readonly<Record<string, readonly string[]>> = {
  apple: [
    'apple-device-enrollment',
    'apple-mdm-push',
    'apple-volume-purchase',
    'apple-mdm-checkin',
  ],
  google: ['android-enterprise'],
  'jamf-pro': ['jamf-pro-compliance', 'jamf-pro-management'],
  acme: [PARTNER],
}

/** Features on, one contract and permission for each party, and consent to every flow as it stands. */
async function agreeToAll(node: Node): Promise<void> {
  const flows = [...node.parts.catalog.flows.values()]
  for (const [party, features] of Object.entries(FEATURES)) {
    const its = flows.filter((flow) => features.includes(flow.feature))
    const purposes = [...new Set(its.flatMap((flow) => flow.purposes))]
    await agreeOn(node, TENANT, { party, purposes, features })
  }
}

/** A node with every connector, a stand-in for each party, and the tenant's own clients. All is agreed to. */
export async function canaryWorld(wrongTwin?: (exchange: Exchange) => Exchange) {
  const folder = await temporaryFolder('canary')
  const secret = newWebhookSecret()
  let partnerAnswer: AnswerMaker | undefined
  const [apple, apns, apps, google, jamf, partner] = await Promise.all([
    startSandboxApple({ devices: 5 }),
    startSandboxApns(),
    startSandboxAppleApps({ pageSize: 1_000 }),
    startSandboxGoogle(),
    startSandboxJamf({ tokenLifeInSeconds: 3_000 }),
    startSandboxPartner({
      signIn: { kind: 'standardWebhooks', secret },
      answers: { 'POST /v1/devices': () => partnerAnswer?.('POST') ?? { status: 200, body: {} } },
    }),
  ])
  const { log, lines } = keptLog()
  const node = await compose({
    settings: readSettings({ SLUSS_FOLDER: folder, SLUSS_PORT: '0' }, true),
    clock: systemClock,
    log,
    transport: { headersMs: 30_000, bodyMs: 30_000, connectMs: 10_000 },
    googleTokenEndpoints: [google.tokenEndpoint],
    push: { ca: apns.authority.ca, answerMs: 30_000, connectMs: 10_000 },
  })
  const by = () => admin(node)
  const { client } = await makeOrganisation(node, apple)
  const tokens = {
    push: (await connectPush(node, TENANT, apns)).push,
    apps: await connectAppleApps(node, TENANT, apps),
    google: await connectGoogle(node, TENANT, google),
    jamf: await connectJamf(node, TENANT, jamf),
  }
  const stored = await node.database.write(INSTALLATION, (tx) =>
    storeDescription(tx, acmeThreat(partner.origin), node.partners.against, by()),
  )
  assert.ok(!isRefusal(stored), JSON.stringify(stored))
  await node.partners.load()
  await node.database.write(TENANT, async (tx) => {
    const made = {
      connectionId: PARTNER,
      connectorId: PARTNER,
      title: 'Partner',
      origin: partner.origin,
    }
    await createConnection(tx, made, by())
    await storeCredentials(tx, node.keys, PARTNER, { secret }, {}, by())
  })
  await agreeToAll(node)
  const shipped = new Map(node.parts.connectors)
  if (wrongTwin)
    for (const [id, connector] of shipped)
      (node.parts.connectors as Map<string, typeof connector>).set(id, {
        ...connector,
        exchanges: connector.exchanges.map(wrongTwin),
      })
  const open = async (connectionId: string, connectorId: string): Promise<string> => {
    const { port } = await node.openGateway({
      tenantId: TENANT,
      connectionId,
      connectorId,
      port: 0,
    })
    return `http://127.0.0.1:${port}`
  }
  const mdm = createMdmClient(await open(CONNECTION, 'apple-device-enrollment'), client)
  const bearer =
    (origin: string, token: string): Lane['call'] =>
    async (method, target, body, headers) => {
      const answer = await request(`${origin}${target}`, {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          accept: 'application/json',
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        body: body === undefined ? null : JSON.stringify(body),
      })
      const refusal = answer.headers['sluss-refusal']
      return {
        status: answer.statusCode,
        headers: answer.headers,
        body: await answer.body.text(),
        refusal: refusal === undefined ? undefined : String(refusal),
      }
    }
  const exchangesOf = (connectorId: string): readonly Exchange[] =>
    (shipped.get(connectorId) ?? assert.fail(connectorId)).exchanges
  const drained = (received: { readonly bytes: Buffer | string }[]) => {
    let count = 0
    return {
      drain: () => {
        const taken = received.splice(0).map(({ bytes }) => bytes)
        count += taken.filter((bytes) => !SIGN_IN.test(bytes.slice(0, 80).toString())).length
        return taken
      },
      arrived: () => count,
    }
  }
  const altering =
    (standIn: Altered): NonNullable<Lane['answer']> =>
    (path, make) =>
      standIn.inject(path, { kind: 'alter', alter: (_, method) => make(method) })
  const jamfGateway = await open(JAMF_CONNECTION, 'jamf-pro')
  const { client_id, client_secret } = tokens.jamf
  const jamfToken = (await (
    await request(`${jamfGateway}/api/oauth/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_id,
        client_secret,
      }).toString(),
    })
  ).body.json()) as { access_token: string }
  const pushes = bearer(await open(PUSH_CONNECTION, 'apple-push'), tokens.push)
  const lanes: Lane[] = [
    {
      id: 'apple-device-enrollment',
      exchanges: exchangesOf('apple-device-enrollment'),
      call: async (method, target, body, headers) => {
        const told = await mdm.call(method as 'GET', target, body, { headers })
        return { ...told, headers: {} }
      },
      answer: altering(apple),
      ...drained(apple.received),
    },
    {
      id: 'apple-push',
      names: 'hexadecimal',
      exchanges: exchangesOf('apple-push'),
      // Options of a push are headers, and the gateway knows no query here.
      call: async (method, target, body, headers) => {
        const [path = '', query] = target.split('?')
        const options = Object.fromEntries(new URLSearchParams(query))
        return pushes(method, path, body, { ...headers, ...options })
      },
      answer: (_, make) => {
        const { status, body } = make('POST')
        if (status !== 200) apns.next({ raw: JSON.stringify(body), status })
      },
      ...drained(apns.received),
    },
    {
      id: 'apple-apps-and-books',
      exchanges: exchangesOf('apple-apps-and-books'),
      call: bearer(await open(APPS_CONNECTION, 'apple-apps-and-books'), tokens.apps),
      answer: altering(apps),
      ...drained(apps.received),
    },
    {
      id: 'google-android-management',
      exchanges: exchangesOf('google-android-management'),
      call: bearer(await open(GOOGLE_CONNECTION, 'google-android-management'), tokens.google),
      answer: altering(google),
      ...drained(google.received),
    },
    {
      id: 'jamf-pro',
      names: 'numbers',
      exchanges: exchangesOf('jamf-pro'),
      call: bearer(jamfGateway, jamfToken.access_token),
      answer: altering(jamf),
      ...drained(jamf.received),
    },
    {
      id: PARTNER,
      exchanges: exchangesOf(PARTNER),
      call: async (method, target, body) => {
        const [path = '', query = ''] = target.split('?')
        const exchange =
          exchangesOf(PARTNER).find(
            (one) => one.methods.some((m) => m === method) && pathFits(one.path, path),
          ) ?? assert.fail(target)
        const [, serial] = /\/v1\/devices\/([^:]+)/.exec(path) ?? []
        const shared = await node.sharing.share({
          tenantId: TENANT,
          connectionId: PARTNER,
          exchange,
          call: {
            method: method as 'GET',
            query: new URLSearchParams(query),
            body: body === undefined ? undefined : Buffer.from(JSON.stringify(body)),
            ...(serial === undefined ? {} : { parameters: { serial } }),
          },
          actor: 'job:canary',
        })
        if (isRefusal(shared))
          return { status: 403, headers: {}, body: JSON.stringify(shared), refusal: shared.refused }
        if ('failed' in shared)
          return { status: 502, headers: {}, body: shared.failed, refusal: undefined }
        const { response } = shared.admitted
        return { ...response, body: response.body.toString(), refusal: undefined }
      },
      answer: (path, make) => {
        if (path === '/v1/devices') partnerAnswer = make
        else partner.inject(path, { kind: 'answer', answer: make('GET') })
      },
      ...drained(partner.received),
    },
  ]
  return {
    node,
    folder,
    lines,
    lanes,
    stop: async () => {
      await mdm.close()
      await node.stop()
      for (const one of [apple, apns, apps, google, jamf, partner]) await one.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** A stand-in whose next answers can be changed. */
interface Altered {
  inject(
    path: string,
    fault: {
      readonly kind: 'alter'
      readonly alter: (
        answer: { readonly status: number },
        method: string,
      ) => { readonly status: number; readonly body: unknown }
    },
  ): void
}

export type CanaryWorld = Awaited<ReturnType<typeof canaryWorld>>

function pathFits(template: string, path: string): boolean {
  return new RegExp(`^${template.replace(/\{\w+=\*\}/g, '[^/:]+')}$`).test(path)
}

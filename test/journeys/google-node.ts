import { Pool } from 'undici'
import type { Catalog } from '#catalog/catalog.ts'
import { type Clock, systemClock } from '#foundation/clock.ts'
import type { Log } from '#foundation/log.ts'
import { GOOGLE_CONNECTION, agreeWithGoogle, connectGoogle } from '../../sandbox/google/connect.ts'
import { type SandboxGoogleOptions, startSandboxGoogle } from '../../sandbox/google/server.ts'
import type { ComposeOptions } from '../../src/compose.ts'
import { readLog } from '../node.ts'
import { TENANT, openTenant, startPartyNode } from './party-node.ts'

export { TENANT } from './party-node.ts'

export interface GoogleAnswer {
  readonly status: number
  readonly body: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly refusal: string | undefined
  readonly entry: string | undefined
}

/** A whole node, a stand-in for Google, and a client pointed at the gateway. */
export async function startGoogleNode(
  options: {
    agreed?: boolean
    clock?: Clock
    google?: SandboxGoogleOptions
    catalog?: Catalog
    log?: Log
    googleIssuer?: ComposeOptions['googleIssuer']
  } = {},
) {
  const { clock = systemClock, log, catalog, googleIssuer } = options
  const google = await startSandboxGoogle({ now: () => clock.now(), ...options.google })
  const rest = {
    googleTokenEndpoints: [google.tokenEndpoint],
    ...(catalog ? { catalog } : {}),
    ...(googleIssuer ? { googleIssuer } : {}),
  }
  const run = await startPartyNode({ name: 'google', standIn: google, clock, log, rest })
  const { node } = run
  await openTenant(node, TENANT)
  const token = await connectGoogle(node, TENANT, google)
  if (options.agreed !== false) await agreeWithGoogle(node, TENANT)
  const gateway = await node.openGateway({
    tenantId: TENANT,
    connectionId: GOOGLE_CONNECTION,
    connectorId: 'google-android-management',
    port: 0,
  })
  const client = new Pool(`http://127.0.0.1:${gateway.port}`, { connections: 32 })
  /** A call as googleapis makes it: the whole resource name in the path, JSON, a bearer token. */
  const call = async (
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<GoogleAnswer> => {
    const answer = await client.request({
      method,
      path,
      headers: {
        authorization: `Bearer ${token}`,
        accept: 'application/json',
        'user-agent': 'google-api-nodejs-client/7.0.0 (gzip)',
        'x-goog-api-client': 'gdcl/7.0.0 gl-node/24.0.0',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      body: body === undefined ? null : JSON.stringify(body),
    })
    return {
      status: answer.statusCode,
      body: await answer.body.text(),
      headers: answer.headers,
      refusal: answer.headers['sluss-refusal'] as string | undefined,
      entry: answer.headers['sluss-entry'] as string | undefined,
    }
  }
  return {
    node,
    google,
    gateway,
    token,
    call,
    /** Calls of the API that reached Google, without token requests. */
    arrived: () => google.received.filter((one) => one.target !== '/token'),
    tokenRequests: () => google.received.filter((one) => one.target === '/token').length,
    entries: () => readLog(node),
    stop: async () => {
      await client.close()
      await run.stop()
    },
  }
}

export type GoogleNode = Awaited<ReturnType<typeof startGoogleNode>>

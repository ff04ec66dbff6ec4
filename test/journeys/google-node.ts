import { rm } from 'node:fs/promises'
import { Pool } from 'undici'
import type { Catalog } from '#catalog/catalog.ts'
import { type Clock, systemClock } from '#foundation/clock.ts'
import { type Log, silentLog } from '#foundation/log.ts'
import { createTenant } from '#tenants/create-tenant.ts'
import { GOOGLE_CONNECTION, agreeWithGoogle, connectGoogle } from '../../sandbox/google/connect.ts'
import { type SandboxGoogleOptions, startSandboxGoogle } from '../../sandbox/google/server.ts'
import { type ComposeOptions, compose } from '../../src/compose.ts'
import { readSettings } from '../../src/settings.ts'
import { temporaryFolder } from '../folder.ts'
import { readLog } from '../node.ts'

export const TENANT = 'example'

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
  const folder = await temporaryFolder('google')
  const clock = options.clock ?? systemClock
  const google = await startSandboxGoogle({ now: () => clock.now(), ...options.google })
  const node = await compose({
    settings: readSettings({ SLUSS_FOLDER: folder, SLUSS_PORT: '0' }, true),
    clock,
    log: options.log ?? silentLog,
    transport: { headersMs: 1_500, bodyMs: 1_500, connectMs: 1_000 },
    googleTokenEndpoints: [google.tokenEndpoint],
    ...(options.catalog ? { catalog: options.catalog } : {}),
    ...(options.googleIssuer ? { googleIssuer: options.googleIssuer } : {}),
  })
  await node.database.write(TENANT, (tx) =>
    createTenant(tx, node.keys, {
      name: 'Example organisation',
      region: 'EU',
      privacyContact: 'privacy@example.org',
      actor: 'operator:sample',
      at: clock.now(),
    }),
  )
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
      await node.stop()
      await google.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

export type GoogleNode = Awaited<ReturnType<typeof startGoogleNode>>

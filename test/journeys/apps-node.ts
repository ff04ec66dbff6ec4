import { Pool } from 'undici'
import type { Catalog } from '#catalog/catalog.ts'
import { type Clock, systemClock } from '#foundation/clock.ts'
import type { Log } from '#foundation/log.ts'
import {
  APPS_CONNECTION,
  agreeOnAppleApps,
  connectAppleApps,
} from '../../sandbox/apple-apps/connect.ts'
import {
  type SandboxAppleAppsOptions,
  startSandboxAppleApps,
} from '../../sandbox/apple-apps/server.ts'
import { readLog } from '../node.ts'
import { TENANT, openTenant, startPartyNode } from './party-node.ts'

export { TENANT } from './party-node.ts'

/** A whole node, a stand-in for Apple's Apps and Books, and a client pointed at the gateway as Fleet is. */
export async function startAppsNode(
  options: {
    agreed?: boolean
    clock?: Clock
    apps?: SandboxAppleAppsOptions
    catalog?: Catalog
    log?: Log
    environment?: Readonly<Record<string, string>>
  } = {},
) {
  const { clock = systemClock, log, environment } = options
  const apps = await startSandboxAppleApps({ now: () => clock.now(), ...options.apps })
  const rest = options.catalog ? { catalog: options.catalog } : {}
  const run = await startPartyNode({ name: 'apps', standIn: apps, clock, log, environment, rest })
  const { node } = run
  await openTenant(node, TENANT)
  const token = await connectAppleApps(node, TENANT, apps)
  if (options.agreed !== false) await agreeOnAppleApps(node, TENANT)
  const gateway = await node.openGateway({
    tenantId: TENANT,
    connectionId: APPS_CONNECTION,
    connectorId: 'apple-apps-and-books',
    port: 0,
  })
  const client = new Pool(`http://127.0.0.1:${gateway.port}`, { connections: 32 })
  /** A call as Fleet makes it: a bearer token, and JSON that does not say that it is. */
  const call = async (
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ) => {
    const answer = await client.request({
      method,
      path,
      headers: { authorization: `Bearer ${token}`, ...headers },
      body: body === undefined ? null : JSON.stringify(body),
    })
    const text = await answer.body.text()
    return {
      status: answer.statusCode,
      text,
      // oxlint-disable-next-line typescript/no-explicit-any -- answers of every call
      body: (text.startsWith('{') ? JSON.parse(text) : undefined) as any,
      headers: answer.headers,
      refusal: answer.headers['sluss-refusal'] as string | undefined,
      entry: answer.headers['sluss-entry'] as string | undefined,
    }
  }
  return {
    node,
    apps,
    gateway,
    token,
    clock,
    call,
    entries: () => readLog(node),
    stop: async () => {
      await client.close()
      await run.stop()
    },
  }
}

export type AppsNode = Awaited<ReturnType<typeof startAppsNode>>

import { rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { request } from 'undici'
import { jamfHistoricWebhooks, jamfWebhooks } from '#connectors/jamf-pro/webhooks.ts'
import { ingestRoutes } from '#http/ingest/ingest-routes.ts'
import { type Clock, systemClock } from '#foundation/clock.ts'
import { type Log, silentLog } from '#foundation/log.ts'
import { readRecords } from '#records/read.ts'
import { createTenant } from '#tenants/create-tenant.ts'
import { JAMF_CONNECTION, agreeWithJamf, connectJamf } from '../../sandbox/jamf/connect.ts'
import { type SandboxJamfOptions, startSandboxJamf } from '../../sandbox/jamf/server.ts'
import { compose } from '../../src/compose.ts'
import { readSettings } from '../../src/settings.ts'
import { synchroniseInventory } from '../../src/node/synchronise-inventory.ts'
import { temporaryFolder } from '../folder.ts'
import { readLog } from '../node.ts'

export const TENANT = 'example'

export interface JamfAnswer {
  readonly status: number
  readonly body: string
  readonly refusal: string | undefined
  readonly entry: string | undefined
}

/** A whole node, a stand-in for Jamf Pro, and a client of the tenant that points at the gateway. */
export async function startJamfNode(
  options: {
    agreed?: readonly string[] | false
    connectorId?: 'jamf-pro' | 'jamf-pro-historic'
    clock?: Clock
    jamf?: SandboxJamfOptions
    log?: Log
  } = {},
) {
  const folder = await temporaryFolder('jamf')
  const clock = options.clock ?? systemClock
  const jamf = await startSandboxJamf({ now: () => clock.now(), ...options.jamf })
  const node = await compose({
    settings: readSettings({ SLUSS_FOLDER: folder, SLUSS_PORT: '0' }, true),
    clock,
    log: options.log ?? silentLog,
    transport: { headersMs: 1_500, bodyMs: 1_500, connectMs: 1_000 },
  })
  const connectorId = options.connectorId ?? 'jamf-pro'
  const openTenant = async (tenantId: string) => {
    await node.database.write(tenantId, (tx) =>
      createTenant(tx, node.keys, {
        name: 'Example organisation',
        region: 'EU',
        privacyContact: 'privacy@example.org',
        actor: 'operator:sample',
        at: clock.now(),
      }),
    )
    const issued = await connectJamf(node, tenantId, jamf, connectorId)
    if (options.agreed !== false) await agreeWithJamf(node, tenantId, options.agreed)
    const gateway = await node.openGateway({
      tenantId,
      connectionId: JAMF_CONNECTION,
      connectorId,
      port: 0,
    })
    return { ...issued, port: gateway.port }
  }
  const opened = await openTenant(TENANT)
  const tokenFor = async (
    { port, client_id, client_secret }: typeof opened,
    path = '/api/oauth/token',
  ) => {
    const form = { grant_type: 'client_credentials', client_id, client_secret }
    const answer = await request(`http://127.0.0.1:${port}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams(form).toString(),
    })
    const { access_token: token } = (await answer.body.json()) as { access_token?: string }
    return { status: answer.statusCode, token }
  }
  const sources = new Map([jamfWebhooks, jamfHistoricWebhooks].map((one) => [one.connectorId, one]))
  const ingest = await ingestRoutes({ ...node.parts, sources })
  const listener = getRequestListener(ingest.app.fetch)
  const ingestServer = createServer((asked, answer) => void listener(asked, answer))
  await new Promise<void>((resolve) => ingestServer.listen(0, '127.0.0.1', resolve))
  const ingestPort = (ingestServer.address() as AddressInfo).port
  const { token = '' } = await tokenFor(opened)
  const call = async (
    method: 'GET' | 'POST' | 'PUT' | 'DELETE',
    path: string,
    body?: unknown,
    at: { port: number; token: string } = { port: opened.port, token },
  ): Promise<JamfAnswer> => {
    const answer = await request(`http://127.0.0.1:${at.port}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${at.token}`,
        accept: 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      body: body === undefined ? null : JSON.stringify(body),
    })
    return {
      status: answer.statusCode,
      body: await answer.body.text(),
      refusal: answer.headers['sluss-refusal'] as string | undefined,
      entry: answer.headers['sluss-entry'] as string | undefined,
    }
  }
  return {
    node,
    jamf,
    opened,
    token,
    tokenFor,
    /** Where the stand-in sends its webhooks to. */
    webhookUrl: `http://127.0.0.1:${ingestPort}/ingest/${TENANT}.${JAMF_CONNECTION}`,
    openTenant,
    call,
    synchronise: (onPage?: Parameters<typeof synchroniseInventory>[2]) =>
      synchroniseInventory(
        node,
        { tenantId: TENANT, connectionId: JAMF_CONNECTION, connectorId },
        onPage,
      ),
    /** Calls of the API that reached the stand-in, without token requests. */
    arrived: () => jamf.received.filter((one) => !/token$/.test(one.target)),
    records: async () => {
      const items = new Set(node.parts.catalog.items.keys())
      const held = await node.database.read(TENANT, (reader) =>
        readRecords(reader, node.keys, { connectionId: JAMF_CONNECTION, items, limit: 10_000 }),
      )
      return held.map((record) => record.items)
    },
    entries: () => readLog(node),
    stop: async () => {
      ingestServer.closeAllConnections()
      await new Promise((resolve) => ingestServer.close(resolve))
      await ingest.close()
      await node.stop()
      await jamf.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

export type JamfNode = Awaited<ReturnType<typeof startJamfNode>>

import { request } from 'undici'
import { jamfHistoricWebhooks, jamfWebhooks } from '#connectors/jamf-pro/webhooks.ts'
import { ingestRoutes } from '#http/ingest/ingest-routes.ts'
import { type Clock, systemClock } from '#foundation/clock.ts'
import type { Log } from '#foundation/log.ts'
import { readRecords } from '#records/read.ts'
import { JAMF_CONNECTION, agreeWithJamf, connectJamf } from '../../sandbox/jamf/connect.ts'
import { type SandboxJamfOptions, startSandboxJamf } from '../../sandbox/jamf/server.ts'
import { synchroniseInventory } from '../../src/node/synchronise-inventory.ts'
import { readLog } from '../node.ts'
import { serve } from '../serve.ts'
import { TENANT, openTenant, startPartyNode } from './party-node.ts'

export { TENANT } from './party-node.ts'

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
  const { clock = systemClock, log } = options
  const jamf = await startSandboxJamf({ now: () => clock.now(), ...options.jamf })
  const run = await startPartyNode({ name: 'jamf', standIn: jamf, clock, log })
  const { node } = run
  const connectorId = options.connectorId ?? 'jamf-pro'
  const openConnected = async (tenantId: string) => {
    await openTenant(node, tenantId)
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
  const opened = await openConnected(TENANT)
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
  const ingestServer = await serve(ingest.app)
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
    webhookUrl: `${ingestServer.origin}/ingest/${TENANT}.${JAMF_CONNECTION}`,
    openTenant: openConnected,
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
      await ingestServer.stop()
      await ingest.close()
      await run.stop()
    },
  }
}

export type JamfNode = Awaited<ReturnType<typeof startJamfNode>>

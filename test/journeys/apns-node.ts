import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Clock, systemClock } from '#foundation/clock.ts'
import { silentLog } from '#foundation/log.ts'
import { createTenant } from '#tenants/create-tenant.ts'
import {
  PUSH_CONNECTION,
  TUNNEL_CONNECTION,
  agreeToPush,
  connectPush,
} from '../../sandbox/apns/connect.ts'
import { type SandboxApnsOptions, startSandboxApns } from '../../sandbox/apns/server.ts'
import { type ComposeOptions, type Node, compose } from '../../src/compose.ts'
import type { PushOptions } from '../../src/node/push-gateways.ts'
import { readSettings } from '../../src/settings.ts'
import { temporaryFolder } from '../folder.ts'
import { readLog } from '../node.ts'

export const TENANT = 'example'

/** A whole node with a stand-in for Apple's push service, a gateway for pushes over TLS, and one for tunnels. */
export async function startPushNode(
  options: {
    agreed?: boolean
    clock?: Clock
    apns?: SandboxApnsOptions
    push?: PushOptions
    rest?: Partial<ComposeOptions>
    /** Plain HTTP/1.1 at the gateway. */
    plain?: boolean
  } = {},
) {
  const folder = await temporaryFolder('apns')
  const clock = options.clock ?? systemClock
  const apns = await startSandboxApns({ now: () => clock.now(), ...options.apns })
  const { ca, server } = apns.authority
  const keyFile = join(folder, 'gateway.key')
  const certFile = join(folder, 'gateway.pem')
  await writeFile(keyFile, server.privateKey, { mode: 0o600 })
  await writeFile(certFile, server.certificate)
  const tls = { SLUSS_GATEWAY_TLS_KEY_FILE: keyFile, SLUSS_GATEWAY_TLS_CERT_FILE: certFile }
  const settings = readSettings(
    { SLUSS_FOLDER: join(folder, 'node'), SLUSS_PORT: '0', ...(options.plain ? {} : tls) },
    true,
  )
  const node: Node = await compose({
    settings,
    clock,
    log: silentLog,
    push: {
      ca,
      answerMs: 1_500,
      connectMs: 1_000,
      destinations: [`127.0.0.1:${apns.port}`],
      ...options.push,
    },
    ...options.rest,
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
  const tokens = await connectPush(node, TENANT, apns)
  if (options.agreed !== false) await agreeToPush(node, TENANT)
  const open = (connectionId: string) =>
    node.openGateway({ tenantId: TENANT, connectionId, connectorId: connectionId, port: 0 })
  return {
    node,
    apns,
    tokens,
    folder,
    gateway: await open(PUSH_CONNECTION),
    tunnel: await open(TUNNEL_CONNECTION),
    by: () => ({ actor: 'admin:1', at: node.sharing.gate.now() }),
    entries: () => readLog(node),
    stop: async () => {
      await node.stop()
      await apns.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

export type PushNode = Awaited<ReturnType<typeof startPushNode>>

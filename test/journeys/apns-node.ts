import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Clock, systemClock } from '#foundation/clock.ts'
import {
  PUSH_CONNECTION,
  TUNNEL_CONNECTION,
  agreeToPush,
  connectPush,
} from '../../sandbox/apns/connect.ts'
import {
  type SandboxApns,
  type SandboxApnsOptions,
  startSandboxApns,
} from '../../sandbox/apns/server.ts'
import type { ComposeOptions } from '../../src/compose.ts'
import type { PushOptions } from '../../src/node/push-gateways.ts'
import { readLog } from '../node.ts'
import { TENANT, openTenant, startPartyNode } from './party-node.ts'

export { TENANT } from './party-node.ts'

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
  const { clock = systemClock } = options
  const apns = await startSandboxApns({ now: () => clock.now(), ...options.apns })
  const { ca } = apns.authority
  const push = {
    ca,
    answerMs: 1_500,
    connectMs: 1_000,
    destinations: [`127.0.0.1:${apns.port}`],
    ...options.push,
  }
  const run = await startPartyNode({
    name: 'apns',
    standIn: apns,
    clock,
    environment: options.plain ? undefined : (folder) => gatewayTls(folder, apns),
    rest: { push, ...options.rest },
  })
  const { node } = run
  await openTenant(node, TENANT)
  const tokens = await connectPush(node, TENANT, apns)
  if (options.agreed !== false) await agreeToPush(node, TENANT)
  const open = (connectionId: string) =>
    node.openGateway({ tenantId: TENANT, connectionId, connectorId: connectionId, port: 0 })
  return {
    node,
    apns,
    tokens,
    gateway: await open(PUSH_CONNECTION),
    tunnel: await open(TUNNEL_CONNECTION),
    by: () => ({ actor: 'admin:1', at: node.sharing.gate.now() }),
    entries: () => readLog(node),
    stop: run.stop,
  }
}

async function gatewayTls(folder: string, { authority: { server } }: SandboxApns) {
  const keyFile = join(folder, 'gateway.key')
  const certFile = join(folder, 'gateway.pem')
  await writeFile(keyFile, server.privateKey, { mode: 0o600 })
  await writeFile(certFile, server.certificate)
  return { SLUSS_GATEWAY_TLS_KEY_FILE: keyFile, SLUSS_GATEWAY_TLS_CERT_FILE: certFile }
}

export type PushNode = Awaited<ReturnType<typeof startPushNode>>

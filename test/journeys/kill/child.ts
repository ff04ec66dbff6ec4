import { systemClock } from '#foundation/clock.ts'
import { silentLog } from '#foundation/log.ts'
import type { SharePoint } from '#sharing/parts.ts'
import { CONNECTION, TENANT } from '../../../sandbox/sample/organisation.ts'
import { type Node, compose } from '../../../src/compose.ts'
import { readSettings } from '../../../src/settings.ts'
import { killPostgres } from '../../kill-postgres.ts'

/** What the test asks of this process: to die, or to have its database killed, at the n-th passing of a point. */
export interface Order {
  readonly victim: 'node' | 'postgres'
  readonly point: SharePoint
  readonly passing: number
}
export type Report = { readonly ready: number } | { readonly hit: SharePoint }

let order: Order | undefined
let passed = 0
let node: Node | undefined

function reached(point: SharePoint): void {
  if (!order || point !== order.point || ++passed !== order.passing) return
  const { victim } = order
  order = undefined
  if (victim === 'node') process.kill(process.pid, 'SIGKILL')
  else {
    const postmaster = node?.bundled?.postmasterPid()
    if (postmaster !== undefined) killPostgres(postmaster)
  }
  process.send?.({ hit: point } satisfies Report)
}

process.on('message', (message: Order | 'stop') => {
  if (message === 'stop') {
    void node?.stop().then(() => process.exit(0))
    return
  }
  passed = 0
  order = message
})

const settings = readSettings(process.env, true)
node = await compose({ settings, clock: systemClock, log: silentLog, reached })
const gateway = await node.openGateway({
  tenantId: TENANT,
  connectionId: CONNECTION,
  connectorId: 'apple-device-enrollment',
  port: 0,
})
process.send?.({ ready: gateway.port } satisfies Report)

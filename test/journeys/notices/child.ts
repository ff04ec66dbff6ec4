import { readFileSync } from 'node:fs'
import { openDatabase } from '#database/database.ts'
import { systemClock } from '#foundation/clock.ts'
import { silentLog } from '#foundation/log.ts'
import { createKeys } from '#keys/create-keys.ts'
import { fileRootKey } from '#keys/root-key.ts'
import { createAudiences } from '#notify/audience.ts'
import { createNotify } from '#notify/create-notify.ts'
import type { NoticePoint } from '#notify/parts.ts'
import { mailTo } from './organisations.ts'

/** A node that sends notices, and dies without a word at the n-th passing of a point. */
export interface Order {
  readonly app: Parameters<typeof openDatabase>[0]['app']
  readonly rootKeyFile: string
  readonly nodeId: string
  readonly smtpPort: number
  readonly approvers: readonly string[]
  readonly point?: NoticePoint
  readonly passing: number
}

const order = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as Order
let passed = 0
const database = await openDatabase({ app: order.app, nodeId: order.nodeId, log: silentLog })
const keys = await createKeys({ database, rootKey: await fileRootKey(order.rootKeyFile) })
const notify = createNotify({
  database,
  keys,
  clock: systemClock,
  log: silentLog,
  lease: { held: () => true },
  audiences: createAudiences({ keys, holders: async () => order.approvers }),
  mail: mailTo(order.smtpPort),
  webhook: { allowHttp: false, allowPrivateAddresses: false },
  reached: (point) => {
    if (point === order.point && ++passed === order.passing) process.kill(process.pid, 'SIGKILL')
  },
})
await notify.start()
await notify.close()
await keys.close()
await database.close()

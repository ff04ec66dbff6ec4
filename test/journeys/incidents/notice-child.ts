import { readFileSync } from 'node:fs'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import {
  type TellPoint,
  deliverNotices,
  noticeDelivered,
  noticeUndelivered,
} from '#breach/notice-delivery.ts'
import { openDatabase } from '#database/database.ts'
import { systemClock } from '#foundation/clock.ts'
import { silentLog } from '#foundation/log.ts'
import { createKeys } from '#keys/create-keys.ts'
import { fileRootKey } from '#keys/root-key.ts'
import { createAudiences } from '#notify/audience.ts'
import type { NoticePoint, NotifyParts } from '#notify/parts.ts'
import { sendDue } from '#notify/send-due.ts'
import { mailTo } from '../notices/organisations.ts'

export type Point = TellPoint | NoticePoint

/** A node that tells tenants of an incident; it dies, or waits until its database is killed, at a passing of a point. */
export interface Order {
  readonly app: Parameters<typeof openDatabase>[0]['app']
  readonly rootKeyFile: string
  readonly nodeId: string
  readonly smtpPort: number
  /** Added to the time of day, so that nobody waits for a back-off. */
  readonly laterMs: number
  readonly victim?: 'node' | 'postgres'
  readonly point?: Point
  readonly passing: number
  /** Ends, in good order, after this many tenants told and mails attempted, at least; 0 for all there are. */
  readonly most: number
}

const order = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as Order
let passed = 0
let killed = false
let events = 0
/** Not before its point was reached: telling and sending go on at once, and either may be ahead of the other. */
const isOver = (): boolean =>
  order.most > 0 && events >= order.most && (order.point === undefined || killed)
const reached = async (point: Point): Promise<void> => {
  if (killed || point !== order.point || ++passed !== order.passing) return
  killed = true
  if (order.victim === 'node') process.kill(process.pid, 'SIGKILL')
  process.send?.({ hit: point })
  await once(process, 'message')
}
const now = (): number => systemClock.now() + order.laterMs
const database = await openDatabase({ app: order.app, nodeId: order.nodeId, log: silentLog })
const keys = await createKeys({ database, rootKey: await fileRootKey(order.rootKeyFile) })
const notify: NotifyParts = {
  database,
  keys,
  clock: systemClock,
  log: silentLog,
  lease: { held: () => !isOver() },
  audiences: createAudiences({ keys, holders: async () => [] }),
  mail: mailTo(order.smtpPort),
  webhook: { allowHttp: false, allowPrivateAddresses: false },
  escalate: noticeUndelivered,
  delivered: noticeDelivered,
  reached: async (point) => {
    if (point === 'sent') events++
    await reached(point)
  },
}
const telling = async (point: TellPoint): Promise<void> => {
  if (point === 'told') events++
  await reached(point)
  if (isOver()) throw new Error('enough')
}
/** What this node left when its database went away is its own to take up. */
let lost: readonly string[] = [order.nodeId]
while (!isOver()) {
  const [told, sent] = await Promise.allSettled([
    deliverNotices({ database, keys, reached: telling }, now()),
    sendDue(notify, now(), lost),
  ])
  if (told.status === 'rejected' || sent.status === 'rejected') {
    lost = [order.nodeId]
    await pause(100)
    continue
  }
  lost = []
  if (told.value.told + told.value.steps + sent.value === 0) break
}
await keys.close().catch(() => undefined)
await database.close().catch(() => undefined)
process.exit(0)

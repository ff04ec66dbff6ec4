import { INSTALLATION, type Transaction } from '#database/handles.ts'
import { documentHash, keepDocument } from '#notify/document.ts'
import { readNoticeSettings } from '#notify/settings.ts'
import { readTenant } from '#tenants/tenant.ts'
import { isOver } from '../incident.ts'
import { readIncident } from '../incident.table.ts'
import { type NoticeWords, documentFor } from '../notice.ts'
import { type BreachNotice, markTold, readNotice, wordsOf } from '../notice.table.ts'
import { ACTOR, type BreachParts, record } from '../parts.ts'
import { clockOf } from '../pauses.ts'
import { isToldBySuite } from '../suite-relay.ts'
import { type Copy, insertCopy, lockCopy, ownNumbers, setCopy } from './copy.table.ts'
import type { TellPoint } from './points.ts'
import { NONE_YET } from './steps.ts'
import { takeStep } from './take-step.ts'

const AT_ONCE = 500
const TENANTS_AT_ONCE = 4

export interface TellParts extends Pick<BreachParts, 'database' | 'keys'> {
  readonly reached?: (point: TellPoint) => void | Promise<void>
}

interface Approved {
  readonly notice: BreachNotice & { readonly frozen: NonNullable<BreachNotice['frozen']> }
  readonly words: NoticeWords
}

/**
 * Gives every tenant that an approved notice is for its copy, each once, however often this runs and wherever a node
 * dies: copy, words, entry and first message are one commit of the tenant. Nobody is told while a recorded exception
 * stops the clock, or once the incident was merged or retracted.
 *
 * @returns how many tenants were given one
 */
export async function tellTouched(
  parts: TellParts,
  noticeId: string,
  now: number,
): Promise<number> {
  const approved = await approvedNotice(parts, noticeId, now)
  if (!approved) return 0
  await parts.reached?.('begun')
  let told = 0
  let after = ''
  for (;;) {
    const tenants = [...(await untold(parts, approved, after))]
    const last = tenants.at(-1)
    if (last === undefined) break
    after = last
    const worker = async (): Promise<void> => {
      for (let tenantId = tenants.shift(); tenantId !== undefined; tenantId = tenants.shift()) {
        const isMade = await parts.database.write(tenantId, (tx) =>
          tellOne(tx, parts, approved, now),
        )
        if (isMade) told++
        await parts.reached?.('told')
      }
    }
    await Promise.all(Array.from({ length: TENANTS_AT_ONCE }, worker))
  }
  // Scope and words are fixed: whom a whole round did not find has a copy for good.
  if (told === 0) {
    await parts.database.write(INSTALLATION, (tx) => markTold(tx, noticeId, now))
    await parts.reached?.('finished')
  }
  return told
}

async function approvedNotice(
  { database, keys }: TellParts,
  noticeId: string,
  now: number,
): Promise<Approved | undefined> {
  return database.read(INSTALLATION, async (reader) => {
    const notice = await readNotice(reader, noticeId)
    if (notice?.state !== 'approved' || !notice.frozen) return undefined
    const incident = await readIncident(reader, keys, notice.incidentId)
    if (!incident || isOver(incident)) return undefined
    if ((await clockOf(reader, incident, now))?.state === 'paused') return undefined
    const words = await wordsOf(reader, keys, notice)
    return words && { notice: { ...notice, frozen: notice.frozen }, words }
  })
}

async function untold({ database }: TellParts, { notice }: Approved, after: string) {
  const { noticeId, incidentId, kind, frozen } = notice
  const rows = await database.read(INSTALLATION, (reader) =>
    reader.rows<{ id: string }>('select sluss_breach_untold($1, $2, $3, $4, $5, $6) as id', [
      noticeId,
      incidentId,
      frozen.scopeId,
      kind,
      after,
      AT_ONCE,
    ]),
  )
  return rows.map((row) => row.id)
}

async function tellOne(
  tx: Transaction,
  { keys }: TellParts,
  { notice, words }: Approved,
  now: number,
): Promise<boolean> {
  const { noticeId, incidentId, kind, frozen } = notice
  const copy: Copy = {
    noticeId,
    incidentId,
    kind,
    hash: frozen.hash,
    step: NONE_YET,
    state: 'telling',
    madeAt: now,
    nextAt: undefined,
    acknowledgedAt: undefined,
  }
  if (!(await insertCopy(tx, copy))) return false
  const about = { incident: incidentId, notice: noticeId, kind, hash: frozen.hash }
  const by = { actor: ACTOR, now }
  const tenant = await readTenant(tx)
  if (!tenant || tenant.state === 'closed') {
    // There is nobody any more: the log of the tenant says that, and the operator sees it.
    await setCopy(tx, noticeId, { state: 'gone' })
    await record(tx, 'incident.told', by, { ...about, gone: true })
    return true
  }
  const numbers = await ownNumbers(tx, incidentId, frozen.scopeId)
  const { timeZone } = await readNoticeSettings(tx, keys)
  const document = documentFor(words, numbers, timeZone)
  await keepDocument(tx, keys, noticeId, document, now)
  await record(tx, 'incident.told', by, {
    ...about,
    document: documentHash(document),
    packet: numbers?.packetHash ?? null,
  })
  if (await isToldBySuite(tx, incidentId)) await setCopy(tx, noticeId, { state: 'suite' })
  else await takeStep(tx, copy, 'approved', now)
  return true
}

/**
 * Tells a tenant that the suite team has not confirmed, in the caller's transaction: what of the notices it waited with.
 * What is approved later comes to it directly by itself.
 */
export async function tellInsteadOfSuite(
  tx: Transaction,
  incidentId: string,
  now: number,
): Promise<void> {
  const rows = await tx.rows<{ notice_id: string }>(
    `select notice_id from breach_notice_copies
      where tenant_id = $1 and incident_id = $2 and state = 'suite' order by made_at, notice_id`,
    [tx.tenantId, incidentId],
  )
  for (const row of rows) {
    const copy = await lockCopy(tx, row.notice_id)
    if (copy?.state === 'suite') await takeStep(tx, copy, 'approved', now)
  }
}

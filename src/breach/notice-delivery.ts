import { type Database, INSTALLATION, type Transaction } from '#database/handles.ts'
import { isTenantId } from '#foundation/ids.ts'
import { type Refusal, refuse } from '#foundation/refusal.ts'
import type { Keys } from '#keys/keys.ts'
import { acknowledgementCode } from '#notify/document.ts'
import { firstRead } from '#notify/messages.ts'
import type { Delivered, Escalation } from '#notify/parts.ts'
import { recordAwareness } from './awareness.ts'
import {
  type CopyState,
  acknowledgeCopy,
  listCopies,
  lockCopy,
  sentOf,
  setCopy,
  stepOf,
} from './delivery/copy.table.ts'
import { PERSON, STEPS } from './delivery/steps.ts'
import { takeStep } from './delivery/take-step.ts'
import { type TellParts, tellInsteadOfSuite, tellTouched } from './delivery/tell-touched.ts'
import { isOver } from './incident.ts'
import { readIncident } from './incident.table.ts'
import { noticesToTell } from './notice.table.ts'
import { ACTOR, record } from './parts.ts'

export { TELL_POINTS, type TellPoint } from './delivery/points.ts'
export type { TellParts } from './delivery/tell-touched.ts'
export type { Copy, CopyState } from './delivery/copy.table.ts'
export { tellInsteadOfSuite, tellTouched }

const AT_ONCE = 500

/**
 * Everything about notices that goes on by itself: approved ones reach their tenants, and who does not acknowledge is
 * passed over for the next contact. Run every minute; it may run twice, and takes up what a dead node left.
 */
export async function deliverNotices(
  parts: TellParts,
  now: number,
): Promise<{ readonly told: number; readonly steps: number }> {
  let told = 0
  for (const noticeId of await noticesToTell(parts.database))
    told += await tellTouched(parts, noticeId, now)
  let steps = 0
  const isIncidentOver = await incidentsOver(parts)
  for (;;) {
    const due = await dueCopies(parts.database, now)
    for (const { tenant_id: tenantId, notice_id: noticeId, incident_id: incidentId } of due) {
      const over = await isIncidentOver(incidentId)
      await parts.database.write(tenantId, (tx) => unanswered(tx, noticeId, over, now))
      steps++
    }
    if (due.length < AT_ONCE) return { told, steps }
  }
}

function dueCopies(database: Database, now: number) {
  return database.read(INSTALLATION, (reader) =>
    reader.rows<{ tenant_id: string; notice_id: string; incident_id: string }>(
      'select tenant_id, notice_id, incident_id from sluss_breach_due_copies($1, $2)',
      [new Date(now), AT_ONCE],
    ),
  )
}

/** Nobody is reminded of what was taken back or is told of under another incident. Asked once an incident. */
async function incidentsOver({ database, keys }: TellParts) {
  const known = new Map<string, boolean>()
  return async (incidentId: string): Promise<boolean> => {
    const before = known.get(incidentId)
    if (before !== undefined) return before
    const incident = await database.read(INSTALLATION, (reader) =>
      readIncident(reader, keys, incidentId),
    )
    const over = incident !== undefined && isOver(incident)
    known.set(incidentId, over)
    return over
  }
}

/** Time is up for whoever was told last. Read in the message centre is known of, and is not acknowledged. */
async function unanswered(
  tx: Transaction,
  noticeId: string,
  over: boolean,
  now: number,
): Promise<void> {
  const copy = await lockCopy(tx, noticeId)
  if (copy?.state !== 'telling' || copy.nextAt === undefined || copy.nextAt > now) return
  if (over) return setCopy(tx, noticeId, { state: 'telling', nextAt: undefined })
  const readAt = await firstRead(tx, await sentOf(tx, noticeId))
  const by = { actor: ACTOR, now }
  if (readAt !== undefined)
    await recordAwareness(tx, copy.incidentId, { how: 'delivered', at: readAt }, by)
  await takeStep(tx, copy, 'unanswered', now)
}

/** For `notify`, in the commit that records it: the relay took the mail over, or the receiver said so. */
export async function noticeDelivered(
  tx: Transaction,
  { noticeId: sentId }: Delivered,
  now: number,
): Promise<void> {
  const copy = await copyOf(tx, sentId)
  if (!copy) return
  const by = { actor: ACTOR, now }
  await recordAwareness(tx, copy.incidentId, { how: 'delivered', at: now }, by)
}

/**
 * For `notify`, in the commit that records it: whoever was to be told cannot be. The next contact is told at once. What
 * comes late, of a step that was left behind, changes nothing.
 */
export async function noticeUndelivered(
  tx: Transaction,
  { noticeId: sentId, channel }: Escalation,
  now: number,
): Promise<void> {
  if (channel === 'webhook') return
  const copy = await copyOf(tx, sentId)
  if (copy?.state === 'telling' && copy.isCurrent) await takeStep(tx, copy, 'unreachable', now)
}

async function copyOf(tx: Transaction, sentId: string) {
  const taken = await stepOf(tx, sentId)
  // To the operator's own people it was not told by being told of.
  if (!taken || taken.step === PERSON) return undefined
  const copy = await lockCopy(tx, taken.noticeId)
  return copy && { ...copy, isCurrent: copy.step === taken.step }
}

/**
 * Somebody of the tenant says that it has the notice. The first word counts; a later one changes nothing.
 *
 * @param by  who, for the entry
 * @returns whether this was the first; `notice_unknown` where the tenant has no such notice
 */
export async function acknowledgeNotice(
  tx: Transaction,
  noticeId: string,
  by: { readonly actor: string; readonly now: number; readonly how: 'account' | 'code' | 'person' },
): Promise<boolean | Refusal> {
  const copy = await lockCopy(tx, noticeId)
  if (!copy) return refuse('notice_unknown', { notice: noticeId })
  const { actor, now, how } = by
  if (!(await acknowledgeCopy(tx, noticeId, { actor, at: now }))) return false
  const { incidentId } = copy
  const about = {
    incident: incidentId,
    notice: noticeId,
    how,
    step: STEPS[copy.step]?.name ?? null,
  }
  await record(tx, 'incident.acknowledged', { actor, now }, about)
  await recordAwareness(tx, incidentId, { how: 'acknowledged', at: now }, { actor, now })
  return true
}

/**
 * The same by the code that the mail and the letter carry, without an account. It is of use once: a second time the
 * answer is that it was acknowledged.
 *
 * @returns `notice_unknown` for whatever is not a code of a notice; it does not say what was wrong
 */
export async function acknowledgeByCode(
  { database, keys }: { readonly database: Database; readonly keys: Keys },
  code: string,
  now: number,
): Promise<{ readonly isFirst: boolean } | Refusal> {
  const tenantId = code.trim().slice(0, code.trim().lastIndexOf('.'))
  const unknown = refuse('notice_unknown')
  if (!isTenantId(tenantId) || tenantId === INSTALLATION) return unknown
  return database.write(tenantId, async (tx) => {
    const copies = await listCopies(tx)
    if (copies.length === 0) return unknown
    for (const { noticeId } of copies) {
      if ((await acknowledgementCode(tx, keys, noticeId)) !== code.trim()) continue
      const done = await acknowledgeNotice(tx, noticeId, {
        actor: 'contact:code',
        now,
        how: 'code',
      })
      return typeof done === 'boolean' ? { isFirst: done } : done
    }
    return unknown
  })
}

/** A tenant's copy as the operator sees it: how far it came. */
export interface Delivery {
  readonly tenantId: string
  readonly state: CopyState
  readonly step: string | undefined
  readonly nextAt: number | undefined
  readonly madeAt: number
  readonly acknowledgedAt: number | undefined
}

/** How far a notice came, tenant by tenant. */
export async function deliveriesOf(
  database: Database,
  noticeId: string,
): Promise<readonly Delivery[]> {
  const rows = await database.read(INSTALLATION, (reader) =>
    reader.rows<{
      tenant_id: string
      state: CopyState
      step: number
      next_at: Date | null
      made_at: Date
      acknowledged_at: Date | null
    }>('select * from sluss_breach_copies($1)', [noticeId]),
  )
  return rows.map((row) => ({
    tenantId: row.tenant_id,
    state: row.state,
    step: STEPS[row.step]?.name,
    nextAt: row.next_at?.getTime(),
    madeAt: row.made_at.getTime(),
    acknowledgedAt: row.acknowledged_at?.getTime(),
  }))
}

export { listCopies }

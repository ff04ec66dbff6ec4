import { type Database, INSTALLATION, type Transaction } from '#database/handles.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { newOrderedId } from '#foundation/ids.ts'
import { append, appendAll } from '#ledger/append.ts'
import type { Entry } from '#ledger/entry.ts'
import { contactOf } from './contacts.ts'
import { sendEntry } from './notice-entry.ts'
import {
  type NoticeRow,
  insertNotice,
  insertSend,
  lockQueued,
  markResolved,
  queuedNotices,
} from './notice.table.ts'
import { type NotifyParts, PRIVACY_CONTACT, WEBHOOK } from './parts.ts'
import { type NoticeSettings, readNoticeSettings } from './settings.ts'
import { PERSONAL, REPEATED } from './template.ts'

const AT_ONCE = 50

/**
 * Works out the recipients of what is queued for one tenant: the message centre has it with the same commit, mail and
 * webhook are set up to be sent. Answers how many notices were resolved.
 */
export async function resolveQueued(
  parts: NotifyParts,
  tenantId: string,
  now: number,
): Promise<number> {
  const forwarded = await forwardToOperators(parts, tenantId, now)
  const told: NoticeRow[] = []
  const count = await parts.database.write(tenantId, async (tx) => {
    told.length = 0
    const settings = await readNoticeSettings(tx, parts.keys)
    const notices = await lockQueued(tx, new Date(now), AT_ONCE)
    let resolved = 0
    for (const notice of notices) {
      const recipients = await recipientsOf(parts, tx, notice, settings)
      if (recipients.otherRealm && !forwarded.has(notice.noticeId)) continue
      await markResolved(tx, notice.noticeId)
      resolved++
      if (notice.usefulUntil !== null && notice.usefulUntil.getTime() <= now)
        await recordNobody(parts, tx, notice, 'too_late', now)
      else if (await setUp(parts, tx, notice, recipients, settings, now)) told.push(notice)
    }
    return resolved
  })
  for (const { noticeId, template, about } of told)
    await parts.told?.(tenantId, { noticeId, template, about, at: now })
  return count
}

interface Recipients {
  /** By recipient: whether they get mail as well. */
  readonly recipients: ReadonlyMap<string, { readonly mail: boolean }>
  readonly otherRealm: boolean
}

async function recipientsOf(
  { audiences }: NotifyParts,
  tx: Transaction,
  notice: NoticeRow,
  settings: NoticeSettings,
): Promise<Recipients> {
  const recipients = new Map<string, { mail: boolean }>()
  let otherRealm = false
  for (const audience of notice.audiences) {
    const found = await audiences.of(tx, audience, notice.about)
    if ('realm' in found) {
      otherRealm = true
      continue
    }
    const mail =
      settings.mailOn &&
      audience !== 'administratorsInCentre' &&
      (audience !== 'approvers' || settings.approverMailOn)
    for (const { recipient } of found)
      recipients.set(recipient, { mail: mail || recipients.get(recipient)?.mail === true })
  }
  return { recipients, otherRealm }
}

/** Answers whether anybody has it in their message centre now. */
async function setUp(
  parts: NotifyParts,
  tx: Transaction,
  notice: NoticeRow,
  { recipients, otherRealm }: Recipients,
  settings: NoticeSettings,
  now: number,
): Promise<boolean> {
  const { noticeId, template } = notice
  const at = new Date(now)
  const entries: Entry[] = []
  for (const [recipient, { mail }] of recipients) {
    const send = { noticeId, template, recipient }
    if (recipient !== PRIVACY_CONTACT && contactOf(recipient) === undefined) {
      const made = await insertSend(tx, { ...send, channel: 'messageCentre', now: at, sent: true })
      if (made) entries.push(sendEntry('notice.sent', { ...send, channel: 'messageCentre' }, now))
    }
    if (mail) await insertSend(tx, { ...send, channel: 'mail', now: at, sent: false })
  }
  if (settings.webhookOn && !PERSONAL.has(template) && !REPEATED.has(template))
    await insertSend(tx, { noticeId, recipient: WEBHOOK, channel: 'webhook', now: at, sent: false })
  await appendAll(tx, entries)
  if (recipients.size === 0 && !otherRealm)
    await recordNobody(parts, tx, notice, 'no_recipient', now)
  return entries.length > 0
}

/**
 * The privacy contact is an address and has no message centre: where no mail may go there, the administrators have the
 * notice in theirs.
 */
export async function tellAdministrators(
  parts: NotifyParts,
  tx: Transaction,
  notice: NoticeRow,
  now: number,
): Promise<void> {
  const found = await parts.audiences.of(tx, 'administrators', notice.about)
  const recipients = 'realm' in found ? [] : found
  const { noticeId, template } = notice
  const entries: Entry[] = []
  for (const { recipient } of recipients) {
    const send = { noticeId, template, recipient, channel: 'messageCentre' as const }
    if (await insertSend(tx, { ...send, now: new Date(now), sent: true }))
      entries.push(sendEntry('notice.sent', send, now, { insteadOf: 'mail' }))
  }
  await appendAll(tx, entries)
  if (recipients.length === 0) await recordNobody(parts, tx, notice, 'no_recipient', now)
}

/** A notice that reaches nobody is a finding of its own, and somebody else has to act. */
async function recordNobody(
  { escalate }: NotifyParts,
  tx: Transaction,
  { noticeId, template, audiences }: NoticeRow,
  code: string,
  now: number,
): Promise<void> {
  await append(tx, {
    id: newOrderedId(now),
    at: toTimestamp(now),
    kind: 'notice.failed',
    actor: 'job:notices',
    data: { notice: noticeId, template, audiences, code, final: true },
  })
  await escalate?.(tx, { noticeId, template, recipient: '', channel: '', code }, now)
}

/**
 * A tenant's notice may be for the operator's staff, whose rows and keys are apart from the tenant's: it is queued
 * there under the same id, before the tenant's own row is resolved. Done twice it changes nothing.
 */
async function forwardToOperators(
  { database, audiences }: NotifyParts,
  tenantId: string,
  now: number,
): Promise<ReadonlySet<string>> {
  if (tenantId === INSTALLATION) return new Set()
  const abroad = await database.read(tenantId, async (reader) => {
    const found: NoticeRow[] = []
    for (const notice of await queuedNotices(reader, new Date(now), AT_ONCE)) {
      const others: string[] = []
      for (const audience of notice.audiences)
        if ('realm' in (await audiences.of(reader, audience, notice.about))) others.push(audience)
      if (others.length > 0) found.push({ ...notice, audiences: others })
    }
    return found
  })
  if (abroad.length > 0) await queueThere(database, tenantId, abroad, now)
  return new Set(abroad.map((notice) => notice.noticeId))
}

function queueThere(
  database: Database,
  tenantId: string,
  notices: readonly NoticeRow[],
  now: number,
): Promise<void> {
  return database.write(INSTALLATION, async (tx) => {
    for (const { noticeId, template, audiences, about, usefulUntil } of notices)
      await insertNotice(tx, {
        noticeId,
        template,
        audiences,
        about: { ...about, tenantId },
        now,
        usefulUntil: usefulUntil?.getTime(),
      })
  })
}

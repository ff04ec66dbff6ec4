import { INSTALLATION, type Transaction } from '#database/handles.ts'
import { append } from '#ledger/append.ts'
import { nextAttempt } from './back-off.ts'
import type { SendOutcome } from './channels/outcome.ts'
import { sendEntry } from './notice-entry.ts'
import { queueNotice } from './notice.ts'
import {
  type SendRow,
  claim,
  conclude,
  lockAbandoned,
  lockDue,
  tenantsWithNotices,
} from './notice.table.ts'
import { type NotifyParts, PRIVACY_CONTACT } from './parts.ts'
import { type Prepared, type RelaySwitch, prepare } from './prepare.ts'
import { resolveQueued, tellAdministrators } from './resolve.ts'
import { readNoticeSettings, switchWebhookOff } from './settings.ts'

/** Longer than any attempt lasts: a claim that is older belongs to nobody. */
export const CLAIM_IN_MS = 5 * 60_000
const AT_ONCE = 8
const TENANTS_AT_ONCE = 4
/** A mail whose outcome nobody saw is sent once more, under the same message id, and then no more. */
const UNKNOWNS_BEFORE_GIVING_UP = 2

interface Claimed {
  readonly send: SendRow
  readonly claimId: string
  readonly prepared: Extract<Prepared, { send: unknown }>
}

/**
 * Sends what is due, of all tenants. May run on several nodes at once and be killed at any point.
 *
 * @param lost  ids of nodes that certainly send nothing any more; what they claimed is taken up at once
 * @returns how many attempts were made
 */
export async function sendDue(
  parts: NotifyParts,
  now: number,
  lost: readonly string[] = [],
): Promise<number> {
  const waiting = [...(await due(parts, now, lost))]
  let attempts = 0
  const worker = async (): Promise<void> => {
    for (let tenantId = waiting.shift(); tenantId !== undefined; tenantId = waiting.shift())
      attempts += await sendForTenant(parts, tenantId, now, lost)
  }
  await Promise.all(Array.from({ length: TENANTS_AT_ONCE }, worker))
  // What a tenant's notice sends to the operator's staff is queued with them meanwhile.
  if ((await due(parts, now, [])).includes(INSTALLATION))
    attempts += await sendForTenant(parts, INSTALLATION, now, [])
  return attempts
}

function due(parts: NotifyParts, now: number, lost: readonly string[]) {
  return parts.database.read(INSTALLATION, (reader) =>
    tenantsWithNotices(reader, new Date(now), new Date(now - CLAIM_IN_MS), lost),
  )
}

async function sendForTenant(
  parts: NotifyParts,
  tenantId: string,
  now: number,
  lost: readonly string[],
): Promise<number> {
  let attempts = 0
  if (!parts.lease.held()) return attempts
  await takeUpAbandoned(parts, tenantId, now, lost)
  while (parts.lease.held() && (await resolveQueued(parts, tenantId, now)) > 0) {
    // Until nothing is queued any more.
  }
  await parts.reached?.('resolved')
  while (parts.lease.held()) {
    const relay = await readRelay(parts)
    const { claimed, seen } = await claimDue(parts, tenantId, relay, now)
    if (seen === 0) return attempts
    attempts += claimed.length
    await parts.reached?.('claimed')
    await Promise.all(claimed.map((one) => attempt(parts, tenantId, one, now)))
    // What failed is due later than now, and what is queued meanwhile makes for another round.
    if (seen < AT_ONCE) return attempts
  }
  return attempts
}

async function readRelay({ database, keys }: NotifyParts): Promise<RelaySwitch> {
  const settings = await database.read(INSTALLATION, (reader) => readNoticeSettings(reader, keys))
  return { on: settings.mailOn }
}

/** Claims what is due and makes its evidence durable, in one commit: only then may a byte leave. */
function claimDue(
  parts: NotifyParts,
  tenantId: string,
  relay: RelaySwitch,
  now: number,
): Promise<{ claimed: readonly Claimed[]; seen: number }> {
  return parts.database.write(tenantId, async (tx) => {
    const claimed: Claimed[] = []
    const sends = await lockDue(tx, new Date(now), AT_ONCE)
    for (const send of sends) {
      if (send.usefulUntil !== null && send.usefulUntil.getTime() <= now) {
        await giveUp(parts, tx, send, null, 'too_late', now)
        continue
      }
      const prepared = await prepare(parts, tx, send, relay, now)
      if ('failed' in prepared) await giveUp(parts, tx, send, null, prepared.failed, now)
      else if ('refused' in prepared) await refuseSend(parts, tx, send, prepared, now)
      else {
        const evidence = { ...prepared.evidence, attempt: send.attempts + 1 }
        const entry = sendEntry('notice.disclosure', send, now, evidence)
        const { nodeId } = parts.database
        const { mailId } = prepared
        const by = { claimId: entry.id, nodeId, now: new Date(now), mailId }
        if (!(await claim(tx, send, by))) continue
        await append(tx, entry)
        claimed.push({ send, claimId: entry.id, prepared })
      }
    }
    return { claimed, seen: sends.length }
  })
}

/** Final for this channel; what the channel alone would have told goes to the message centre instead. */
async function refuseSend(
  parts: NotifyParts,
  tx: Transaction,
  send: SendRow,
  { refused, party }: Extract<Prepared, { refused: unknown }>,
  now: number,
): Promise<void> {
  await conclude(tx, send, null, new Date(now), { state: 'refused' })
  const to = party === undefined ? {} : { party }
  await append(tx, sendEntry('refusal', send, now, { ...to, reason: refused }))
  if (send.channel === 'mail' && send.recipient === PRIVACY_CONTACT)
    await tellAdministrators(parts, tx, send, now)
}

async function attempt(
  parts: NotifyParts,
  tenantId: string,
  { send, claimId, prepared }: Claimed,
  now: number,
): Promise<void> {
  const outcome = await prepared.send(now)
  await parts.reached?.('sent')
  await parts.database.write(tenantId, (tx) => record(parts, tx, send, claimId, outcome, now))
  await parts.reached?.('recorded')
}

/** Exactly one outcome for an attempt: who ends the claim writes the entry, in one commit. */
async function record(
  parts: NotifyParts,
  tx: Transaction,
  send: SendRow,
  claimId: string,
  { outcome, code }: SendOutcome,
  now: number,
): Promise<void> {
  const at = new Date(now)
  if (outcome === 'unknown') return concludeUnknown(parts, tx, send, claimId, code, now)
  if (outcome === 'sent') {
    if (!(await conclude(tx, send, claimId, at, { state: 'sent' }))) return
    await append(tx, sendEntry('notice.sent', send, now, { disclosure: claimId, code }))
    await parts.delivered?.(tx, send, now)
    return
  }
  const next = nextAttempt(send.attempts + 1, send.firstAt.getTime(), now)
  if (outcome === 'failed' || next === undefined) {
    await giveUp(parts, tx, send, claimId, code, now)
    if (send.channel === 'webhook' && code === 'http_410') await receiverIsGone(tx, now)
    return
  }
  if (await conclude(tx, send, claimId, at, { state: 'waiting', next: new Date(next) }))
    await append(
      tx,
      sendEntry('notice.failed', send, now, { disclosure: claimId, code, final: false }),
    )
}

async function giveUp(
  { escalate }: NotifyParts,
  tx: Transaction,
  send: SendRow,
  claimId: string | null,
  code: string,
  now: number,
): Promise<void> {
  if (!(await conclude(tx, send, claimId, new Date(now), { state: 'failed' }))) return
  const disclosure = claimId === null ? {} : { disclosure: claimId }
  await append(tx, sendEntry('notice.failed', send, now, { ...disclosure, code, final: true }))
  const { noticeId, template, recipient, channel } = send
  await escalate?.(tx, { noticeId, template, recipient, channel, code }, now)
}

/** A receiver of webhooks knows what it has by the id; a mail may arrive twice, so there is one more attempt only. */
async function concludeUnknown(
  { escalate }: NotifyParts,
  tx: Transaction,
  send: SendRow,
  claimId: string,
  code: string,
  now: number,
): Promise<void> {
  const at = new Date(now)
  const last = send.channel === 'mail' && send.unknowns + 1 >= UNKNOWNS_BEFORE_GIVING_UP
  const next = last ? undefined : nextAttempt(send.attempts, send.firstAt.getTime(), now)
  const conclusion =
    next === undefined
      ? ({ state: 'failed' } as const)
      : ({ state: 'waiting', next: code === 'abandoned' ? at : new Date(next) } as const)
  if (!(await conclude(tx, send, claimId, at, conclusion, true))) return
  const data = { disclosure: claimId, code, final: next === undefined }
  await append(tx, sendEntry('notice.unknown', send, now, data))
  const { noticeId, template, recipient, channel } = send
  if (next === undefined)
    await escalate?.(tx, { noticeId, template, recipient, channel, code }, now)
}

function takeUpAbandoned(
  parts: NotifyParts,
  tenantId: string,
  now: number,
  lost: readonly string[],
): Promise<void> {
  return parts.database.write(tenantId, async (tx) => {
    const abandoned = await lockAbandoned(tx, new Date(now - CLAIM_IN_MS), lost)
    for (const { claimId, ...send } of abandoned)
      await concludeUnknown(parts, tx, send, claimId, 'abandoned', now)
  })
}

async function receiverIsGone(tx: Transaction, now: number): Promise<void> {
  if (await switchWebhookOff(tx, now))
    await queueNotice(tx, { template: 'webhook.gone', audience: 'administrators', about: {} }, now)
}

import { openObligation } from '#agreements/obligation.ts'
import type { Transaction } from '#database/handles.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { newId } from '#foundation/ids.ts'
import { type Refusal, refuse } from '#foundation/refusal.ts'
import {
  type By,
  type ErasureParts,
  type ErasureTrigger,
  ROWS_GONE_IN_MS,
  TELLING_KEPT_IN_MS,
} from './erasure.ts'
import { type Recipient, forgetSent, recipientsOf } from './erasure-sent.ts'
import {
  erasureUnderWay,
  insertErasure,
  lockErasure,
  markErased,
  markStarted,
  markWaiting,
  markWithdrawn,
  subjectsOfErasure,
} from './erasure.table.ts'
import { holdOver, lockErasures } from './hold.ts'
import { recordRights } from './record-rights.ts'

/**
 * Writes down that these subjects, which are one person, are to be erased. The same asked again while it is under way is
 * the one that is under way.
 *
 * @returns its id
 */
export async function askForErasure(
  tx: Transaction,
  asked: {
    readonly trigger: ErasureTrigger
    readonly subjectIds: readonly string[]
    /** When the keys go; now where left out. */
    readonly startsAt?: number
    readonly dueAt?: number
  },
  by: By,
): Promise<string> {
  await lockErasures(tx)
  const known =
    asked.subjectIds.length > 0 ? await erasureUnderWay(tx, asked.subjectIds) : undefined
  if (known !== undefined) return known
  const erasureId = newId()
  const startsAt = asked.startsAt ?? by.at
  const dueAt = asked.dueAt ?? by.at + ROWS_GONE_IN_MS
  const { trigger, subjectIds } = asked
  await insertErasure(tx, { erasureId, trigger, subjectIds, startsAt, dueAt }, by)
  await recordRights(tx, 'erasure.asked', by, {
    erasure: erasureId,
    trigger,
    starts: toTimestamp(startsAt),
    due: toTimestamp(dueAt),
  })
  return erasureId
}

/**
 * Destroys the keys of the person, unless something stands in the way: from the commit on nobody can read what is left.
 * In the same commit it is written down who has to be told. The log must have been followed before.
 *
 * @returns what it waits for, if it does
 */
export async function destroyKeys(
  tx: Transaction,
  parts: ErasureParts,
  erasureId: string,
  by: By,
): Promise<string | undefined> {
  await lockErasures(tx)
  const erasure = await lockErasure(tx, erasureId)
  if (erasure?.state !== 'waiting' || erasure.startsAt.getTime() > by.at) return undefined
  const ids = await subjectsOfErasure(tx, erasureId)
  const commitments = [...(await parts.keys.subjectCommitments(tx, ids)).values()]
  const waitsFor = await whatItWaitsFor(tx, parts, { ids, commitments }, by.at)
  if (waitsFor !== undefined) {
    await wait(tx, erasureId, erasure.waitsFor, waitsFor, by)
    return waitsFor
  }
  const recipients = await recipientsOf(tx, commitments)
  await openRecipients(tx, parts, { erasureId, ids, recipients }, by)
  for (const id of ids) await parts.keys.destroySubjectKey(tx, id)
  await forgetSent(tx, commitments)
  const tellingUntil = recipients.length > 0 ? by.at + TELLING_KEPT_IN_MS : undefined
  await markStarted(tx, erasureId, { now: by.at, tellingUntil })
  await recordRights(tx, 'erasure.keys-destroyed', by, {
    erasure: erasureId,
    trigger: erasure.trigger,
    subjects: ids.length,
    recipients: recipients.map(({ partyId, connectionId }) => [partyId, connectionId]),
  })
  return undefined
}

async function whatItWaitsFor(
  tx: Transaction,
  { obstacles }: ErasureParts,
  subjects: { readonly ids: readonly string[]; readonly commitments: readonly string[] },
  now: number,
): Promise<string | undefined> {
  const hold = await holdOver(tx, subjects.ids, now)
  if (hold !== undefined) return `hold:${hold}`
  for (const obstacle of obstacles) {
    const waitsFor = await obstacle(tx, subjects, now)
    if (waitsFor !== undefined) return waitsFor
  }
  return undefined
}

/** Says once what is waited for, and again when it is something else. */
async function wait(
  tx: Transaction,
  erasureId: string,
  before: string | null,
  waitsFor: string,
  by: By,
): Promise<void> {
  if (before === waitsFor) return
  await markWaiting(tx, erasureId, waitsFor)
  await recordRights(tx, 'erasure.waits', by, { erasure: erasureId, for: waitsFor })
}

async function openRecipients(
  tx: Transaction,
  parts: ErasureParts,
  erasure: {
    readonly erasureId: string
    readonly ids: readonly string[]
    readonly recipients: readonly Recipient[]
  },
  by: By,
): Promise<void> {
  const { erasureId, ids, recipients } = erasure
  if (recipients.length === 0) return
  // A key of the erasure's own: what the party must be told outlives the person's keys, but not the answer.
  await parts.keys.createSubjectKey(tx, erasureId)
  for (const { partyId, connectionId } of recipients) {
    const telling = await parts.namesKnownTo(tx, { partyId, connectionId }, ids)
    const byProtocol = telling !== undefined && (await parts.deletesByProtocol(tx, connectionId))
    const sealed =
      telling &&
      (await parts.keys.sealFor(
        tx,
        erasureId,
        `telling/${partyId}/${connectionId}`,
        Buffer.from(JSON.stringify(telling)),
      ))
    const obligation = await openObligation(tx, { partyId, kind: 'deletion' }, by)
    await tx.change(
      `insert into erasure_recipients
         (tenant_id, erasure_id, party_id, connection_id, obligation_id, how, telling, next_try_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8)`,
      [
        tx.tenantId,
        erasureId,
        partyId,
        connectionId,
        obligation,
        byProtocol ? 'connector' : 'letter',
        sealed ?? null,
        byProtocol ? new Date(by.at) : null,
      ],
    )
  }
}

/**
 * Removes the rows of a person whose keys are gone, in every room that has any, in one commit with the entry that counts
 * them. Ended at any point it is done again from the beginning.
 *
 * @returns false where there was nothing to do
 */
export async function eraseRows(
  tx: Transaction,
  { erasers }: ErasureParts,
  erasureId: string,
  by: By,
): Promise<boolean> {
  const erasure = await lockErasure(tx, erasureId)
  if (erasure?.state !== 'keysDestroyed') return false
  const ids = await subjectsOfErasure(tx, erasureId)
  const removed: Record<string, number> = {}
  for (const { holder, eraseAll } of erasers) removed[holder] = await eraseAll(tx, ids)
  await markErased(tx, erasureId, removed, by.at)
  await recordRights(tx, 'erasure', by, { erasure: erasureId, trigger: erasure.trigger, removed })
  return true
}

/**
 * Takes an erasure back before anything was destroyed.
 *
 * @returns `not_found`, or `step_state` when it is too late
 */
export async function withdrawErasure(
  tx: Transaction,
  erasureId: string,
  by: By,
): Promise<Refusal | undefined> {
  const erasure = await lockErasure(tx, erasureId)
  if (!erasure) return refuse('not_found')
  if (erasure.state !== 'waiting') return refuse('step_state')
  await markWithdrawn(tx, erasureId)
  await recordRights(tx, 'erasure.withdrawn', by, { erasure: erasureId })
  return undefined
}

import type { Transaction } from '#database/handles.ts'
import { reachableContacts } from '#notify/contacts.ts'
import { queueNotice } from '#notify/notice.ts'
import { readTenant } from '#tenants/tenant.ts'
import { ACTOR, record } from '../parts.ts'
import { type Copy, insertStep, setCopy } from './copy.table.ts'
import { type Because, NONE_YET, PERSON, STEPS, nextStep } from './steps.ts'

/**
 * Takes the next step up the contacts, in the caller's commit: the message is queued, the copy moves on and the entry
 * says why, together or not at all. The copy is locked by whoever read it, so no step is taken twice.
 */
export async function takeStep(
  tx: Transaction,
  copy: Copy,
  because: Because,
  now: number,
): Promise<void> {
  const reachable = {
    privacyContact: (await readTenant(tx))?.privacyContact !== undefined,
    securityContacts: (await reachableContacts(tx)).length > 0,
  }
  const step = nextStep(copy.step, because, reachable)
  const taken = STEPS[step]
  if (!taken) throw new RangeError('there is no such step')
  const { name, audience, waitsMs } = taken
  const { noticeId, incidentId } = copy
  const isFirst = copy.step === NONE_YET
  const template = isFirst
    ? (`incident.${copy.kind}` as const)
    : step === PERSON
      ? 'incident.unreached'
      : 'incident.reminder'
  const sentId = await queueNotice(
    tx,
    {
      template,
      // Whoever signs in finds it at once, whoever the mail went to.
      audience: isFirst ? [audience, 'administratorsInCentre'] : audience,
      about: { incidentId, documentId: noticeId },
    },
    now,
  )
  if (!(await insertStep(tx, { noticeId, step, sentId, because, at: now })))
    throw new Error('a step was taken twice')
  await setCopy(tx, noticeId, {
    state: step === PERSON ? 'person' : 'telling',
    step,
    nextAt: waitsMs === undefined ? undefined : now + waitsMs,
  })
  const about = { incident: incidentId, notice: noticeId, step: name, because, message: sentId }
  await record(tx, 'incident.step', { actor: ACTOR, now }, about)
}

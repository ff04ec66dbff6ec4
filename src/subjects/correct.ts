import { updateAccount } from '#access/account-updates.ts'
import { openObligation } from '#agreements/obligation.ts'
import type { Reader, Transaction } from '#database/handles.ts'
import { newId } from '#foundation/ids.ts'
import { type Refusal, isRefusal, refuse } from '#foundation/refusal.ts'
import { isCurrent, isWithin } from '#records/name-windows.ts'
import {
  type Correction,
  type CorrectionState,
  closeCorrectionRow,
  insertCorrection,
  openCorrections,
  selectCorrection,
} from './correct.table.ts'
import type { By, RightsParts } from './parts.ts'
import { recordRights } from './record-rights.ts'
import { readServable } from './requests.ts'
import { type Link, readLinks } from './request-links.ts'
import { commitmentOf } from './view.ts'
import { heldOf } from './view-held.ts'
import { recipientsOf } from './view-sightings.ts'

/** What of an account an admin entered, and may be corrected here. */
const HERE: Readonly<Record<string, 'displayName' | 'mail'>> = {
  'account.displayName': 'displayName',
  'account.mail': 'mail',
}

export interface WantedCorrection {
  readonly subjectId: string
  readonly item: string
  /** What the person says is right. */
  readonly value: string
}

/**
 * Takes in that something is wrong. What was entered here is corrected now, and what it was stays as history; what a
 * device or a party says is corrected there, stands as disputed till its next report, and is closed by that report.
 * Every party that got the old value in the person's time then owes a correction. The log must be followed before.
 *
 * @returns the correction's id; the refusals of `readServable`, `not_found` for a subject that is not the person's now
 *   or an item of which nothing is held, `step_state` when it is disputed already or right already, `name_taken`
 */
export async function openCorrection(
  tx: Transaction,
  parts: RightsParts,
  requestId: string,
  wanted: WantedCorrection,
  by: By,
): Promise<string | Refusal> {
  const served = await readServable(tx, parts, requestId)
  if (isRefusal(served)) return served
  const link = await linkOf(tx, requestId, wanted.subjectId)
  const old = link ? await presentValues(tx, parts, wanted.subjectId, wanted.item) : []
  if (!link || old.length === 0) return refuse('not_found')
  if (old.every((value) => String(value) === wanted.value)) return refuse('step_state')
  const field = link.kind === 'account' ? HERE[wanted.item] : undefined
  if (field !== undefined) {
    const refused = await correctHere(tx, parts, wanted, field, by)
    if (refused) return refused
  }
  const correctionId = newId()
  const made = await insertCorrection(
    tx,
    parts.keys,
    {
      correctionId,
      requestId,
      subjectId: wanted.subjectId,
      item: wanted.item,
      route: field === undefined ? 'source' : 'here',
      state: field === undefined ? 'disputed' : 'corrected',
      openedAt: by.at,
      openedBy: by.actor,
      closedAt: field === undefined ? undefined : by.at,
      obligations:
        field === undefined ? [] : await tellRecipients(tx, parts, link, wanted.item, by),
    },
    { old, wanted: wanted.value },
  )
  if (!made) return refuse('step_state')
  await recordRights(tx, 'rights.correction', by, {
    request: requestId,
    correction: correctionId,
    item: wanted.item,
    route: field === undefined ? 'source' : 'here',
    state: field === undefined ? 'disputed' : 'corrected',
  })
  return correctionId
}

async function correctHere(
  tx: Transaction,
  { accounts }: RightsParts,
  { subjectId, value }: WantedCorrection,
  field: 'displayName' | 'mail',
  by: By,
): Promise<Refusal | undefined> {
  return updateAccount(tx, accounts, subjectId, { [field]: value }, { actor: by.actor, at: by.at })
}

/** Values of the item in every record of the subject that is held now. */
async function presentValues(
  reader: Reader,
  { holders }: RightsParts,
  subjectId: string,
  item: string,
): Promise<readonly unknown[]> {
  const values: unknown[] = []
  for (const holder of holders)
    for (const record of await heldOf(holder, reader, subjectId))
      if (Object.hasOwn(record.items, item) && record.removed === undefined)
        values.push(record.items[item])
  return values
}

async function linkOf(
  reader: Reader,
  requestId: string,
  subjectId: string,
): Promise<Link | undefined> {
  const [link] = await readLinks(reader, requestId, {
    state: 'confirmed',
    subjectIds: [subjectId],
    limit: 1,
  })
  return link && isCurrent(link.windows) ? link : undefined
}

/** Every party that really got the item in the person's time owes its correction. Answers the obligations. */
async function tellRecipients(
  tx: Transaction,
  parts: RightsParts,
  link: Link,
  item: string,
  by: Pick<By, 'actor' | 'at'>,
): Promise<readonly string[]> {
  const name =
    link.kind === 'account' ? link.subjectId : await commitmentOf(tx, parts, link.subjectId)
  const parties = await recipientsOf(tx, name, item, (time) => isWithin(link.windows, time))
  const obligations: string[] = []
  for (const partyId of [...parties].toSorted())
    obligations.push(await openObligation(tx, { partyId, kind: 'correction' }, by))
  return obligations
}

/**
 * Looks whether the sources of disputed values have sent others: the wanted value is `corrected`, another one than
 * before `changed`, and either way the recipients of the old value are to correct it. Answers how many were closed.
 */
export async function followCorrections(
  tx: Transaction,
  parts: RightsParts,
  by: Pick<By, 'actor' | 'at'>,
): Promise<number> {
  let closed = 0
  for (const { correction, values } of await openCorrections(tx, parts.keys)) {
    const present = await presentValues(tx, parts, correction.subjectId, correction.item)
    const old = new Set(values.old.map(String))
    if (present.length === 0 || present.some((value) => old.has(String(value)))) continue
    const isRight = present.every((value) => String(value) === values.wanted)
    await close(tx, parts, correction, isRight ? 'corrected' : 'changed', by)
    closed++
  }
  return closed
}

/**
 * The source says that the value is right as it is.
 *
 * @returns `not_found`, `step_state` for one that is closed
 */
export async function refuseCorrection(
  tx: Transaction,
  parts: RightsParts,
  requestId: string,
  correctionId: string,
  by: By,
): Promise<true | Refusal> {
  const found = await selectCorrection(tx, parts.keys, correctionId)
  if (found?.correction.requestId !== requestId) return refuse('not_found')
  if (found.correction.state !== 'disputed') return refuse('step_state')
  await close(tx, parts, found.correction, 'refused', by)
  return true
}

async function close(
  tx: Transaction,
  parts: RightsParts,
  correction: Correction,
  state: CorrectionState,
  by: Pick<By, 'actor' | 'at'>,
): Promise<void> {
  const { correctionId, requestId, subjectId, item } = correction
  const [link] = await readLinks(tx, requestId, { subjectIds: [subjectId], limit: 1 })
  const obligations =
    state === 'refused' || !link ? [] : await tellRecipients(tx, parts, link, item, by)
  await closeCorrectionRow(tx, correctionId, { state, at: by.at, obligations })
  await recordRights(tx, 'rights.correction', by, {
    request: requestId,
    correction: correctionId,
    item,
    state,
    obligations,
  })
}

import type { Transaction } from '#database/handles.ts'
import { newOrderedId } from '#foundation/ids.ts'
import { insertNotice } from './notice.table.ts'
import { type TemplateId, isTemplate } from './template.ts'

/** Commits that queue a notice announce this topic, so that it need not wait for the next round. */
export const NOTICE_QUEUED = 'notify.queued'

/**
 * Whom a notice is for; worked out when it is sent, so that a role that was lost meanwhile gets nothing.
 * `asker` and `account` are named by `about`: `askerId` and `accountId`.
 */
export type Audience =
  | 'approvers'
  | 'providerApprovers'
  | 'asker'
  | 'privacyContact'
  | 'administrators'
  /** In the message centre only: the mail goes to others first. */
  | 'administratorsInCentre'
  /** Addresses that the tenant gave for when something goes wrong. */
  | 'securityContacts'
  /** Of the operator: who handles incidents. */
  | 'incidentHandlers'
  | 'account'

/** What a notice is about: identifiers, times, counts and codes. Free text has no place here. */
export type About = Readonly<Record<string, string | number>>

export interface Notice {
  readonly template: TemplateId
  readonly audience: Audience | readonly Audience[]
  readonly about: About
  /** Milliseconds since 1970: later nobody needs to hear of it. */
  readonly usefulUntil?: number
}

/**
 * Queues a notice in the caller's commit: it will be sent exactly when what it tells of has happened.
 *
 * @param now  milliseconds since 1970
 * @returns the notice's id
 * @throws RangeError for an unknown template, or a value in `about` that is not an identifier, a time, a count or a code
 */
export async function queueNotice(tx: Transaction, notice: Notice, now: number): Promise<string> {
  if (!isTemplate(notice.template)) throw new RangeError('no such template of a notice')
  const noticeId = newOrderedId(now)
  await insertNotice(tx, {
    noticeId,
    template: notice.template,
    audiences: [notice.audience].flat(),
    about: checkedAbout(notice.about),
    now,
    usefulUntil: notice.usefulUntil,
  })
  tx.announce(NOTICE_QUEUED)
  return noticeId
}

const ID = /^(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)$/
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,6})?Z$/
const CODE = /^[a-z][A-Za-z0-9_.-]{0,63}$/
const NAME = /^[a-z][A-Za-z]{0,31}$/

/**
 * What may stand in a notice. By its name a member is an identifier (`…Id`), a time (`until`, `at`, `…At`), or a code;
 * what fits none of them may be a name or an address, and stops the queueing.
 */
export function checkedAbout(about: About): About {
  const checked: [string, string | number][] = []
  for (const [name, value] of Object.entries(about)) {
    if (value === undefined) continue
    if (!NAME.test(name)) throw new RangeError('a member of a notice has an odd name')
    checked.push([name, checkedValue(name, value)])
  }
  return Object.fromEntries(checked)
}

function checkedValue(name: string, value: string | number): string | number {
  if (/^(?:until|at)$|At$|Until$/.test(name)) {
    if (typeof value === 'number' && Number.isSafeInteger(value) && value > 0)
      return new Date(value).toISOString()
    if (typeof value === 'string' && TIME.test(value)) return value
  } else if (typeof value === 'number') {
    if (Number.isSafeInteger(value)) return value
  } else if ((name.endsWith('Id') ? ID : CODE).test(value)) return value
  throw new RangeError(`the member ${name} of a notice is no identifier, time, count or code`)
}

import { accountHolder } from '#access/account-holder.ts'
import type { AccountParts } from '#access/account.ts'
import { actorHolder } from '#agreements/actor-holder.ts'
import { INSTALLATION, type Reader, type Transaction } from '#database/handles.ts'
import type { JobKind } from '#database/jobs.ts'
import type { PersonalDataHolder } from '#foundation/personal-data-holder.ts'
import type { Keys } from '#keys/keys.ts'
import type { Notify } from '#notify/create-notify.ts'
import { noticeHolder } from '#notify/notice-holder.ts'
import { recordHolder } from '#records/read.ts'
import { partyNameHolder } from '#sharing/party-name-holder.ts'
import { followCorrections } from '#subjects/correct.ts'
import { removeEndedLinks } from '#subjects/export.ts'
import { directoryHolder, requestHolder } from '#subjects/holders.ts'
import type { RightsParts } from '#subjects/parts.ts'
import { collect } from '#subjects/request-collect.ts'
import { forgetOldRequests, uncollectedRequests } from '#subjects/request.table.ts'
import { type TellOwner, watchDeadlines } from '#subjects/requests.ts'
import { followSightings } from '#subjects/view-sightings.ts'
import { supportHolder } from '#support/support-holder.ts'
import { tenantIds } from '#tenants/tenant.ts'
import { revealReasonHolder } from '#viewing/reveal-reasons.ts'

/** Every room that keeps personal data; a table that none of them answers for fails a test. */
export function personalDataHolders(
  accounts: Pick<AccountParts, 'keys' | 'administrators'>,
  now: () => number,
): readonly PersonalDataHolder<Reader, Transaction>[] {
  const keys: Keys = accounts.keys
  return [
    recordHolder(keys),
    accountHolder(accounts, now),
    revealReasonHolder(keys),
    supportHolder(),
    noticeHolder(),
    actorHolder(),
    partyNameHolder(),
    directoryHolder(keys),
    requestHolder(keys, now),
  ]
}

/**
 * What requests of people need done by itself: the log is followed, a run that a crash ended is run again, sources of
 * disputed values are looked at, and a date that has passed is written down.
 */
export function subjectRightsJob(
  rights: RightsParts,
  now: () => number,
  tell: TellOwner,
): JobKind<never> {
  return {
    name: 'serve-subject-rights',
    cron: '* * * * *',
    seconds: 3_600,
    tryAgain: false,
    run: async () => {
      for (const tenantId of await rights.database.read(INSTALLATION, tenantIds))
        await serveTenant(rights, tenantId, now, tell)
    },
  }
}

async function serveTenant(
  rights: RightsParts,
  tenantId: string,
  now: () => number,
  tell: TellOwner,
): Promise<void> {
  const by = { actor: 'job:subject-rights', at: now() }
  await followSightings(rights, tenantId)
  for (const requestId of await rights.database.read(tenantId, uncollectedRequests))
    await collect(rights, tenantId, requestId, by)
  await rights.database.write(tenantId, (tx) => followCorrections(tx, rights, by))
  await rights.database.write(tenantId, (tx) => watchDeadlines(tx, by, tell))
  await rights.database.write(tenantId, (tx) => removeEndedLinks(tx, by.at))
  await rights.database.write(tenantId, (tx) => forgetOldRequests(tx, rights.keys, by.at))
}

/** The owner and the privacy contact hear of it. */
export function tellOwner(notify: Pick<Notify, 'notify'>): TellOwner {
  return (tx, { requestId, owner, dueAt, isOver }) =>
    notify.notify(tx, {
      tenantId: tx.tenantId,
      template: isOver ? 'rights.overdue' : 'rights.due',
      audience: ['account', 'privacyContact'],
      about: { requestId, accountId: owner },
      until: dueAt,
    })
}

import { type TellTenant, announceAgentChanges } from '#agreements/agent-notice.ts'
import { forgetEndedTargets } from '#agreements/approval.ts'
import { markAllOverdue } from '#agreements/obligation.ts'
import { followAllLogs } from '#breach/follow-log.ts'
import { tellInsteadOfSuite } from '#breach/notice-delivery.ts'
import { deliverNotices } from '#breach/notice-delivery.ts'
import { publishAll } from '#breach/publish.ts'
import { tellOthers } from '#breach/recipient-jobs.ts'
import { watchLedgers } from '#breach/signals.ts'
import { type WarnTenant, warnOfPushCertificates } from '#connections/push-certificate-warnings.ts'
import { INSTALLATION } from '#database/handles.ts'
import type { JobKind } from '#database/jobs.ts'
import { type Notify } from '#notify/create-notify.ts'
import { advanceDisclosureCounts } from '#ledger/count-disclosures.ts'
import { removeExpiredDiagnostics } from '#records/diagnostics.ts'
import { tenantIds } from '#tenants/tenant.ts'
import { subjectRightsJob, tellOwner } from './subject-rights.ts'
import type { People, Rooms } from './front-door-rooms.ts'
import { licenceWarningJob } from './licences.ts'

/** What time decides is right whether or not these ran; they write it down, tell people, and tidy up. */
export function frontJobKinds(
  people: People,
  { support, notify, rights, telling }: Rooms,
): readonly JobKind<never>[] {
  const { issuer, clock, database } = people
  return [
    subjectRightsJob(rights, () => clock.now(), tellOwner(notify)),
    licenceWarningJob({ database, now: () => clock.now() }, notify),
    {
      name: 'announce-agents',
      cron: '* * * * *',
      seconds: 300,
      tryAgain: false,
      run: async () => {
        await announceAgentChanges({ database, tell: tellOfAgents(notify) })
      },
    },
    {
      name: 'warn-of-push-certificates',
      cron: '41 5 * * *',
      seconds: 3_600,
      tryAgain: true,
      run: async () => {
        await warnOfPushCertificates(database, clock.now(), tellOfPushCertificate(notify))
      },
    },
    {
      name: 'look-after-tenants',
      cron: '23 3 * * *',
      seconds: 3_600,
      tryAgain: true,
      run: async () => {
        for (const tenantId of await database.read(INSTALLATION, tenantIds)) {
          await database.write(tenantId, (tx) => removeExpiredDiagnostics(tx, clock.now()))
          await database.write(tenantId, advanceDisclosureCounts)
          await database.write(tenantId, (tx) => forgetEndedTargets(tx, clock.now()))
        }
      },
    },
    {
      name: 'mark-obligations-overdue',
      cron: '7 * * * *',
      seconds: 300,
      tryAgain: false,
      run: async () => {
        await markAllOverdue(database, { actor: 'job:obligations', at: clock.now() })
      },
    },
    {
      // So that the first answer about an incident need not read the logs from their beginning.
      name: 'follow-ledgers',
      cron: '* * * * *',
      seconds: 3_600,
      tryAgain: false,
      run: async () => {
        await followAllLogs(database)
        await publishAll(people, clock.now())
      },
    },
    {
      name: 'deliver-incident-notices',
      cron: '* * * * *',
      seconds: 3_600,
      tryAgain: false,
      run: async () => {
        const now = clock.now()
        // First: who hears of an incident from the suite team is not told directly as well.
        await tellOthers(telling, (tx, incidentId) => tellInsteadOfSuite(tx, incidentId, now), now)
        await deliverNotices(telling, now)
      },
    },
    {
      name: 'watch-ledgers',
      cron: '37 * * * *',
      seconds: 3_600,
      tryAgain: false,
      run: async () => {
        await watchLedgers(people, clock.now())
      },
    },
    {
      name: 'sweep-support',
      cron: '* * * * *',
      seconds: 300,
      tryAgain: false,
      run: async () => {
        await support.sweep(clock.now())
      },
    },
    {
      name: 'remove-expired-sign-ins',
      cron: '17 * * * *',
      seconds: 300,
      tryAgain: false,
      run: async () => {
        await issuer.removeExpired()
      },
    },
  ]
}

function tellOfAgents(notify: Notify): TellTenant {
  return (tx, { version, difference: { listed, ended, changed } }) =>
    notify.notify(tx, {
      tenantId: tx.tenantId,
      template: 'agents.changed',
      audience: ['administrators', 'privacyContact'],
      about: { version, count: listed.length + ended.length + changed.length },
    })
}

export function tellOfPushCertificate(notify: Pick<Notify, 'notify'>): WarnTenant {
  return (tx, { connectionId, daysLeft, expiresAt }) =>
    notify.notify(tx, {
      tenantId: tx.tenantId,
      template: daysLeft === 0 ? 'pushCertificate.ended' : 'pushCertificate.ends',
      audience: 'administrators',
      about: { connectionId, count: daysLeft },
      until: expiresAt,
    })
}

import { type TellTenant, announceAgentChanges } from '#agreements/agent-notice.ts'
import { markAllOverdue } from '#agreements/obligation.ts'
import { INSTALLATION } from '#database/handles.ts'
import type { JobKind } from '#database/jobs.ts'
import { type Notify } from '#notify/create-notify.ts'
import { advanceDisclosureCounts } from '#ledger/count-disclosures.ts'
import { removeExpiredDiagnostics } from '#records/diagnostics.ts'
import { tenantIds } from '#tenants/tenant.ts'
import type { People, Rooms } from './front-door-rooms.ts'

/** What time decides is right whether or not these ran; they write it down, tell people, and tidy up. */
export function frontJobKinds(
  people: People,
  { support, notify }: Rooms,
): readonly JobKind<never>[] {
  const { issuer, clock, database } = people
  return [
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
      name: 'look-after-tenants',
      cron: '23 3 * * *',
      seconds: 3_600,
      tryAgain: true,
      run: async () => {
        for (const tenantId of await database.read(INSTALLATION, tenantIds)) {
          await database.write(tenantId, (tx) => removeExpiredDiagnostics(tx, clock.now()))
          await database.write(tenantId, advanceDisclosureCounts)
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

import { tenantsWithLiveGrants } from '#access/grant.table.ts'
import { settleGrants } from '#access/grants.ts'
import { INSTALLATION, type Reader } from '#database/handles.ts'
import { noticeOfGrants } from './notices.ts'
import type { SupportParts } from './parts.ts'
import { expireRequests } from './requests/answer.ts'
import { openSealed } from './sealed.ts'

export interface Swept {
  readonly expired: number
  readonly ended: number
  readonly opened: number
  /** Tenants whose turn failed; they are tried again next time. */
  readonly failed: number
}

/**
 * Records what time has decided: requests that nobody answered, grants that are over or lapsed, seals whose date
 * has come. Each is recorded once, on whichever node comes first; nothing depends on it having run.
 */
export async function sweepSupport(parts: SupportParts, now: number): Promise<Swept> {
  const tenants = await parts.database.read(INSTALLATION, async (reader) => [
    ...new Set([...(await tenantsWithLiveGrants(reader)), ...(await tenantsWithWork(reader))]),
  ])
  const swept = { expired: 0, ended: 0, opened: 0, failed: 0 }
  for (const tenantId of tenants) {
    try {
      const one = await parts.database.write(tenantId, async (tx) => {
        const expired = await expireRequests(tx, parts, now)
        const ended = await settleGrants(tx, now)
        await noticeOfGrants(tx, parts, ended, now)
        const opened = await openSealed(tx, parts, 'job:support', now)
        return { expired, ended: ended.length, opened }
      })
      swept.expired += one.expired
      swept.ended += one.ended
      swept.opened += one.opened
    } catch (fault) {
      swept.failed++
      parts.log.warn('what time has decided was not recorded', {
        tenantId,
        code: (fault as Error).name,
      })
    }
  }
  return swept
}

async function tenantsWithWork(reader: Reader): Promise<readonly string[]> {
  const rows = await reader.rows<{ id: string }>('select sluss_tenants_with_support_work() as id')
  return rows.map((row) => row.id)
}

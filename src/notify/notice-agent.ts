import { type BoundService, type RunBy, bindService } from '#agreements/agent-binding.ts'
import { agentRefusal } from '#agreements/agent-use.ts'
import { INSTALLATION, type Transaction } from '#database/handles.ts'
import type { Refusal } from '#foundation/refusal.ts'
import { lockFactsVersion } from '#tenants/facts-version.ts'
import type { SendRow } from './notice.table.ts'
import type { NotifyParts } from './parts.ts'

/** What every notice is for; an agent that carries them is listed for it. */
export const PURPOSE = 'security-notices'
/** The one item of a person that leaves with a mail. */
export const ADDRESS_ITEM = 'account.emailAddressOfAccountOwner'
/** The data categories that a notice carries: the address is of the first, what it tells of is of the second. */
export const NOTICE_CATEGORIES = ['Admin and account information', 'Support information'] as const

/**
 * Whether a helper of the operator's may carry this notice now, asked in the commit of the evidence that it does: facts
 * are held until then, so a tenant's objection is before it, and stops it, or after it. A notice to the operator's staff
 * is about a tenant, whose objection counts as well.
 *
 * @returns `agent_not_listed`, `agent_lead_time` or `agent_objection`; undefined where it may, and where the operator
 *   runs the helper itself
 */
export async function noticeAgentRefusal(
  tx: Transaction,
  runBy: RunBy,
  { channel, about }: Pick<SendRow, 'channel' | 'about'>,
  now: number,
): Promise<Refusal | undefined> {
  if (runBy === 'operator') return undefined
  await lockFactsVersion(tx)
  const tenants = new Set([tx.tenantId])
  if (tx.tenantId === INSTALLATION && typeof about.tenantId === 'string')
    tenants.add(about.tenantId)
  // A webhook carries no address.
  const categories = channel === 'mail' ? NOTICE_CATEGORIES : NOTICE_CATEGORIES.slice(1)
  const use = { categories, purpose: PURPOSE }
  for (const tenantId of tenants) {
    const refusal = await agentRefusal(tx, runBy.agent, use, now, tenantId)
    if (refusal) return refusal
  }
  return undefined
}

/** Makes it known who runs the helpers, as the settings say: a tenant that objects sees by it what would stop. */
export async function bindHelpers({
  database,
  clock,
  log,
  mail,
  webhook,
}: Pick<NotifyParts, 'database' | 'clock' | 'log' | 'mail' | 'webhook'>): Promise<void> {
  const helpers: [BoundService, RunBy | undefined][] = [
    ['notices.mail', mail?.runBy],
    ['notices.webhook', webhook.operatorsRunBy],
  ]
  const by = { actor: `node:${database.nodeId}`, at: clock.now() }
  const send = { about: {}, channel: 'mail' as const }
  for (const [service, runBy] of helpers) {
    if (runBy === undefined) continue
    const refusal = await database.write(INSTALLATION, async (tx) => {
      await bindService(tx, service, runBy, by)
      return noticeAgentRefusal(tx, runBy, send, by.at)
    })
    if (refusal)
      log.warn('a helper that carries notices may not get any now', { code: refusal.refused })
  }
}

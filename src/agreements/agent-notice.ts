import { type Database, INSTALLATION, type Transaction } from '#database/handles.ts'
import { tenantIds } from '#tenants/tenant.ts'
import { type AgentDifference, agentDifference, isNoDifference } from './agent-difference.ts'
import { newestVersion, readAgentChanges } from './agent-log.ts'

/** What a tenant is told when the list has changed. */
export interface AgentNews {
  /** What the tenant was told of before; 0 for nothing. */
  readonly since: number
  readonly version: number
  readonly difference: AgentDifference
}

/** Called in the commit that notes the tenant as told: a notice queued here is sent exactly once. */
export type TellTenant = (tx: Transaction, news: AgentNews) => Promise<void>

/**
 * Tells every tenant what has changed on the list since it was last told, each in a commit of its own. Stopped halfway
 * and run again, on this or another node, it goes on where it stopped. Answers how many were told.
 */
export async function announceAgentChanges({
  database,
  tell,
}: {
  readonly database: Database
  readonly tell: TellTenant
}): Promise<number> {
  let told = 0
  for (const tenantId of await database.read(INSTALLATION, tenantIds)) {
    const news = await database.write(tenantId, (tx) => announceTo(tx, tell))
    if (news) told += 1
  }
  return told
}

async function announceTo(tx: Transaction, tell: TellTenant): Promise<boolean> {
  await tx.change(
    'insert into agent_notices (tenant_id, version) values ($1, 0) on conflict do nothing',
    [tx.tenantId],
  )
  const [row] = await tx.rows<{ version: string | number }>(
    'select version from agent_notices where tenant_id = $1 for update',
    [tx.tenantId],
  )
  const since = Number(row?.version ?? 0)
  const changes = await readAgentChanges(tx)
  const version = newestVersion(changes)
  if (version <= since) return false
  await tx.change('update agent_notices set version = $2 where tenant_id = $1', [
    tx.tenantId,
    version,
  ])
  const difference = agentDifference(changes, { version: since }, { version })
  if (isNoDifference(difference)) return false
  await tell(tx, { since, version, difference })
  return true
}

import { INSTALLATION, type Transaction } from '#database/handles.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { tenantIds } from '#tenants/tenant.ts'
import { recordAwareness } from './awareness.ts'
import { isOver } from './incident.ts'
import { readIncident } from './incident.table.ts'
import { ACTOR, type BreachParts, record } from './parts.ts'
import { listTells } from './recipient-messages.ts'
import { SUITE } from './recipient-settings.ts'

/** How far their clock may be from ours. */
const SKEW_IN_MS = 5 * 60_000

/** One customer that the suite team says it has told, and when (UTC milliseconds). */
export interface Confirmation {
  readonly customerId: string
  readonly at: number
}

export interface Confirmed {
  readonly acknowledged: readonly string[]
  /** Confirmed before, or told directly meanwhile: on record, and it changed nothing. */
  readonly repeated: readonly string[]
  /** Not relayed to the team for this incident, or told at a time that cannot be. */
  readonly unknown: readonly string[]
}

/**
 * Takes the suite team's word, customer by customer. From then on the tenant counts as told, and its own 72 hours run
 * from when the team says it was.
 */
export async function acknowledgeRelay(
  parts: BreachParts,
  incidentId: string,
  confirmations: readonly Confirmation[],
  now: number,
): Promise<Confirmed> {
  const relayed = (await listTells(parts, incidentId)).filter((one) => one.party === SUITE)
  const answer = { acknowledged: [] as string[], repeated: [] as string[], unknown: [] as string[] }
  for (const { customerId, at } of confirmations) {
    const mine = relayed.filter((one) => one.reference === customerId)
    // Who was told before we said anything was told of something else; clocks may differ a little.
    const isPossible = at <= now + SKEW_IN_MS && mine.every((one) => at >= one.toldAt - SKEW_IN_MS)
    if (mine.length === 0 || !isPossible) {
      answer.unknown.push(customerId)
      continue
    }
    let fresh = false
    for (const { tenantId } of mine)
      fresh = (await acknowledgeOne(parts, tenantId, incidentId, Math.min(at, now), now)) || fresh
    ;(fresh ? answer.acknowledged : answer.repeated).push(customerId)
  }
  return answer
}

function acknowledgeOne(
  { database }: BreachParts,
  tenantId: string,
  incidentId: string,
  at: number,
  now: number,
): Promise<boolean> {
  const by = { actor: `party:${SUITE}`, now }
  return database.write(tenantId, async (tx) => {
    const changed = await tx.change(
      `update breach_tells set answered_at = $4, state = case when state = 'waiting' then 'acknowledged' else state end
        where tenant_id = $1 and incident_id = $2 and party = $3 and answered_at is null`,
      [tx.tenantId, incidentId, SUITE, new Date(at)],
    )
    if (changed === 0) return false
    await record(tx, 'incident.confirmed', by, {
      incident: incidentId,
      party: SUITE,
      told: toTimestamp(at),
    })
    await recordAwareness(tx, incidentId, { how: 'delivered', at }, by)
    return true
  })
}

/** Tells one tenant in its own transaction; `compose.ts` hands in how. */
export type TellDirectly = (tx: Transaction, incidentId: string) => Promise<void>

/**
 * Tells directly whom the suite team has not confirmed by the deadline. The row changes and the notice is queued in one
 * commit: a confirmation that comes at the same moment comes before or after, and nobody is told twice by us.
 *
 * @returns how many tenants
 */
export async function tellUnconfirmed(
  parts: BreachParts,
  tell: TellDirectly,
  now: number,
): Promise<number> {
  const { late, there } = await parts.database.read(INSTALLATION, async (reader) => ({
    late: await reader.rows<{ tenant_id: string; incident_id: string }>(
      'select tenant_id, incident_id from sluss_breach_unconfirmed($1)',
      [new Date(now)],
    ),
    there: new Set(await tenantIds(reader)),
  }))
  let told = 0
  for (const { tenant_id: tenantId, incident_id: incidentId } of late) {
    const incident = await parts.database.read(INSTALLATION, (reader) =>
      readIncident(reader, parts.keys, incidentId),
    )
    if (incident && isOver(incident)) continue
    told += await parts.database.write(tenantId, async (tx) => {
      const changed = await tx.change(
        `update breach_tells set state = 'direct'
          where tenant_id = $1 and incident_id = $2 and party = $3 and state = 'waiting'`,
        [tx.tenantId, incidentId, SUITE],
      )
      if (changed === 0) return 0
      await record(
        tx,
        'incident.direct',
        { actor: ACTOR, now },
        {
          incident: incidentId,
          instead: SUITE,
        },
      )
      // A tenant that is gone has nobody to tell; the entry stands in its log.
      if (there.has(tenantId)) await tell(tx, incidentId)
      return 1
    })
  }
  return told
}

import { INSTALLATION, type Reader, type Transaction } from '#database/handles.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { newOrderedId } from '#foundation/ids.ts'
import { isOver } from './incident.ts'
import { type Incident, readIncident } from './incident.table.ts'
import { ACTOR, type BreachParts, type By, byActor, record } from './parts.ts'
import { clockOf } from './pauses.ts'
import { bodyOf, listTells } from './recipient-messages.ts'
import { SUITE, readCorrespondent } from './recipient-settings.ts'
import { touchedTenants } from './scope.table.ts'

const HOUR_IN_MS = 3_600_000
/** How long the suite team has to confirm, and how long before our own clock runs out it ends at the latest. */
const CONFIRM_IN_MS = 24 * HOUR_IN_MS
export const MARGIN_IN_MS = 12 * HOUR_IN_MS

/** When a customer that was not confirmed is told directly. */
export function confirmBy(now: number, dueAt: number): number {
  return Math.min(now + CONFIRM_IN_MS, Math.max(now, dueAt - MARGIN_IN_MS))
}

/** Says which customer of the suite the tenant is; undefined: of none. */
export async function setSuiteCustomer(
  tx: Transaction,
  customerId: string | undefined,
  by: By,
): Promise<void> {
  if (customerId === undefined)
    await tx.change('delete from breach_suite_customers where tenant_id = $1', [tx.tenantId])
  else
    await tx.change(
      `insert into breach_suite_customers (tenant_id, customer_id, set_at) values ($1, $2, $3)
       on conflict (tenant_id) do update set customer_id = $2, set_at = $3`,
      [tx.tenantId, customerId, new Date(by.now)],
    )
  await record(tx, 'tenant.changed', byActor(by), {
    suiteCustomer: customerId === undefined ? 'removed' : 'set',
  })
}

/**
 * Whether the tenant hears of the incident from the suite team: it is a joint customer that was relayed, and neither its
 * time nor the team's is up. Who tells tenants directly asks this first, in the transaction that tells.
 */
export async function isToldBySuite(reader: Reader, incidentId: string): Promise<boolean> {
  const rows = await reader.rows(
    `select from breach_tells where tenant_id = $1 and incident_id = $2 and party = $3
        and state in ('waiting', 'acknowledged')`,
    [reader.tenantId, incidentId, SUITE],
  )
  return rows.length > 0
}

/**
 * Relays a declared incident to the suite team: the ids of joint customers that it touched, and nothing of others. Each
 * customer once, however often this runs and wherever a node dies: first which tenants may be in the message, then each
 * tenant's row and entry, then the message of those whose row this message made.
 *
 * @returns how many customers the new message names
 */
export async function relayIncident(
  parts: BreachParts,
  incidentId: string,
  now: number,
): Promise<number> {
  const { database } = parts
  const found = await relayable(parts, incidentId, now)
  if (!found) return 0
  const { incident, scopeId, dueAt } = found
  const told = new Set(
    (await listTells(parts, incidentId))
      .filter((one) => one.party === SUITE)
      .map((one) => one.tenantId),
  )
  const customers = await suiteCustomers(parts)
  const wanted = (await touchedTenants(parts, incidentId, scopeId))
    .filter((one) => one.isTouched && customers.has(one.tenantId) && !told.has(one.tenantId))
    .map((one) => one.tenantId)
  if (wanted.length > 0)
    await database.write(INSTALLATION, (tx) =>
      tx.change(
        `insert into breach_messages (tenant_id, message_id, incident_id, party, state, tenants, deadline_at, next_at, made_at)
         values ($1, $2, $3, $4, 'preparing', $5, $6, $7, $7) on conflict do nothing`,
        [
          tx.tenantId,
          newOrderedId(now),
          incidentId,
          SUITE,
          wanted,
          new Date(confirmBy(now, dueAt)),
          new Date(now),
        ],
      ),
    )
  return finishMessage(parts, incident, customers, now)
}

async function relayable(parts: BreachParts, incidentId: string, now: number) {
  return parts.database.read(INSTALLATION, async (reader) => {
    const incident = await readIncident(reader, parts.keys, incidentId)
    if (!incident?.declared || incident.scopeId === undefined || isOver(incident)) return undefined
    if (!(await readCorrespondent(reader, parts.keys, SUITE))?.isOn) return undefined
    const clock = await clockOf(reader, incident, now)
    // While a recorded exception stops the clock, nobody is told.
    if (!clock || clock.state === 'paused') return undefined
    return { incident, scopeId: incident.scopeId, dueAt: clock.dueAt }
  })
}

export async function suiteCustomers({
  database,
}: Pick<BreachParts, 'database'>): Promise<ReadonlyMap<string, string>> {
  const rows = await database.read(INSTALLATION, (reader) =>
    reader.rows<{ tenant_id: string; customer_id: string }>(
      'select tenant_id, customer_id from sluss_breach_suite_customers()',
    ),
  )
  return new Map(rows.map((row) => [row.tenant_id, row.customer_id]))
}

/** Evidence first: every tenant's row and entry stand before the message can leave. */
async function finishMessage(
  parts: BreachParts,
  { incidentId }: Incident,
  customers: ReadonlyMap<string, string>,
  now: number,
): Promise<number> {
  const { database } = parts
  const [prepared] = await database.read(INSTALLATION, (reader) =>
    reader.rows<{
      message_id: string
      tenants: readonly string[]
      deadline_at: Date
      made_at: Date
    }>(
      `select message_id, tenants, deadline_at, made_at from breach_messages
        where tenant_id = $1 and incident_id = $2 and party = $3 and state = 'preparing'`,
      [INSTALLATION, incidentId, SUITE],
    ),
  )
  if (!prepared) return 0
  const { message_id: messageId, deadline_at: deadline, made_at: madeAt } = prepared
  for (const tenantId of prepared.tenants) {
    const customerId = customers.get(tenantId)
    if (customerId === undefined) continue
    await database.write(tenantId, async (tx) => {
      // Who became a joint customer after it was told directly is not told a second time.
      const made = await tx.change(
        `insert into breach_tells (tenant_id, incident_id, party, reference, message_id, state, told_at, deadline_at)
         select $1, $2, $3, $4, $5, 'waiting', $6, $7
          where not exists (select from breach_notice_copies c where c.tenant_id = $1 and c.incident_id = $2)
         on conflict do nothing`,
        [tx.tenantId, incidentId, SUITE, customerId, messageId, madeAt, deadline],
      )
      if (made === 1)
        await record(
          tx,
          'incident.relayed',
          { actor: ACTOR, now },
          {
            incident: incidentId,
            party: SUITE,
            message: messageId,
            deadline: toTimestamp(deadline.getTime()),
          },
        )
    })
  }
  const mine = (await listTells(parts, incidentId)).filter((one) => one.messageId === messageId)
  const customerIds = [...new Set(mine.map((one) => one.reference))].toSorted()
  const data = { incidentId, customerIds, confirmByDateTime: toTimestamp(deadline.getTime()) }
  const body = bodyOf('incident.declared', toTimestamp(madeAt.getTime()), data)
  await database.write(INSTALLATION, (tx) =>
    tx.change(
      `update breach_messages set state = $3, body = $4
        where tenant_id = $1 and message_id = $2 and state = 'preparing'`,
      [tx.tenantId, messageId, customerIds.length === 0 ? 'withdrawn' : 'due', body],
    ),
  )
  return customerIds.length
}

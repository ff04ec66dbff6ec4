import { type Database, INSTALLATION, type Transaction } from '#database/handles.ts'
import type { Json } from '#foundation/canonical-json.ts'
import { toTimestamp } from '#foundation/clock.ts'
import type { Keys } from '#keys/keys.ts'
import { awarenessOf, recordAwareness } from './awareness.ts'
import { isOver } from './incident.ts'
import { type Incident, readIncident } from './incident.table.ts'
import { clockOf } from './pauses.ts'
import { ACTOR, record } from './parts.ts'

interface PublishParts {
  readonly database: Database
  readonly keys: Keys
}

/**
 * Writes into the logs of touched tenants what concerns them: what of theirs a declared incident touched, that it is no
 * longer thought so, that it was merged or retracted. Each once, however often this runs. Before the declaration, and
 * while a recorded exception stops the clock, nothing is written: an entry of the tenant's log is a word to the tenant.
 *
 * @returns how many entries were written
 */
export async function publish(
  parts: PublishParts,
  incidentId: string,
  now: number,
): Promise<number> {
  const found = await parts.database.read(INSTALLATION, async (reader) => {
    const incident = await readIncident(reader, parts.keys, incidentId)
    return incident && { incident, clock: await clockOf(reader, incident, now) }
  })
  if (!found?.clock || found.clock.state === 'paused') return 0
  const { incident } = found
  return isOver(incident)
    ? publishEnd(parts, incident, incident.state, now)
    : publishScope(parts, incident, now)
}

/** All incidents, for a job: a node may have died between the change and its entries. */
export async function publishAll(parts: PublishParts, now: number): Promise<number> {
  const rows = await parts.database.read(INSTALLATION, (reader) =>
    reader.rows<{ incident_id: string }>(
      'select incident_id from breach_incidents where tenant_id = $1 and declared_at is not null',
      [INSTALLATION],
    ),
  )
  let written = 0
  for (const row of rows) written += await publish(parts, row.incident_id, now)
  return written
}

async function publishScope(parts: PublishParts, incident: Incident, now: number): Promise<number> {
  const { incidentId, scopeId } = incident
  if (scopeId === undefined) return 0
  const tenants = await idsFrom(parts, 'sluss_breach_unpublished($1, $2)', [incidentId, scopeId])
  for (const tenantId of tenants)
    await once(parts, tenantId, incidentId, scopeId, now, async (tx) => {
      const [row] = await tx.rows<{
        change: string
        complete_to: number
        entries: number
        subjects: number
        records: number
        items: Json
        first_at: Date | null
        last_at: Date | null
        packet_hash: string
      }>(
        `select change, complete_to, entries, subjects, records, items, first_at, last_at, packet_hash
           from breach_touched where tenant_id = $1 and incident_id = $2 and scope_id = $3`,
        [tx.tenantId, incidentId, scopeId],
      )
      if (!row) throw new Error('a touched tenant has no row of the scope')
      await record(
        tx,
        'incident.touched',
        { actor: ACTOR, now },
        {
          incident: incidentId,
          scope: scopeId,
          change: row.change,
          completeTo: row.complete_to,
          entries: row.entries,
          subjects: row.subjects,
          records: row.records,
          items: row.items,
          first: row.first_at ? toTimestamp(row.first_at.getTime()) : null,
          last: row.last_at ? toTimestamp(row.last_at.getTime()) : null,
          packet: row.packet_hash,
        },
      )
    })
  return tenants.length
}

async function publishEnd(
  parts: PublishParts,
  incident: Incident,
  ended: 'merged' | 'retracted',
  now: number,
): Promise<number> {
  const { incidentId, mergedInto } = incident
  const tenants = await idsFrom(parts, 'sluss_breach_unended($1, $2)', [incidentId, ended])
  for (const tenantId of tenants)
    await once(parts, tenantId, incidentId, ended, now, async (tx) => {
      const by = { actor: ACTOR, now }
      const into = mergedInto === undefined ? {} : { into: mergedInto }
      await record(tx, `incident.${ended}`, by, { incident: incidentId, ...into })
      // Who knows of one of two declarations knows of the event.
      const aware = mergedInto && (await awarenessOf(tx, incidentId, now))
      if (aware) await recordAwareness(tx, mergedInto, { how: aware.how, at: aware.awareAt }, by)
    })
  return tenants.length
}

async function idsFrom(
  { database }: PublishParts,
  call: string,
  values: readonly unknown[],
): Promise<readonly string[]> {
  const rows = await database.read(INSTALLATION, (reader) =>
    reader.rows<{ id: string }>(`select ${call} as id`, values),
  )
  return rows.map((row) => row.id).toSorted()
}

/** Mark and entry in one commit: whoever makes the mark writes the entry. */
async function once(
  { database }: PublishParts,
  tenantId: string,
  incidentId: string,
  what: string,
  now: number,
  write: (tx: Transaction) => Promise<void>,
): Promise<void> {
  await database.write(tenantId, async (tx) => {
    const made = await tx.change(
      `insert into breach_published (tenant_id, incident_id, what, published_at) values ($1, $2, $3, $4)
       on conflict do nothing`,
      [tx.tenantId, incidentId, what, new Date(now)],
    )
    if (made === 1) await write(tx)
  })
}

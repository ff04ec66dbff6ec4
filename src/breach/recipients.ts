import { closeObligation, openObligation } from '#agreements/obligation.ts'
import type { PartyId } from '#catalog/catalog.ts'
import { INSTALLATION } from '#database/handles.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { newId } from '#foundation/ids.ts'
import { type Refusal, isRefusal, refuse } from '#foundation/refusal.ts'
import { scopeAt } from './compute-scope.ts'
import { addCriterion } from './incidents.ts'
import { isOver } from './incident.ts'
import { readIncident } from './incident.table.ts'
import { ACTOR, type BreachParts, type By } from './parts.ts'
import { clockOf } from './pauses.ts'
import { bodyOf, listMessages, listTells } from './recipient-messages.ts'
import { SUITE, listCorrespondents } from './recipient-settings.ts'
import { readScope, touchedTenants } from './scope.table.ts'
import { type SignalRow, settleSignal } from './signals.ts'

/** How long a recipient has to answer: well within what is left of the operator's own clock. */
const ANSWER_IN_MS = 48 * 3_600_000

/**
 * Opens an obligation with everybody who received data of a touched tenant, as the tenant's own ledger says: it ends in
 * a receipt, a reasoned refusal or overdue. Each tenant and party once, however often this runs. Who has an address for
 * signed webhooks is told there; of the others the obligation tells the tenant that an answer is owed.
 *
 * @returns how many obligations were opened
 */
export async function askRecipients(
  parts: BreachParts,
  incidentId: string,
  now: number,
): Promise<number> {
  const scopeId = await askable(parts, incidentId, now)
  if (scopeId === undefined) return 0
  const reached = new Set(
    (await parts.database.read(INSTALLATION, listCorrespondents)).map((one) => one.party),
  )
  let opened = 0
  if (await isAsked(parts, incidentId, scopeId)) {
    await makeMessages(parts, { incidentId, scopeId }, reached, now)
    return opened
  }
  const scope = await readScope(parts, incidentId, scopeId)
  if (!scope) throw new Error('an incident has no row of its scope')
  for (const { tenantId, isTouched } of await touchedTenants(parts, incidentId, scopeId)) {
    if (!isTouched) continue
    const { parties } = await scopeAt(parts, scope, tenantId)
    // The tenant's own receiver of notices and the operator's own relay owe nobody an answer.
    for (const party of parties)
      if (party !== SUITE && (parts.catalog.parties.has(party) || reached.has(party)))
        opened += await openOne(parts, tenantId, incidentId, party, now)
  }
  await makeMessages(parts, { incidentId, scopeId }, reached, now)
  await parts.database.write(INSTALLATION, (tx) =>
    tx.change(
      `insert into breach_asked (tenant_id, incident_id, scope_id, asked_at) values ($1, $2, $3, $4)
       on conflict do nothing`,
      [tx.tenantId, incidentId, scopeId, new Date(now)],
    ),
  )
  return opened
}

async function isAsked(
  { database }: BreachParts,
  incidentId: string,
  scopeId: string,
): Promise<boolean> {
  const rows = await database.read(INSTALLATION, (reader) =>
    reader.rows(
      'select from breach_asked where tenant_id = $1 and incident_id = $2 and scope_id = $3',
      [reader.tenantId, incidentId, scopeId],
    ),
  )
  return rows.length > 0
}

async function askable(
  parts: BreachParts,
  incidentId: string,
  now: number,
): Promise<string | undefined> {
  return parts.database.read(INSTALLATION, async (reader) => {
    const incident = await readIncident(reader, parts.keys, incidentId)
    if (!incident?.declared || isOver(incident)) return undefined
    const clock = await clockOf(reader, incident, now)
    return clock?.state === 'paused' ? undefined : incident.scopeId
  })
}

function openOne(
  { database }: BreachParts,
  tenantId: string,
  incidentId: string,
  partyId: PartyId,
  now: number,
): Promise<number> {
  const dueAt = now + ANSWER_IN_MS
  return database.write(tenantId, async (tx) => {
    const made = await tx.change(
      `insert into breach_tells (tenant_id, incident_id, party, reference, message_id, state, told_at, deadline_at)
       values ($1, $2, $3, '', $4, 'owed', $5, $6) on conflict do nothing`,
      [tx.tenantId, incidentId, partyId, newId(), new Date(now), new Date(dueAt)],
    )
    if (made === 0) return 0
    const by = { actor: ACTOR, at: now }
    const obligationId = await openObligation(tx, { partyId, kind: 'breach', dueAt }, by)
    await tx.change(
      `update breach_tells set reference = $4, message_id = $5
        where tenant_id = $1 and incident_id = $2 and party = $3`,
      [tx.tenantId, incidentId, partyId, obligationId, obligationId],
    )
    return 1
  })
}

/** One message an obligation, under its id: what a node left out, the next run makes up for. */
async function makeMessages(
  parts: BreachParts,
  { incidentId, scopeId }: { readonly incidentId: string; readonly scopeId: string },
  reached: ReadonlySet<string>,
  now: number,
): Promise<void> {
  const made = new Set((await listMessages(parts, incidentId)).map((one) => one.messageId))
  const missing = (await listTells(parts, incidentId)).filter(
    (one) => one.state === 'owed' && reached.has(one.party) && !made.has(one.messageId),
  )
  if (missing.length === 0) return
  const tenants = await touchedTenants(parts, incidentId, scopeId)
  const touched = new Map(tenants.map((one) => [one.tenantId, one]))
  for (const tell of missing) {
    const { tenantId, reference, toldAt, deadlineAt } = tell
    // Who an earlier scope touched and this one does not has no times in it.
    const { firstSeen, lastSeen } = touched.get(tenantId) ?? {}
    const body = bodyOf('incident.recipient', toTimestamp(toldAt), {
      incidentId,
      obligationId: reference,
      tenantId,
      firstSeenDateTime: firstSeen === undefined ? null : toTimestamp(firstSeen),
      lastSeenDateTime: lastSeen === undefined ? null : toTimestamp(lastSeen),
      answerByDateTime: toTimestamp(deadlineAt),
    })
    await parts.database.write(INSTALLATION, (tx) =>
      tx.change(
        `insert into breach_messages (tenant_id, message_id, incident_id, party, state, tenants, deadline_at, body, next_at,
           made_at)
         values ($1, $2, $3, $4, 'due', $5, $6, $7, $8, $8) on conflict do nothing`,
        [
          tx.tenantId,
          tell.messageId,
          incidentId,
          tell.party,
          [tenantId],
          new Date(deadlineAt),
          body,
          new Date(now),
        ],
      ),
    )
  }
}

/**
 * Takes a recipient's answer to what it owes. It can only answer obligations of its own.
 *
 * @param evidenceHash  SHA-256 of what it sent, hex
 * @returns `not_found`, or `step_state` where it has answered before
 */
export async function answerObligation(
  { database }: BreachParts,
  party: PartyId,
  answer: {
    readonly obligationId: string
    readonly outcome: 'receipt' | 'refused'
    readonly evidenceHash: string
  },
  now: number,
): Promise<true | Refusal> {
  const { obligationId, ...rest } = answer
  const [owed] = await database.read(INSTALLATION, (reader) =>
    reader.rows<{ tenant_id: string }>('select tenant_id from sluss_breach_tell_of($1, $2)', [
      party,
      obligationId,
    ]),
  )
  if (!owed) return refuse('not_found', { obligation: obligationId })
  return database.write(owed.tenant_id, async (tx) => {
    const by = { actor: `party:${party}`, at: now }
    const refusal = await closeObligation(tx, obligationId, rest, by)
    if (refusal) return refusal
    await tx.change(
      `update breach_tells set state = 'answered', answered_at = $4
        where tenant_id = $1 and party = $2 and reference = $3`,
      [tx.tenantId, party, obligationId, new Date(now)],
    )
    return true
  })
}

/**
 * Takes a recipient's or an agent's own report into the incident: the signal is settled, and the scope begins from what
 * the ledgers say that the party got in the time that it reports.
 *
 * @returns id of the criterion; `signal_unknown` where it is no report of a party
 */
export async function scopeReport(
  parts: BreachParts,
  signalId: string,
  given: { readonly incidentId: string; readonly reason: string },
  by: By,
): Promise<string | Refusal> {
  const [report] = await parts.database.read(INSTALLATION, (reader) =>
    reader.rows<Pick<SignalRow, 'party' | 'about_tenant' | 'from_at' | 'to_at'>>(
      `select party, about_tenant, from_at, to_at from breach_signals
        where tenant_id = $1 and signal_id = $2 and party is not null`,
      [reader.tenantId, signalId],
    ),
  )
  if (!report?.party) return refuse('signal_unknown', { signal: signalId })
  const settled = await settleSignal(parts, signalId, given, by)
  if (isRefusal(settled)) return settled
  const criterion = {
    kind: 'party' as const,
    name: report.party,
    from: report.from_at.getTime(),
    to: report.to_at.getTime(),
    readable: 'all' as const,
    ...(report.about_tenant === null ? {} : { tenants: [report.about_tenant] }),
  }
  return addCriterion(parts, given.incidentId, criterion, by)
}

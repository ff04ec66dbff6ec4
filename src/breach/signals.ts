import { actorOf } from '#access/principal.ts'
import { INSTALLATION, type Reader, type Transaction } from '#database/handles.ts'
import type { ListSource } from '#database/list.ts'
import { newId } from '#foundation/ids.ts'
import { type Refusal, refuse } from '#foundation/refusal.ts'
import { readNoticeSettings } from '#notify/settings.ts'
import { addToIncident } from './change-incident.ts'
import { followAllLogs } from './follow-log.ts'
import { type BreachParts, type By, byActor, isReason, record } from './parts.ts'
import { type Finding, SIGNAL_RULES, type SignalRule, findSignals } from './signal-rules.ts'
import { findTouches } from './touch.table.ts'
import { TOUCHES } from './touch.ts'

const DAY_IN_MS = 86_400_000

type WatchParts = Pick<BreachParts, 'database' | 'keys' | 'settled'>

export const TELLERS = ['recipient', 'agent', 'manual'] as const

/**
 * What the rules find from `from` to `to`, without storing anything: the dry run over history. The days before `from`
 * that the rules compare with are read too.
 */
export async function dryRun(
  parts: WatchParts,
  given: {
    readonly rules?: readonly SignalRule[] | undefined
    readonly from: number
    readonly to: number
  },
): Promise<readonly Finding[]> {
  await parts.settled?.()
  const { rules = SIGNAL_RULES, from, to } = given
  const past = Math.max(1, ...rules.map((rule) => rule.numbers.pastDays ?? 0))
  const findings: Finding[] = []
  for (const tenantId of (await followAllLogs(parts.database)).keys()) {
    const found = await parts.database.read(tenantId, async (reader) => {
      const { timeZone } = await readNoticeSettings(reader, parts.keys)
      const watched = { tenantId, timeZone, decoys: await readDecoys(reader), from }
      const probe = { by: 'window', names: [], touches: TOUCHES, tenants: undefined } as const
      const since = from - past * DAY_IN_MS
      const touches = findTouches(reader, { ...probe, from: since, to, readable: 'all' })
      return findSignals(rules, watched, touches)
    })
    findings.push(...found)
  }
  return findings
}

/** Runs the rules over the last day and keeps what they find, each finding once. It is for people to judge. */
export async function watchLedgers(parts: WatchParts, now: number): Promise<number> {
  let raised = 0
  for (const finding of await dryRun(parts, { from: now - DAY_IN_MS, to: now }))
    raised += await parts.database.write(INSTALLATION, (tx) => raiseFinding(tx, finding, now))
  return raised
}

async function raiseFinding(tx: Transaction, finding: Finding, now: number): Promise<number> {
  const signalId = newId()
  const { rule, tenantId, actor, from, to, measured, key } = finding
  const made = await tx.change(
    `insert into breach_signals (tenant_id, signal_id, source, rule, finding_key, about_tenant, actor, from_at, to_at,
       measured, raised_by, raised_at)
     values ($1, $2, 'rule', $3, $4, $5, $6, $7, $8, $9, 'job:signals', $10) on conflict do nothing`,
    [
      tx.tenantId,
      signalId,
      rule,
      key,
      tenantId,
      actor,
      new Date(from),
      new Date(to),
      JSON.stringify(measured),
      new Date(now),
    ],
  )
  if (made === 1) {
    const data = {
      signal: signalId,
      source: 'rule',
      rule,
      tenant: tenantId,
      about: actor,
      measured,
    }
    await record(tx, 'signal.raised', { actor: 'job:signals', now }, data)
  }
  return made
}

/** Somebody tells of something: a recipient or an agent of a breach of their own, or one of our people. */
export async function tellSignal(
  parts: BreachParts,
  given: {
    readonly source: (typeof TELLERS)[number]
    readonly party?: string | undefined
    readonly tenantId?: string | undefined
    readonly from: number
    readonly to: number
    readonly text: string
  },
  by: By,
): Promise<string | Refusal> {
  const { source, party, tenantId, from, to, text } = given
  if (!(from < to)) return refuse('query_invalid', { field: 'toDateTime' })
  if ((source === 'manual') === (party !== undefined))
    return refuse('query_invalid', { field: 'partyId' })
  const signalId = newId()
  const { actor, now } = byActor(by)
  await parts.database.write(INSTALLATION, async (tx) => {
    await tx.change(
      `insert into breach_signals (tenant_id, signal_id, source, about_tenant, party, from_at, to_at, measured, note,
         raised_by, raised_at)
       values ($1, $2, $3, $4, $5, $6, $7, '{}', $8, $9, $10)`,
      [
        tx.tenantId,
        signalId,
        source,
        tenantId ?? null,
        party ?? null,
        new Date(from),
        new Date(to),
        await parts.keys.sealForTenant(tx, `breach-signal/${signalId}`, Buffer.from(text)),
        actor,
        new Date(now),
      ],
    )
    const about = party === undefined ? {} : { party }
    await record(tx, 'signal.raised', { actor, now }, { signal: signalId, source, ...about })
  })
  return signalId
}

/** A person judges a signal: it belongs to an incident, or it is nothing. */
export function settleSignal(
  parts: BreachParts,
  signalId: string,
  given: { readonly incidentId?: string | undefined; readonly reason: string },
  by: By,
): Promise<true | Refusal> {
  const { incidentId, reason } = given
  if (!isReason(reason)) return Promise.resolve(refuse('reason_too_thin'))
  if (incidentId === undefined)
    return parts.database.write(INSTALLATION, (tx) => settle(tx, signalId, undefined, by))
  return addToIncident(parts, incidentId, by, async (tx, _, tell) => {
    const settled = await settle(tx, signalId, incidentId, by)
    if (settled !== true) return settled
    const about = { signal: signalId }
    await tell({ kind: 'noted', entry: 'incident.changed', about, note: reason })
    return true
  })
}

async function settle(
  tx: Transaction,
  signalId: string,
  incidentId: string | undefined,
  by: By,
): Promise<true | Refusal> {
  const state = incidentId === undefined ? 'dismissed' : 'attached'
  const changed = await tx.change(
    `update breach_signals set state = $3, incident_id = $4, settled_by = $5, settled_at = $6
      where tenant_id = $1 and signal_id = $2 and state = 'new'`,
    [tx.tenantId, signalId, state, incidentId ?? null, actorOf(by.principal), new Date(by.now)],
  )
  if (changed === 0) return refuse('signal_unknown', { signal: signalId })
  const about = incidentId === undefined ? {} : { incident: incidentId }
  await record(tx, 'signal.settled', byActor(by), { signal: signalId, state, ...about })
  return true
}

/** Marks a subject, by the name that the tenant's ledger has for it, as one that nobody has a reason to look at. */
export async function setDecoy(tx: Transaction, subject: string, by: By): Promise<void> {
  await tx.change(
    'insert into breach_decoys (tenant_id, subject, set_by, set_at) values ($1, $2, $3, $4) on conflict do nothing',
    [tx.tenantId, subject, actorOf(by.principal), new Date(by.now)],
  )
}

async function readDecoys(reader: Reader): Promise<ReadonlySet<string>> {
  const rows = await reader.rows<{ subject: string }>(
    'select subject from breach_decoys where tenant_id = $1',
    [reader.tenantId],
  )
  return new Set(rows.map((row) => row.subject))
}

export interface SignalRow {
  readonly id: string
  readonly source: 'rule' | (typeof TELLERS)[number]
  readonly rule: string | null
  readonly about_tenant: string | null
  readonly actor: string | null
  readonly party: string | null
  readonly from_at: Date
  readonly to_at: Date
  readonly measured: Readonly<Record<string, number>>
  readonly raised_by: string
  readonly raised_at: Date
  readonly state: 'new' | 'attached' | 'dismissed'
  readonly incident_id: string | null
}

export function signalList(reader: Reader): ListSource {
  return {
    select: `s.signal_id as id, s.source, s.rule, s.about_tenant, s.actor, s.party, s.from_at, s.to_at, s.measured,
      s.raised_by, s.raised_at, s.state, s.incident_id`,
    from: 'breach_signals s where s.tenant_id = $1',
    values: [reader.tenantId],
    columns: {
      id: { sql: 's.signal_id', type: 'uuid' },
      source: { sql: 's.source', type: 'text' },
      rule: { sql: 's.rule', type: 'text' },
      state: { sql: 's.state', type: 'text' },
      tenantId: { sql: 's.about_tenant', type: 'text' },
      createdDateTime: { sql: 's.raised_at', type: 'timestamptz' },
    },
    key: 'id',
  }
}

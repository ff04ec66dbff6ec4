import type { Reader, Transaction } from '#database/handles.ts'
import { type Json, canonicalJson } from '#foundation/canonical-json.ts'
import { sha256Hex } from '#foundation/hashing.ts'
import type { Probe } from './criterion.ts'
import type { Touch, TouchKind } from './touch.ts'

/** Touches that are read in one go. */
const PAGE = 2_000

interface Row {
  readonly entry_index: number
  readonly part: number
  readonly entry_id: string
  readonly at: Date
  readonly touch: TouchKind
  readonly actor: string
  readonly party: string | null
  readonly connection: string | null
  readonly grant_id: string | null
  readonly node: string | null
  readonly policies: string | null
  readonly record_kind: string | null
  readonly unsent_index: number | null
  readonly items: Readonly<Record<string, string>>
  readonly subjects: readonly string[]
}

const SELECT = `t.entry_index, t.part, t.entry_id, t.at, t.touch, t.actor, t.party, t.connection, t.grant_id, t.node,
  t.policies, t.record_kind, t.unsent_index,
  (select i.items from breach_item_sets i where i.tenant_id = t.tenant_id and i.item_set = t.item_set) as items,
  array(select s.subject from unnest(t.subjects) with ordinality as n (subject_no, place)
          join breach_subjects s on s.tenant_id = t.tenant_id and s.subject_no = n.subject_no
         order by n.place) as subjects`

/** Writes touches that are not there yet. */
export async function insertTouches(tx: Transaction, touches: readonly Touch[]): Promise<void> {
  if (touches.length === 0) return
  const numbers = await numberSubjects(tx, [...new Set(touches.flatMap((one) => one.subjects))])
  const sets = await numberItemSets(tx, touches)
  const rows = touches.map((touch) => ({
    entry_index: touch.entryIndex,
    part: touch.part,
    entry_id: touch.entryId,
    at: new Date(touch.at).toISOString(),
    touch: touch.touch,
    actor: touch.actor,
    party: touch.party,
    connection: touch.connection,
    grant_id: touch.grant,
    node: touch.node,
    policies: touch.policies,
    record_kind: touch.recordKind,
    item_set: sets.get(hashOf(touch)),
    subjects: touch.subjects.map((subject) => numbers.get(subject)),
    unsent_index: touch.unsentIndex,
  }))
  await tx.change(
    `insert into breach_touches (tenant_id, entry_index, part, entry_id, at, touch, actor, party, connection, grant_id,
       node, policies, record_kind, item_set, subjects, unsent_index)
     select $1, r.* from json_to_recordset($2) as r (entry_index bigint, part int, entry_id uuid, at timestamptz,
       touch text, actor text, party text, connection text, grant_id text, node text, policies text, record_kind text,
       item_set bigint, subjects bigint[], unsent_index bigint)
     on conflict do nothing`,
    [tx.tenantId, JSON.stringify(rows)],
  )
}

async function numberSubjects(
  tx: Transaction,
  subjects: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  if (subjects.length === 0) return new Map()
  const values = [tx.tenantId, subjects]
  await tx.change(
    `insert into breach_subjects (tenant_id, subject)
     select $1, n.subject from unnest($2::text[]) as n (subject)
      where not exists (select from breach_subjects s where s.tenant_id = $1 and s.subject = n.subject)
     on conflict do nothing`,
    values,
  )
  const rows = await tx.rows<{ subject: string; subject_no: number }>(
    'select subject, subject_no from breach_subjects where tenant_id = $1 and subject = any($2)',
    values,
  )
  return new Map(rows.map((row) => [row.subject, row.subject_no]))
}

async function numberItemSets(
  tx: Transaction,
  touches: readonly Touch[],
): Promise<ReadonlyMap<string, number>> {
  const sets = new Map(touches.map((touch) => [hashOf(touch), JSON.stringify(touch.items)]))
  const hashes = [...sets.keys()]
  await tx.change(
    `insert into breach_item_sets (tenant_id, set_hash, items)
     select $1, n.set_hash, n.items::jsonb from unnest($2::text[], $3::text[]) as n (set_hash, items)
      where not exists (select from breach_item_sets s where s.tenant_id = $1 and s.set_hash = n.set_hash)
     on conflict do nothing`,
    [tx.tenantId, hashes, [...sets.values()]],
  )
  const rows = await tx.rows<{ set_hash: string; item_set: number }>(
    'select set_hash, item_set from breach_item_sets where tenant_id = $1 and set_hash = any($2)',
    [tx.tenantId, hashes],
  )
  return new Map(rows.map((row) => [row.set_hash, row.item_set]))
}

function hashOf({ items }: Touch): string {
  return sha256Hex(canonicalJson(items as Json))
}

/** Notes that nothing of the disclosure left after all; the first outcome counts, and there is one only. */
export function markUnsent(
  tx: Transaction,
  entryId: string,
  outcomeIndex: number,
): Promise<number> {
  return tx.change(
    `update breach_touches set unsent_index = $3
      where tenant_id = $1 and entry_id = $2 and touch = 'sent' and unsent_index is null`,
    [tx.tenantId, entryId, outcomeIndex],
  )
}

/** Touches of the named entries, such as of disclosures that outcomes close. */
export async function touchesOfEntries(
  reader: Reader,
  entryIds: readonly string[],
): Promise<readonly Touch[]> {
  if (entryIds.length === 0) return []
  const rows = await reader.rows<Row>(
    `select ${SELECT} from breach_touches t where t.tenant_id = $1 and t.entry_id = any($2::uuid[])`,
    [reader.tenantId, entryIds],
  )
  return rows.map(toTouch)
}

const COLUMNS = {
  actor: 't.actor',
  party: 't.party',
  connection: 't.connection',
  grant: 't.grant_id',
  node: 't.node',
  policies: 't.policies',
} as const

/** Every touch of the handle's tenant that the probe may count in, a page at a time, in the order of its times. */
export async function* findTouches(reader: Reader, probe: Probe): AsyncGenerator<Touch> {
  // From where the last page ended in time, so that the hundredth page costs what the first does.
  let after: readonly [Date, number, number] = [new Date(probe.from), -1, -1]
  const values: unknown[] = [reader.tenantId, new Date(probe.to), probe.touches]
  const condition = conditionOf(probe, values)
  const place = values.length + 1
  for (;;) {
    const rows = await reader.rows<Row>(
      `select ${SELECT} from breach_touches t
        where t.tenant_id = $1 and t.at < $2 and t.touch = any($3) and ${condition}
          and t.at >= $${place} and (t.at, t.entry_index, t.part) > ($${place}, $${place + 1}::bigint, $${place + 2}::int)
        order by t.at, t.entry_index, t.part limit ${PAGE}`,
      [...values, ...after],
    )
    yield* rows.map(toTouch)
    const last = rows.at(-1)
    if (!last || rows.length < PAGE) return
    after = [last.at, last.entry_index, last.part]
  }
}

function conditionOf({ by, names }: Probe, values: unknown[]): string {
  if (by === 'window') return 'true'
  values.push(names)
  const given = `$${values.length}`
  if (by === 'subject')
    return `t.subjects && array(select s.subject_no from breach_subjects s where s.tenant_id = $1 and s.subject = any(${given}))`
  // What does not say its node cannot be said not to be of it: it is counted apart.
  if (by === 'node') return `(t.node = any(${given}) or t.node is null)`
  return `${COLUMNS[by]} = any(${given})`
}

function toTouch(row: Row): Touch {
  return {
    entryIndex: row.entry_index,
    part: row.part,
    entryId: row.entry_id,
    at: row.at.getTime(),
    touch: row.touch,
    actor: row.actor,
    party: row.party ?? undefined,
    connection: row.connection ?? undefined,
    grant: row.grant_id ?? undefined,
    node: row.node ?? undefined,
    policies: row.policies ?? undefined,
    recordKind: row.record_kind ?? undefined,
    subjects: row.subjects,
    items: row.items,
    unsentIndex: row.unsent_index ?? undefined,
  }
}

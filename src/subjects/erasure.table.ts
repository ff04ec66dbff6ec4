import type { Reader, Transaction } from '#database/handles.ts'
import { type ListQuery, type Page, listPage } from '#database/list.ts'
import type { By, Erasure, ErasureTrigger } from './erasure.ts'

const ERASURE = `erasure_id as "erasureId", trigger, state, waits_for as "waitsFor", asked_by as "askedBy",
  asked_at as "askedAt", starts_at as "startsAt", due_at as "dueAt", keys_destroyed_at as "keysDestroyedAt",
  erased_at as "erasedAt", removed`

export interface NewErasure {
  readonly erasureId: string
  readonly trigger: ErasureTrigger
  readonly subjectIds: readonly string[]
  readonly startsAt: number
  readonly dueAt: number
}

export async function insertErasure(tx: Transaction, erasure: NewErasure, by: By): Promise<void> {
  await tx.change(
    `insert into erasures (tenant_id, erasure_id, trigger, state, asked_by, asked_at, starts_at, due_at)
     values ($1, $2, $3, 'waiting', $4, $5, $6, $7)`,
    [
      tx.tenantId,
      erasure.erasureId,
      erasure.trigger,
      by.actor,
      new Date(by.at),
      new Date(erasure.startsAt),
      new Date(erasure.dueAt),
    ],
  )
  await tx.change(
    `insert into erasure_subjects (tenant_id, erasure_id, subject_id)
     select $1, $2, n.id from unnest($3::uuid[]) as n (id) on conflict do nothing`,
    [tx.tenantId, erasure.erasureId, erasure.subjectIds],
  )
}

export async function readErasure(reader: Reader, erasureId: string): Promise<Erasure | undefined> {
  const [row] = await reader.rows<Erasure>(
    `select ${ERASURE} from erasures where tenant_id = $1 and erasure_id = $2`,
    [reader.tenantId, erasureId],
  )
  return row
}

/** The same, held until the transaction ends: an erasure moves on one node at a time. */
export async function lockErasure(
  tx: Transaction,
  erasureId: string,
): Promise<Erasure | undefined> {
  const [row] = await tx.rows<Erasure>(
    `select ${ERASURE} from erasures where tenant_id = $1 and erasure_id = $2 for update`,
    [tx.tenantId, erasureId],
  )
  return row
}

export async function subjectsOfErasure(
  reader: Reader,
  erasureId: string,
): Promise<readonly string[]> {
  const rows = await reader.rows<{ id: string }>(
    'select subject_id as id from erasure_subjects where tenant_id = $1 and erasure_id = $2 order by 1',
    [reader.tenantId, erasureId],
  )
  return rows.map((row) => row.id)
}

/** Erasures of the tenant that have something to do by `now`, the longest due first. */
export async function erasuresToDo(
  reader: Reader,
  now: number,
  limit: number,
): Promise<readonly string[]> {
  const rows = await reader.rows<{ id: string }>(
    `select erasure_id as id from erasures
      where tenant_id = $1 and state in ('waiting', 'keysDestroyed') and starts_at <= $2
      order by (waits_for is not null), starts_at, erasure_id limit $3`,
    [reader.tenantId, new Date(now), limit],
  )
  return rows.map((row) => row.id)
}

/** The erasure under way whose subjects include all of these. */
export async function erasureUnderWay(
  reader: Reader,
  subjectIds: readonly string[],
): Promise<string | undefined> {
  const [row] = await reader.rows<{ id: string }>(
    `select e.erasure_id as id from erasures e
       join erasure_subjects s on s.tenant_id = e.tenant_id and s.erasure_id = e.erasure_id
      where e.tenant_id = $1 and e.state in ('waiting', 'keysDestroyed') and s.subject_id = any($2::uuid[])
      group by e.erasure_id having count(*) = $3 limit 1`,
    [reader.tenantId, subjectIds, subjectIds.length],
  )
  return row?.id
}

export async function markWaiting(
  tx: Transaction,
  erasureId: string,
  waitsFor: string | null,
): Promise<void> {
  await tx.change('update erasures set waits_for = $3 where tenant_id = $1 and erasure_id = $2', [
    tx.tenantId,
    erasureId,
    waitsFor,
  ])
}

export async function markStarted(
  tx: Transaction,
  erasureId: string,
  times: { readonly now: number; readonly tellingUntil: number | undefined },
): Promise<void> {
  await tx.change(
    `update erasures set state = 'keysDestroyed', waits_for = null, keys_destroyed_at = $3, telling_until = $4
      where tenant_id = $1 and erasure_id = $2`,
    [
      tx.tenantId,
      erasureId,
      new Date(times.now),
      times.tellingUntil === undefined ? null : new Date(times.tellingUntil),
    ],
  )
}

export async function markErased(
  tx: Transaction,
  erasureId: string,
  removed: Readonly<Record<string, number>>,
  now: number,
): Promise<void> {
  await tx.change(
    `update erasures set state = 'erased', erased_at = $3, removed = $4
      where tenant_id = $1 and erasure_id = $2`,
    [tx.tenantId, erasureId, new Date(now), JSON.stringify(removed)],
  )
}

export async function markWithdrawn(tx: Transaction, erasureId: string): Promise<void> {
  await tx.change(
    `update erasures set state = 'withdrawn', waits_for = null where tenant_id = $1 and erasure_id = $2`,
    [tx.tenantId, erasureId],
  )
}

export function listErasures(reader: Reader, query: ListQuery): Promise<Page<Erasure>> {
  return listPage<Erasure>(
    reader,
    {
      select: ERASURE,
      from: 'erasures where tenant_id = $1',
      values: [reader.tenantId],
      key: 'id',
      columns: {
        id: { sql: 'erasure_id', type: 'uuid' },
        trigger: { sql: 'trigger', type: 'text' },
        state: { sql: 'state', type: 'text' },
        requestedDateTime: { sql: 'asked_at', type: 'timestamptz' },
        dueDateTime: { sql: 'due_at', type: 'timestamptz' },
      },
    },
    query,
  )
}

/** Everybody whose erasure is under way. */
export async function subjectsUnderWay(reader: Reader): Promise<readonly string[]> {
  const rows = await reader.rows<{ id: string }>(
    `select distinct s.subject_id as id from erasure_subjects s
       join erasures e on e.tenant_id = s.tenant_id and e.erasure_id = s.erasure_id
      where e.tenant_id = $1 and e.state in ('waiting', 'keysDestroyed')`,
    [reader.tenantId],
  )
  return rows.map((row) => row.id)
}

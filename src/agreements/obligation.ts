import type { PartyId } from '#catalog/catalog.ts'
import { type Database, INSTALLATION, type Reader, type Transaction } from '#database/handles.ts'
import { type ListQuery, type Page, listPage } from '#database/list.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { newId } from '#foundation/ids.ts'
import { type Refusal, refuse } from '#foundation/refusal.ts'
import { tenantIds } from '#tenants/tenant.ts'
import { type By, recordChange } from './change.ts'

export type ObligationKind = 'deletion' | 'correction' | 'breach'

/** How long a party has by default to say that it has done what it owes. */
export const OBLIGATION_DUE_IN_DAYS = 30

const DAY_IN_MS = 86_400_000

/** Something that a recipient owes the tenant: it ends in a receipt or a reasoned refusal, and is overdue till then. */
export interface Obligation {
  readonly id: string
  readonly partyId: PartyId
  readonly kind: ObligationKind
  readonly state: 'open' | 'receipt' | 'refused' | 'overdue'
  readonly openedAt: Date
  readonly openedBy: string
  readonly dueAt: Date
  readonly evidenceHash: string | null
  readonly closedAt: Date | null
  readonly closedBy: string | null
}

const STATE = `case when state = 'open' and overdue_at is not null then 'overdue' else state end`
const OBLIGATION = `obligation_id as id, party_id as "partyId", kind, ${STATE} as state, opened_at as "openedAt",
  opened_by as "openedBy", due_at as "dueAt", evidence_hash as "evidenceHash", closed_at as "closedAt",
  closed_by as "closedBy"`

/** Opens an obligation, due after `dueAt` (milliseconds) or 30 days. Answers its id. */
export async function openObligation(
  tx: Transaction,
  obligation: {
    readonly partyId: PartyId
    readonly kind: ObligationKind
    readonly dueAt?: number | undefined
  },
  by: By,
): Promise<string> {
  const id = newId()
  const dueAt = obligation.dueAt ?? by.at + OBLIGATION_DUE_IN_DAYS * DAY_IN_MS
  await tx.change(
    `insert into obligations (tenant_id, obligation_id, party_id, kind, opened_by, opened_at, due_at)
     values ($1, $2, $3, $4, $5, $6, $7)`,
    [
      tx.tenantId,
      id,
      obligation.partyId,
      obligation.kind,
      by.actor,
      new Date(by.at),
      new Date(dueAt),
    ],
  )
  await recordChange(tx, by, 'obligation.opened', {
    obligation: id,
    party: obligation.partyId,
    kind: obligation.kind,
    due: toTimestamp(dueAt),
  })
  return id
}

/**
 * Closes an obligation, overdue or not, with the party's receipt or its reasoned refusal. What came is kept as the
 * hash of the document.
 *
 * @returns `not_found`, or `step_state` when it is closed
 */
export async function closeObligation(
  tx: Transaction,
  obligationId: string,
  answer: { readonly outcome: 'receipt' | 'refused'; readonly evidenceHash: string },
  by: By,
): Promise<Refusal | undefined> {
  const closed = await tx.change(
    `update obligations set state = $3, evidence_hash = $4, closed_at = $5, closed_by = $6
      where tenant_id = $1 and obligation_id = $2 and state = 'open'`,
    [tx.tenantId, obligationId, answer.outcome, answer.evidenceHash, new Date(by.at), by.actor],
  )
  if (closed === 0)
    return refuse((await readObligation(tx, obligationId)) ? 'step_state' : 'not_found')
  await recordChange(tx, by, 'obligation.closed', {
    obligation: obligationId,
    outcome: answer.outcome,
    evidence: answer.evidenceHash,
  })
  return undefined
}

/** Finds obligations of the tenant that are late by `by.at`, and says so once for each. Answers how many. */
export async function markOverdue(tx: Transaction, by: By): Promise<number> {
  const rows = await tx.rows<{ id: string; partyId: PartyId }>(
    `update obligations set overdue_at = $2
      where tenant_id = $1 and state = 'open' and overdue_at is null and due_at <= $2
      returning obligation_id as id, party_id as "partyId"`,
    [tx.tenantId, new Date(by.at)],
  )
  for (const { id, partyId } of rows)
    await recordChange(tx, by, 'obligation.overdue', { obligation: id, party: partyId })
  return rows.length
}

/** The same for every tenant, each in a commit of its own. Answers how many were found. */
export async function markAllOverdue(database: Database, by: By): Promise<number> {
  let found = 0
  for (const tenantId of await database.read(INSTALLATION, tenantIds))
    found += await database.write(tenantId, (tx) => markOverdue(tx, by))
  return found
}

export async function readObligation(
  reader: Reader,
  obligationId: string,
): Promise<Obligation | undefined> {
  const [row] = await reader.rows<Obligation>(
    `select ${OBLIGATION} from obligations where tenant_id = $1 and obligation_id = $2`,
    [reader.tenantId, obligationId],
  )
  return row
}

export function listObligations(reader: Reader, query: ListQuery): Promise<Page<Obligation>> {
  return listPage<Obligation>(
    reader,
    {
      select: OBLIGATION,
      from: 'obligations where tenant_id = $1',
      values: [reader.tenantId],
      key: 'id',
      columns: {
        id: { sql: 'obligation_id', type: 'uuid' },
        partyId: { sql: 'party_id', type: 'text' },
        kind: { sql: 'kind', type: 'text' },
        state: { sql: STATE, type: 'text' },
        openedDateTime: { sql: 'opened_at', type: 'timestamptz' },
        dueDateTime: { sql: 'due_at', type: 'timestamptz' },
      },
    },
    query,
  )
}

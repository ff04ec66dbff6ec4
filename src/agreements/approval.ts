import type { Reader, Transaction } from '#database/handles.ts'
import { newId } from '#foundation/ids.ts'
import { type By, recordChange } from './change.ts'

/** One explicit yes to one call that cannot be undone. Answers its id. */
export async function approveCall(
  tx: Transaction,
  approval: { connectionId: string; exchangeId: string; mostSubjects: number; until: number },
  by: By,
): Promise<string> {
  const id = newId()
  await tx.change(
    `insert into approvals (tenant_id, approval_id, connection_id, exchange_id, most_subjects, given_by, given_at, valid_until)
     values ($1, $2, $3, $4, $5, $6, $7, $8)`,
    [
      tx.tenantId,
      id,
      approval.connectionId,
      approval.exchangeId,
      approval.mostSubjects,
      by.actor,
      new Date(by.at),
      new Date(approval.until),
    ],
  )
  await recordChange(tx, by, 'approval.given', {
    approval: id,
    connection: approval.connectionId,
    exchange: approval.exchangeId,
    mostSubjects: approval.mostSubjects,
  })
  return id
}

/** Whether an unused approval for the call is in force. Using it is another matter: `useApproval`. */
export async function hasApproval(
  reader: Reader,
  connectionId: string,
  exchangeId: string,
  now: number,
): Promise<boolean> {
  const rows = await reader.rows(
    `select 1 from approvals where tenant_id = $1 and connection_id = $2 and exchange_id = $3
        and used_by is null and valid_until > $4 limit 1`,
    [reader.tenantId, connectionId, exchangeId, new Date(now)],
  )
  return rows.length > 0
}

/**
 * Uses up one approval for this very entry, in the commit of the disclosure. The guard is in the statement:
 * of two calls that race for one approval one gets it.
 */
export async function useApproval(
  tx: Transaction,
  call: {
    connectionId: string
    exchangeId: string
    subjects: number
    entryId: string
    now: number
  },
): Promise<boolean> {
  const used = await tx.change(
    `update approvals set used_by = $5 where tenant_id = $1 and approval_id = (
       select approval_id from approvals where tenant_id = $1 and connection_id = $2 and exchange_id = $3
          and used_by is null and valid_until > $4 and most_subjects >= $6
        order by given_at limit 1 for update skip locked)`,
    [
      tx.tenantId,
      call.connectionId,
      call.exchangeId,
      new Date(call.now),
      call.entryId,
      call.subjects,
    ],
  )
  return used === 1
}

import { readAccount } from '#access/account.ts'
import { samePerson } from '#access/person-mark.ts'
import type { Reader, Transaction } from '#database/handles.ts'
import { canonicalJson } from '#foundation/canonical-json.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { newId, newOrderedId } from '#foundation/ids.ts'
import { type Refusal, refuse } from '#foundation/refusal.ts'
import type { Keys } from '#keys/keys.ts'
import { append } from '#ledger/append.ts'
import { type By, recordChange } from './change.ts'

/** One command that cannot be undone: what is done, by which exchange, to what. */
export interface Command {
  readonly connectionId: string
  readonly exchangeId: string
  /** The one device, by the value that names it in the call; or what the path names where that is no device. */
  readonly target: string
  /** The word of the protocol where one exchange has several (`WIPE`); empty where it has one. */
  readonly command: string
}

export interface ApprovalTerms {
  /** Milliseconds since 1970. */
  readonly until: number
  /** Nobody can use it before somebody else has said yes as well. */
  readonly needsSecond: boolean
}

const INDEX = 'approved-command'
const place = (id: string): string => `approval/${id}/target`

/**
 * One explicit yes to one command: once, to the very device. In the ledger its target is a keyed commitment. Answers
 * its id.
 */
export async function approveCommand(
  tx: Transaction,
  keys: Keys,
  command: Command,
  terms: ApprovalTerms,
  by: By,
): Promise<string> {
  await forgetEndedTargets(tx, by.at)
  const id = newId()
  await tx.change(
    `insert into approvals (tenant_id, approval_id, connection_id, exchange_id, command, target, needs_second,
                            given_by, given_at, valid_until)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
    [
      tx.tenantId,
      id,
      command.connectionId,
      command.exchangeId,
      await hashOf(tx, keys, command),
      await keys.sealForTenant(
        tx,
        place(id),
        Buffer.from(JSON.stringify([command.target, command.command])),
      ),
      terms.needsSecond,
      by.actor,
      new Date(by.at),
      new Date(terms.until),
    ],
  )
  await recordChange(tx, by, 'approval.given', {
    approval: id,
    connection: command.connectionId,
    exchange: command.exchangeId,
    command: command.command,
    target: (await keys.payloadCommitment(tx))(command.target),
    needsSecond: terms.needsSecond,
  })
  return id
}

/**
 * The second person's yes.
 *
 * @returns `self_approval` for whoever gave the first, by whichever account; `not_found` where nothing in force waits
 *   for a second
 */
export async function confirmApproval(
  tx: Transaction,
  id: string,
  by: By,
): Promise<Refusal | undefined> {
  const [row] = await tx.rows<{ given_by: string }>(
    `select given_by from approvals where tenant_id = $1 and approval_id = $2 and used_by is null
        and withdrawn_at is null and second_by is null and needs_second and valid_until > $3 for update`,
    [tx.tenantId, id, new Date(by.at)],
  )
  if (!row) return refuse('not_found')
  if (await isOnePerson(tx, row.given_by, by.actor)) return refuse('self_approval')
  await tx.change(
    'update approvals set second_by = $3, second_at = $4 where tenant_id = $1 and approval_id = $2',
    [tx.tenantId, id, by.actor, new Date(by.at)],
  )
  await recordChange(tx, by, 'approval.confirmed', { approval: id })
  return undefined
}

/**
 * Whether somebody else could give the second yes: another person among those who hold the right. A service does not
 * count, and neither does another account of the same person.
 */
export async function hasSecondPerson(
  reader: Reader,
  holders: Iterable<string>,
  actor: string,
): Promise<boolean> {
  for (const holder of holders) {
    const account = await readAccount(reader, holder)
    if (account?.kind !== 'person' || account.state !== 'active') continue
    if (!(await isOnePerson(reader, `admin:${holder}`, actor))) return true
  }
  return false
}

async function isOnePerson(reader: Reader, one: string, other: string): Promise<boolean> {
  if (one === other) return true
  const [first, second] = [await accountOf(reader, one), await accountOf(reader, other)]
  return samePerson(first?.personMarks ?? [], second?.personMarks ?? [])
}

function accountOf(reader: Reader, actor: string): ReturnType<typeof readAccount> {
  return readAccount(reader, actor.slice(actor.indexOf(':') + 1))
}

/** Takes an approval back. @returns `not_found` where it was used, withdrawn or over already */
export async function withdrawApproval(
  tx: Transaction,
  id: string,
  by: By,
): Promise<Refusal | undefined> {
  const withdrawn = await tx.change(
    `update approvals set withdrawn_at = $3, withdrawn_by = $4, target = null
      where tenant_id = $1 and approval_id = $2 and used_by is null and withdrawn_at is null and valid_until > $3`,
    [tx.tenantId, id, new Date(by.at), by.actor],
  )
  if (withdrawn === 0) return refuse('not_found')
  await recordChange(tx, by, 'approval.withdrawn', { approval: id })
  return undefined
}

const IN_FORCE = `used_by is null and withdrawn_at is null and command is not null
  and (second_by is not null or not needs_second)`

/** Whether an approval of some command of the exchange is in force. Which one, and its use, is `useApproval`. */
export async function hasApproval(
  reader: Reader,
  connectionId: string,
  exchangeId: string,
  now: number,
): Promise<boolean> {
  const rows = await reader.rows(
    `select 1 from approvals where tenant_id = $1 and connection_id = $2 and exchange_id = $3
        and ${IN_FORCE} and valid_until > $4 limit 1`,
    [reader.tenantId, connectionId, exchangeId, new Date(now)],
  )
  return rows.length > 0
}

/**
 * Uses up the approval of this very command for this very entry, in the commit of the disclosure. The guard is in the
 * statement: of two calls that race for one approval, on whichever nodes, one gets it.
 *
 * @returns the approval's id; undefined where none is in force
 */
export async function useApproval(
  tx: Transaction,
  keys: Keys,
  command: Command,
  use: { readonly entryId: string; readonly now: number },
): Promise<string | undefined> {
  const [used] = await tx.rows<{ id: string }>(
    `update approvals set used_by = $6, target = null where tenant_id = $1 and used_by is null and approval_id = (
       select approval_id from approvals where tenant_id = $1 and connection_id = $2 and exchange_id = $3
          and command = $4 and ${IN_FORCE} and valid_until > $5
        order by given_at limit 1 for update skip locked)
     returning approval_id as id`,
    [
      tx.tenantId,
      command.connectionId,
      command.exchangeId,
      await hashOf(tx, keys, command),
      new Date(use.now),
      use.entryId,
    ],
  )
  return used?.id
}

/** What an approval is for, for those who decide; undefined where it is used, withdrawn or over. */
export async function openTarget(
  reader: Reader,
  keys: Keys,
  id: string,
  sealed: Buffer | null,
): Promise<Pick<Command, 'target' | 'command'> | undefined> {
  if (!sealed) return undefined
  const opened = (await keys.openForTenant(reader, place(id), sealed)).toString()
  const [target, command] = JSON.parse(opened) as [string, string]
  return { target, command }
}

/** Somebody was shown what an approval is for: that may name a device. */
export async function recordLook(tx: Transaction, id: string, by: By): Promise<void> {
  await append(tx, {
    id: newOrderedId(by.at),
    at: toTimestamp(by.at),
    kind: 'approval.shown',
    actor: by.actor,
    data: { approval: id },
  })
}

/** What an approval was for is not kept longer than it can be used. */
export async function forgetEndedTargets(tx: Transaction, now: number): Promise<void> {
  await tx.change(
    'update approvals set target = null where tenant_id = $1 and target is not null and valid_until <= $2',
    [tx.tenantId, new Date(now)],
  )
}

async function hashOf(reader: Reader, keys: Keys, command: Command): Promise<string> {
  const { connectionId, exchangeId, target, command: word } = command
  const hash = await keys.blindIndex(reader, INDEX)
  return hash(canonicalJson([connectionId, exchangeId, word, target]))
}

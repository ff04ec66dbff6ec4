import { answerObligation } from '#agreements/off-boarding.ts'
import { readObligations } from '#agreements/read-obligations.ts'
import type { Database, Reader, Transaction } from '#database/handles.ts'
import { sha256Hex } from '#foundation/hashing.ts'
import { type Refusal, refuse } from '#foundation/refusal.ts'
import type { Keys } from '#keys/keys.ts'
import { eraseSubjects, subjectsWith, withoutRecords } from '#records/people.ts'
import type { By, Telling } from './erasure.ts'
import { recordRights } from './record-rights.ts'

const FIRST_TRY_AGAIN_IN_MS = 60_000
const LONGEST_WAIT_IN_MS = 6 * 3_600_000

/** One recipient of what was erased, and how far it is. */
export interface ErasureRecipient {
  readonly erasureId: string
  readonly partyId: string
  readonly connectionId: string
  readonly obligationId: string
  readonly how: 'connector' | 'letter'
  readonly state: 'open' | 'told' | 'receipt' | 'refused' | 'overdue'
  readonly toldAt: Date | null
  readonly waitsFor: string | null
  readonly dueAt: Date
  readonly evidenceHash: string | null
}

/** What came of telling a party by its protocol. */
export type Told =
  /** It has deleted, or has nothing: `evidence` names what shows it (an entry of the ledger), never the person. */
  | { readonly outcome: 'receipt' | 'refused'; readonly evidence: string }
  /** Not yet, and why: the code of a refusal. It is tried again, with what is `left` to be told. */
  | { readonly outcome: 'waits'; readonly for: string; readonly left?: Telling }

/** Tells one party by its protocol. May be called twice for the same, after a crash. */
export type Tell = (
  tenantId: string,
  recipient: { readonly partyId: string; readonly connectionId: string; readonly telling: Telling },
) => Promise<Told>

const placeOf = (partyId: string, connectionId: string): string =>
  `telling/${partyId}/${connectionId}`

/** The recipients of an erasure, each with where it stands by what it owes. */
export async function recipientsOfErasure(
  reader: Reader,
  erasureId: string,
): Promise<readonly ErasureRecipient[]> {
  const rows = await reader.rows<Omit<ErasureRecipient, 'state' | 'dueAt' | 'evidenceHash'>>(
    `select erasure_id as "erasureId", party_id as "partyId", connection_id as "connectionId",
            obligation_id as "obligationId", how, told_at as "toldAt", waits_for as "waitsFor"
       from erasure_recipients where tenant_id = $1 and erasure_id = $2 order by party_id, connection_id`,
    [reader.tenantId, erasureId],
  )
  const owed = await readObligations(
    reader,
    rows.map((row) => row.obligationId),
  )
  return rows.map((row) => {
    const obligation = owed.get(row.obligationId)
    if (!obligation) throw new Error('a recipient has no obligation')
    const { state, dueAt, evidenceHash } = obligation
    const isTold = state === 'open' && row.toldAt !== null
    return { ...row, dueAt, evidenceHash, state: isTold ? ('told' as const) : state }
  })
}

interface Due {
  readonly erasureId: string
  readonly partyId: string
  readonly connectionId: string
  readonly obligationId: string
  readonly telling: Buffer
  readonly tries: number
}

/**
 * Tells the parties that can be told by their protocol and have not been. The network is asked outside any
 * transaction; what came of it is committed with its entry. A party that could not be told is tried again, later and
 * later, until it is overdue by the obligation's own clock.
 *
 * @returns how many were told
 */
export async function tellDue(
  parts: { readonly database: Database; readonly keys: Keys; readonly tell: Tell },
  tenantId: string,
  by: By,
): Promise<number> {
  const { database, keys, tell } = parts
  const due = await database.read(tenantId, (reader) => selectDue(reader, by.at))
  let told = 0
  for (const one of due) {
    const { partyId, connectionId } = one
    const telling = await database.read(tenantId, (reader) => openTelling(reader, keys, one))
    const came = await tell(tenantId, { partyId, connectionId, telling })
    await database.write(tenantId, async (tx) => {
      await forgetSpokenOf(tx, keys, telling)
      await keepTold(tx, keys, one, came, by)
    })
    if (came.outcome !== 'waits') told++
  }
  return told
}

function selectDue(reader: Reader, now: number): Promise<readonly Due[]> {
  return reader.rows<Due>(
    `select erasure_id as "erasureId", party_id as "partyId", connection_id as "connectionId",
            obligation_id as "obligationId", telling, tries from erasure_recipients
      where tenant_id = $1 and next_try_at <= $2 and how = 'connector' and telling is not null
      order by next_try_at limit 100`,
    [reader.tenantId, new Date(now)],
  )
}

/** To tell a party of somebody names them in the ledger once more, under a new key: that goes again as well. */
async function forgetSpokenOf(tx: Transaction, keys: Keys, { names }: Telling): Promise<void> {
  const named = await withoutRecords(tx, await subjectsWith(tx, keys, names))
  for (const id of named) await keys.destroySubjectKey(tx, id)
  await eraseSubjects(tx, named)
}

async function keepTold(tx: Transaction, keys: Keys, due: Due, came: Told, by: By): Promise<void> {
  const where = [tx.tenantId, due.erasureId, due.partyId, due.connectionId]
  if (came.outcome === 'waits') {
    const wait = Math.min(LONGEST_WAIT_IN_MS, FIRST_TRY_AGAIN_IN_MS * 2 ** Math.min(due.tries, 10))
    await tx.change(
      `update erasure_recipients
          set tries = tries + 1, next_try_at = $5, waits_for = $6, telling = coalesce($7, telling)
        where tenant_id = $1 and erasure_id = $2 and party_id = $3 and connection_id = $4`,
      [
        ...where,
        new Date(by.at + wait),
        came.for,
        came.left ? await sealTelling(tx, keys, due, came.left) : null,
      ],
    )
    return
  }
  await tx.change(
    `update erasure_recipients set told_at = $5, next_try_at = null, waits_for = null, telling = null
      where tenant_id = $1 and erasure_id = $2 and party_id = $3 and connection_id = $4`,
    [...where, new Date(by.at)],
  )
  await recordTold(tx, due, 'connector', by)
  const answer = { outcome: came.outcome, evidenceHash: sha256Hex(came.evidence) }
  // Somebody may have closed it by hand meanwhile: that stands.
  await answerObligation(tx, due.obligationId, answer, by)
}

function sealTelling(
  tx: Transaction,
  keys: Keys,
  { erasureId, partyId, connectionId }: Due,
  telling: Telling,
): Promise<Buffer> {
  const plain = Buffer.from(JSON.stringify(telling))
  return keys.sealFor(tx, erasureId, placeOf(partyId, connectionId), plain)
}

/** A letter to a party that cannot be told by its protocol: in English and Swedish, to be sent by the organisation. */
export interface Letter {
  readonly partyId: string
  readonly obligationId: string
  readonly dueAt: Date
  readonly telling: Telling | undefined
}

/**
 * What a letter to the party has to say. Names are shown, so the look is recorded in the same commit.
 *
 * @returns `not_found`, or `step_state` once the party has answered
 */
export async function letterTo(
  tx: Transaction,
  keys: Keys,
  erasureId: string,
  { partyId, connectionId }: { readonly partyId: string; readonly connectionId: string },
  by: By,
): Promise<Letter | Refusal> {
  const one = (await recipientsOfErasure(tx, erasureId)).find(
    (each) => each.partyId === partyId && each.connectionId === connectionId,
  )
  if (!one) return refuse('not_found')
  if (one.state === 'receipt' || one.state === 'refused') return refuse('step_state')
  const [row] = await tx.rows<{ telling: Buffer | null }>(
    `select telling from erasure_recipients
      where tenant_id = $1 and erasure_id = $2 and party_id = $3 and connection_id = $4`,
    [tx.tenantId, erasureId, partyId, connectionId],
  )
  const telling = row?.telling
    ? await openTelling(tx, keys, { erasureId, partyId, connectionId, telling: row.telling })
    : undefined
  const names = telling?.names.length ?? 0
  await recordRights(tx, 'erasure.letter-read', by, { erasure: erasureId, party: partyId, names })
  return { partyId, obligationId: one.obligationId, dueAt: one.dueAt, telling }
}

async function openTelling(
  reader: Reader,
  keys: Keys,
  one: Pick<Due, 'erasureId' | 'partyId' | 'connectionId' | 'telling'>,
): Promise<Telling> {
  const place = placeOf(one.partyId, one.connectionId)
  const opened = await keys.openFor(reader, one.erasureId, place, one.telling)
  return JSON.parse(opened.toString()) as Telling
}

/**
 * Says that the letter to the party was sent.
 *
 * @returns `not_found`, or `step_state` for one that was told before
 */
export async function markLetterSent(
  tx: Transaction,
  erasureId: string,
  recipient: { readonly partyId: string; readonly connectionId: string },
  by: By,
): Promise<Refusal | undefined> {
  const { partyId, connectionId } = recipient
  const told = await tx.change(
    `update erasure_recipients set told_at = $5, next_try_at = null, how = 'letter'
      where tenant_id = $1 and erasure_id = $2 and party_id = $3 and connection_id = $4 and told_at is null`,
    [tx.tenantId, erasureId, partyId, connectionId, new Date(by.at)],
  )
  if (told === 0) {
    const all = await recipientsOfErasure(tx, erasureId)
    const there = all.some((each) => each.partyId === partyId && each.connectionId === connectionId)
    return refuse(there ? 'step_state' : 'not_found')
  }
  await recordTold(tx, { erasureId, partyId, connectionId }, 'letter', by)
  return undefined
}

/**
 * Destroys by which names recipients knew a person: of erasures whose recipients have all answered, and of those whose
 * time is over. What a party then still owes stays owed.
 *
 * @returns how many erasures
 */
export async function forgetTellings(tx: Transaction, keys: Keys, now: number): Promise<number> {
  const rows = await tx.rows<{ id: string; over: boolean }>(
    `select erasure_id as id, telling_until <= $2 as over from erasures
      where tenant_id = $1 and telling_until is not null for update`,
    [tx.tenantId, new Date(now)],
  )
  const owed = await tx.rows<{ id: string; obligation: string }>(
    `select erasure_id as id, obligation_id as obligation from erasure_recipients
      where tenant_id = $1 and erasure_id = any($2::uuid[])`,
    [tx.tenantId, rows.map((row) => row.id)],
  )
  const states = await readObligations(
    tx,
    owed.map((one) => one.obligation),
  )
  const isOpen = ({ obligation }: { obligation: string }): boolean =>
    ['open', 'overdue'].includes(states.get(obligation)?.state ?? 'open')
  const open = new Set(owed.filter(isOpen).map((one) => one.id))
  const ids = rows.filter((row) => row.over || !open.has(row.id)).map((row) => row.id)
  if (ids.length === 0) return 0
  for (const id of ids) await keys.destroySubjectKey(tx, id)
  await tx.change(
    `update erasure_recipients set telling = null, next_try_at = null
      where tenant_id = $1 and erasure_id = any($2::uuid[])`,
    [tx.tenantId, ids],
  )
  await tx.change(
    'update erasures set telling_until = null where tenant_id = $1 and erasure_id = any($2::uuid[])',
    [tx.tenantId, ids],
  )
  return ids.length
}

async function recordTold(
  tx: Transaction,
  to: { readonly erasureId: string; readonly partyId: string; readonly connectionId: string },
  how: 'connector' | 'letter',
  by: By,
): Promise<void> {
  const { erasureId: erasure, partyId: party, connectionId: connection } = to
  await recordRights(tx, 'erasure.told', by, { erasure, party, connection, how })
}

import { randomBytes } from 'node:crypto'
import type { Reader, Transaction } from '#database/handles.ts'
import type { ListSource } from '#database/list.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { newId } from '#foundation/ids.ts'
import { type Refusal, refuse } from '#foundation/refusal.ts'
import { sealedCommitment } from '#ledger/verify/sealed.ts'
import type { SupportParts } from './parts.ts'
import { record } from './record.ts'

/** What may be kept from the tenant for a time: counted at once, read later. */
export type SealedClass = 'legalHold' | 'automation' | 'emergency'

const DAY_IN_MS = 86_400_000
/** No seal lasts longer. */
export const LONGEST_SEAL_IN_MS = 730 * DAY_IN_MS
const MOST_CHARACTERS = 4_000

/** A sealed entry as the tenant sees it: that it is there, and until when at the latest. */
export interface SealedRow {
  readonly sealed_id: string
  readonly class: SealedClass
  readonly commitment: string
  readonly sealed_at: Date
  readonly opens_at: Date
  readonly opened_at: Date | null
}

/**
 * Writes an entry that can be counted now and read later: the ledger has the commitment, the text is sealed here.
 * The text becomes an entry one day, so it names things by identifiers and holds nothing of people.
 *
 * @returns its id, or `query_invalid` when it would open in the past or in more than two years, or the text is too long
 */
export async function sealEntry(
  tx: Transaction,
  parts: Pick<SupportParts, 'keys'>,
  entry: { readonly class: SealedClass; readonly text: string; readonly opensAt: number },
  by: { readonly actor: string; readonly now: number },
): Promise<string | Refusal> {
  if (!(entry.opensAt > by.now) || entry.opensAt - by.now > LONGEST_SEAL_IN_MS)
    return refuse('query_invalid', { field: 'opensAt' })
  if (entry.text.length === 0 || entry.text.length > MOST_CHARACTERS)
    return refuse('query_invalid', { field: 'text', most: MOST_CHARACTERS })
  const sealedId = newId()
  const salt = randomBytes(32)
  const commitment = sealedCommitment(salt, entry.text)
  await tx.change(
    `insert into sealed_entries (tenant_id, sealed_id, class, commitment, sealed, sealed_by, sealed_at, opens_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8)`,
    [
      tx.tenantId,
      sealedId,
      entry.class,
      commitment,
      await parts.keys.sealForTenant(
        tx,
        `sealed-entry/${sealedId}`,
        Buffer.concat([salt, Buffer.from(entry.text)]),
      ),
      by.actor,
      new Date(by.now),
      new Date(entry.opensAt),
    ],
  )
  await record(tx, 'sealed', by.actor, by.now, {
    sealed: sealedId,
    class: entry.class,
    commitment,
    opens: toTimestamp(entry.opensAt),
  })
  return sealedId
}

/** Opens one now, or (without an id) all whose date has come. Each is opened once. Answers how many. */
export async function openSealed(
  tx: Transaction,
  parts: Pick<SupportParts, 'keys' | 'notify'>,
  actor: string,
  now: number,
  sealedId?: string,
): Promise<number> {
  const rows = await tx.rows<{ sealed_id: string; class: SealedClass; sealed: Buffer }>(
    `update sealed_entries set opened_at = $2 where tenant_id = $1 and opened_at is null
        and case when $3::uuid is null then opens_at <= $2 else sealed_id = $3 end
      returning sealed_id, class, sealed`,
    [tx.tenantId, new Date(now), sealedId ?? null],
  )
  for (const row of rows) {
    const place = `sealed-entry/${row.sealed_id}`
    const bytes = await parts.keys.openForTenant(tx, place, row.sealed)
    await record(tx, 'sealed.opened', actor, now, {
      sealed: row.sealed_id,
      class: row.class,
      salt: bytes.subarray(0, 32).toString('base64url'),
      text: bytes.subarray(32).toString(),
    })
    await parts.notify(tx, {
      tenantId: tx.tenantId,
      template: 'sealed.opened',
      audience: 'privacyContact',
      about: { sealedId: row.sealed_id },
      at: now,
    })
  }
  return rows.length
}

/** How many entries of each class are sealed still, and when the last of them opens at the latest. */
export async function sealedCounts(
  reader: Reader,
): Promise<
  readonly { readonly class: SealedClass; readonly count: number; readonly latestOpening: number }[]
> {
  const rows = await reader.rows<{ class: SealedClass; count: number; latest: Date }>(
    `select class, count(*)::int as count, max(opens_at) as latest from sealed_entries
      where tenant_id = $1 and opened_at is null group by class order by class`,
    [reader.tenantId],
  )
  return rows.map((row) => ({
    class: row.class,
    count: row.count,
    latestOpening: row.latest.getTime(),
  }))
}

/** The tenant's sealed entries, for `listPage` with rows of `SealedRow`. */
export function sealedList(reader: Reader): ListSource {
  return {
    select: 'sealed_id, class, commitment, sealed_at, opens_at, opened_at',
    from: 'sealed_entries where tenant_id = $1',
    values: [reader.tenantId],
    columns: {
      id: { sql: 'sealed_id', type: 'uuid' },
      class: { sql: 'class', type: 'text' },
      createdDateTime: { sql: 'sealed_at', type: 'timestamptz' },
      opensLatestDateTime: { sql: 'opens_at', type: 'timestamptz' },
      openedDateTime: { sql: 'opened_at', type: 'timestamptz' },
    },
    key: 'id',
  }
}

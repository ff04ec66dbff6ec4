import type { Reader, Transaction } from '#database/handles.ts'
import { type ListQuery, type Page, listPage } from '#database/list.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { newId } from '#foundation/ids.ts'
import { type Refusal, refuse } from '#foundation/refusal.ts'
import type { Keys } from '#keys/keys.ts'
import type { By } from './erasure.ts'
import { recordRights } from './record-rights.ts'

/** A legal hold: what it covers is not erased while it lasts, and the request is told so. */
export interface Hold {
  readonly holdId: string
  /** Null holds everybody of the tenant. */
  readonly subjectId: string | null
  readonly reason: Buffer
  readonly placedBy: string
  readonly placedAt: Date
  readonly endsAt: Date | null
  readonly releasedBy: string | null
  readonly releasedAt: Date | null
}

const HOLD = `hold_id as "holdId", subject_id as "subjectId", reason, placed_by as "placedBy", placed_at as "placedAt",
  ends_at as "endsAt", released_by as "releasedBy", released_at as "releasedAt"`
const place = (holdId: string): string => `erasure-hold/${holdId}`

/** Places a hold. The reason is kept sealed; the entry says only that there is one. */
export async function placeHold(
  tx: Transaction,
  keys: Keys,
  hold: {
    readonly subjectId: string | undefined
    readonly reason: string
    readonly endsAt: number | undefined
  },
  by: By,
): Promise<string> {
  const holdId = newId()
  // Whoever erases meanwhile has either finished or sees the hold.
  await lockErasures(tx)
  await tx.change(
    `insert into erasure_holds (tenant_id, hold_id, subject_id, reason, placed_by, placed_at, ends_at)
     values ($1, $2, $3, $4, $5, $6, $7)`,
    [
      tx.tenantId,
      holdId,
      hold.subjectId ?? null,
      await keys.sealForTenant(tx, place(holdId), Buffer.from(hold.reason)),
      by.actor,
      new Date(by.at),
      hold.endsAt === undefined ? null : new Date(hold.endsAt),
    ],
  )
  await recordRights(tx, 'hold.placed', by, {
    hold: holdId,
    covers: hold.subjectId === undefined ? 'everybody' : 'one',
    ends: hold.endsAt === undefined ? null : toTimestamp(hold.endsAt),
  })
  return holdId
}

/** @returns `not_found`, or `step_state` for one that is over */
export async function releaseHold(
  tx: Transaction,
  holdId: string,
  by: By,
): Promise<Refusal | undefined> {
  const released = await tx.change(
    `update erasure_holds set released_by = $3, released_at = $4
      where tenant_id = $1 and hold_id = $2 and released_at is null`,
    [tx.tenantId, holdId, by.actor, new Date(by.at)],
  )
  if (released === 0) return refuse((await readHold(tx, holdId)) ? 'step_state' : 'not_found')
  await recordRights(tx, 'hold.released', by, { hold: holdId })
  return undefined
}

/** The hold that covers one of the subjects now. */
export async function holdOver(
  reader: Reader,
  subjectIds: readonly string[],
  now: number,
): Promise<string | undefined> {
  const [row] = await reader.rows<{ id: string }>(
    `select hold_id as id from erasure_holds
      where tenant_id = $1 and released_at is null and (ends_at is null or ends_at > $3)
        and (subject_id is null or subject_id = any($2::uuid[]))
      order by placed_at, hold_id limit 1`,
    [reader.tenantId, subjectIds, new Date(now)],
  )
  return row?.id
}

export async function readHold(reader: Reader, holdId: string): Promise<Hold | undefined> {
  const [row] = await reader.rows<Hold>(
    `select ${HOLD} from erasure_holds where tenant_id = $1 and hold_id = $2`,
    [reader.tenantId, holdId],
  )
  return row
}

export async function reasonOf(reader: Reader, keys: Keys, hold: Hold): Promise<string> {
  return (await keys.openForTenant(reader, place(hold.holdId), hold.reason)).toString()
}

export function listHolds(reader: Reader, query: ListQuery): Promise<Page<Hold>> {
  return listPage<Hold>(
    reader,
    {
      select: HOLD,
      from: 'erasure_holds where tenant_id = $1',
      values: [reader.tenantId],
      key: 'id',
      columns: {
        id: { sql: 'hold_id', type: 'uuid' },
        placedDateTime: { sql: 'placed_at', type: 'timestamptz' },
        isReleased: { sql: '(released_at is not null)', type: 'boolean' },
      },
    },
    query,
  )
}

/** Holds are placed, and keys destroyed, one after the other within a tenant. */
export async function lockErasures(tx: Transaction): Promise<void> {
  await tx.rows('select pg_advisory_xact_lock(hashtext($1))', [`erasures ${tx.tenantId}`])
}

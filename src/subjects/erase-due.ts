import { type Database, INSTALLATION, type Transaction } from '#database/handles.ts'
import { type By, type Eraser, type ErasureParts, LOGS_KEPT_IN_MS } from './erasure.ts'
import { destroyKeys, eraseRows } from './erase.ts'
import { forgetTellings, type Tell, tellDue } from './erasure-recipients.ts'
import { followDisclosures } from './erasure-sent.ts'
import { erasuresToDo } from './erasure.table.ts'

const STEP = 200
/** No commit takes longer. */
const LONGEST_COMMIT_IN_MS = 15 * 60_000

export interface EraseParts extends ErasureParts {
  readonly database: Database
  readonly tell: Tell
  /** Waits until what was appended has its place in the log, so that no disclosure is missed. */
  readonly settled: () => Promise<unknown>
}

export interface Erased {
  readonly keysDestroyed: number
  readonly erased: number
  readonly waiting: number
  readonly told: number
}

/** Where an erasure can be stopped by a test, or by the end of a process. */
export type ErasePoint = 'keysDestroyed' | 'rowsErased' | 'told'

/** The same for every tenant that has anything to erase. */
export async function eraseEverywhere(parts: EraseParts, by: By): Promise<void> {
  const tenants = await parts.database.read(INSTALLATION, (reader) =>
    reader.rows<{ id: string }>('select sluss_tenants_with_erasures() as id'),
  )
  for (const { id } of tenants) await eraseDue(parts, id, by)
}

/**
 * Does what is due of a tenant's erasures: follows the log, destroys keys, removes rows, tells recipients, and forgets
 * what it no longer needs. Each step is a commit of its own and is found again after a crash; done twice it changes
 * nothing.
 */
export async function eraseDue(
  parts: EraseParts,
  tenantId: string,
  by: By,
  reached: (point: ErasePoint) => void | Promise<void> = () => {},
): Promise<Erased> {
  const { database, keys } = parts
  await parts.settled()
  await followDisclosures(database, tenantId)
  const sum = { keysDestroyed: 0, erased: 0, waiting: 0 }
  const seen = new Set<string>()
  for (;;) {
    const found = await database.read(tenantId, (reader) =>
      erasuresToDo(reader, by.at, seen.size + STEP),
    )
    const ids = found.filter((id) => !seen.has(id))
    if (ids.length === 0) break
    for (const id of ids) {
      seen.add(id)
      const waitsFor = await database.write(tenantId, (tx) => destroyKeys(tx, parts, id, by))
      if (waitsFor !== undefined) {
        sum.waiting++
        continue
      }
      sum.keysDestroyed++
      parts.forgetNames()
      await reached('keysDestroyed')
      if (await database.write(tenantId, (tx) => eraseRows(tx, parts, id, by))) sum.erased++
      await reached('rowsErased')
    }
  }
  const told = await tellDue(parts, tenantId, by)
  await reached('told')
  await database.write(tenantId, async (tx) => {
    await sweepLate(tx, parts.erasers, by.at)
    await forgetTellings(tx, keys, by.at)
    await forgetOldErasures(tx, by.at)
  })
  return { ...sum, told }
}

/** What a commit brought that had begun before the keys went, and ended after the rows had: nobody can read it. */
async function sweepLate(tx: Transaction, erasers: readonly Eraser[], now: number): Promise<void> {
  const rows = await tx.rows<{ id: string }>(
    `select s.subject_id as id from erasure_subjects s
       join erasures e on e.tenant_id = s.tenant_id and e.erasure_id = s.erasure_id
      where e.tenant_id = $1 and e.erased_at > $2`,
    [tx.tenantId, new Date(now - LONGEST_COMMIT_IN_MS)],
  )
  if (rows.length === 0) return
  for (const { eraseAll } of erasers.filter((one) => one.inBulk))
    await eraseAll(
      tx,
      rows.map((row) => row.id),
    )
}

/** A year after, not even that there was an erasure is kept here; the ledger has its entry. */
function forgetOldErasures(tx: Transaction, now: number): Promise<number> {
  return tx.change(`delete from erasures where tenant_id = $1 and erased_at <= $2`, [
    tx.tenantId,
    new Date(now - LOGS_KEPT_IN_MS),
  ])
}

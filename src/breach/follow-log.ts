import { type Database, INSTALLATION, type Transaction } from '#database/handles.ts'
import { readEntries, readHead } from '#ledger/read.ts'
import { tenantIds } from '#tenants/tenant.ts'
import { insertTouches, markUnsent, touchesOfEntries } from './touch.table.ts'
import { type Placed, type Touch, touchesOf, unsentBy } from './touch.ts'

/** Entries that are taken in one transaction. */
const STEP = 1_024

const INDEX_TABLES = [
  'breach_touches',
  'breach_node_starts',
  'breach_credentials',
  'breach_subjects',
  'breach_item_sets',
] as const

/**
 * Reads the log of the tenant on from where it was left and writes down what its entries name. The cursor moves in the
 * same commit and is locked meanwhile, so that a node that dies, or two that follow at once, neither skip nor double.
 *
 * @returns the size up to which the log is in the index
 */
export async function followLog(database: Database, tenantId: string): Promise<number> {
  for (;;) {
    const { from, to, size } = await database.write(tenantId, step)
    if (to >= size || to === from) return to
  }
}

/** All logs: of the tenants there are, of those that were followed once, and the installation's own. */
export async function followAllLogs(database: Database): Promise<ReadonlyMap<string, number>> {
  const sizes = new Map<string, number>()
  for (const tenantId of await followedLogs(database))
    sizes.set(tenantId, await followLog(database, tenantId))
  return sizes
}

async function followedLogs(database: Database): Promise<readonly string[]> {
  return database.read(INSTALLATION, async (reader) => {
    const known = await reader.rows<{ tenant_id: string }>(
      'select tenant_id from sluss_breach_logs()',
    )
    const ids = [INSTALLATION, ...(await tenantIds(reader)), ...known.map((row) => row.tenant_id)]
    return [...new Set(ids)].toSorted()
  })
}

/** Forgets what the index holds of the tenant; it is made anew from the log at the next look. */
export async function forgetIndex(database: Database, tenantId: string): Promise<void> {
  await database.write(tenantId, async (tx) => {
    for (const table of INDEX_TABLES)
      await tx.change(`delete from ${table} where tenant_id = $1`, [tx.tenantId])
    await tx.change('update breach_cursors set indexed_to = 0 where tenant_id = $1', [tx.tenantId])
  })
}

async function step(tx: Transaction): Promise<{ from: number; to: number; size: number }> {
  await tx.change(
    'insert into breach_cursors (tenant_id, indexed_to) values ($1, 0) on conflict do nothing',
    [tx.tenantId],
  )
  const [cursor] = await tx.rows<{ indexed_to: number }>(
    'select indexed_to from breach_cursors where tenant_id = $1 for update',
    [tx.tenantId],
  )
  const from = cursor?.indexed_to ?? 0
  const size = (await readHead(tx))?.size ?? 0
  const to = Math.min(from + STEP, size)
  if (to <= from) return { from, to: from, size }
  await takeEntries(tx, await readEntries(tx, from, to))
  await tx.change('update breach_cursors set indexed_to = $2 where tenant_id = $1', [
    tx.tenantId,
    to,
  ])
  return { from, to, size }
}

/** Takes entries in the order of the log; those that were taken before change nothing. */
async function takeEntries(tx: Transaction, entries: readonly Placed[]): Promise<void> {
  const disclosures = new Set(entries.map((entry) => entry.id))
  const closedEarlier = entries
    .filter((entry) => entry.kind === 'outcome' && typeof entry.data.of === 'string')
    .map((entry) => entry.data.of as string)
    .filter((id) => !disclosures.has(id))
  const opened = groupByEntry(await touchesOfEntries(tx, closedEarlier))
  const touches: Touch[] = []
  for (const entry of entries) {
    const made = touchesOf(entry, (id) => opened.get(id) ?? [])
    if (made.length > 0) opened.set(entry.id, made)
    touches.push(...made)
  }
  await insertTouches(tx, touches)
  for (const entry of entries) {
    const unsent = unsentBy(entry)
    if (unsent !== undefined) await markUnsent(tx, unsent, entry.index)
    if (entry.kind === 'key.registered' || entry.kind === 'key.removed') await takeKey(tx, entry)
    if (entry.kind === 'node') await takeNodeStart(tx, entry)
  }
}

function groupByEntry(touches: readonly Touch[]): Map<string, readonly Touch[]> {
  const groups = new Map<string, readonly Touch[]>()
  for (const touch of touches)
    groups.set(touch.entryId, [...(groups.get(touch.entryId) ?? []), touch])
  return groups
}

async function takeKey(tx: Transaction, { kind, at, data }: Placed): Promise<void> {
  const { key, account } = data
  if (typeof key !== 'string' || typeof account !== 'string') return
  if (kind === 'key.registered')
    await tx.change(
      `insert into breach_credentials (tenant_id, credential, account, from_at) values ($1, $2, $3, $4)
       on conflict (tenant_id, credential) do update set account = $3, from_at = $4, until_at = null`,
      [tx.tenantId, key, account, at],
    )
  else
    await tx.change(
      'update breach_credentials set until_at = $3 where tenant_id = $1 and credential = $2',
      [tx.tenantId, key, at],
    )
}

async function takeNodeStart(tx: Transaction, { index, at, data }: Placed): Promise<void> {
  const { node, version } = data
  if (typeof node !== 'string' || typeof version !== 'string') return
  await tx.change(
    `insert into breach_node_starts (tenant_id, entry_index, node, version, at) values ($1, $2, $3, $4, $5)
     on conflict do nothing`,
    [tx.tenantId, index, node, version, at],
  )
}

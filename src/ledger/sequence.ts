import type { Transaction } from '#database/handles.ts'
import { labelsOf } from './labels.ts'
import { edgeRoot, growEdge, loadEdge, writeChanges } from './tree-edge.ts'
import { unpackEntries } from './verify/bundle.ts'
import { formatCheckpoint } from './verify/checkpoint.ts'
import { type NoteKey, noteKey, signNote } from './verify/note.ts'

const LARGEST_BATCH = 8_192
const MOST_ROWS = 1_024

/** In order, as many rows as have no more than a batch of entries between them, and one in any case. */
const WAITING = `
select queue_id, entry_ids, entries
  from (select queue_id, entry_ids, entries, sum(cardinality(entry_ids)) over (order by queue_id) as so_far
          from (select * from ledger_waiting where tenant_id = $1 order by queue_id limit $2) first) counted
 where so_far <= $3 or so_far = cardinality(entry_ids)
 order by queue_id`

/** What a sequencer signs with. */
export interface LogSigner {
  readonly publicKey: Buffer
  sign(message: Buffer): Buffer
}

/** Points of one batch at which a test may stop the world. */
export const SEQUENCER_POINTS = ['batch-read', 'tiles-written', 'head-moved'] as const
export type SequencerPoint = (typeof SEQUENCER_POINTS)[number]

export interface SequenceParts {
  readonly ledgerName: string
  readonly signer: LogSigner
  readonly now: () => number
  readonly reached?: (point: SequencerPoint) => void | Promise<void>
}

/** `<ledger name>/ledger/<tenant>`: origin of the log's checkpoints and name of its key. */
export function logKey(ledgerName: string, tenantId: string, publicKey: Buffer): NoteKey {
  return noteKey(`${ledgerName}/ledger/${tenantId}`, publicKey)
}

/**
 * Gives queued entries their place in the handle's log, at most one batch. Head, tiles, bundles and places
 * move in this one transaction, from the size that was locked: two nodes cannot fork a log.
 *
 * @returns how many entries were placed; 0 when none waited, `busy` when another node has the log
 */
export async function sequenceBatch(
  tx: Transaction,
  parts: SequenceParts,
): Promise<number | 'busy'> {
  const size = await lockHead(tx)
  if (size === undefined) return 'busy'
  const waiting = await tx.rows<{ queue_id: number; entry_ids: string[]; entries: Buffer }>(
    WAITING,
    [tx.tenantId, MOST_ROWS, LARGEST_BATCH],
  )
  if (waiting.length === 0) return 0
  await parts.reached?.('batch-read')
  const ids = waiting.flatMap((row) => row.entry_ids)
  const entries = waiting.flatMap((row) => unpackEntries(row.entries))
  if (ids.length !== entries.length)
    throw new Error('a waiting row names other entries than it has')
  const edge = await loadEdge(tx, size)
  const changes = growEdge(edge, entries)
  await writeChanges(tx, changes)
  const labels = entries.map(labelsOf)
  await tx.change(
    `insert into ledger_places (tenant_id, entry_id, entry_index, at, kind, actor)
     select $1, n.id, $3 + n.place - 1, n.at, n.kind, n.actor
       from unnest($2::uuid[], $4::timestamptz[], $5::text[], $6::text[]) with ordinality as n (id, at, kind, actor, place)`,
    [
      tx.tenantId,
      ids,
      size,
      labels.map((label) => label.at),
      labels.map((label) => label.kind),
      labels.map((label) => label.actor),
    ],
  )
  // By number, not by range: a smaller number may commit later than a larger one.
  await tx.change(
    'delete from ledger_waiting where tenant_id = $1 and queue_id = any($2::bigint[])',
    [tx.tenantId, waiting.map((row) => row.queue_id)],
  )
  await parts.reached?.('tiles-written')
  await moveHead(tx, parts, size, edge.size, edgeRoot(edge))
  await parts.reached?.('head-moved')
  return entries.length
}

async function lockHead(tx: Transaction): Promise<number | undefined> {
  const lock = 'select size from ledger_heads where tenant_id = $1 for update skip locked'
  const [head] = await tx.rows<{ size: number }>(lock, [tx.tenantId])
  if (head) return head.size
  // No head, or another node holds it. A new head waits for whoever makes the same one.
  const made = await tx.change(
    `insert into ledger_heads (tenant_id, size, checkpoint, signed_at) values ($1, 0, '', now()) on conflict do nothing`,
    [tx.tenantId],
  )
  return made === 1 ? 0 : undefined
}

async function moveHead(
  tx: Transaction,
  parts: SequenceParts,
  from: number,
  to: number,
  root: string,
): Promise<void> {
  const key = logKey(parts.ledgerName, tx.tenantId, parts.signer.publicKey)
  const note = signNote(
    formatCheckpoint({ origin: key.name, size: to, root }),
    key,
    parts.signer.sign,
  )
  const moved = await tx.change(
    'update ledger_heads set size = $3, checkpoint = $4, signed_at = $5 where tenant_id = $1 and size = $2',
    [tx.tenantId, from, to, note, new Date(parts.now())],
  )
  if (moved !== 1) throw new Error('the head of the log moved under its lock')
}

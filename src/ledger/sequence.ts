import { arrayLiteral } from '#database/array-literal.ts'
import type { Transaction } from '#database/handles.ts'
import { edgeRoot, growEdge, loadEdge, writeTiles } from './tree-edge.ts'
import { formatCheckpoint } from './verify/checkpoint.ts'
import { HASH_BYTES, type TreeHash } from './verify/hash-tree.ts'
import { type NoteKey, noteKey, signNote } from './verify/note.ts'

const MOST_SEGMENTS = 1_024

/** What a sequencer signs with. */
export interface LogSigner {
  readonly publicKey: Buffer
  sign(message: Buffer): Buffer
}

/** Points of one batch at which a test may stop the world. */
export const SEQUENCER_POINTS = ['batch-read', 'tiles-written', 'head-moved'] as const
export type SequencerPoint = (typeof SEQUENCER_POINTS)[number]

interface Waiting {
  readonly queue_id: number
  readonly hashes: Buffer
}

export interface Batch {
  /** How many entries got their place. */
  readonly placed: number
  /** More waited than fit one batch. What was appended since it was read is not meant: that gathers first. */
  readonly more: boolean
}

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
 * Gives waiting segments their place in the handle's log, at most one batch. Head, tiles and places move in this one
 * transaction, from the size that was locked: two nodes cannot fork a log. The entries themselves stay where they are.
 *
 * @returns `busy` when another node has the log
 */
export async function sequenceBatch(
  tx: Transaction,
  parts: SequenceParts,
): Promise<Batch | 'busy'> {
  const size = await lockHead(tx)
  if (size === undefined) return 'busy'
  const waiting = await tx.rows<Waiting>(
    `select queue_id, hashes from ledger_segments
      where tenant_id = $1 and first_index is null order by queue_id limit $2`,
    [tx.tenantId, MOST_SEGMENTS],
  )
  if (waiting.length === 0) return { placed: 0, more: false }
  await parts.reached?.('batch-read')
  const edge = await loadEdge(tx, size)
  await writeTiles(tx, growEdge(edge, leavesOf(waiting)))
  await placeSegments(tx, size, waiting)
  await parts.reached?.('tiles-written')
  await moveHead(tx, parts, size, edge.size, edgeRoot(edge))
  await parts.reached?.('head-moved')
  return { placed: edge.size - size, more: waiting.length === MOST_SEGMENTS }
}

function leavesOf(segments: readonly Waiting[]): TreeHash[] {
  return segments.flatMap(({ hashes }) =>
    Array.from({ length: hashes.length / HASH_BYTES }, (_, i) =>
      hashes.toString('latin1', i * HASH_BYTES, (i + 1) * HASH_BYTES),
    ),
  )
}

/** By number, not by range: a smaller number may commit later than a larger one. */
async function placeSegments(
  tx: Transaction,
  size: number,
  segments: readonly Waiting[],
): Promise<void> {
  let end = size
  const firsts = segments.map(({ hashes }) => {
    const first = end
    end += hashes.length / HASH_BYTES
    return first
  })
  const placed = await tx.change(
    `update ledger_segments s set first_index = n.first_index
       from unnest($2::bigint[], $3::bigint[]) as n (queue_id, first_index)
      where s.tenant_id = $1 and s.queue_id = n.queue_id`,
    [tx.tenantId, arrayLiteral(segments.map((one) => one.queue_id)), arrayLiteral(firsts)],
  )
  if (placed !== segments.length) throw new Error('a waiting segment went away under the lock')
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

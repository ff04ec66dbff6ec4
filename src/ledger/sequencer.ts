import { setTimeout as pause } from 'node:timers/promises'
import { type Database, INSTALLATION } from '#database/handles.ts'
import { canonicalJson } from '#foundation/canonical-json.ts'
import { type Clock, toTimestamp } from '#foundation/clock.ts'
import { sha256Hex } from '#foundation/hashing.ts'
import { newOrderedId } from '#foundation/ids.ts'
import type { Log } from '#foundation/log.ts'
import { APPENDED, append } from './append.ts'
import { type LogSigner, type SequencerPoint, sequenceBatch } from './sequence.ts'

const SWEEP_IN_MS = 1_000
/**
 * Entries gather for this long before they get their place: a batch rewrites the growing bundle and tiles, whatever
 * its size, so ten small ones cost ten times as much as one.
 */
const GATHER_IN_MS = 200
const ANCHOR_IN_MS = 60_000
const HEADS_IN_ONE_ENTRY = 400

export interface Sequencer {
  /** Resolves when nothing that was committed before the call still waits for its place. */
  settled(): Promise<void>
  /** Notes the heads of all logs that moved in the installation's log. */
  anchor(): Promise<void>
  stop(): Promise<void>
}

export interface SequencerParts {
  readonly database: Database
  readonly ledgerName: string
  readonly signer: LogSigner
  readonly clock: Clock
  readonly log: Log
  readonly reached?: (point: SequencerPoint) => void | Promise<void>
}

/**
 * Runs on every node. It follows this node's own commits at once and sweeps once a second for what a node
 * that died left in the queue.
 */
export function startSequencer(parts: SequencerParts): Sequencer {
  const { database, clock, log } = parts
  const running = new Map<string, Promise<void>>()
  const wanted = new Set<string>()
  let stopped = false
  let stopping = false
  let hurried = 0
  let anchored = ''

  const work = { ...parts, now: () => clock.now() }
  const drain = async (tenantId: string): Promise<void> => {
    while (wanted.has(tenantId)) {
      if (!stopping && !hurried) await pause(GATHER_IN_MS)
      wanted.delete(tenantId)
      for (;;) {
        const batch = await database.write(tenantId, (tx) => sequenceBatch(tx, work))
        if (batch === 'busy' || !batch.more) break
      }
    }
  }
  const wake = (tenantId: string): void => {
    wanted.add(tenantId)
    if (running.has(tenantId)) return
    const run = drain(tenantId)
      .catch(() => log.warn('a log could not be sequenced now and is tried again', { tenantId }))
      .finally(() => {
        running.delete(tenantId)
        if (wanted.has(tenantId) && !stopped) wake(tenantId)
      })
    running.set(tenantId, run)
  }
  const waitingLogs = (): Promise<readonly { id: string }[]> =>
    database.read(INSTALLATION, (reader) =>
      reader.rows<{ id: string }>('select sluss_logs_with_queue() as id'),
    )
  const sweep = async (): Promise<number> => {
    const logs = await waitingLogs()
    for (const { id } of logs) wake(id)
    return logs.length
  }
  const settled = async (): Promise<void> => {
    hurried++
    try {
      while ((await sweep()) > 0 || running.size > 0) await Promise.all(running.values())
    } finally {
      hurried--
    }
  }

  const anchor = async (): Promise<void> => {
    const heads = await database.read(INSTALLATION, (reader) =>
      reader.rows<{ tenant_id: string; size: number; checkpoint: string }>(
        'select tenant_id, size, checkpoint from sluss_log_heads() where tenant_id <> $1',
        [INSTALLATION],
      ),
    )
    const moved = heads.map(({ tenant_id: log, size, checkpoint }) => ({
      log,
      size,
      root: checkpoint.split('\n')[2] ?? '',
    }))
    const state = sha256Hex(canonicalJson(moved))
    if (moved.length === 0 || state === anchored) return
    await database.write(INSTALLATION, async (tx) => {
      for (let from = 0; from < moved.length; from += HEADS_IN_ONE_ENTRY) {
        await append(tx, {
          id: newOrderedId(clock.now()),
          at: toTimestamp(clock.now()),
          kind: 'checkpoints',
          actor: `node:${database.nodeId}`,
          data: { heads: moved.slice(from, from + HEADS_IN_ONE_ENTRY) },
        })
      }
    })
    anchored = state
  }

  const stopFollowing = database.onCommitted(APPENDED, wake)
  const every = (
    milliseconds: number,
    what: string,
    task: () => Promise<unknown>,
  ): NodeJS.Timeout => {
    const timer = setInterval(() => {
      task().catch(() => log.warn(`${what} failed and is tried again`))
    }, milliseconds)
    timer.unref()
    return timer
  }
  const timers = [
    every(SWEEP_IN_MS, 'looking for waiting entries', sweep),
    every(ANCHOR_IN_MS, 'noting the heads of the logs', anchor),
  ]
  return {
    settled,
    anchor,
    stop: async () => {
      stopping = true
      stopFollowing()
      timers.forEach(clearInterval)
      await anchor().catch(() => log.warn('the heads of the logs could not be noted at the end'))
      await settled().catch(() => log.warn('entries stay in the queue for the next start'))
      stopped = true
    },
  }
}

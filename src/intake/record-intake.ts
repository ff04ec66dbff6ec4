import type { Transaction } from '#database/handles.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { newOrderedId } from '#foundation/ids.ts'
import type { Refusal, RefusalCode } from '#foundation/refusal.ts'
import { append } from '#ledger/append.ts'
import type { Entry } from '#ledger/entry.ts'
import type { Plan } from '#minimisation/plan.ts'
import type { Projected } from '#minimisation/projection.ts'
import type { IntakeBatch, IntakeParts } from './receive.ts'

/** A commitment takes 25 bytes of an entry, which holds 65,535. */
const SUBJECTS_IN_ONE_ENTRY = 2_000

type Place = Pick<IntakeBatch, 'connectionId' | 'flow'>

/** Evidence of what came in: items and counts, subjects by commitment, never a value. */
export async function intakeEntries(
  tx: Transaction,
  batch: Place,
  plan: Plan,
  projected: Pick<Projected, 'passed' | 'withheld' | 'unknown'>,
  subjects: readonly string[],
  parts: IntakeParts,
): Promise<readonly Entry[]> {
  const commitments = await parts.keys.subjectCommitments(tx, subjects)
  const names = subjects.map((subject) => commitments.get(subject) ?? '')
  const chunks = Math.max(1, Math.ceil(names.length / SUBJECTS_IN_ONE_ENTRY))
  return Array.from({ length: chunks }, (_, i) => ({
    id: newOrderedId(parts.now),
    at: toTimestamp(parts.now),
    kind: 'intake' as const,
    actor: parts.actor,
    data: {
      connection: batch.connectionId,
      flow: batch.flow,
      manifest: plan.manifestHash,
      plan: plan.hash,
      policies: parts.decider.policyHash,
      ...(parts.node === undefined ? {} : { node: parts.node }),
      part: [i + 1, chunks],
      kept: i === 0 ? projected.passed : {},
      withheld: i === 0 ? projected.withheld : {},
      unknown: i === 0 ? projected.unknown : 0,
      subjects: names.slice(i * SUBJECTS_IN_ONE_ENTRY, (i + 1) * SUBJECTS_IN_ONE_ENTRY),
    },
  }))
}

/** Evidence that none of so many records came in, and why. */
export function refusalEntry(
  batch: Place & { readonly records: number },
  plan: Plan,
  refusal: Refusal,
  parts: IntakeParts,
): Entry {
  return {
    id: newOrderedId(parts.now),
    at: toTimestamp(parts.now),
    kind: 'refusal',
    actor: parts.actor,
    data: {
      connection: batch.connectionId,
      flow: batch.flow,
      plan: plan.hash,
      reason: refusal.refused,
      records: batch.records,
    },
  }
}

/** Evidence of events that did not come in because of what they were or who sent them, together with how many. */
export function recordRefusedEvents(
  tx: Transaction,
  connectionId: string,
  refused: { readonly reason: RefusalCode; readonly times: number },
  by: { readonly actor: string; readonly now: number },
): Promise<void> {
  return append(tx, {
    id: newOrderedId(by.now),
    at: toTimestamp(by.now),
    kind: 'refusal',
    actor: by.actor,
    data: { connection: connectionId, ...refused },
  })
}

import { groupCommits } from '#database/group.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { newOrderedId } from '#foundation/ids.ts'
import type { Refusal } from '#foundation/refusal.ts'
import { appendAll } from '#ledger/append.ts'
import type { OpenGate } from './gate.ts'
import type { SharingParts } from './parts.ts'

interface Where {
  readonly tenantId: string
  readonly connectionId: string
  readonly actor: string
  readonly exchange?: { readonly id: string; readonly outbound: string }
}

interface Refused {
  readonly where: Where
  readonly refusal: Refusal
  readonly plan: string | undefined
  readonly at: number
}

/** Records refusals. One that cannot be recorded stays a refusal all the same. */
export function createRefusals(parts: SharingParts, now: () => number) {
  const commits = groupCommits(async (tenantId, refused: readonly Refused[]) => {
    const entries = refused.map(({ where, refusal, plan, at }) => ({
      id: newOrderedId(at),
      at: toTimestamp(at),
      kind: 'refusal' as const,
      actor: where.actor,
      data: {
        connection: where.connectionId,
        exchange: where.exchange?.id ?? null,
        flow: where.exchange?.outbound ?? null,
        plan: plan ?? null,
        reason: refusal.refused,
      },
    }))
    await parts.database.write(tenantId, (tx) => appendAll(tx, entries))
    return refused.map(() => true)
  })
  return {
    record: async (where: Where, refusal: Refusal, gate?: OpenGate): Promise<Refusal> => {
      if (refusal.refused === 'evidence_unavailable') return refusal
      try {
        await commits.submit(where.tenantId, {
          where,
          refusal,
          plan: gate?.outbound.hash,
          at: now(),
        })
      } catch {
        parts.log.warn('a refusal could not be recorded', {
          tenantId: where.tenantId,
          refusal: refusal.refused,
        })
      }
      return refusal
    },
  }
}

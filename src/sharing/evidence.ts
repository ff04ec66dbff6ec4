import { useApproval } from '#agreements/approval.ts'
import { APPLE_SUBJECT } from './subject-item.ts'
import type { Transaction } from '#database/handles.ts'
import { type GroupCommits, groupCommits } from '#database/group.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { newOrderedId } from '#foundation/ids.ts'
import { type Refusal, refuse } from '#foundation/refusal.ts'
import { appendAll } from '#ledger/append.ts'
import type { Entry } from '#ledger/entry.ts'
import { lockFactsVersion } from '#tenants/facts-version.ts'
import type { OpenGate } from './gate.ts'
import type { SharingParts } from './parts.ts'
import type { Payload } from './project-request.ts'

/** A disclosure on its way into the ledger. */
export interface Disclosure {
  readonly gate: OpenGate
  readonly payload: Payload
  readonly actor: string
  readonly at: number
}

/** The id of the durable entry, or why there is none: the facts moved since the plan was made, or a refusal. */
export type Recorded = { readonly entryId: string } | 'stale' | Refusal

/** Evidence and outbox of calls that wait at the same time share one commit per tenant. */
export function createEvidence(parts: SharingParts): GroupCommits<Disclosure, Recorded> {
  return groupCommits(parts.database, (tx, disclosures) =>
    recordDisclosures(tx, parts, disclosures),
  )
}

/**
 * Writes entry and outbox row of each disclosure whose plan still rests on the facts as they are. The version is
 * held until the commit: a withdrawal is either before it, and then nothing is recorded or sent, or after it.
 */
async function recordDisclosures(
  tx: Transaction,
  parts: SharingParts,
  disclosures: readonly Disclosure[],
): Promise<readonly Recorded[]> {
  const version = await lockFactsVersion(tx)
  const commitment = await parts.keys.payloadCommitment(tx)
  const entries: Entry[] = []
  const answers: Recorded[] = []
  for (const { gate, payload, actor, at } of disclosures) {
    if (gate.version !== version) {
      answers.push('stale')
      continue
    }
    const entryId = newOrderedId(at)
    const subjects = await parts.names.name(tx, APPLE_SUBJECT, payload.subjects)
    if (gate.exchange.permanent) {
      const { connectionId } = gate.connection
      const approved = await useApproval(tx, {
        connectionId,
        exchangeId: gate.exchange.id,
        subjects: Math.max(1, subjects.length),
        entryId,
        now: at,
      })
      if (!approved) {
        answers.push(refuse('approval_missing', { exchange: gate.exchange.id }))
        continue
      }
    }
    const sent = `${payload.request.method} ${payload.request.target}\n${payload.request.body ?? ''}`
    entries.push({
      id: entryId,
      at: toTimestamp(at),
      kind: 'disclosure',
      actor,
      data: {
        connection: gate.connection.connectionId,
        party: gate.outbound.recipient,
        flow: gate.exchange.outbound,
        exchange: gate.exchange.id,
        purpose: gate.exchange.purpose,
        manifest: gate.outbound.manifestHash,
        plan: gate.outbound.hash,
        policies: parts.decider.policyHash,
        items: itemsSent(gate, payload),
        withheld: payload.withheld,
        unknown: payload.unknown,
        subjects,
        payload: commitment(sent),
        bytes: Buffer.byteLength(payload.request.body ?? ''),
      },
    })
    answers.push({ entryId })
  }
  await appendAll(tx, entries)
  await openOutbox(tx, parts.database.nodeId, entries)
  return answers
}

/** Item to its precision and how many values of it are in the call. */
function itemsSent(gate: OpenGate, payload: Payload): Record<string, readonly [string, number]> {
  const precision = new Map(gate.outbound.items.map((item) => [item.item, item.precision]))
  return Object.fromEntries(
    Object.entries(payload.passed).map(([item, count]) => [
      item,
      [precision.get(item) ?? 'withheld', count],
    ]),
  )
}

async function openOutbox(
  tx: Transaction,
  nodeId: string,
  entries: readonly Entry[],
): Promise<void> {
  if (entries.length === 0) return
  await tx.change(
    `insert into outbox (tenant_id, entry_id, connection_id, exchange_id, node_id)
     select $1, n.entry_id, n.connection_id, n.exchange_id, $2
       from unnest($3::uuid[], $4::text[], $5::text[]) as n (entry_id, connection_id, exchange_id)`,
    [
      tx.tenantId,
      nodeId,
      entries.map((e) => e.id),
      entries.map((e) => e.data.connection),
      entries.map((e) => e.data.exchange),
    ],
  )
}

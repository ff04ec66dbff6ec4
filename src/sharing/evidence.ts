import { useApproval } from '#agreements/approval.ts'
import { SERIAL_NUMBER } from './subject-item.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { newOrderedId } from '#foundation/ids.ts'
import { type Refusal, refuse } from '#foundation/refusal.ts'
import { append } from '#ledger/append.ts'
import type { Entry } from '#ledger/entry.ts'
import { entryTemplate } from '#ledger/prepare.ts'
import { lockFactsVersion } from '#tenants/facts-version.ts'
import type { OpenGate } from './gate.ts'
import type { Journal } from './journal.ts'
import { type NameSubjects, nameTogether } from './name-together.ts'
import type { SharingParts } from './parts.ts'
import { keepNamesOf } from './party-names.ts'
import { commandOf } from './permanent.ts'
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

export interface Evidence {
  /** Makes the disclosure's entry durable, unless the facts moved since its plan was made. */
  record(tenantId: string, disclosure: Disclosure): Promise<Recorded>
}

/** Writes down what will leave before it leaves. */
export function createEvidence(parts: SharingParts, journal: Journal): Evidence {
  const { policyHash } = parts.decider
  const { nodeId } = parts.database
  const nameSubjects = nameTogether(parts)
  const templates = new WeakMap<OpenGate, ReturnType<typeof entryTemplate>>()
  const templateOf = (gate: OpenGate): ReturnType<typeof entryTemplate> => {
    const known = templates.get(gate)
    if (known) return known
    const made = entryTemplate('disclosure', decided(gate, policyHash, nodeId), OF_THE_CALL)
    templates.set(gate, made)
    return made
  }
  return {
    record: async (tenantId, disclosure) => {
      const { gate, payload, actor, at } = disclosure
      const subjects = await nameAllSubjects(parts, nameSubjects, tenantId, gate, payload)
      const head = { id: newOrderedId(at), at: toTimestamp(at), actor }
      const data = ofTheCall(gate, payload, subjects)
      if (gate.exchange.permanent) {
        const entry = { ...head, kind: 'disclosure' as const }
        return recordPermanent(parts, tenantId, disclosure, {
          ...entry,
          data: { ...decided(gate, policyHash, nodeId), ...data },
        })
      }
      const written = await journal.submit(tenantId, {
        entry: templateOf(gate)({ ...head, data }),
        version: gate.version,
        connectionId: gate.connection.connectionId,
        exchangeId: gate.exchange.id,
      })
      return written ? { entryId: head.id } : 'stale'
    },
  }
}

/** By the item that names them, or by each of several. What pseudonyms stand for is kept before they leave. */
async function nameAllSubjects(
  parts: SharingParts,
  nameSubjects: NameSubjects,
  tenantId: string,
  gate: OpenGate,
  { named, subjects }: Payload,
): Promise<readonly string[]> {
  if (!named) return nameSubjects(tenantId, gate.exchange.subject ?? SERIAL_NUMBER, subjects)
  await keepNamesOf(parts, tenantId, gate, named)
  const commitments = new Set<string>()
  for (const [item, values] of named)
    for (const one of await nameSubjects(tenantId, item, values)) commitments.add(one)
  return [...commitments]
}

/** What a disclosure's entry says of the decision: the same for every call through the gate. */
function decided(gate: OpenGate, policyHash: string, node: string): Entry['data'] {
  return {
    connection: gate.connection.connectionId,
    party: gate.outbound.recipient,
    flow: gate.exchange.outbound,
    exchange: gate.exchange.id,
    purpose: gate.exchange.purpose,
    manifest: gate.outbound.manifestHash,
    plan: gate.outbound.hash,
    policies: policyHash,
    node,
  }
}

const OF_THE_CALL = ['items', 'withheld', 'unknown', 'subjects', 'payload', 'bytes']

/** What it says of this one call, and no other than `OF_THE_CALL`. */
function ofTheCall(gate: OpenGate, payload: Payload, subjects: readonly string[]): Entry['data'] {
  const { request } = payload
  return {
    items: itemsSent(gate, payload),
    withheld: payload.withheld,
    unknown: payload.unknown,
    subjects,
    payload: gate.commitment(`${request.method} ${request.target}\n${request.body ?? ''}`),
    bytes: Buffer.byteLength(request.body ?? ''),
  }
}

/**
 * A call that cannot be undone uses up the approval of this very command in the same commit. The facts' version is held
 * until the commit: a withdrawal is either before it, and then nothing is recorded or sent, or after it.
 */
function recordPermanent(
  parts: SharingParts,
  tenantId: string,
  { gate, payload, at }: Disclosure,
  entry: Entry,
): Promise<Recorded> {
  return parts.database.write(tenantId, async (tx) => {
    if ((await lockFactsVersion(tx)) !== gate.version) return 'stale'
    const command = commandOf(gate, payload)
    const approval =
      command && (await useApproval(tx, parts.keys, command, { entryId: entry.id, now: at }))
    if (approval === undefined) return refuse('approval_missing', { exchange: gate.exchange.id })
    await append(tx, { ...entry, data: { ...entry.data, approval } })
    await tx.change(
      'insert into outbox (tenant_id, entry_id, connection_id, exchange_id, node_id) values ($1, $2, $3, $4, $5)',
      [
        tx.tenantId,
        entry.id,
        gate.connection.connectionId,
        gate.exchange.id,
        parts.database.nodeId,
      ],
    )
    return { entryId: entry.id }
  })
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

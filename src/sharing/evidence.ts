import type { ItemId } from '#catalog/catalog.ts'
import { useApproval } from '#agreements/approval.ts'
import { SERIAL_NUMBER } from './subject-item.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { newOrderedId } from '#foundation/ids.ts'
import { type Refusal, refuse } from '#foundation/refusal.ts'
import { append, entryBytes } from '#ledger/append.ts'
import type { Entry } from '#ledger/entry.ts'
import { lockFactsVersion } from '#tenants/facts-version.ts'
import type { OpenGate } from './gate.ts'
import type { Journal } from './journal.ts'
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

export interface Evidence {
  /** Makes the disclosure's entry durable, unless the facts moved since its plan was made. */
  record(tenantId: string, disclosure: Disclosure): Promise<Recorded>
}

/** Writes down what will leave before it leaves. */
export function createEvidence(parts: SharingParts, journal: Journal): Evidence {
  return {
    record: async (tenantId, disclosure) => {
      const { gate, payload } = disclosure
      const subjects = await nameSubjects(
        parts,
        tenantId,
        gate.exchange.subject ?? SERIAL_NUMBER,
        payload.subjects,
      )
      const entry = disclosureEntry(parts, disclosure, subjects)
      if (gate.exchange.permanent) return recordPermanent(parts, tenantId, disclosure, entry)
      const written = await journal.submit(tenantId, {
        id: entry.id,
        bytes: entryBytes(entry),
        version: gate.version,
        connectionId: gate.connection.connectionId,
        exchangeId: gate.exchange.id,
      })
      return written ? { entryId: entry.id } : 'stale'
    },
  }
}

/** Commitments for the subjects of a call. One whom nobody knew gets its key in a commit before. */
async function nameSubjects(
  parts: SharingParts,
  tenantId: string,
  item: ItemId,
  values: readonly string[],
): Promise<readonly string[]> {
  const known = parts.names.known(tenantId, item, values)
  if (known) return known
  return parts.database.write(tenantId, (tx) => parts.names.name(tx, item, values))
}

function disclosureEntry(
  parts: SharingParts,
  { gate, payload, actor, at }: Disclosure,
  subjects: readonly string[],
): Entry {
  const { request } = payload
  return {
    id: newOrderedId(at),
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
      payload: gate.commitment(`${request.method} ${request.target}\n${request.body ?? ''}`),
      bytes: Buffer.byteLength(request.body ?? ''),
    },
  }
}

/**
 * A call that cannot be undone uses up an approval in the same commit. The facts' version is held until the commit:
 * a withdrawal is either before it, and then nothing is recorded or sent, or after it.
 */
function recordPermanent(
  parts: SharingParts,
  tenantId: string,
  { gate, at }: Disclosure,
  entry: Entry,
): Promise<Recorded> {
  return parts.database.write(tenantId, async (tx) => {
    if ((await lockFactsVersion(tx)) !== gate.version) return 'stale'
    const { connectionId } = gate.connection
    const approved = await useApproval(tx, {
      connectionId,
      exchangeId: gate.exchange.id,
      subjects: Math.max(1, (entry.data.subjects as readonly string[]).length),
      entryId: entry.id,
      now: at,
    })
    if (!approved) return refuse('approval_missing', { exchange: gate.exchange.id })
    await append(tx, entry)
    await tx.change(
      'insert into outbox (tenant_id, entry_id, connection_id, exchange_id, node_id) values ($1, $2, $3, $4, $5)',
      [tx.tenantId, entry.id, connectionId, gate.exchange.id, parts.database.nodeId],
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

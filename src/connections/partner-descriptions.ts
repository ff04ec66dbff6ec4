import { type CheckedAgainst, checkPartner } from '#catalog/check-partner.ts'
import type { PartnerDescription } from '#catalog/partner-description.ts'
import { INSTALLATION, type Reader, type Transaction } from '#database/handles.ts'
import { type Json, canonicalJson } from '#foundation/canonical-json.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { sha256Hex } from '#foundation/hashing.ts'
import { newOrderedId } from '#foundation/ids.ts'
import { type Refusal, isRefusal, refuse } from '#foundation/refusal.ts'
import { append } from '#ledger/append.ts'
import type { ConnectionBy } from './connection.ts'

/** One version of a description, as it was stored. */
export interface StoredDescription {
  readonly description: PartnerDescription
  readonly version: number
  /** SHA-256 of its canonical JSON, hex. */
  readonly hash: string
  readonly storedBy: string
  readonly storedAt: Date
  readonly entryId: string
}

interface Row {
  description: string
  version: number
  description_hash: string
  stored_by: string
  stored_at: Date
  entry_id: string
}

const COLUMNS = 'description, version, description_hash, stored_by, stored_at, entry_id'

/**
 * Stores a description, as the first of its id or as the next version. No version is ever changed. A version that says
 * more than the one before does not widen any consent: what is new waits for it. The handle is the installation's.
 *
 * @returns what was stored, or what stood already where it is the same; `description_kept` for a new version that has
 *   another party, takes a feature away, changes what a feature is for, or signs in elsewhere; the refusals of
 *   `checkPartner`; `precondition_failed` where somebody else stored one at the same time
 */
export async function storeDescription(
  tx: Transaction,
  given: unknown,
  against: Omit<CheckedAgainst, 'others'>,
  by: ConnectionBy,
): Promise<StoredDescription | Refusal> {
  if (tx.tenantId !== INSTALLATION)
    throw new RangeError('descriptions of parties belong to the installation')
  const stored = await readDescriptions(tx)
  const id = (given as { id?: unknown } | null)?.id
  const before = stored.find((one) => one.description.id === id)
  const others = stored.map((one) => one.description).filter((one) => one.id !== id)
  const read = checkPartner(given, { ...against, others })
  if (isRefusal(read)) return read
  const { description } = read
  const json = canonicalJson(description as unknown as Json)
  const hash = sha256Hex(json)
  if (before?.hash === hash) return before
  const kept = before && whatChanges(before.description, description)
  if (kept) return refuse('description_kept', { field: kept })

  const version = (before?.version ?? 0) + 1
  const entryId = newOrderedId(by.at)
  const inserted = await tx.change(
    `insert into partner_descriptions
       (tenant_id, description_id, version, description, description_hash, stored_by, stored_at, entry_id)
     values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict do nothing`,
    [tx.tenantId, description.id, version, json, hash, by.actor, new Date(by.at), entryId],
  )
  if (inserted === 0) return refuse('precondition_failed', { description: description.id })
  await append(tx, {
    id: entryId,
    at: toTimestamp(by.at),
    kind: 'partner.described',
    actor: by.actor,
    data: {
      description: description.id,
      version,
      hash,
      party: description.party.id,
      hosts: description.hosts,
      features: description.flows.map(({ feature }) => feature),
    },
  })
  // Every node hears of it, and every plan of every tenant is made anew.
  await tx.rows('select sluss_bump_all_facts()')
  return { description, version, hash, storedBy: by.actor, storedAt: new Date(by.at), entryId }
}

/** The member in which the new version says something that consents rest on without naming it; undefined where none. */
function whatChanges(before: PartnerDescription, after: PartnerDescription): string | undefined {
  const same = (one: unknown, other: unknown): boolean =>
    canonicalJson(one as Json) === canonicalJson(other as Json)
  if (!same(before.party, after.party)) return 'party'
  if (before.kind !== after.kind) return 'kind'
  const features = before.flows.every((flow) =>
    after.flows.some(
      (one) =>
        one.feature === flow.feature &&
        one.purpose === flow.purpose &&
        one.service === flow.service &&
        one.title === flow.title,
    ),
  )
  if (!features) return 'flows'
  // Secrets that were handed in for one place are never presented at another.
  const { scope: _, ...signIn } = { scope: undefined, ...before.auth }
  const { scope: __, ...signInAfter } = { scope: undefined, ...after.auth }
  return same(signIn, signInAfter) ? undefined : 'auth'
}

/** The newest version of each, by id. */
export async function readDescriptions(reader: Reader): Promise<readonly StoredDescription[]> {
  const rows = await reader.rows<Row>(
    `select distinct on (description_id) ${COLUMNS} from partner_descriptions
      where tenant_id = $1 order by description_id, version desc`,
    [reader.tenantId],
  )
  return rows.map(toStored)
}

/** All versions of one, the newest first. */
export async function readVersions(
  reader: Reader,
  descriptionId: string,
): Promise<readonly StoredDescription[]> {
  const rows = await reader.rows<Row>(
    `select ${COLUMNS} from partner_descriptions
      where tenant_id = $1 and description_id = $2 order by version desc`,
    [reader.tenantId, descriptionId],
  )
  return rows.map(toStored)
}

function toStored(row: Row): StoredDescription {
  return {
    description: JSON.parse(row.description) as PartnerDescription,
    version: row.version,
    hash: row.description_hash,
    storedBy: row.stored_by,
    storedAt: row.stored_at,
    entryId: row.entry_id,
  }
}

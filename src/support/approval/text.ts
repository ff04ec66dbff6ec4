import type { Reader } from '#database/handles.ts'
import { canonicalJson } from '#foundation/canonical-json.ts'
import { sha256 } from '#foundation/hashing.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { type Refusal, refuse } from '#foundation/refusal.ts'
import type { SupportParts } from '../parts.ts'
import type { SupportRequest } from '../request.ts'
import { MOST_RECORDS } from '../requests/ask.ts'
import { readSupportSettings, type SupportSettings } from '../support-settings.ts'

/** What an approver takes away from a request. Nothing can be added. */
export interface Narrowing {
  readonly items?: readonly string[]
  readonly records?: readonly string[]
  readonly durationMs?: number
  readonly precision?: 'exact' | 'masked'
}

/** What exactly would be approved, and the text that says so. */
export interface ApprovalOffer {
  /** Canonical JSON (RFC 8785). An Ed25519 key signs its UTF-8 bytes. */
  readonly text: string
  /** SHA-256 of the text, base64url: the challenge that a passkey signs. */
  readonly challenge: string
  readonly items: readonly string[]
  readonly records: readonly string[]
  readonly durationMs: number
  readonly precision: 'exact' | 'masked'
  readonly settings: SupportSettings
}

export const APPROVAL_TYPE = 'sluss.support.approval'

/**
 * Works out what an approver would approve now. A query is resolved here; the approver hands the records back as
 * they were shown, so what is frozen is what was seen.
 *
 * @returns `request_wider` when something was added, `record_unknown` when no record is meant
 */
export async function offerApproval(
  reader: Reader,
  parts: SupportParts,
  request: SupportRequest,
  approver: string,
  narrowing: Narrowing,
): Promise<ApprovalOffer | Refusal> {
  const resolved = new Set(await parts.resolveRecords(reader, request.scope))
  const items = [...new Set(narrowing.items ?? request.items)].sort()
  const records = [...new Set(narrowing.records ?? resolved)].sort()
  const durationMs = narrowing.durationMs ?? request.durationMs
  const precision = narrowing.precision ?? request.precision
  const wider = widening(request, { items, records, durationMs, precision }, resolved)
  if (wider) return refuse('request_wider', { request: request.requestId, field: wider })
  if (records.length === 0) return refuse('record_unknown', { request: request.requestId })
  if (records.length > MOST_RECORDS) return refuse('body_too_large', { mostRecords: MOST_RECORDS })
  const settings = await readSupportSettings(reader)
  const commit = await parts.keys.payloadCommitment(reader)
  const text = canonicalJson({
    type: APPROVAL_TYPE,
    v: 1,
    tenant: reader.tenantId,
    request: request.requestId,
    case: request.caseId,
    grant: request.grantId,
    asker: request.asker,
    approver,
    items,
    // Keyed by the tenant's key: the list names people's devices.
    records: { count: records.length, commitment: commit(canonicalJson(records)) },
    precision,
    purpose: request.purpose,
    reason: commit(request.reason),
    durationMs,
    starts: settings.starts,
    lapseHours: settings.lapseHours,
    expires: toTimestamp(request.expiresAt),
    nonce: request.nonce,
  })
  const challenge = sha256(text).toString('base64url')
  return { text, challenge, items, records, durationMs, precision, settings }
}

function widening(
  request: SupportRequest,
  wanted: Required<Narrowing>,
  resolved: ReadonlySet<string>,
): string | undefined {
  const { items, durationMs } = wanted
  if (items.length === 0 || items.some((item) => !request.items.includes(item))) return 'items'
  if (wanted.records.some((id) => !resolved.has(id))) return 'records'
  if (!Number.isSafeInteger(durationMs) || durationMs <= 0 || durationMs > request.durationMs)
    return 'durationMs'
  if (wanted.precision === 'exact' && request.precision === 'masked') return 'precision'
  return undefined
}

import type { Catalog, FlowId } from '#catalog/catalog.ts'
import { manifestOf } from '#catalog/manifest.ts'
import type { Transaction } from '#database/handles.ts'
import { newId } from '#foundation/ids.ts'
import { type Refusal, refuse } from '#foundation/refusal.ts'
import { type By, recordChange } from './change.ts'

/**
 * A tenant admin consents to a flow as its manifest stands now. `manifestHash` is what the admin was shown:
 * when the catalog has grown meanwhile the consent is refused, so that nobody agrees to what they did not see.
 * A new consent takes the place of the older one.
 *
 * @returns the consent's id, or `consent_lapsed` when the manifest is not the one that was shown
 */
export async function giveConsent(
  tx: Transaction,
  catalog: Catalog,
  consent: { flowId: FlowId; manifestHash: string; preview?: string | undefined; until?: number },
  by: By,
): Promise<string | Refusal> {
  const manifest = manifestOf(catalog, consent.flowId)
  if (manifest.hash !== consent.manifestHash) {
    return refuse('consent_lapsed', {
      flow: consent.flowId,
      expected: manifest.hash,
      came: consent.manifestHash,
    })
  }
  const id = newId()
  await tx.change(
    `insert into consents (tenant_id, consent_id, flow_id, manifest_hash, items, preview, given_by, given_at, valid_until)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
    [
      tx.tenantId,
      id,
      consent.flowId,
      manifest.hash,
      manifest.items,
      consent.preview ?? null,
      by.actor,
      new Date(by.at),
      consent.until === undefined ? null : new Date(consent.until),
    ],
  )
  await recordChange(tx, by, 'consent.given', {
    consent: id,
    flow: consent.flowId,
    manifest: manifest.hash,
    items: manifest.items.length,
    ...(consent.preview === undefined ? {} : { preview: consent.preview }),
  })
  return id
}

/**
 * Withdraws every consent of the flow that is still in force. The reason stays in the tenant's own rows; the
 * ledger carries none of a person's words.
 *
 * @returns how many consents ended
 */
export async function withdrawConsent(
  tx: Transaction,
  flowId: FlowId,
  by: By,
  reason?: string,
): Promise<number> {
  const rows = await tx.rows<{ consent_id: string }>(
    `update consents set withdrawn_at = $3, withdrawn_by = $4, withdrawal_reason = $5
      where tenant_id = $1 and flow_id = $2 and withdrawn_at is null returning consent_id`,
    [tx.tenantId, flowId, new Date(by.at), by.actor, reason ?? null],
  )
  if (rows.length === 0) return 0
  await recordChange(tx, by, 'consent.withdrawn', {
    flow: flowId,
    consents: rows.map((row) => row.consent_id),
  })
  return rows.length
}

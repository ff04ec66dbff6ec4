import type { ItemId } from '#catalog/catalog.ts'
import { planFlow } from '#agreements/plan-flow.ts'
import { readFlowFacts } from '#agreements/read-flow-facts.ts'
import { itemsOf } from '#catalog/shape.ts'
import { manifestOf } from '#catalog/manifest.ts'
import { compileProjection } from '#minimisation/compile.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { newOrderedId } from '#foundation/ids.ts'
import { append } from '#ledger/append.ts'
import type { Exchange } from './exchange.ts'
import type { SharingParts } from './parts.ts'

/** What an admin is shown before consenting: the very bytes, and a keyed commitment to them. */
export interface Preview {
  readonly manifestHash: string
  readonly json: string
  readonly withheld: Readonly<Record<ItemId, number>>
  readonly unknown: number
  readonly commitment: string
}

/**
 * Shows what of an example call would leave if the admin consented to the flow as it stands. Nothing is sent.
 * Only consent is imagined: features, contracts and the tenant's choices count as they are.
 */
export async function previewCall(
  parts: SharingParts,
  tenantId: string,
  exchange: Exchange,
  body: Buffer,
  by: { actor: string; at: number },
): Promise<Preview> {
  if (!exchange.request) throw new RangeError('the exchange sends no body')
  const { request } = exchange
  return parts.database.write(tenantId, async (tx) => {
    const facts = await readFlowFacts(tx, parts.catalog, exchange.outbound)
    const manifest = manifestOf(parts.catalog, exchange.outbound)
    const imagined = {
      ...facts,
      consent: {
        id: 'preview',
        manifestHash: manifest.hash,
        items: new Set(manifest.items),
        from: by.at,
        until: undefined,
        withdrawnAt: undefined,
      },
    }
    const plan = planFlow(
      parts,
      imagined,
      { purpose: exchange.purpose, permanent: false, approved: false },
      itemsOf(request),
      by.at,
    )
    const pseudonymKey = await parts.keys.pseudonymKey(tx, facts.party.id)
    const projected = compileProjection(plan, request, { pseudonymKey })(body)
    const json = projected.json ?? ''
    const commitment = (await parts.keys.payloadCommitment(tx))(json)
    await append(tx, {
      id: newOrderedId(by.at),
      at: toTimestamp(by.at),
      kind: 'preview.shown',
      actor: by.actor,
      data: {
        flow: exchange.outbound,
        exchange: exchange.id,
        manifest: manifest.hash,
        plan: plan.hash,
        preview: commitment,
      },
    })
    return {
      manifestHash: manifest.hash,
      json,
      withheld: projected.withheld,
      unknown: projected.unknown,
      commitment,
    }
  })
}

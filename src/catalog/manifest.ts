import { type Json, canonicalJson } from '#foundation/canonical-json.ts'
import { sha256Hex } from '#foundation/hashing.ts'
import type { Catalog, Direction, Flow, FlowId, ItemId, PartyId, PurposeId } from './catalog.ts'

/** What a tenant admin consents to, and nothing else: who, which way, which items, what for. */
export interface Manifest {
  readonly flow: FlowId
  readonly party: PartyId
  readonly service: string
  readonly direction: Direction
  readonly purposes: readonly PurposeId[]
  /** Items whose enforced direction is the flow's, sorted, each once. */
  readonly items: readonly ItemId[]
  /** RFC 8785 canonical JSON of all the above. */
  readonly json: string
  /** SHA-256 of `json`, hex: changes exactly when what is consented to changes. */
  readonly hash: string
}

/** By the flow itself: a flow that changes is another one. */
const made = new WeakMap<Flow, Manifest>()

/** @throws RangeError for a flow that is not in the catalog */
export function manifestOf(catalog: Catalog, flowId: FlowId): Manifest {
  const flow = catalog.flows.get(flowId)
  if (!flow) throw new RangeError(`no flow ${flowId} in the catalog`)
  const known = made.get(flow)
  if (known) return known
  const items = flow.items
    .filter((row) => (row.enforcedDirection ?? flow.direction) === flow.direction)
    .map((row) => row.item)
  const content = {
    flow: flow.id,
    party: flow.party,
    service: flow.service,
    direction: flow.direction,
    purposes: [...flow.purposes].sort(),
    items: [...new Set(items)].sort(),
  }
  const json = canonicalJson(content as unknown as Json)
  const manifest = Object.freeze({ ...content, json, hash: sha256Hex(json) })
  made.set(flow, manifest)
  return manifest
}

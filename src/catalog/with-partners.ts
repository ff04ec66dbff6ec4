import type { Catalog, Feature, Flow, Party } from './catalog.ts'
import { isPartnerFeature } from './check-partner.ts'
import { protocolRow } from './flows/protocol-row.ts'
import type { ReadPartner } from './read-partner.ts'

/** The parties, features and flows that descriptions add to a catalog. Items are never added: the catalog is the list. */
export interface PartnerAdditions {
  readonly flows: ReadonlyMap<string, Flow>
  readonly parties: ReadonlyMap<string, Party>
  readonly features: ReadonlyMap<string, Feature>
}

/** @throws Error for an item that the catalog does not have: what is handed in has been checked */
export function additionsOf(catalog: Catalog, partners: readonly ReadPartner[]): PartnerAdditions {
  const flows = new Map<string, Flow>()
  const parties = new Map<string, Party>()
  const features = new Map<string, Feature>()
  for (const { description, items } of partners) {
    const { party } = description
    if (!catalog.parties.has(party.id))
      parties.set(
        party.id,
        Object.freeze({ id: party.id, name: party.name, standing: party.standing }),
      )
    for (const { feature, title, service, purpose } of description.flows) {
      if (isPartnerFeature(feature)) continue
      const own = (['outbound', 'inbound'] as const).flatMap((direction): Flow[] => {
        const ids = items.get(feature)?.[direction] ?? []
        if (ids.length === 0) return []
        const rows = ids.map((id) =>
          protocolRow(catalog.items, id, {
            source: `description:${description.id}.${direction}.${id}`,
            why: 'Described by the operator',
          }),
        )
        const id = `${feature}/${direction}`
        return [
          {
            id,
            party: party.id,
            service,
            direction,
            feature,
            status: 'protocol',
            purposes: [purpose],
            items: rows,
          },
        ]
      })
      for (const flow of own) flows.set(flow.id, Object.freeze(flow))
      features.set(
        feature,
        Object.freeze({ id: feature, title, flows: own.map((flow) => flow.id) }),
      )
    }
  }
  return { flows, parties, features }
}

/** A catalog whose parties, features and flows can be replaced while everybody goes on holding it. */
export interface LiveCatalog {
  readonly catalog: Catalog
  replace(additions: PartnerAdditions): void
}

/** All changes happen between two turns of the event loop: nobody sees half of them. */
export function liveCatalog(shipped: Catalog): LiveCatalog {
  const flows = new Map(shipped.flows)
  const parties = new Map(shipped.parties)
  const features = new Map(shipped.features)
  return {
    catalog: Object.freeze({ ...shipped, flows, parties, features }),
    replace: (additions) => {
      overlay(flows, shipped.flows, additions.flows)
      overlay(parties, shipped.parties, additions.parties)
      overlay(features, shipped.features, additions.features)
    },
  }
}

/** What ships stands, whatever is laid over it. */
export function overlay<Thing>(
  into: Map<string, Thing>,
  base: ReadonlyMap<string, Thing>,
  more: ReadonlyMap<string, Thing>,
): void {
  for (const id of [...into.keys()]) if (!base.has(id) && !more.has(id)) into.delete(id)
  for (const [id, thing] of more) if (!base.has(id)) into.set(id, thing)
}

import type { Catalog, FlowId } from '#catalog/catalog.ts'
import { manifestOf } from '#catalog/manifest.ts'
import type { Reader } from '#database/handles.ts'
import { type ScopeRecord, fromRecord } from './agent-scope.ts'
import type { FlowFacts } from './facts.ts'

interface FactsRow {
  version: number | null
  state: string | null
  is_on: boolean | null
  consent: {
    id: string
    hash: string
    items: string[]
    from: string
    until: string | null
    withdrawn: string | null
  } | null
  listing: {
    listed: string
    over: string
    ended: string | null
    scope: ScopeRecord | null
  } | null
  objected: string | null
  permission: { id: string; withdrawn: string | null; contract: string } | null
  contract: {
    id: string
    document: string
    purposes: string[]
    from: string
    until: string | null
  } | null
  choices: { item: string; on: boolean; precision: string | null }[] | null
}

/**
 * Reads everything that bears on one flow of the handle's tenant, in one statement and so in one state.
 *
 * @throws RangeError for a flow that is not in the catalog
 */
export async function readFlowFacts(
  reader: Reader,
  catalog: Catalog,
  flowId: FlowId,
): Promise<FlowFacts> {
  const manifest = manifestOf(catalog, flowId)
  const flow = catalog.flows.get(flowId)
  const party = catalog.parties.get(manifest.party)
  if (!flow || !party) throw new RangeError('the flow has no party')
  const [row] = await reader.rows<FactsRow>(FACTS, [
    reader.tenantId,
    flow.feature,
    flowId,
    party.id,
  ])
  if (!row) throw new Error('facts are always one row')
  const listed = row.listing && !row.listing.ended
  return {
    tenantId: reader.tenantId,
    version: row.version ?? 0,
    tenantOpen: row.state === 'open',
    flow: flowId,
    direction: flow.direction,
    feature: { id: flow.feature, on: row.is_on ?? false },
    manifestHash: manifest.hash,
    consent: row.consent
      ? {
          id: row.consent.id,
          manifestHash: row.consent.hash,
          items: new Set(row.consent.items),
          from: Date.parse(row.consent.from),
          until: time(row.consent.until),
          withdrawnAt: time(row.consent.withdrawn),
        }
      : undefined,
    party: {
      id: party.id,
      // Nothing lifts a party that the catalog says nothing may go to.
      kind: party.standing === 'none' ? 'none' : listed ? 'agent' : party.standing,
      // A listing that has ended is none, also of a party that the catalog calls an agent.
      listedAt: listed ? time(row.listing?.listed) : undefined,
      leadTimeOverAt: listed ? time(row.listing?.over) : undefined,
      scope: listed && row.listing?.scope ? fromRecord(row.listing.scope) : undefined,
      objectedAt: time(row.objected),
      permission: row.permission
        ? { id: row.permission.id, withdrawnAt: time(row.permission.withdrawn) }
        : undefined,
      contract: row.contract
        ? {
            id: row.contract.id,
            documentHash: row.contract.document,
            purposes: new Set(row.contract.purposes),
            from: Date.parse(row.contract.from),
            until: time(row.contract.until),
          }
        : undefined,
    },
    collection: new Map(
      (row.choices ?? []).map((choice) => [
        choice.item,
        { on: choice.on, precision: choice.precision ?? undefined },
      ]),
    ),
  }
}

function time(text: string | null | undefined): number | undefined {
  return text === null || text === undefined ? undefined : Date.parse(text)
}

const FACTS = `
select (select version from facts_versions where tenant_id = $1) as version,
       (select state from tenants where tenant_id = $1) as state,
       (select is_on from features where tenant_id = $1 and feature_id = $2) as is_on,
       (select json_build_object('id', consent_id, 'hash', manifest_hash, 'items', items, 'from', given_at,
                                 'until', valid_until, 'withdrawn', withdrawn_at)
          from consents where tenant_id = $1 and flow_id = $3 order by given_at desc, consent_id limit 1) as consent,
       (select json_build_object('listed', listed_at, 'over', lead_time_over_at, 'ended', ended_at,
                                 'scope', scope)
          from sluss_agent_listing($4)) as listing,
       (select objected_at::text from agent_objections
         where tenant_id = $1 and party_id = $4 and settled_at is null limit 1) as objected,
       (select json_build_object('id', permission_id, 'withdrawn', withdrawn_at, 'contract', contract_id)
          from permissions where tenant_id = $1 and party_id = $4 order by given_at desc limit 1) as permission,
       (select json_build_object('id', c.contract_id, 'document', c.document_hash, 'purposes', c.purposes,
                                 'from', c.valid_from, 'until', c.valid_until)
          from contracts c
          join (select contract_id from permissions where tenant_id = $1 and party_id = $4
                 order by given_at desc limit 1) p using (contract_id)
         where c.tenant_id = $1) as contract,
       (select json_agg(json_build_object('item', item_id, 'on', is_on, 'precision', precision))
          from collection_choices where tenant_id = $1) as choices`

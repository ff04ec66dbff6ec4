import type { DecisionFacts } from '#access/decide.ts'
import type { Catalog, PurposeId } from '#catalog/catalog.ts'
import { manifestOf } from '#catalog/manifest.ts'
import { scopeState, scopeTimes } from './agent-scope.ts'
import type { FlowFacts } from './facts.ts'

/** What a door knows beside the agreements. */
export interface Call {
  readonly purpose: PurposeId
  readonly permanent: boolean
  readonly approved: boolean
}

/**
 * The facts as they stand at `now`, in the words of the policies. Pure. `dataCategory` is that of the items which are
 * asked about: an agent is listed for some categories and not for others.
 */
export function decisionFacts(
  facts: FlowFacts,
  catalog: Catalog,
  call: Call,
  now: number,
  dataCategory?: string,
): DecisionFacts {
  const manifest = manifestOf(catalog, facts.flow)
  const purpose = catalog.purposes.get(call.purpose)
  const { kind, contract } = facts.party
  return {
    door: facts.direction === 'outbound' ? 'out' : 'in',
    tenantId: facts.tenantId,
    party: { id: facts.party.id, kind },
    tenantOpen: facts.tenantOpen,
    featureOn: facts.feature.on,
    consentState: consentState(facts, now),
    consentedItems: facts.consent?.items ?? new Set(),
    flowItems: new Set(manifest.items),
    agentState: agentState(facts, call, now, dataCategory),
    permissionState: kind === 'thirdParty' ? permissionState(facts) : 'notNeeded',
    contractState: kind === 'thirdParty' ? contractState(facts, now) : 'notNeeded',
    purposeDeclared:
      purpose !== undefined &&
      manifest.purposes.includes(purpose.id) &&
      (kind !== 'thirdParty' ||
        facts.direction === 'inbound' ||
        !contract ||
        contract.purposes.has(purpose.id)),
    purposeForbidden: purpose?.forbidden ?? false,
    permanentCall: call.permanent,
    approvalInForce: call.approved,
  }
}

/** The earliest time after `now` at which the clock alone changes an answer: a plan is good until then. */
export function validUntil(facts: FlowFacts, now: number): number {
  const { contract, leadTimeOverAt } = facts.party
  const times = [
    facts.consent?.from,
    facts.consent?.until,
    contract?.from,
    contract?.until,
    leadTimeOverAt,
    ...scopeTimes(facts.party.scope),
  ]
  return Math.min(
    ...times.filter((time) => time !== undefined && time > now).map(Number),
    Number.POSITIVE_INFINITY,
  )
}

function consentState({ consent }: FlowFacts, now: number): DecisionFacts['consentState'] {
  if (!consent || consent.from > now) return 'missing'
  if (consent.withdrawnAt !== undefined) return 'withdrawn'
  return consent.until !== undefined && consent.until <= now ? 'expired' : 'inForce'
}

function agentState(
  { party }: FlowFacts,
  call: Call,
  now: number,
  dataCategory: string | undefined,
): DecisionFacts['agentState'] {
  if (party.kind !== 'agent') return 'notAgent'
  if (party.listedAt === undefined || party.leadTimeOverAt === undefined) return 'notListed'
  if (party.objectedAt !== undefined) return 'objected'
  if (party.leadTimeOverAt > now) return 'leadTime'
  if (!party.scope) return 'listed'
  // Terms are there: whoever does not say what is asked about gets nothing.
  if (dataCategory === undefined) return 'notListed'
  return scopeState(party.scope, { category: dataCategory, purpose: call.purpose }, now)
}

function permissionState({ party }: FlowFacts): DecisionFacts['permissionState'] {
  if (!party.permission) return 'missing'
  return party.permission.withdrawnAt === undefined ? 'given' : 'withdrawn'
}

function contractState(
  { party: { contract } }: FlowFacts,
  now: number,
): DecisionFacts['contractState'] {
  if (!contract) return 'missing'
  if (contract.from > now) return 'notYet'
  return contract.until !== undefined && contract.until <= now ? 'expired' : 'inForce'
}

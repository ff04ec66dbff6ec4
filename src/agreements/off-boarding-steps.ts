import type { Catalog, FeatureId, PartyId } from '#catalog/catalog.ts'

export type StepKind =
  | 'switchOff'
  | 'withdrawConsent'
  | 'withdrawPermission'
  | 'destroyCredentials'
  | 'closePartyAccount'
  | 'requestDeletion'
  | 'confirmDeletion'

/** `sluss` does it at once, `organisation` by hand, and `party` owes it. */
export type Side = 'sluss' | 'organisation' | 'party'

export interface PlannedStep {
  /** `withdrawConsent:apple-device-enrollment.outbound`. */
  readonly id: string
  readonly kind: StepKind
  /** The feature, flow, connection or party it is about. */
  readonly subject: string
  readonly side: Side
  /** False where the step stands on the list only to say that nothing is to be done. */
  readonly needed: boolean
}

/** What bears on the plan beside the catalog. */
export interface OffBoardingFacts {
  /** Features of the tenant that are on. */
  readonly featuresOn: ReadonlySet<FeatureId>
  /** Connections that serve this feature and no other that is on. */
  readonly connections: readonly string[]
  /** Parties that the tenant ever consented to send something to for this feature. */
  readonly mayHold: ReadonlySet<PartyId>
}

/** Everything there is to do to leave a feature, in order. Pure. */
export function planSteps(
  catalog: Catalog,
  featureId: FeatureId,
  facts: OffBoardingFacts,
): readonly PlannedStep[] {
  const feature = catalog.features.get(featureId)
  if (!feature) throw new RangeError('no such feature')
  const flows = feature.flows.flatMap((id) => catalog.flows.get(id) ?? [])
  const parties = [...new Set(flows.map((flow) => flow.party))]
  const stillUsed = (party: PartyId): boolean =>
    [...catalog.flows.values()].some(
      (flow) =>
        flow.party === party && flow.feature !== featureId && facts.featuresOn.has(flow.feature),
    )
  const recipients = parties.filter((party) =>
    flows.some((flow) => flow.party === party && flow.direction === 'outbound'),
  )
  return [
    step('switchOff', featureId, 'sluss'),
    ...flows.map((flow) => step('withdrawConsent', flow.id, 'sluss')),
    ...parties.map((party) => step('withdrawPermission', party, 'sluss', !stillUsed(party))),
    ...facts.connections.map((connection) => step('destroyCredentials', connection, 'sluss')),
    ...parties.map((party) => step('closePartyAccount', party, 'organisation', !stillUsed(party))),
    ...recipients.flatMap((party) => [
      step('requestDeletion', party, 'organisation', facts.mayHold.has(party)),
      step('confirmDeletion', party, 'party', facts.mayHold.has(party)),
    ]),
  ]
}

function step(kind: StepKind, subject: string, side: Side, needed = true): PlannedStep {
  return { id: `${kind}:${subject.replace('/', '.')}`, kind, subject, side, needed }
}

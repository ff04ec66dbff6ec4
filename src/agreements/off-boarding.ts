import type { Catalog, FeatureId } from '#catalog/catalog.ts'
import type { Reader, Transaction } from '#database/handles.ts'
import { type Refusal, refuse } from '#foundation/refusal.ts'
import type { By } from './change.ts'
import { withdrawConsent } from './consent.ts'
import { readFeatures } from './list-agreements.ts'
import { closeObligation } from './obligation.ts'
import {
  type OffBoarding,
  addStep,
  completeWhenDone,
  insertOffBoarding,
  markStep,
  newestOffBoarding,
  readSteps,
} from './off-boarding.table.ts'
import { type PlannedStep, planSteps } from './off-boarding-steps.ts'
import { withdrawPermission } from './party.ts'
import { switchFeature } from './switch-feature.ts'

/** What an off-boarding needs from the rooms below it. */
export interface OffBoardingParts {
  readonly catalog: Catalog
  /** Destroys what the tenant holds to speak with the party over a connection, in the same commit. */
  readonly destroyCredentials: (tx: Transaction, connectionId: string, by: By) => Promise<void>
}

/**
 * The checklist of leaving a feature as it stands: the one under way, else the last one unless the feature was turned
 * on again since, else what would be done.
 */
export async function readOffBoarding(
  reader: Reader,
  catalog: Catalog,
  featureId: FeatureId,
  connections: readonly string[],
): Promise<OffBoarding> {
  const on = (await readFeatures(reader)).get(featureId)?.on ?? false
  const newest = await newestOffBoarding(reader, featureId)
  if (newest && (newest.completedAt === null || !on)) {
    return {
      ...newest,
      featureId,
      state: newest.completedAt === null ? 'open' : 'completed',
      steps: await readSteps(reader, newest.id),
    }
  }
  return {
    id: undefined,
    featureId,
    state: 'notStarted',
    startedBy: null,
    startedAt: null,
    completedAt: null,
    steps: (await plan(reader, catalog, featureId, connections)).map((step) => ({
      id: step.id,
      kind: step.kind,
      subject: step.subject,
      side: step.side,
      state: step.needed ? 'planned' : 'notNeeded',
      obligationId: null,
      evidenceHash: null,
      doneBy: null,
      doneAt: null,
    })),
  }
}

/**
 * Leaves a feature: in one commit it is switched off, its consents and permissions are withdrawn, its credentials
 * destroyed, and what the party owes is opened. What people must do is left waiting on the list. Started again, it
 * goes on with the one that is under way: nothing is opened twice, and a feature that was turned on meanwhile is off
 * again.
 */
export async function startOffBoarding(
  tx: Transaction,
  parts: OffBoardingParts,
  featureId: FeatureId,
  connections: readonly string[],
  by: By,
): Promise<void> {
  const { catalog } = parts
  await lock(tx)
  const before = await readOffBoarding(tx, catalog, featureId, connections)
  if (before.state === 'completed') return
  const planned = await plan(tx, catalog, featureId, connections)
  const id = before.id ?? (await insertOffBoarding(tx, featureId, planned.length, by))
  for (const [position, step] of planned.entries()) {
    const known = before.id !== undefined && before.steps.find((one) => one.id === step.id)
    if (step.side === 'sluss') await doStep(tx, parts, step, by)
    if (known && !(known.state === 'notNeeded' && step.needed)) continue
    await addStep(tx, id, position, step, by)
  }
  await completeWhenDone(tx, id, featureId, by)
}

/**
 * Marks a step that the organisation does by hand as done, with the hash of what shows it where there is such a thing.
 *
 * @returns `not_found` for no such off-boarding or step, `step_state` for one that is not waiting for the organisation
 */
export async function completeStep(
  tx: Transaction,
  featureId: FeatureId,
  stepId: string,
  evidenceHash: string | undefined,
  by: By,
): Promise<Refusal | undefined> {
  await lock(tx)
  const newest = await newestOffBoarding(tx, featureId)
  const step = newest && (await readSteps(tx, newest.id)).find((one) => one.id === stepId)
  if (!newest || !step) return refuse('not_found')
  if (step.side !== 'organisation' || step.state !== 'waiting')
    return refuse('step_state', { step: stepId })
  await markStep(tx, { id: newest.id, stepId, state: 'done', evidenceHash }, by)
  await completeWhenDone(tx, newest.id, featureId, by)
  return undefined
}

/**
 * The party has answered what it owes; a step of an off-boarding that waits for it is done with that.
 *
 * @returns what `closeObligation` refuses
 */
export async function answerObligation(
  tx: Transaction,
  obligationId: string,
  answer: { readonly outcome: 'receipt' | 'refused'; readonly evidenceHash: string },
  by: By,
): Promise<Refusal | undefined> {
  await lock(tx)
  const refused = await closeObligation(tx, obligationId, answer, by)
  if (refused) return refused
  const [step] = await tx.rows<{ id: string; stepId: string; featureId: string }>(
    `select s.off_boarding_id as id, s.step_id as "stepId", o.feature_id as "featureId"
       from off_boarding_steps s
       join off_boardings o on o.tenant_id = s.tenant_id and o.off_boarding_id = s.off_boarding_id
      where s.tenant_id = $1 and s.obligation_id = $2 and s.state = 'waiting'`,
    [tx.tenantId, obligationId],
  )
  if (!step) return undefined
  const state = answer.outcome === 'receipt' ? 'done' : 'refused'
  const { id, stepId } = step
  await markStep(tx, { id, stepId, state, evidenceHash: answer.evidenceHash }, by)
  await completeWhenDone(tx, id, step.featureId, by)
  return undefined
}

/** One off-boarding of a tenant moves at a time. */
async function lock(tx: Transaction): Promise<void> {
  await tx.rows('select pg_advisory_xact_lock(hashtext($1))', [`off-boarding ${tx.tenantId}`])
}

async function plan(
  reader: Reader,
  catalog: Catalog,
  featureId: FeatureId,
  connections: readonly string[],
): Promise<readonly PlannedStep[]> {
  const features = await readFeatures(reader)
  const consents = await reader.rows<{ flow: string }>(
    'select distinct flow_id as flow from consents where tenant_id = $1',
    [reader.tenantId],
  )
  const flows = consents
    .flatMap(({ flow }) => catalog.flows.get(flow) ?? [])
    .filter((flow) => flow.feature === featureId && flow.direction === 'outbound')
  return planSteps(catalog, featureId, {
    featuresOn: new Set([...features].flatMap(([id, { on }]) => (on ? [id] : []))),
    connections,
    mayHold: new Set(flows.map((flow) => flow.party)),
  })
}

async function doStep(
  tx: Transaction,
  { catalog, destroyCredentials }: OffBoardingParts,
  step: PlannedStep,
  by: By,
): Promise<void> {
  if (!step.needed) return
  if (step.kind === 'switchOff') {
    const on = (await readFeatures(tx)).get(step.subject)?.on ?? false
    if (on) await switchFeature(tx, catalog, step.subject, false, by)
  } else if (step.kind === 'withdrawConsent') await withdrawConsent(tx, step.subject, by)
  else if (step.kind === 'withdrawPermission') await withdrawPermission(tx, step.subject, by)
  else if (step.kind === 'destroyCredentials') await destroyCredentials(tx, step.subject, by)
}

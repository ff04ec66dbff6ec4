import type { FeatureId } from '#catalog/catalog.ts'
import type { Reader, Transaction } from '#database/handles.ts'
import { newId } from '#foundation/ids.ts'
import { type By, recordChange } from './change.ts'
import { openObligation } from './obligation.ts'
import type { PlannedStep, Side, StepKind } from './off-boarding-steps.ts'

export interface OffBoardingStep {
  readonly id: string
  readonly kind: StepKind
  readonly subject: string
  readonly side: Side
  readonly state: 'planned' | 'waiting' | 'done' | 'refused' | 'notNeeded'
  readonly obligationId: string | null
  readonly evidenceHash: string | null
  readonly doneBy: string | null
  readonly doneAt: Date | null
}

export interface OffBoarding {
  /** Undefined while it is only a plan. */
  readonly id: string | undefined
  readonly featureId: FeatureId
  readonly state: 'notStarted' | 'open' | 'completed'
  readonly startedBy: string | null
  readonly startedAt: Date | null
  readonly completedAt: Date | null
  readonly steps: readonly OffBoardingStep[]
}

/** Begins an off-boarding; answers its id. */
export async function insertOffBoarding(
  tx: Transaction,
  featureId: FeatureId,
  steps: number,
  by: By,
): Promise<string> {
  const id = newId()
  await tx.change(
    `insert into off_boardings (tenant_id, off_boarding_id, feature_id, started_by, started_at)
     values ($1, $2, $3, $4, $5)`,
    [tx.tenantId, id, featureId, by.actor, new Date(by.at)],
  )
  await recordChange(tx, by, 'offboarding.started', {
    offBoarding: id,
    feature: featureId,
    steps,
  })
  return id
}

/** Puts a step on the list: what Sluss does is done, what a party owes is opened as an obligation. */
export async function addStep(
  tx: Transaction,
  id: string,
  position: number,
  step: PlannedStep,
  by: By,
): Promise<void> {
  const owes = step.needed && step.kind === 'confirmDeletion'
  const obligationId = owes
    ? await openObligation(tx, { partyId: step.subject, kind: 'deletion' }, by)
    : null
  await tx.change(
    `insert into off_boarding_steps
       (tenant_id, off_boarding_id, position, step_id, kind, subject, done_by_side, state, obligation_id)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
     on conflict (tenant_id, off_boarding_id, step_id) do update set state = $8, obligation_id = $9`,
    [
      tx.tenantId,
      id,
      position,
      step.id,
      step.kind,
      step.subject,
      step.side,
      step.needed ? 'waiting' : 'notNeeded',
      obligationId,
    ],
  )
  if (step.needed && step.side === 'sluss')
    await markStep(tx, { id, stepId: step.id, state: 'done' }, by)
}

/** Ends a step that waits, with an entry. */
export async function markStep(
  tx: Transaction,
  step: {
    readonly id: string
    readonly stepId: string
    readonly state: 'done' | 'refused'
    readonly evidenceHash?: string | undefined
  },
  by: By,
): Promise<void> {
  await tx.change(
    `update off_boarding_steps set state = $4, evidence_hash = $5, done_by = $6, done_at = $7
      where tenant_id = $1 and off_boarding_id = $2 and step_id = $3 and state = 'waiting'`,
    [
      tx.tenantId,
      step.id,
      step.stepId,
      step.state,
      step.evidenceHash ?? null,
      by.actor,
      new Date(by.at),
    ],
  )
  await recordChange(tx, by, 'offboarding.step', {
    offBoarding: step.id,
    step: step.stepId,
    state: step.state,
    ...(step.evidenceHash === undefined ? {} : { evidence: step.evidenceHash }),
  })
}

/** Completes an off-boarding when nothing on its list waits any more. */
export async function completeWhenDone(
  tx: Transaction,
  id: string,
  featureId: FeatureId,
  by: By,
): Promise<void> {
  const completed = await tx.change(
    `update off_boardings set completed_at = $3
      where tenant_id = $1 and off_boarding_id = $2 and completed_at is null and not exists
        (select 1 from off_boarding_steps where tenant_id = $1 and off_boarding_id = $2 and state = 'waiting')`,
    [tx.tenantId, id, new Date(by.at)],
  )
  if (completed > 0)
    await recordChange(tx, by, 'offboarding.completed', { offBoarding: id, feature: featureId })
}

type Newest = Pick<OffBoarding, 'startedBy' | 'startedAt' | 'completedAt'> & { readonly id: string }

/** The one under way, else the one that was started last. */
export async function newestOffBoarding(
  reader: Reader,
  featureId: FeatureId,
): Promise<Newest | undefined> {
  const [row] = await reader.rows<Newest>(
    `select off_boarding_id as id, started_by as "startedBy", started_at as "startedAt", completed_at as "completedAt"
       from off_boardings where tenant_id = $1 and feature_id = $2
      order by completed_at desc nulls first, started_at desc limit 1`,
    [reader.tenantId, featureId],
  )
  return row
}

/** The steps of an off-boarding, in order. */
export function readSteps(reader: Reader, id: string): Promise<readonly OffBoardingStep[]> {
  return reader.rows<OffBoardingStep>(
    `select step_id as id, kind, subject, done_by_side as side, state, obligation_id as "obligationId",
            evidence_hash as "evidenceHash", done_by as "doneBy", done_at as "doneAt"
       from off_boarding_steps where tenant_id = $1 and off_boarding_id = $2 order by position, step_id`,
    [reader.tenantId, id],
  )
}

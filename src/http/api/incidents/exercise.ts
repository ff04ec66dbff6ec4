import { z } from 'zod'
import { EXERCISE_STEPS } from '#breach/exercise-steps.ts'
import {
  type Exercise,
  exerciseReport,
  listExercises,
  readExercise,
  startExercise,
  takeStep,
} from '#breach/exercise.ts'
import { type Clock, toTimestamp } from '#foundation/clock.ts'
import { isRefusal } from '#foundation/refusal.ts'
import { type Endpoint, changeEndpoint, getEndpoint, listEndpoint } from '../endpoint.ts'
import { listInMemory } from '../odata/list-in-memory.ts'
import {
  HANDLE,
  type IncidentEndpointParts,
  OPERATOR,
  PAGE,
  READ,
  both,
  byOf,
  criterionBody,
  criterionOf,
  noParams,
  numbered,
  stamp,
  words,
} from './shapes.ts'

export interface ExerciseEndpointParts extends IncidentEndpointParts {
  readonly clock: Pick<Clock, 'elapsed'>
}

const EXERCISES = '/security/incidentExercises'

const answer = z.object({
  id: z.string(),
  displayName: z.string(),
  createdBy: z.string(),
  createdDateTime: z.string(),
  endDateTime: z.string().nullable(),
  nextStep: z.enum(EXERCISE_STEPS).nullable(),
  totalSeconds: z.number(),
  /** Calls that left although none may. */
  leakedCount: z.int(),
  steps: z.array(
    z.object({
      step: z.enum(EXERCISE_STEPS),
      takenBy: z.string(),
      takenDateTime: z.string(),
      peopleSeconds: z.number(),
      machineSeconds: z.number(),
      found: z.record(z.string(), z.unknown()),
    }),
  ),
  report: z.string(),
})

const describe = (one: Exercise): z.input<typeof answer> => ({
  id: one.exerciseId,
  displayName: one.title,
  createdBy: one.startedBy,
  createdDateTime: toTimestamp(one.startedAt),
  endDateTime: stamp(one.endedAt),
  nextStep: one.next ?? null,
  totalSeconds: one.totalMs / 1_000,
  leakedCount: one.leaked,
  steps: one.steps.map((step) => ({
    step: step.step,
    takenBy: step.takenBy,
    takenDateTime: toTimestamp(step.takenAt),
    peopleSeconds: step.waitedMs / 1_000,
    machineSeconds: step.tookMs / 1_000,
    found: { ...step.found },
  })),
  report: exerciseReport(one),
})

/** `security/incidentExercises`: drills over the real logs, of which nothing leaves. */
export function incidentExerciseEndpoints({
  breach,
  clock,
}: ExerciseEndpointParts): readonly Endpoint[] {
  const common = { realms: OPERATOR, answer }
  return [
    listEndpoint({
      ...common,
      id: 'listIncidentExercises',
      path: EXERCISES,
      summary: 'Drills',
      permission: READ,
      params: noParams,
      pageSize: PAGE,
      fields: { id: both, createdDateTime: both },
      list: async (_, __, query) =>
        listInMemory((await listExercises(breach)).map(describe), 'id', query),
    }),
    getEndpoint({
      ...common,
      id: 'getIncidentExercise',
      path: `${EXERCISES}/{id}`,
      summary: 'One drill, with its report',
      permission: READ,
      params: numbered,
      get: async (_, { id }) => {
        const found = await readExercise(breach, id)
        return found && describe(found)
      },
    }),
    changeEndpoint({
      ...common,
      id: 'startIncidentExercise',
      path: EXERCISES,
      method: 'POST',
      summary: 'Begins a drill about something in the real logs',
      permission: HANDLE,
      params: noParams,
      body: z.strictObject({ displayName: words(200), criterion: criterionBody }),
      success: 201,
      change: async (call, _, { displayName, criterion }) => {
        const given = { title: displayName, criterion: criterionOf(criterion) }
        const started = await startExercise(breach, given, byOf(call))
        return isRefusal(started) ? started : describe(started)
      },
    }),
    changeEndpoint({
      ...common,
      id: 'takeIncidentExerciseStep',
      path: `${EXERCISES}/{id}/takeStep`,
      method: 'POST',
      summary: 'Takes the next step; how long it took is noted',
      permission: HANDLE,
      params: numbered,
      body: z.strictObject({ step: z.enum(EXERCISE_STEPS) }),
      success: 200,
      change: async (call, { id }, { step }) => {
        const taken = await takeStep({ ...breach, clock }, id, step, byOf(call))
        return isRefusal(taken) ? taken : describe(taken)
      },
    }),
  ]
}

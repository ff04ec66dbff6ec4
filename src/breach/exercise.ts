import { INSTALLATION, type Reader } from '#database/handles.ts'
import type { Json } from '#foundation/canonical-json.ts'
import { type Clock, toTimestamp } from '#foundation/clock.ts'
import { isUuid, newId } from '#foundation/ids.ts'
import { type Refusal, refuse } from '#foundation/refusal.ts'
import { type Criterion, criterionRefusal } from './criterion.ts'
import { EXERCISE_STEPS, type Drill, type ExerciseStep, runStep } from './exercise-steps.ts'
import { type BreachParts, type By, byActor, record } from './parts.ts'
import type { TellParts } from './recipient-messages.ts'

export interface ExerciseParts extends BreachParts {
  readonly clock: Pick<Clock, 'elapsed'>
}

export interface TakenStep {
  readonly step: ExerciseStep
  readonly takenBy: string
  readonly takenAt: number
  readonly waitedMs: number
  readonly tookMs: number
  readonly found: { readonly [key: string]: Json }
  readonly leaked: number
}

/** The report of a drill: how long each step took, and that nothing left. */
export interface Exercise extends Drill {
  readonly title: string
  readonly startedBy: string
  readonly endedAt: number | undefined
  readonly steps: readonly TakenStep[]
  readonly next: ExerciseStep | undefined
  readonly totalMs: number
  readonly leaked: number
}

const place = (exerciseId: string): string => `breach-exercise/${exerciseId}/title`

/** A door that is shut: every call is answered, none leaves. */
const shutDoor: TellParts['post'] = async () => ({ outcome: 'failed', code: 'exercise' })

/** Begins a drill: what it is about is a criterion, such as an account whose readings would be the misuse. */
export async function startExercise(
  parts: BreachParts,
  given: { readonly title: string; readonly criterion: Criterion },
  by: By,
): Promise<Exercise | Refusal> {
  const { title, criterion } = given
  const refusal = criterionRefusal(criterion)
  if (refusal) return refusal
  const exerciseId = newId()
  await parts.database.write(INSTALLATION, async (tx) => {
    await tx.change(
      `insert into breach_exercises (tenant_id, exercise_id, title, criterion, started_by, started_at)
       values ($1, $2, $3, $4, $5, $6)`,
      [
        tx.tenantId,
        exerciseId,
        await parts.keys.sealForTenant(tx, place(exerciseId), Buffer.from(title)),
        JSON.stringify(criterion),
        byActor(by).actor,
        new Date(by.now),
      ],
    )
    await record(tx, 'exercise', byActor(by), { exercise: exerciseId, what: 'started' })
  })
  const started = await readExercise(parts, exerciseId)
  if (!started) throw new Error('a drill that was started is not there')
  return started
}

/**
 * Takes the next step. The machine's part runs over the real logs with its door shut; the time since the last step is
 * the people's part.
 *
 * @param post  only for a test of this guard: a door that is not shut
 * @returns `not_found`, or `incident_state` where another step comes next
 */
export async function takeStep(
  parts: ExerciseParts,
  exerciseId: string,
  step: ExerciseStep,
  by: By,
  post: TellParts['post'] = shutDoor,
): Promise<Exercise | Refusal> {
  const exercise = await readExercise(parts, exerciseId)
  if (!exercise) return refuse('not_found', { exercise: exerciseId })
  if (exercise.next !== step)
    return refuse('incident_state', { next: exercise.next ?? 'none', asked: step })
  let leaked = 0
  const counting: TellParts['post'] = async (call) => {
    const answer = await post(call)
    if (answer.code !== 'exercise') leaked++
    return answer
  }
  const began = parts.clock.elapsed()
  const found = await runStep({ ...parts, post: counting }, exercise, step, by.now)
  const tookMs = Math.round(parts.clock.elapsed() - began)
  const last = exercise.steps.at(-1)
  const since = last?.takenAt ?? exercise.startedAt
  const taken = await parts.database.write(INSTALLATION, async (tx) => {
    const made = await tx.change(
      `insert into breach_exercise_steps (tenant_id, exercise_id, place, step, taken_by, taken_at, waited_ms, took_ms,
         found, leaked)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict do nothing`,
      [
        tx.tenantId,
        exerciseId,
        exercise.steps.length,
        step,
        byActor(by).actor,
        new Date(by.now),
        Math.max(0, by.now - since),
        tookMs,
        JSON.stringify(found),
        leaked,
      ],
    )
    if (made === 0) return false
    if (step === EXERCISE_STEPS.at(-1))
      await tx.change(
        'update breach_exercises set ended_at = $3 where tenant_id = $1 and exercise_id = $2',
        [tx.tenantId, exerciseId, new Date(by.now)],
      )
    await record(tx, 'exercise', byActor(by), { exercise: exerciseId, what: step, tookMs, leaked })
    return true
  })
  if (!taken) return refuse('incident_state', { asked: step })
  return (await readExercise(parts, exerciseId)) ?? refuse('not_found', { exercise: exerciseId })
}

/** The drill as it stands. */
export async function readExercise(
  { database, keys }: Pick<BreachParts, 'database' | 'keys'>,
  exerciseId: string,
): Promise<Exercise | undefined> {
  if (!isUuid(exerciseId)) return undefined
  return database.read(INSTALLATION, async (reader) => {
    const [row] = await reader.rows<{
      title: Buffer
      criterion: Criterion
      started_by: string
      started_at: Date
      ended_at: Date | null
    }>(
      `select title, criterion, started_by, started_at, ended_at from breach_exercises
        where tenant_id = $1 and exercise_id = $2`,
      [reader.tenantId, exerciseId],
    )
    if (!row) return undefined
    const steps = await readSteps(reader, exerciseId)
    const startedAt = row.started_at.getTime()
    return {
      exerciseId,
      title: (await keys.openForTenant(reader, place(exerciseId), row.title)).toString(),
      criterion: row.criterion,
      startedBy: row.started_by,
      startedAt,
      endedAt: row.ended_at?.getTime(),
      steps,
      next: EXERCISE_STEPS[steps.length],
      totalMs: (steps.at(-1)?.takenAt ?? startedAt) - startedAt,
      leaked: steps.reduce((sum, one) => sum + one.leaked, 0),
    }
  })
}

async function readSteps(reader: Reader, exerciseId: string): Promise<readonly TakenStep[]> {
  const rows = await reader.rows<{
    step: ExerciseStep
    taken_by: string
    taken_at: Date
    waited_ms: number
    took_ms: number
    found: TakenStep['found']
    leaked: number
  }>(
    `select step, taken_by, taken_at, waited_ms, took_ms, found, leaked from breach_exercise_steps
      where tenant_id = $1 and exercise_id = $2 order by place`,
    [reader.tenantId, exerciseId],
  )
  return rows.map((row) => ({
    step: row.step,
    takenBy: row.taken_by,
    takenAt: row.taken_at.getTime(),
    waitedMs: row.waited_ms,
    tookMs: row.took_ms,
    found: row.found,
    leaked: row.leaked,
  }))
}

/** All drills, the newest first; their reports one by one. */
export async function listExercises(
  parts: Pick<BreachParts, 'database' | 'keys'>,
): Promise<readonly Exercise[]> {
  const rows = await parts.database.read(INSTALLATION, (reader) =>
    reader.rows<{ exercise_id: string }>(
      'select exercise_id from breach_exercises where tenant_id = $1 order by started_at desc, exercise_id',
      [reader.tenantId],
    ),
  )
  const found = await Promise.all(rows.map((row) => readExercise(parts, row.exercise_id)))
  return found.filter((one) => one !== undefined)
}

/** The report as a document, in Markdown. */
export function exerciseReport(exercise: Exercise): string {
  const seconds = (ms: number) => (ms / 1_000).toFixed(1)
  return [
    `# Exercise: ${exercise.title}`,
    '',
    `Started ${toTimestamp(exercise.startedAt)} by ${exercise.startedBy}; ${exercise.endedAt === undefined ? 'under way' : `ended ${toTimestamp(exercise.endedAt)}`}.`,
    exercise.leaked === 0
      ? 'Nothing left the installation.'
      : `**${exercise.leaked} calls left the installation: the exercise has failed.**`,
    '',
    '| step | by | people, s | machine, s | found |',
    '| --- | --- | ---: | ---: | --- |',
    ...exercise.steps.map(
      (one) =>
        `| ${one.step} | ${one.takenBy} | ${seconds(one.waitedMs)} | ${seconds(one.tookMs)} | ${JSON.stringify(one.found).replaceAll('|', '\\|')} |`,
    ),
    '',
    `In all ${seconds(exercise.totalMs)} s.`,
    '',
  ].join('\n')
}

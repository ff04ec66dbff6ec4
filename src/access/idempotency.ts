import { AsyncLocalStorage } from 'node:async_hooks'
import type { Database, Transaction } from '#database/handles.ts'
import type { Json } from '#foundation/canonical-json.ts'
import { type Refusal, refuse } from '#foundation/refusal.ts'
import type { Keys } from '#keys/keys.ts'

/** How long an answer is kept. */
export const KEPT_IN_MS = 24 * 3_600_000
/** A call that has neither answered nor taken effect for so long is taken over by the next that asks. */
export const TAKE_OVER_AFTER_IN_MS = 60_000

/** One unsafe call that its account may repeat. */
export interface RepeatableCall {
  readonly tenantId: string
  readonly accountId: string
  /** The client's own name for the call: at most 255 characters. */
  readonly key: string
  /** Everything that makes it this call: method, address, body. Kept as a keyed hash only. */
  readonly request: string
}

/** The call's first answer, as it was given. */
export interface KeptAnswer {
  readonly status: number
  readonly body: Json | undefined
}

type Reserved = { readonly attempt: number } | { readonly answer: KeptAnswer } | Refusal

interface Row {
  request_mark: string
  attempt: number
  reserved_at: Date
  effect_at: Date | null
  answer: Buffer | null
}

const running = new AsyncLocalStorage<RepeatableCall & { readonly attempt: number }>()

/**
 * Runs the call unless it has run: then its first answer comes again.
 *
 * @param now the time, in milliseconds, asked again when the answer is kept
 * @returns `idempotency_mismatch` for another call under the same key, `idempotency_running` while the first is under
 *   way, `idempotency_answer_lost` where the first took effect and its node died before it had answered
 */
export async function runOnce(
  parts: { database: Database; keys: Keys },
  call: RepeatableCall,
  now: () => number,
  run: () => Promise<KeptAnswer>,
): Promise<(KeptAnswer & { readonly repeated: boolean }) | Refusal> {
  const { database } = parts
  const reserved = await database.write(call.tenantId, (tx) => reserve(tx, parts.keys, call, now()))
  if ('refused' in reserved) return reserved
  if ('answer' in reserved) return { ...reserved.answer, repeated: true }
  const mine = { ...call, attempt: reserved.attempt }
  try {
    const answer = await running.run(mine, run)
    await database.write(call.tenantId, (tx) => keep(tx, parts.keys, mine, answer, now()))
    return { ...answer, repeated: false }
  } catch (fault) {
    // What failed without an effect may be tried again at once.
    await database.write(call.tenantId, (tx) => release(tx, mine)).catch(() => {})
    throw fault
  }
}

/**
 * A database whose transactions mark the call that they are part of, in their own commit. The rooms that an endpoint
 * changes things through must be given this one: only so a call whose node died is never run twice.
 */
export function markingEffects(database: Database): Database {
  return {
    ...database,
    write: async (tenantId, work) => {
      const guard = guards.getStore()
      const guarded = guard && guard.tenantId === tenantId && !guard.passed
      const result = await database.write(tenantId, async (tx) => {
        if (guarded) await guard.check(tx)
        const done = await work(tx)
        const call = running.getStore()
        if (call && call.tenantId === tenantId && !(await markEffect(tx, call)))
          throw new Overtaken()
        return done
      })
      if (guarded) guard.passed = true
      return result
    },
  }
}

interface Guard {
  readonly tenantId: string
  readonly check: (tx: Transaction) => Promise<void>
  passed: boolean
}

const guards = new AsyncLocalStorage<Guard>()

/**
 * Runs a change whose first transaction over the tenant begins with the check, in the same commit. What the check
 * throws ends the change before it began.
 */
export function checkingFirst<Result>(
  tenantId: string,
  check: (tx: Transaction) => Promise<void>,
  change: () => Promise<Result>,
): Promise<Result> {
  return guards.run({ tenantId, check, passed: false }, change)
}

/** Another runner has taken the call over: this one's change must not commit. */
export class Overtaken extends Error {
  constructor() {
    super('the call was taken over by a later one')
    this.name = 'Overtaken'
  }
}

const MINE = 'tenant_id = $1 and account_id = $2 and idempotency_key = $3'
const place = ({ accountId, key }: RepeatableCall): string => `idempotency/${accountId}/${key}`

async function reserve(
  tx: Transaction,
  keys: Keys,
  call: RepeatableCall,
  now: number,
): Promise<Reserved> {
  const mark = (await keys.payloadCommitment(tx))(call.request)
  const names = [tx.tenantId, call.accountId, call.key]
  await tx.change('delete from idempotency where tenant_id = $1 and reserved_at < $2', [
    tx.tenantId,
    new Date(now - KEPT_IN_MS),
  ])
  const fresh = await tx.change(
    `insert into idempotency (tenant_id, account_id, idempotency_key, request_mark, reserved_at)
     values ($1, $2, $3, $4, $5) on conflict do nothing`,
    [...names, mark, new Date(now)],
  )
  if (fresh === 1) return { attempt: 1 }
  const [row] = await tx.rows<Row>(
    `select request_mark, attempt, reserved_at, effect_at, answer from idempotency where ${MINE} for update`,
    names,
  )
  if (!row) return refuse('idempotency_running')
  if (row.request_mark !== mark) return refuse('idempotency_mismatch')
  if (row.answer) {
    const bytes = await keys.openForTenant(tx, place(call), row.answer)
    return { answer: JSON.parse(bytes.toString()) as KeptAnswer }
  }
  if (row.reserved_at.getTime() > now - TAKE_OVER_AFTER_IN_MS) return refuse('idempotency_running')
  if (row.effect_at) return refuse('idempotency_answer_lost')
  await tx.change(`update idempotency set attempt = attempt + 1, reserved_at = $4 where ${MINE}`, [
    ...names,
    new Date(now),
  ])
  return { attempt: row.attempt + 1 }
}

/** The guard is in the statement: of a call and the one that took it over only one can have an effect. */
async function markEffect(
  tx: Transaction,
  call: RepeatableCall & { attempt: number },
): Promise<boolean> {
  const marked = await tx.change(
    `update idempotency set effect_at = coalesce(effect_at, now()) where ${MINE} and attempt = $4`,
    [tx.tenantId, call.accountId, call.key, call.attempt],
  )
  return marked === 1
}

async function keep(
  tx: Transaction,
  keys: Keys,
  call: RepeatableCall & { attempt: number },
  answer: KeptAnswer,
  now: number,
): Promise<void> {
  await tx.change(
    `update idempotency set answer = $5, answered_at = $6 where ${MINE} and attempt = $4`,
    [
      tx.tenantId,
      call.accountId,
      call.key,
      call.attempt,
      await keys.sealForTenant(tx, place(call), Buffer.from(JSON.stringify(answer))),
      new Date(now),
    ],
  )
}

async function release(tx: Transaction, call: RepeatableCall & { attempt: number }): Promise<void> {
  await tx.change(`delete from idempotency where ${MINE} and attempt = $4 and effect_at is null`, [
    tx.tenantId,
    call.accountId,
    call.key,
    call.attempt,
  ])
}

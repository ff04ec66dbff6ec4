import type { z } from 'zod'
import { checkingFirst } from '#access/idempotency.ts'
import type { Transaction } from '#database/handles.ts'
import { type Refusal, refuse } from '#foundation/refusal.ts'
import type { Admitted } from './answer-call.ts'
import type { ApiParts } from './api-parts.ts'
import type { ChangeEndpoint, Endpoint } from './endpoint.ts'
import { declared, entityTag, names } from './entity-tag.ts'

type Change = ChangeEndpoint<z.ZodObject, z.ZodType, z.ZodType>

/** Each holds one connection of the pool and needs a second: few at a time leave enough of them. */
const AT_A_TIME = 3
let running = 0
const waiting: (() => void)[] = []

/**
 * Runs a change only if what stands is what the caller read: `If-Match`. Of two that rest on the same state one is
 * refused, on whichever node: the state is read again inside the change's own transaction, behind a lock on the
 * address.
 *
 * @returns `precondition_failed` when it was changed meanwhile, or when nothing stands at the address
 */
export async function changeIfMatches<Result>(
  parts: ApiParts,
  header: string,
  admitted: Admitted,
  endpoint: Change,
  change: () => Promise<Result>,
): Promise<Result | Refusal> {
  const { call, params } = admitted
  const reader = readerOf(parts.endpoints, endpoint)
  const stands = async (): Promise<boolean> => {
    const current = await endpoint.current?.(call, params)
    if (!current) return false
    const thing = reader ? declared(reader.answer, current) : current
    return names(header, await entityTag(parts, call.tenantId, thing))
  }
  if (!(await stands())) return refuse('precondition_failed')
  const lock = `${call.tenantId} ${endpoint.path} ${JSON.stringify(params)}`
  const check = async (tx: Transaction): Promise<void> => {
    await tx.rows('select pg_advisory_xact_lock(hashtextextended($1, 0))', [lock])
    if (!(await stands())) throw new Stale()
  }
  await takeTurn()
  try {
    return await checkingFirst(call.tenantId, check, change)
  } catch (fault) {
    if (fault instanceof Stale) return refuse('precondition_failed')
    throw fault
  } finally {
    running--
    waiting.shift()?.()
  }
}

class Stale extends Error {
  constructor() {
    super('it was changed meanwhile')
    this.name = 'Stale'
  }
}

async function takeTurn(): Promise<void> {
  while (running >= AT_A_TIME) await new Promise<void>((resolve) => waiting.push(resolve))
  running++
}

/** The endpoint that reads what this one changes: the same address by GET. */
function readerOf(endpoints: readonly Endpoint[], { path }: Change): Endpoint | undefined {
  return endpoints.find((one) => one.kind === 'get' && one.path === path)
}

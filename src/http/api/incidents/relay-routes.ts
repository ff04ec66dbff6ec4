import { type Context, Hono } from 'hono'
import { z } from 'zod'
import type { BreachParts } from '#breach/parts.ts'
import { type Letter, correspondentAt, takeLetter } from '#breach/recipient-letters.ts'
import type { Lease } from '#database/lease.ts'
import { type Clock, toTimestamp } from '#foundation/clock.ts'
import { newId } from '#foundation/ids.ts'
import { parsedJson } from '#foundation/json.ts'
import { type Refusal, isRefusal, refuse } from '#foundation/refusal.ts'
import { isSignedWebhook, webhookKey } from '#foundation/standard-webhooks.ts'
import { memoryBudget } from '../../ingest/memory-budget.ts'
import { readBody } from '../../ingest/read-body.ts'
import { refusalBody, statusOf } from '../../problem.ts'

const LARGEST_LETTER = 1024 * 1024
const MOST_IN_MEMORY = 32 * 1024 * 1024
const time = z.iso.datetime({ offset: true })

const letters = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('incident.acknowledged'),
    data: z.strictObject({
      incidentId: z.uuid(),
      customers: z
        .array(z.strictObject({ customerId: z.string().min(1).max(128), toldDateTime: time }))
        .min(1)
        .max(10_000),
    }),
  }),
  z.object({
    type: z.literal('incident.answered'),
    data: z.strictObject({
      obligationId: z.uuid(),
      outcome: z.enum(['receipt', 'refused']),
      evidenceHash: z
        .string()
        .regex(/^[0-9a-f]{64}$/)
        .optional(),
      reason: z.string().max(8_000).optional(),
    }),
  }),
  z.object({
    type: z.literal('breach.reported'),
    data: z.strictObject({
      fromDateTime: time,
      toDateTime: time,
      text: z.string().min(1).max(8_000),
      tenantId: z.string().min(1).max(63).optional(),
    }),
  }),
])

function letterOf(body: Buffer): Letter | Refusal {
  const json = parsedJson(body)
  if (json === undefined) return refuse('body_malformed')
  const parsed = letters.safeParse(json)
  if (!parsed.success)
    return refuse('body_malformed', { field: parsed.error.issues[0]?.path.join('.') ?? '' })
  const { type, data } = parsed.data
  switch (type) {
    case 'incident.acknowledged': {
      const customers = data.customers.map(({ customerId, toldDateTime }) => ({
        customerId,
        at: Date.parse(toldDateTime),
      }))
      return { type, incidentId: data.incidentId, customers }
    }
    case 'incident.answered':
      return { type, reason: undefined, evidenceHash: undefined, ...data }
    case 'breach.reported': {
      const { text, tenantId } = data
      const [from, to] = [Date.parse(data.fromDateTime), Date.parse(data.toDateTime)]
      return { type, from, to, text, tenantId }
    }
  }
}

/**
 * `POST /correspondence/<party>`: signed webhooks (Standard Webhooks) of the suite team, agents and recipients, each at
 * its own address with its own secret. An address that is not known answers as a wrong signature does.
 */
export function correspondenceRoutes(parts: {
  readonly breach: BreachParts
  readonly clock: Clock
  readonly lease: Pick<Lease, 'held'>
}): Hono {
  const { breach, clock, lease } = parts
  const claim = memoryBudget(MOST_IN_MEMORY)
  const take = async (context: Context): Promise<object | Refusal> => {
    if (!lease.held()) return refuse('lease_expired')
    const party = context.req.param('party') ?? ''
    const memory = claim()
    try {
      const body = await readBody(context, LARGEST_LETTER, memory)
      if (isRefusal(body)) return body
      const from = await correspondentAt(breach, party)
      const key = from && webhookKey(from.theirSecret)
      const header = (name: string): string | undefined => context.req.header(name)
      const now = clock.now()
      if (!from || !key || !isSignedWebhook(key, header, now / 1000, body))
        return refuse('client_unauthenticated')
      const letter = letterOf(body)
      if (isRefusal(letter)) return letter
      return await takeLetter(breach, from, { id: header('webhook-id') ?? '', body, letter }, now)
    } finally {
      memory.release()
    }
  }
  const app = new Hono()
  app.post('/correspondence/:party', async (context) => {
    const taken = await take(context)
    if (!isRefusal(taken)) return context.json(taken)
    const date = toTimestamp(clock.now())
    const names = { requestId: newId(), clientRequestId: undefined, date }
    return context.json(refusalBody(taken, names), statusOf(taken.refused))
  })
  return app
}

import { INSTALLATION } from '#database/handles.ts'
import type { Json } from '#foundation/canonical-json.ts'
import { sha256Hex } from '#foundation/hashing.ts'
import type { SendOutcome, WebhookCall } from '#notify/signed-call.ts'
import { isOver } from './incident.ts'
import { readIncident } from './incident.table.ts'
import { ACTOR, type BreachParts, record } from './parts.ts'
import { readCorrespondent } from './recipient-settings.ts'

/** What telling others needs: how a call leaves, which `compose.ts` hands in. */
export interface TellParts extends BreachParts {
  readonly post: (call: WebhookCall) => Promise<SendOutcome>
}

const MINUTE_IN_MS = 60_000
/** Longer than any attempt lasts: what was claimed earlier belongs to nobody. */
const CLAIM_IN_MS = 5 * MINUTE_IN_MS
const AT_ONCE = 50
/** So many that all that was claimed is sent well before the claims end. */
const SENDERS = 8

interface Due {
  readonly message_id: string
  readonly incident_id: string
  readonly party: string
  readonly body: string
  readonly attempts: number
  readonly made_at: Date
}

/** Minutes to the next attempt: 1, 2, 4, and at most 30. */
const waitAfter = (attempts: number): number =>
  Math.min(30, 2 ** Math.max(0, attempts - 1)) * MINUTE_IN_MS

/**
 * Sends messages that are due. A node may die at any point, and several may send at once: each message is claimed in a
 * commit before it leaves, and goes again under its id where nobody saw what became of it. One of an incident that was
 * merged or retracted meanwhile does not leave any more.
 *
 * @returns how many attempts were made
 */
export async function sendMessages(parts: TellParts, now: number): Promise<number> {
  const claimed = await claimDue(parts, now)
  const waiting = [...claimed]
  const worker = async (): Promise<void> => {
    for (let message = waiting.shift(); message; message = waiting.shift())
      await conclude(parts, message, await attempt(parts, message, now), now)
  }
  await Promise.all(Array.from({ length: SENDERS }, worker))
  return claimed.length
}

function claimDue({ database }: TellParts, now: number): Promise<readonly Due[]> {
  return database.write(INSTALLATION, async (tx) =>
    tx.rows<Due>(
      `update breach_messages m set state = 'sending', attempts = m.attempts + 1, next_at = $3
        where m.tenant_id = $1 and m.message_id in (
          select d.message_id from breach_messages d
           where d.tenant_id = $1 and d.state in ('due', 'sending') and d.next_at <= $2
           order by d.next_at limit ${AT_ONCE} for update skip locked)
        returning m.message_id, m.incident_id, m.party, m.body, m.attempts, m.made_at`,
      [tx.tenantId, new Date(now), new Date(now + CLAIM_IN_MS)],
    ),
  )
}

type Outcome = SendOutcome | { readonly outcome: 'withdrawn'; readonly code: string }

async function attempt(parts: TellParts, message: Due, now: number): Promise<Outcome> {
  const { keys } = parts
  const { incident, to } = await parts.database.read(INSTALLATION, async (reader) => ({
    incident: await readIncident(reader, keys, message.incident_id),
    to: await readCorrespondent(reader, keys, message.party),
  }))
  if (!incident || isOver(incident))
    return { outcome: 'withdrawn', code: incident?.state ?? 'gone' }
  if (!to?.isOn) return { outcome: 'again', code: 'switched_off' }
  const { url, ourSecret } = to
  const id = `msg_${message.message_id}`
  return parts.post({ url, secrets: [ourSecret], id, at: now, body: message.body })
}

async function conclude(
  { database }: TellParts,
  message: Due,
  { outcome, code }: Outcome,
  now: number,
): Promise<void> {
  const goesAgain = outcome === 'again' || outcome === 'unknown'
  const state = goesAgain ? 'due' : outcome
  await database.write(INSTALLATION, async (tx) => {
    const changed = await tx.change(
      `update breach_messages set state = $3, code = $4, next_at = $5, sent_at = $6
        where tenant_id = $1 and message_id = $2 and state = 'sending' and attempts = $7`,
      [
        tx.tenantId,
        message.message_id,
        state,
        code,
        new Date(now + waitAfter(message.attempts)),
        outcome === 'sent' ? new Date(now) : null,
        message.attempts,
      ],
    )
    if (changed === 0) return
    await record(
      tx,
      'incident.message',
      { actor: ACTOR, now },
      {
        incident: message.incident_id,
        message: message.message_id,
        party: message.party,
        attempt: message.attempts,
        outcome,
        code,
        body: sha256Hex(message.body),
      },
    )
  })
}

export interface Message {
  readonly messageId: string
  readonly party: string
  readonly state: string
  readonly attempts: number
  readonly code: string | undefined
  readonly madeAt: number
  readonly sentAt: number | undefined
}

/** Messages of the incident, the oldest first. */
export async function listMessages(
  { database }: Pick<BreachParts, 'database'>,
  incidentId: string,
): Promise<readonly Message[]> {
  const rows = await database.read(INSTALLATION, (reader) =>
    reader.rows<{
      message_id: string
      party: string
      state: string
      attempts: number
      code: string | null
      made_at: Date
      sent_at: Date | null
    }>(
      `select message_id, party, state, attempts, code, made_at, sent_at from breach_messages
        where tenant_id = $1 and incident_id = $2 order by made_at, message_id`,
      [INSTALLATION, incidentId],
    ),
  )
  return rows.map((row) => ({
    messageId: row.message_id,
    party: row.party,
    state: row.state,
    attempts: row.attempts,
    code: row.code ?? undefined,
    madeAt: row.made_at.getTime(),
    sentAt: row.sent_at?.getTime(),
  }))
}

/** A message as it is written: type, time of making, and identifiers. */
export function bodyOf(
  type: string,
  madeAt: string,
  data: { readonly [key: string]: Json },
): string {
  return JSON.stringify({ type, timestamp: madeAt, data })
}

/** A row of somebody who was told of what concerns one tenant. */
export interface Tell {
  readonly tenantId: string
  readonly incidentId: string
  readonly party: string
  readonly reference: string
  readonly messageId: string
  readonly state: 'waiting' | 'acknowledged' | 'direct' | 'owed' | 'answered'
  readonly toldAt: number
  readonly deadlineAt: number
  readonly answeredAt: number | undefined
}

/** Everybody who was told of the incident, in the order of tenants. */
export async function listTells(
  { database }: Pick<BreachParts, 'database'>,
  incidentId: string,
): Promise<readonly Tell[]> {
  const rows = await database.read(INSTALLATION, (reader) =>
    reader.rows<{
      tenant_id: string
      incident_id: string
      party: string
      reference: string
      message_id: string
      state: Tell['state']
      told_at: Date
      deadline_at: Date
      answered_at: Date | null
    }>('select * from sluss_breach_tells($1)', [incidentId]),
  )
  return rows.map((row) => ({
    tenantId: row.tenant_id,
    incidentId: row.incident_id,
    party: row.party,
    reference: row.reference,
    messageId: row.message_id,
    state: row.state,
    toldAt: row.told_at.getTime(),
    deadlineAt: row.deadline_at.getTime(),
    answeredAt: row.answered_at?.getTime(),
  }))
}

import { INSTALLATION } from '#database/handles.ts'
import type { Json } from '#foundation/canonical-json.ts'
import { sha256Hex } from '#foundation/hashing.ts'
import { type Refusal, isRefusal, refuse } from '#foundation/refusal.ts'
import { type BreachParts, record } from './parts.ts'
import { type Correspondent, readCorrespondent } from './recipient-settings.ts'
import { answerObligation } from './recipients.ts'
import { tellSignal } from './signals.ts'
import { type Confirmation, acknowledgeRelay } from './suite-relay-answers.ts'

/** What a correspondent can say: the suite team confirms, a recipient answers what it owes, either reports a breach. */
export type Letter =
  | {
      readonly type: 'incident.acknowledged'
      readonly incidentId: string
      readonly customers: readonly Confirmation[]
    }
  | {
      readonly type: 'incident.answered'
      readonly obligationId: string
      readonly outcome: 'receipt' | 'refused'
      readonly evidenceHash: string | undefined
      readonly reason: string | undefined
    }
  | {
      readonly type: 'breach.reported'
      /** UTC milliseconds. */
      readonly from: number
      readonly to: number
      readonly text: string
      readonly tenantId: string | undefined
    }

type Answer = { readonly [key: string]: Json }

/** Who signs what comes to this address; undefined where nobody may. */
export async function correspondentAt(
  { database, keys }: Pick<BreachParts, 'database' | 'keys'>,
  party: string,
): Promise<Correspondent | undefined> {
  const found = await database.read(INSTALLATION, (reader) =>
    readCorrespondent(reader, keys, party),
  )
  return found?.isOn ? found : undefined
}

/**
 * Takes in what was signed and read. The same message again is answered as it was and changes nothing. The body is kept
 * sealed, since a refusal states its reasons in it.
 *
 * @returns what is answered, or `body_malformed` where this correspondent cannot say that, and the refusals of the rooms
 */
export async function takeLetter(
  parts: BreachParts,
  from: Pick<Correspondent, 'party' | 'role'>,
  came: { readonly id: string; readonly body: Buffer; readonly letter: Letter },
  now: number,
): Promise<Answer | Refusal> {
  const { database, keys } = parts
  const { party, role } = from
  const { id, body, letter } = came
  if (
    (letter.type === 'incident.acknowledged') !== (role === 'suite') &&
    letter.type !== 'breach.reported'
  )
    return refuse('body_malformed', { type: letter.type })
  if (letter.type === 'breach.reported' && role === 'suite')
    return refuse('body_malformed', { type: letter.type })
  const before = await database.write(INSTALLATION, async (tx) => {
    const hash = sha256Hex(`${party}/${id}`)
    await tx.change(
      `insert into breach_letters (tenant_id, party, letter_id, came_at, body) values ($1, $2, $3, $4, $5)
       on conflict do nothing`,
      [
        tx.tenantId,
        party,
        id,
        new Date(now),
        await keys.sealForTenant(tx, `breach-letter/${hash}`, body),
      ],
    )
    const [row] = await tx.rows<{ answer: Answer | null }>(
      'select answer from breach_letters where tenant_id = $1 and party = $2 and letter_id = $3',
      [tx.tenantId, party, id],
    )
    return row?.answer ?? undefined
  })
  if (before) return before
  const answer = await obey(parts, from, letter, sha256Hex(body), now)
  if (isRefusal(answer)) return answer
  await database.write(INSTALLATION, async (tx) => {
    const kept = await tx.change(
      `update breach_letters set answer = $4
        where tenant_id = $1 and party = $2 and letter_id = $3 and answer is null`,
      [tx.tenantId, party, id, JSON.stringify(answer)],
    )
    if (kept === 1)
      await record(
        tx,
        'letter.received',
        { actor: `party:${party}`, now },
        {
          party,
          type: letter.type,
          body: sha256Hex(body),
        },
      )
  })
  return answer
}

async function obey(
  parts: BreachParts,
  { party, role }: Pick<Correspondent, 'party' | 'role'>,
  letter: Letter,
  bodyHash: string,
  now: number,
): Promise<Answer | Refusal> {
  switch (letter.type) {
    case 'incident.acknowledged': {
      const taken = await acknowledgeRelay(parts, letter.incidentId, letter.customers, now)
      return { ...taken }
    }
    case 'incident.answered': {
      const { obligationId, outcome, evidenceHash = bodyHash, reason = '' } = letter
      if (outcome === 'refused' && reason.trim().length < 20) return refuse('reason_too_thin')
      const answer = { obligationId, outcome, evidenceHash }
      const answered = await answerObligation(parts, party, answer, now)
      return isRefusal(answered) ? answered : { obligationId, outcome }
    }
    case 'breach.reported': {
      const { from, to, text, tenantId } = letter
      const source = role === 'agent' ? 'agent' : 'recipient'
      const told = { source, party, from, to, text, tenantId } as const
      const signal = await tellSignal(parts, told, { principal: principalOf(party, now), now })
      return isRefusal(signal) ? signal : { signalId: signal }
    }
  }
}

/** The party itself, as the log names who told: `service:<party>`. It has no account and no permission. */
function principalOf(party: string, now: number) {
  return {
    tenantId: party,
    accountId: party,
    kind: 'service',
    groups: [],
    personMarks: [],
    language: 'en',
    authenticatedAt: now,
    methods: ['webhook'],
  } as const
}

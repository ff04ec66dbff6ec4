import { INSTALLATION } from '#database/handles.ts'
import { askRecipients } from './recipients.ts'
import { type TellParts, sendMessages } from './recipient-messages.ts'
import { relayIncident } from './suite-relay.ts'
import { type TellDirectly, tellUnconfirmed } from './suite-relay-answers.ts'

/** What was closed is looked after so long: an answer or a message may still be on its way. */
const AFTER_THE_END_IN_MS = 30 * 86_400_000

/**
 * Everything that goes on by itself once an incident is declared and scoped: relay, ask, send, and tell directly whom
 * the suite team has not confirmed. Run every minute; it may run twice, and takes up what a dead node left.
 */
export async function tellOthers(
  parts: TellParts,
  tellDirectly: TellDirectly,
  now: number,
): Promise<{
  readonly relayed: number
  readonly asked: number
  readonly sent: number
  readonly direct: number
}> {
  const rows = await parts.database.read(INSTALLATION, (reader) =>
    reader.rows<{ incident_id: string }>(
      `select incident_id from breach_incidents
        where tenant_id = $1 and declared_at is not null and scope_id is not null
          and (state = 'open' or (state = 'closed' and ended_at > $2)) order by declared_at`,
      [reader.tenantId, new Date(now - AFTER_THE_END_IN_MS)],
    ),
  )
  let relayed = 0
  let asked = 0
  for (const { incident_id: id } of rows) {
    relayed += await relayIncident(parts, id, now)
    asked += await askRecipients(parts, id, now)
  }
  const direct = await tellUnconfirmed(parts, tellDirectly, now)
  const sent = await sendMessages(parts, now)
  return { relayed, asked, sent, direct }
}

import { DatabaseFault } from '#database/fault.ts'
import { type Refusal, isRefusal, refuse } from '#foundation/refusal.ts'
import { type Admitted, admitResponse } from './admit-response.ts'
import { deliver } from './delivery/deliver.ts'
import { type Outcomes, createOutcomes } from './delivery/outcome.ts'
import { type Disclosure, type Recorded, createEvidence } from './evidence.ts'
import type {
  Exchange,
  IncomingResponse,
  Outcome,
  SendResult,
  TransportFaultCode,
} from './exchange.ts'
import { type Gate, type OpenGate, createGate } from './gate.ts'
import { createJournal } from './journal.ts'
import type { SharingParts } from './parts.ts'
import { keepPartyEvent } from './party-event.ts'
import { namedBack } from './party-names.ts'
import { exchangeOf } from './permanent.ts'
import { type IncomingCall, projectRequest } from './project-request.ts'
import { createRefusals } from './record-refusal.ts'

export interface ShareRequest {
  readonly tenantId: string
  readonly connectionId: string
  readonly exchange: Exchange
  readonly call: IncomingCall
  /** `client:<connection>` or `job:<name>`. */
  readonly actor: string
}

/** What came of it: the party's answer, a refusal, or the network failing after the entry was written. */
export type Shared =
  | { readonly entryId: string; readonly raw: IncomingResponse; readonly admitted: Admitted }
  | {
      readonly entryId: string
      readonly failed: TransportFaultCode
      readonly outcome: 'unsent' | 'unknown'
    }
  | Refusal

/** How often a plan is made anew because the facts moved between plan and commit. */
const MOST_PLANS = 4

export interface Sharing {
  share(request: ShareRequest): Promise<Shared>
  /** Records a refusal that was made before the door was reached, such as an unknown exchange. */
  refuse(
    where: { tenantId: string; connectionId: string; actor: string },
    refusal: Refusal,
  ): Promise<Refusal>
  readonly gate: Gate
  readonly outcomes: Outcomes
  close(): Promise<void>
}

/** The only door through which data leave for a party. */
export async function createSharing(parts: SharingParts): Promise<Sharing> {
  const gate = await createGate(parts)
  const journal = createJournal(parts.database)
  const evidence = createEvidence(parts, journal)
  const refusals = createRefusals(parts, gate.now)
  const outcomes = createOutcomes(parts, journal, gate.now)

  const share = async (asked: ShareRequest): Promise<Shared> => {
    const exchange = exchangeOf(asked.exchange, asked.call)
    const request = exchange === asked.exchange ? asked : { ...asked, exchange }
    const { tenantId, connectionId, call, actor } = request
    for (let plans = 0; plans < MOST_PLANS; plans++) {
      const open = await unlessAway(gate.open(tenantId, connectionId, exchange))
      if (isRefusal(open)) return refusals.record(request, open)
      if (open.refusal) return refusals.record(request, open.refusal, open)
      await parts.reached?.('planned')

      const payload = projectRequest(open, call)
      if (isRefusal(payload)) return refusals.record(request, payload, open)
      await parts.reached?.('projected')

      const recorded = await recordDisclosure(
        { gate: open, payload, actor, at: gate.now() },
        tenantId,
      )
      if (recorded === 'stale') {
        gate.forget(tenantId, open)
        continue
      }
      if (isRefusal(recorded)) return refusals.record(request, recorded, open)
      await parts.reached?.('recorded')

      const { entryId } = recorded
      const result = await deliver(parts, gate, open, payload)
      const { attempts } = result
      if (!('response' in result)) {
        outcomes.conclude(tenantId, {
          entryId,
          outcome: result.outcome,
          code: result.code,
          attempts,
          at: gate.now(),
        })
        return { entryId, failed: result.code, outcome: result.outcome }
      }
      const response = await namedBack(parts, tenantId, open, result.response)
      const admitted = admitResponse(open, response)
      const { received, withheld, unknown } = admitted
      const { status } = result.response
      outcomes.conclude(tenantId, {
        entryId,
        outcome: await outcomeOf(result, open, tenantId, entryId),
        status,
        attempts,
        received,
        withheld,
        unknown,
        at: gate.now(),
      })
      await parts.reached?.('concluded')
      return { entryId, raw: response, admitted }
    }
    return refusals.record(request, refuse('evidence_unavailable', { exchange: exchange.id }))
  }

  /** What cannot be recorded is refused (P3). A commit whose fate is unknown was not sent, and says so later. */
  const recordDisclosure = async (disclosure: Disclosure, tenantId: string): Promise<Recorded> => {
    try {
      return await evidence.record(tenantId, disclosure)
    } catch (fault) {
      parts.log.warn('a disclosure could not be recorded and is refused', {
        tenantId,
        code: fault instanceof DatabaseFault ? fault.code : 'unknown',
      })
      return refuse('evidence_unavailable', { exchange: disclosure.gate.exchange.id })
    }
  }

  /** An accepted change is only accepted once its event is kept: else nobody would ever ask what became of it. */
  const outcomeOf = async (
    result: SendResult & { response: IncomingResponse },
    { connection, exchange }: OpenGate,
    tenantId: string,
    entryId: string,
  ): Promise<Outcome> => {
    if (result.outcome !== 'accepted' || exchange.settledBy === undefined) return result.outcome
    const { connectionId } = connection
    const { event: eventId } = result
    const event = { connectionId, eventId, entryId, askedBy: exchange.settledBy }
    try {
      await parts.database.write(tenantId, (tx) =>
        keepPartyEvent(tx, { ...event, acceptedAt: gate.now() }),
      )
      return 'accepted'
    } catch (fault) {
      if (!(fault instanceof DatabaseFault)) throw fault
      parts.log.warn('the event of an accepted change was lost', { tenantId, entryId })
      return 'unknown'
    }
  }

  const unlessAway = async <Result>(work: Promise<Result>): Promise<Result | Refusal> => {
    try {
      return await work
    } catch (fault) {
      if (!(fault instanceof DatabaseFault)) throw fault
      return refuse('evidence_unavailable', { code: fault.code })
    }
  }

  return {
    share,
    refuse: (where, refusal) => refusals.record(where, refusal),
    gate,
    outcomes,
    close: async () => {
      await outcomes.idle()
      await journal.idle()
      await gate.close()
    },
  }
}

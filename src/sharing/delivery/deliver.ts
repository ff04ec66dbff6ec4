import { DatabaseFault } from '#database/fault.ts'
import { type SendResult, type Transport, TransportFault } from '../exchange.ts'
import type { Gate, OpenGate } from '../gate.ts'
import type { SharingParts } from '../parts.ts'
import type { Payload } from '../project-request.ts'

/** What was decided within this time is not asked about again: a withdrawal takes effect within a second. */
const FRESH_IN_MS = 250

/**
 * Sends what was recorded, and nothing else. A node that has lost its lease sends nothing. A call that had to wait, for
 * its turn or for another attempt, leaves only while what was decided still holds (P5).
 */
export async function deliver(
  parts: Pick<SharingParts, 'lease' | 'clock' | 'transport' | 'reached'>,
  gate: Pick<Gate, 'stands'>,
  decided: OpenGate,
  payload: Payload,
): Promise<SendResult> {
  const { lease, clock } = parts
  if (!lease.held()) return { outcome: 'unsent', code: 'aborted', attempts: 0 }
  await parts.reached?.('sent')
  const isFresh = freshFrom(clock.elapsed(), clock)
  const stands = async (): Promise<boolean> =>
    isFresh() || (lease.held() && (await unlessAway(gate.stands(decided))))
  const transport: Transport = async (request) => {
    if (!isFresh() && !(await stands())) throw new TransportFault('aborted', false)
    return parts.transport(request)
  }
  const { connection, connector, credentials, session } = decided
  const { origin } = connection
  const call = { origin, credentials, request: payload.request, session, transport, stands }
  const result = await connector.send(call)
  await parts.reached?.('answered')
  return result
}

function freshFrom(began: number, clock: SharingParts['clock']): () => boolean {
  return () => clock.elapsed() - began < FRESH_IN_MS
}

/** While nobody can be asked nothing leaves that waited. */
async function unlessAway(stands: Promise<boolean>): Promise<boolean> {
  try {
    return await stands
  } catch (fault) {
    if (fault instanceof DatabaseFault) return false
    throw fault
  }
}

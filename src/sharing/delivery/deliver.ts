import type { SendResult } from '../exchange.ts'
import type { OpenGate } from '../gate.ts'
import type { SharingParts } from '../parts.ts'
import type { Payload } from '../project-request.ts'

/** Sends what was recorded, and nothing else. A node that has lost its lease sends nothing. */
export async function deliver(
  parts: SharingParts,
  gate: OpenGate,
  payload: Payload,
): Promise<SendResult> {
  if (!parts.lease.held()) return { outcome: 'unsent', code: 'aborted', attempts: 0 }
  await parts.reached?.('sent')
  const result = await gate.connector.send({
    origin: gate.connection.origin,
    credentials: gate.credentials,
    request: payload.request,
    session: gate.session,
    transport: parts.transport,
  })
  await parts.reached?.('answered')
  return result
}

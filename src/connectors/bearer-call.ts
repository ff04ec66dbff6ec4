import type { IncomingResponse, PartyCall, SendResult, TransportFault } from '#sharing/exchange.ts'

const JSON_TYPE = 'application/json;charset=UTF8'

/** Headers of every request to a party that answers in JSON. */
export function jsonHeaders(): Record<string, string> {
  return { 'user-agent': 'sluss/1', accept: 'application/json', 'accept-encoding': 'identity' }
}

/** The last word of a session, which is the access token. */
export function tokenOf(session: string): string {
  return session.slice(session.lastIndexOf(' ') + 1)
}

/** Makes the call as it leaves the door, under an access token. */
export function sendWith(
  token: string,
  { origin, request, transport }: PartyCall,
): Promise<IncomingResponse> {
  return transport({
    origin,
    method: request.method,
    target: request.target,
    headers: {
      ...jsonHeaders(),
      authorization: `Bearer ${token}`,
      ...(request.body === undefined ? {} : { 'content-type': JSON_TYPE }),
    },
    body: request.body,
  })
}

/** A call that was sent before, or whose own bytes may have left, is unknown; while only a token was asked for, nothing left. */
export function afterFault(
  fault: TransportFault,
  attempts: number,
  authorised: boolean,
): SendResult {
  const mayHaveLeft = attempts > 1 || (attempts === 1 && (!authorised || fault.sent))
  return { outcome: mayHaveLeft ? 'unknown' : 'unsent', code: fault.code, attempts }
}

import type { PartnerDescription } from '#catalog/partner-description.ts'
import type { PartnerExchange } from '#catalog/read-partner.ts'
import { newId } from '#foundation/ids.ts'
import {
  type Connector,
  type IncomingResponse,
  type PartyCall,
  type SendResult,
  TransportFault,
} from '#sharing/exchange.ts'
import { afterFault, jsonHeaders } from '../bearer-call.ts'
import { type Authorised, createAuthorise } from './authorise.ts'
import { readPartnerCredentials } from './credentials.ts'
import { PARTNER_ERRORS, failure, refusalResponse } from './error-form.ts'

const MOST_ATTEMPTS = 2
const JSON_TYPE = 'application/json'

/** The newest version of a description, with its shapes built; asked anew for every call. */
export interface Described {
  readonly description: PartnerDescription
  readonly exchanges: readonly PartnerExchange[]
}

/**
 * A party that is described as data, in the same contract as one that has code. A call is made a second time only where
 * a token was refused, or where the answer was lost or 503 and the exchange is idempotent.
 *
 * @param described the description as it stands at the moment; its id and party never change
 * @param seconds the time of day, in seconds since 1970
 * @param isPublic false for a party on this machine: for the sample and for tests
 */
export function partnerConnector(
  described: () => Described,
  seconds: () => number,
  isPublic = true,
): Connector {
  const { id, party, flows } = described().description
  const authorise = createAuthorise(() => described().description.auth, seconds, isPublic, failure)
  return {
    id,
    party: party.id,
    service: flows[0]?.service ?? party.name,
    get exchanges() {
      return described().exchanges
    },
    clientDoor: 'bearer',
    errorForm: PARTNER_ERRORS,
    refusalResponse,
    readCredentials: (file) => readPartnerCredentials(described().description.auth, file),
    send: async (call) => {
      // A connection to a place that the description no longer has gets nothing, nor its token.
      if (!described().description.hosts.includes(call.origin))
        return { outcome: 'unsent', code: 'aborted', attempts: 0 }
      return sendAuthorised(call, isPublic, authorise)
    },
  }
}

async function sendAuthorised(
  call: PartyCall,
  isPublic: boolean,
  authorise: ReturnType<typeof createAuthorise>,
): Promise<SendResult> {
  const again = call.request.exchange.idempotent
  // One id for one message, however often it is sent: by it the party knows what it has seen.
  const messageId = `msg_${newId()}`
  let attempts = 0
  for (;;) {
    let authorised = false
    try {
      const proof = await authorise(call, messageId)
      if ('status' in proof) return { outcome: 'rejected', response: proof, attempts }
      authorised = true
      attempts++
      const response = await sendWith(proof, call, isPublic)
      const renewed = response.status === 401 && proof.session !== undefined
      if (renewed) await call.session.replace(proof.session, undefined)
      const repeat = renewed || (response.status === 503 && again)
      if (repeat && attempts < MOST_ATTEMPTS) continue
      const delivered = response.status >= 200 && response.status < 300
      return { outcome: delivered ? 'delivered' : 'rejected', response, attempts }
    } catch (fault) {
      if (!(fault instanceof TransportFault)) throw fault
      if (authorised && fault.sent && again && attempts < MOST_ATTEMPTS) continue
      return afterFault(fault, attempts, authorised)
    }
  }
}

function sendWith(
  { headers, tls }: Authorised,
  { origin, request, transport }: PartyCall,
  isPublic: boolean,
): Promise<IncomingResponse> {
  return transport({
    origin,
    method: request.method,
    target: request.target,
    ...(tls ? { tls } : {}),
    ...(isPublic ? { publicOnly: true } : {}),
    headers: {
      ...jsonHeaders(),
      ...headers,
      ...(request.body === undefined ? {} : { 'content-type': JSON_TYPE }),
    },
    body: request.body,
  })
}

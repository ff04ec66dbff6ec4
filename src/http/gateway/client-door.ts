import type { IncomingMessage } from 'node:http'
import type { Refusal } from '#foundation/refusal.ts'
import type { IncomingResponse } from '#sharing/exchange.ts'

/** Checks that a caller is the client of the connection, in the way its protocol has for that. */
export interface ClientDoor {
  /** Answers a request that only opens a session; undefined for any other. */
  openSession(
    request: IncomingMessage,
    path: string,
  ): Promise<IncomingResponse | Refusal> | undefined
  isClient(request: IncomingMessage): boolean
}

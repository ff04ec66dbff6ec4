import { secretCheck } from '#foundation/hashing.ts'
import { bearerOf } from '../bearer.ts'
import type { ClientDoor } from './client-door.ts'

/** The plain way: every call names the token that Sluss issued for this connection. */
export function bearerClientDoor(token: string): ClientDoor {
  const isToken = secretCheck(token)
  return {
    openSession: () => undefined,
    isClient: (request) => isToken(bearerOf(request.headers.authorization)),
  }
}

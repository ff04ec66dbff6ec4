import type { Database, Reader } from '#database/handles.ts'
import type { Scalar } from '#database/list.ts'
import { type Json, canonicalJson } from '#foundation/canonical-json.ts'
import { sha256Hex } from '#foundation/hashing.ts'
import { type Refusal, refuse } from '#foundation/refusal.ts'
import { KeyFault, type Keys } from '#keys/keys.ts'

/** Where a list is: the last row seen, and how many rows a page has. */
export interface Position {
  readonly after: readonly Scalar[]
  readonly top: number
}

/** All that a page token is good for. Anything else, in any part, and it is refused. */
export interface ListIdentity {
  readonly tenantId: string
  readonly accountId: string
  readonly endpointId: string
  readonly params: Json
  readonly filter: Json
  readonly orderBy: Json
}

const LONGEST = 4_000

/**
 * Seals the position under the tenant's key with the list's identity as its context: nobody can make a token, change
 * one, read the values in it, or use it for another list, by another account or in another tenant.
 */
export async function sealPosition(
  database: Database,
  keys: Keys,
  list: ListIdentity,
  position: Position,
): Promise<string> {
  const sealed = await database.read(list.tenantId, (reader: Reader) =>
    keys.sealForTenant(reader, context(list), Buffer.from(JSON.stringify(position))),
  )
  return sealed.toString('base64url')
}

/** @returns `page_token_invalid` for anything that was not made for this very list */
export async function openPosition(
  database: Database,
  keys: Keys,
  list: ListIdentity,
  token: string,
): Promise<Position | Refusal> {
  if (token.length > LONGEST || !/^[A-Za-z0-9_-]+$/.test(token)) return refuse('page_token_invalid')
  try {
    const opened = await database.read(list.tenantId, (reader: Reader) =>
      keys.openForTenant(reader, context(list), Buffer.from(token, 'base64url')),
    )
    return JSON.parse(opened.toString()) as Position
  } catch (fault) {
    if (fault instanceof KeyFault) return refuse('page_token_invalid')
    throw fault
  }
}

function context({ accountId, endpointId, params, filter, orderBy }: ListIdentity): string {
  const identity = canonicalJson({ accountId, params, filter, orderBy })
  return `page-token/${endpointId}/${sha256Hex(identity)}`
}

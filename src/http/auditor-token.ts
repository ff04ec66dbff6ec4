import { isClientSession, issueClientSession } from '#connections/client-session.ts'
import type { Database } from '#database/handles.ts'
import type { Clock } from '#foundation/clock.ts'
import type { KeyedHash } from '#foundation/hashing.ts'
import type { Keys } from '#keys/keys.ts'

export const AUDITOR_TOKEN_LIFE_IN_MS = 30 * 60_000

const AUDITOR = 'auditor'

interface AuditorParts {
  readonly database: Database
  readonly keys: Keys
  readonly clock: Clock
}

/** A token for one auditor of the tenant: it opens tiles and entries of its log for half an hour. */
export async function issueAuditorToken(parts: AuditorParts, tenantId: string): Promise<string> {
  return issueClientSession(await auditorHash(parts, tenantId), AUDITOR, parts.clock.now())
}

/** Whether the token was issued for this tenant and has not ended. */
export async function isAuditorToken(
  parts: AuditorParts,
  tenantId: string,
  token: string,
): Promise<boolean> {
  const hash = await auditorHash(parts, tenantId).catch(() => undefined)
  return hash !== undefined && isClientSession(hash, AUDITOR, token, parts.clock.now())
}

function auditorHash({ database, keys }: AuditorParts, tenantId: string): Promise<KeyedHash> {
  return database.read(tenantId, (reader) => keys.blindIndex(reader, 'auditor-token'))
}

/** How entries name whoever holds the token: by a part of it that opens nothing. */
export function auditorOf(token: string): string {
  return `auditor:${token.split('.')[1] ?? ''}`
}

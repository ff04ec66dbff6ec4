import type { Database, Reader } from '#database/handles.ts'
import { sha256Hex } from '#foundation/hashing.ts'
import type { Keys } from '#keys/keys.ts'

/** The party's session token of one connection: one for all nodes, replaced by any answer. */
export interface PartySession {
  get(): Promise<string | undefined>
  /** Stores `next` unless another node has replaced `previous` since; then theirs is taken over. */
  replace(previous: string | undefined, next: string | undefined): Promise<void>
}

const fingerprint = (token: string | undefined): string =>
  token === undefined ? '' : sha256Hex(token)

/** Kept sealed in the database and, while nobody objects, in memory. */
export function partySession(
  database: Database,
  keys: Keys,
  tenantId: string,
  connectionId: string,
): PartySession {
  const context = `connection/${connectionId}/session`
  let known: string | undefined
  let loading: Promise<string | undefined> | undefined
  const load = async (reader: Reader): Promise<string | undefined> => {
    const [row] = await reader.rows<{ token: Buffer | null }>(
      'select token from party_sessions where tenant_id = $1 and connection_id = $2',
      [tenantId, connectionId],
    )
    return row?.token
      ? (await keys.openForTenant(reader, context, row.token)).toString()
      : undefined
  }
  return {
    get: async () => {
      if (known !== undefined) return known
      loading ??= database.read(tenantId, load).finally(() => {
        loading = undefined
      })
      const loaded = await loading
      // One that an answer brought meanwhile is newer.
      known ??= loaded
      return known
    },
    replace: async (previous, next) => {
      if (previous === next) return
      known = await database.write(tenantId, async (tx) => {
        const sealed =
          next === undefined ? null : await keys.sealForTenant(tx, context, Buffer.from(next))
        const changed = await tx.change(
          `insert into party_sessions (tenant_id, connection_id, token, fingerprint) values ($1, $2, $3, $4)
           on conflict (tenant_id, connection_id) do update set token = $3, fingerprint = $4
             where party_sessions.fingerprint in ($5, '')`,
          [tenantId, connectionId, sealed, fingerprint(next), fingerprint(previous)],
        )
        return changed === 1 ? next : load(tx)
      })
    },
  }
}

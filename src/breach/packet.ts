import type { Database } from '#database/handles.ts'
import { canonicalJson, type Json } from '#foundation/canonical-json.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { sha256Hex } from '#foundation/hashing.ts'
import type { Keys } from '#keys/keys.ts'
import { readNoticeSettings } from '#notify/settings.ts'
import { type TenantState, readTenant } from '#tenants/tenant.ts'
import { inZone } from './clock.ts'
import type { TenantScope } from './tenant-scope.ts'

interface OfScope {
  readonly incidentId: string
  readonly scopeId: string
}

/**
 * What one tenant is handed of a scope: its own and nothing else. What the scope began from is not in it, since that may
 * name what is another tenant's.
 */
export interface Packet extends OfScope {
  readonly tenantId: string
  /** The tenant's log was looked at up to this size. */
  readonly completeTo: number
  readonly entries: number
  /** Subjects as the tenant's ledger names them, sorted. */
  readonly subjects: readonly string[]
  readonly items: TenantScope['items']
  readonly parties: readonly string[]
  readonly firstSeen: string | null
  readonly lastSeen: string | null
  readonly records: readonly {
    readonly connection: string | null
    readonly kind: string | null
    readonly subject: string
    readonly items: TenantScope['items']
    readonly entries: number
    readonly firstSeen: string
    readonly lastSeen: string
  }[]
  readonly excluded: TenantScope['excluded']
  readonly unattributed: number
}

export function packetOf({ incidentId, scopeId }: OfScope, scope: TenantScope): Packet {
  const stamp = (time: number | undefined) => (time === undefined ? null : toTimestamp(time))
  return {
    incidentId,
    scopeId,
    tenantId: scope.tenantId,
    completeTo: scope.completeTo,
    entries: scope.entries,
    subjects: scope.subjects,
    items: scope.items,
    parties: scope.parties,
    firstSeen: stamp(scope.firstSeen),
    lastSeen: stamp(scope.lastSeen),
    records: scope.records.map((one) => ({
      connection: one.connection ?? null,
      kind: one.kind ?? null,
      subject: one.subject,
      items: one.items,
      entries: one.entries,
      firstSeen: toTimestamp(one.firstSeen),
      lastSeen: toTimestamp(one.lastSeen),
    })),
    excluded: scope.excluded,
    unattributed: scope.unattributed,
  }
}

/** SHA-256 of the packet's canonical JSON, hex. A packet holds keyed commitments and no value of a person. */
export function packetHash(of: OfScope, scope: TenantScope): string {
  return sha256Hex(canonicalJson(packetOf(of, scope) as unknown as Json))
}

/** How the tenant reads the times of its packet, and whether it is still there to be told. */
export interface Outside {
  readonly state: TenantState | 'deleted'
  readonly timeZone: string
  readonly firstSeen: string | undefined
  readonly lastSeen: string | undefined
}

/** Inside every time is UTC; outside it is told in the tenant's zone, with the offset. */
export async function outsideOf(
  { database, keys }: { readonly database: Database; readonly keys: Keys },
  scope: Pick<TenantScope, 'tenantId' | 'firstSeen' | 'lastSeen'>,
): Promise<Outside> {
  return database.read(scope.tenantId, async (reader) => {
    const tenant = await readTenant(reader)
    const timeZone = tenant ? (await readNoticeSettings(reader, keys)).timeZone : 'UTC'
    const told = (time: number | undefined) =>
      time === undefined ? undefined : inZone(time, timeZone)
    return {
      state: tenant?.state ?? 'deleted',
      timeZone,
      firstSeen: told(scope.firstSeen),
      lastSeen: told(scope.lastSeen),
    }
  })
}

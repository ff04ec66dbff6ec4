import { z } from 'zod'
import { readConsents } from '#agreements/list-agreements.ts'
import { type VppToken, readVppToken } from '#connections/vpp-token.ts'
import type { Database, Reader } from '#database/handles.ts'
import { iso } from '../sharing/shared.ts'

const FLOW = 'apple-volume-purchase'
/** Apple's numbers for a token that is good for nothing. */
const INVALID = [9601, 9622, 9625]

/** A token as it is answered. */
export const vppToken = z.object({
  id: z.string(),
  displayName: z.string(),
  /** Sluss keeps nobody's Apple account: always null. */
  appleId: z.null(),
  /** Sluss updates no apps. */
  automaticallyUpdateApps: z.literal(false),
  countryOrRegion: z.string().nullable(),
  dataSharingConsentGranted: z.boolean(),
  expirationDateTime: z.string().nullable(),
  lastModifiedDateTime: z.string(),
  lastSyncDateTime: z.string().nullable(),
  lastSyncStatus: z.enum(['none', 'inProgress', 'completed', 'failed']),
  locationName: z.string().nullable(),
  organizationName: z.string().nullable(),
  state: z.enum(['unknown', 'valid', 'expired', 'invalid', 'assignedToExternalMDM']),
  /** Never shown again: always null. */
  token: z.null(),
  vppTokenAccountType: z.enum(['business', 'education']),
})

/** One token as it is answered; undefined where there is none. */
export function oneToken(database: Database, tenantId: string, id: string, now: number) {
  return database.read(tenantId, async (reader) => {
    const found = await readVppToken(reader, id)
    return found && describeToken(found, await isGranted(reader, now), now)
  })
}

/** Whether both directions are consented to. */
export async function isGranted(reader: Reader, now: number): Promise<boolean> {
  const consents = await readConsents(reader)
  return ['outbound', 'inbound'].every((direction) => {
    const consent = consents.get(`${FLOW}/${direction}`)
    return (
      consent !== undefined &&
      !consent.withdrawnAt &&
      (!consent.until || consent.until.getTime() > now)
    )
  })
}

export function describeToken(
  token: VppToken,
  granted: boolean,
  now: number,
): z.input<typeof vppToken> {
  return {
    id: token.id,
    displayName: token.title,
    appleId: null,
    automaticallyUpdateApps: false,
    countryOrRegion: token.country,
    dataSharingConsentGranted: granted,
    expirationDateTime: iso(token.expiresAt),
    lastModifiedDateTime: iso(token.modifiedAt) ?? '',
    lastSyncDateTime: iso(token.synchronisedAt),
    lastSyncStatus: token.syncStatus,
    locationName: token.locationName,
    organizationName: token.organizationName,
    state: stateOf(token, now),
    token: null,
    vppTokenAccountType: token.accountType,
  }
}

function stateOf(token: VppToken, now: number): z.input<typeof vppToken>['state'] {
  if (!token.hasCredentials) return 'unknown'
  if (token.expiresAt && token.expiresAt.getTime() <= now) return 'expired'
  if (token.lastError === 9621) return 'expired'
  return token.lastError !== null && INVALID.includes(token.lastError) ? 'invalid' : 'valid'
}

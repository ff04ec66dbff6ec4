import type { Endpoint } from '../endpoint.ts'
import { partnerDescriptionEndpoints } from './descriptions.ts'
import { mobileThreatDefenseEndpoints } from './mobile-threat-defense.ts'
import type { PartnerParts } from './shared.ts'
import { partnerDeviceEndpoints } from './devices.ts'
import { partnerViewEndpoints } from './views.ts'

/** Parties that are described as data, and the tenant's connections to them. */
export function partnerEndpoints(parts: PartnerParts): readonly Endpoint[] {
  return [
    ...partnerDescriptionEndpoints(parts),
    ...mobileThreatDefenseEndpoints(parts),
    ...partnerViewEndpoints(parts),
    ...partnerDeviceEndpoints(parts),
  ]
}

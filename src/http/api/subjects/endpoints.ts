import type { Endpoint } from '../endpoint.ts'
import { correctionEndpoints } from './corrections.ts'
import { personalDataEndpoints } from './personal-data.ts'
import { requestEndpoints } from './requests.ts'
import type { RightsEndpointParts } from './shapes.ts'

export type { RightsEndpointParts } from './shapes.ts'

/** Requests of people about their data: to see it, have it corrected, and take it with them. */
export function subjectRightsEndpoints(parts: RightsEndpointParts): readonly Endpoint[] {
  return [
    ...requestEndpoints(parts),
    ...personalDataEndpoints(parts),
    ...correctionEndpoints(parts),
  ]
}

import type { Endpoint } from '../endpoint.ts'
import { caseEndpoints } from './cases.ts'
import { emergencyEndpoints } from './emergencies.ts'
import { accessGrantEndpoints } from './grants.ts'
import { operatorRequestEndpoints } from './operator-requests.ts'
import { oversightEndpoints } from './oversight.ts'
import { accessRequestEndpoints } from './requests.ts'
import type { SupportEndpointParts } from './shapes.ts'

export type { SupportEndpointParts } from './shapes.ts'

/** Support access, for both sides: the tenant's under `/support`, the operator's under `/operator/support`. */
export function supportEndpoints(parts: SupportEndpointParts): readonly Endpoint[] {
  return [
    ...caseEndpoints(parts),
    ...accessRequestEndpoints(parts),
    ...operatorRequestEndpoints(parts),
    ...accessGrantEndpoints(parts),
    ...emergencyEndpoints(parts),
    ...oversightEndpoints(parts),
  ]
}

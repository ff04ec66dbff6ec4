import type { Endpoint } from '../endpoint.ts'
import { auditEventEndpoints } from './audit-events.ts'
import { type GrantViewingParts, grantViewingEndpoints } from './grants.ts'
import { recordEndpoints } from './records.ts'

/** What the endpoints of looking need, handed in by `compose.ts`. */
export type { GrantViewingParts as ViewingEndpointParts } from './grants.ts'

/** Every endpoint behind which the viewing door stands. */
export function viewingEndpoints(parts: GrantViewingParts): readonly Endpoint[] {
  return [...recordEndpoints(parts), ...auditEventEndpoints(parts), ...grantViewingEndpoints(parts)]
}

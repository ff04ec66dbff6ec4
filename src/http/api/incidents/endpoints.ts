import type { Endpoint } from '../endpoint.ts'
import { type ExerciseEndpointParts, incidentExerciseEndpoints } from './exercise.ts'
import { incidentEndpoints } from './incidents.ts'
import { type KitEndpointParts, controllersKitEndpoints } from './kit.ts'
import { type RelayEndpointParts, incidentRelayEndpoints } from './relay.ts'
import { receivedNoticeEndpoints } from './notices-received.ts'
import { incidentNoticeEndpoints } from './notices.ts'
import { incidentScopeEndpoints } from './scopes.ts'
import { incidentSignalEndpoints } from './signals.ts'
import { incidentTeamEndpoints } from './team.ts'

/** What all endpoints of incidents need. */
export type IncidentEndpointParts = RelayEndpointParts & KitEndpointParts & ExerciseEndpointParts

/** Incidents: their record, their team, and whom they touched. For the operator's people. */
export function securityIncidentEndpoints(parts: IncidentEndpointParts): readonly Endpoint[] {
  return [
    ...incidentEndpoints(parts),
    ...incidentTeamEndpoints(parts),
    ...incidentScopeEndpoints(parts),
    ...incidentSignalEndpoints(parts),
    ...incidentNoticeEndpoints(parts),
    ...receivedNoticeEndpoints(parts),
    ...incidentRelayEndpoints(parts),
    ...controllersKitEndpoints(parts),
    ...incidentExerciseEndpoints(parts),
  ]
}

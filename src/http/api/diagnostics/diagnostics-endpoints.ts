import type { Endpoint } from '../endpoint.ts'
import { operatorDiagnosticsEndpoints } from './operator-diagnostics.ts'
import type { DiagnosticsEndpointParts } from './shared.ts'
import { tenantAttachEndpoints } from './tenant-attach.ts'
import { tenantDiagnosticsEndpoints } from './tenant-diagnostics.ts'

export type { DiagnosticsEndpointParts } from './shared.ts'

/** Diagnostics of on-premises sites, for the tenant that sends them and for who reads them. */
export function diagnosticsEndpoints(parts: DiagnosticsEndpointParts): readonly Endpoint[] {
  return [
    ...tenantDiagnosticsEndpoints(parts),
    ...operatorDiagnosticsEndpoints(parts),
    ...tenantAttachEndpoints(parts),
  ]
}

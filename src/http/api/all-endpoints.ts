import { type AccountEndpointParts, accountEndpoints } from './accounts/account-endpoints.ts'
import {
  type DiagnosticsEndpointParts,
  diagnosticsEndpoints,
} from './diagnostics/diagnostics-endpoints.ts'
import { type AgentEndpointParts, agentEndpoints } from './agents/endpoints.ts'
import { type ApplePushParts, applePushEndpoints } from './apple-push/push-certificate.ts'
import type { Endpoint } from './endpoint.ts'
import { type IncidentEndpointParts, securityIncidentEndpoints } from './incidents/endpoints.ts'
import { partnerEndpoints } from './partners/endpoints.ts'
import type { PartnerParts } from './partners/shared.ts'
import { enrollmentEndpoints } from './google/enrollment.ts'
import { enterpriseEndpoints } from './google/enterprise.ts'
import type { AndroidEnterpriseParts } from './google/shared.ts'
import { type MessageParts, messageEndpoints } from './messages/messages.ts'
import { type NoticeSettingsParts, noticeSettingsEndpoints } from './messages/notice-settings.ts'
import { type ReportEndpointParts, reportEndpoints } from './reports/endpoints.ts'
import { roleEndpoints } from './roles/role-endpoints.ts'
import type { RoleParts } from './roles/shared.ts'
import { type AppleEnrollmentParts, appleEnrollmentEndpoints } from './sharing/apple-enrollment.ts'
import { approvalEndpoints } from './sharing/approvals.ts'
import { type ConnectionParts, connectionEndpoints } from './sharing/connections.ts'
import { consentEndpoints } from './sharing/consents.ts'
import { contractEndpoints } from './sharing/contracts.ts'
import { dataItemEndpoints } from './sharing/data-items.ts'
import { featureEndpoints } from './sharing/features.ts'
import { partyEndpoints } from './sharing/parties.ts'
import { permissionEndpoints } from './sharing/permissions.ts'
import { type PreviewParts, previewEndpoints } from './sharing/previews.ts'
import type { AgreementParts } from './sharing/shared.ts'
import { type SupportEndpointParts, supportEndpoints } from './support/endpoints.ts'
import { type RightsEndpointParts, subjectRightsEndpoints } from './subjects/endpoints.ts'
import { auditorEndpoints } from './tenants/auditors.ts'
import { type OperatorTenantParts, operatorTenantEndpoints } from './tenants/operator-tenants.ts'
import { organizationEndpoints } from './tenants/organization.ts'
import { type ErasureEndpointParts, erasureEndpoints } from './subjects-erasure/endpoints.ts'
import { type VppParts, vppTokenEndpoints } from './vpp/vpp-tokens.ts'
import { type ViewingEndpointParts, viewingEndpoints } from './viewing/endpoints.ts'

/** What the endpoints of all areas need, handed in by `compose.ts`. `database` marks effects: see `markingEffects`. */
export type EndpointParts = AgreementParts &
  PreviewParts &
  ConnectionParts &
  PartnerParts &
  AppleEnrollmentParts &
  AndroidEnterpriseParts &
  ApplePushParts &
  VppParts &
  AgentEndpointParts &
  OperatorTenantParts &
  DiagnosticsEndpointParts &
  AccountEndpointParts &
  RoleParts &
  ViewingEndpointParts &
  SupportEndpointParts &
  RightsEndpointParts &
  IncidentEndpointParts &
  ReportEndpointParts &
  MessageParts &
  NoticeSettingsParts &
  ErasureEndpointParts

/** Every endpoint there is. One that is not here does not exist, and one that is here has its cases tested. */
export function allEndpoints(parts: EndpointParts): readonly Endpoint[] {
  return [...agreements(parts), ...people(parts)]
}

function agreements(parts: EndpointParts): readonly Endpoint[] {
  return [
    ...consentEndpoints(parts),
    ...previewEndpoints(parts),
    ...featureEndpoints(parts),
    ...contractEndpoints(parts),
    ...permissionEndpoints(parts),
    ...partyEndpoints(parts),
    ...agentEndpoints(parts),
    ...dataItemEndpoints(parts),
    ...approvalEndpoints(parts),
    ...connectionEndpoints(parts),
    ...partnerEndpoints(parts),
    ...appleEnrollmentEndpoints(parts),
    ...enterpriseEndpoints(parts),
    ...enrollmentEndpoints(parts),
    ...applePushEndpoints(parts),
    ...vppTokenEndpoints(parts),
    ...organizationEndpoints(parts),
    ...auditorEndpoints(parts),
    ...operatorTenantEndpoints(parts),
    ...diagnosticsEndpoints(parts),
  ]
}

function people(parts: EndpointParts): readonly Endpoint[] {
  return [
    ...accountEndpoints(parts),
    ...roleEndpoints(parts),
    ...viewingEndpoints(parts),
    ...reportEndpoints(parts),
    ...supportEndpoints(parts),
    ...subjectRightsEndpoints(parts),
    ...securityIncidentEndpoints(parts),
    ...messageEndpoints(parts),
    ...noticeSettingsEndpoints(parts),
    ...erasureEndpoints(parts),
  ]
}

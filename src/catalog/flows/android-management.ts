import type { DataItem, Direction, FlowItem, ItemId } from '../catalog.ts'
import { itemsOf } from '../shape.ts'
import { androidShape } from '../android-shapes.ts'
import { protocolRow } from './protocol-row.ts'

/** Objects that calls of the Android Management API send, and what stands in path and query. */
const SENT = [
  'Enterprise',
  'GenerateEnterpriseUpgradeUrlRequest',
  'Command',
  'EnrollmentToken',
  'MigrationToken',
  'Policy',
  'ModifyPolicyApplicationsRequest',
  'RemovePolicyApplicationsRequest',
  'WebApp',
  'WebToken',
]
const BESIDE: readonly ItemId[] = [
  'credential.serviceAccountUpn',
  'credential.googleAccessToken',
  'credential.enterpriseToken',
  'app.uniqueIdentifierToRepresentApplication',
  'device.operationName',
  'organisation.callbackUrl',
  'organisation.googleProject',
  'protocol.fieldMask',
  'protocol.pageSize',
  'protocol.pageToken',
  'protocol.provisioningName',
  'protocol.signupUrl',
]
/** Objects that they answer. */
const ANSWERED = [
  'Enterprise',
  'ListEnterprisesResponse',
  'GenerateEnterpriseUpgradeUrlResponse',
  'Application',
  'ListDevicesResponse',
  'ListOperationsResponse',
  'ListEnrollmentTokensResponse',
  'ListMigrationTokensResponse',
  'ListPoliciesResponse',
  'ListWebAppsResponse',
  'WebToken',
  'ProvisioningInfo',
  'SignupUrl',
]
/** Of a device only these can be changed; what Google tells about one is never sent back to it. */
const DEVICE_ITEMS: readonly ItemId[] = [
  'device.name',
  'device.deviceState',
  'policy.androidName',
  'device.disabledReason',
]

/** Protocol rows of one direction of Android Enterprise: one for each item that stands in its calls. */
export function androidProtocolRows(
  direction: Direction,
  items: ReadonlyMap<ItemId, DataItem>,
): readonly FlowItem[] {
  const names = direction === 'outbound' ? SENT : ANSWERED
  const found = new Map<ItemId, string>()
  for (const name of names)
    for (const id of itemsOf(androidShape(name))) if (!found.has(id)) found.set(id, name)
  if (direction === 'outbound') {
    for (const id of DEVICE_ITEMS) found.set(id, 'Device')
    for (const id of BESIDE) if (!found.has(id)) found.set(id, 'Request')
  }
  return [...found].map(([id, name]) =>
    protocolRow(items, id, {
      source: `protocol:google_amapi.${name}.${id}`,
      why: 'Part of the protocol',
    }),
  )
}

import type { DataItem, Direction, FlowItem, ItemId } from '../catalog.ts'
import { JAMF_COMPLIANCE, JAMF_MANAGEMENT } from '../jamf-profiles.ts'
import { protocolRow } from './protocol-row.ts'

const ASKED: readonly ItemId[] = [
  'credential.jamfClient',
  'credential.jamfAccessToken',
  'device.jamfId',
  'protocol.jamfFilter',
  'protocol.jamfPage',
  'protocol.jamfSection',
]
const COUNTED: readonly ItemId[] = ['protocol.jamfTotalCount', 'protocol.jamfEvent']

const ROWS: Readonly<Record<string, Readonly<Record<Direction, readonly ItemId[]>>>> = {
  'jamf-pro-compliance': { outbound: ASKED, inbound: [...JAMF_COMPLIANCE, ...COUNTED] },
  'jamf-pro-management': {
    outbound: [
      ...ASKED,
      'device.jamfManagementId',
      'protocol.jamfCommand',
      'protocol.jamfSessionReason',
      'device.platform',
    ],
    inbound: [
      ...JAMF_MANAGEMENT,
      ...COUNTED,
      'protocol.jamfCommand',
      'protocol.jamfSession',
      'organisation.jamfWebhook',
    ],
  },
  // Beside its forty published rows: what any call of the protocol has.
  'jamf-compliance-connector': { outbound: ASKED, inbound: COUNTED },
}

/** Protocol rows of a feature of Jamf Pro in one direction. */
export function jamfProtocolRows(
  feature: string,
  direction: Direction,
  items: ReadonlyMap<ItemId, DataItem>,
): readonly FlowItem[] {
  const why = direction === 'inbound' ? 'Part of the answer' : 'Part of the call'
  return (ROWS[feature]?.[direction] ?? []).map((id) =>
    protocolRow(items, id, { source: `protocol:jamf_pro.${id}`, why }),
  )
}

import type { DataItem, Direction, FlowItem, ItemId } from '../catalog.ts'
import { protocolRow } from './protocol-row.ts'

/**
 * What the protocol of a partner carries beside the published rows, by flow. The published rows are what the partner
 * gets; these are how the message is addressed. No partner's list is completed here: a flow that the sources name in
 * prose only stays `partial`.
 */
const BESIDE: Readonly<Record<string, readonly ItemId[]>> = {
  'zebra-lifeguard-ota/outbound': ['credential.partnerAccess'],
  'mtd-ios-app-sync/outbound': [
    'credential.partnerAccess',
    'device.serialNumber',
    'protocol.partnerMessageType',
    'protocol.partnerMessageTime',
  ],
  'mtd-ios-personal-app-inventory/outbound': [
    'credential.partnerAccess',
    'device.serialNumber',
    'protocol.partnerMessageType',
    'protocol.partnerMessageTime',
  ],
  'mobile-threat-defense/inbound': ['device.serialNumber'],
  'compliance-partner/inbound': ['device.serialNumber'],
  'teamviewer-connector/outbound': ['credential.partnerAccess'],
  'chrome-enterprise-connector/outbound': [
    'credential.partnerAccess',
    'protocol.chromeCustomer',
    'device.chromeDeviceId',
    'protocol.pageSize',
    'protocol.pageToken',
  ],
  'chrome-enterprise-connector/inbound': ['device.chromeDeviceId', 'protocol.pageToken'],
}

/** Protocol rows of one direction of a partner's feature; none for a feature that is no partner's. */
export function partnerProtocolRows(
  feature: string,
  direction: Direction,
  items: ReadonlyMap<ItemId, DataItem>,
): readonly FlowItem[] {
  return (BESIDE[`${feature}/${direction}`] ?? []).map((id) =>
    protocolRow(items, id, {
      source: `protocol:partner.${feature}.${id}`,
      why: 'Part of the message',
    }),
  )
}

import type { DataItem, Direction, FlowItem, ItemId } from '../catalog.ts'
import type { Precision } from '../precision.ts'
import { protocolRow } from './protocol-row.ts'

/**
 * Fields of Apple's Apps and Books service and the item that each is, by direction: protocols facts, section
 * apple_vpp. Fields of the legacy services are a partial list: the facts name those services and not their fields.
 */
export const APPLE_VPP_SENT: Readonly<Record<string, ItemId>> = {
  'Authorization.sToken': 'credential.contentToken',
  'ClientConfig.mdmInfo': 'organisation.mdmInfo',
  'ClientConfig.notificationAuthToken': 'credential.notificationToken',
  'ClientConfig.notificationTypes': 'protocol.licenceNotification',
  'ClientConfig.notificationUrl': 'organisation.notificationAddress',
  'Assets.adamId': 'app.applicationId',
  'Assets.pricingParam': 'app.pricingParam',
  'Assets.filter': 'protocol.licenceFilter',
  'ManageAssets.clientUserIds': 'person.intuneUserIdGuid',
  'ManageAssets.serialNumbers': 'device.serialNumber',
  'Page.pageIndex': 'protocol.licencePage',
  'Status.eventId': 'protocol.licenceEvent',
  'User.email': 'person.licenceEmail',
  'User.managedAppleId': 'person.managedAppleIdUpn',
  'Legacy.userId': 'person.appleUserId',
}

export const APPLE_VPP_ANSWERED: Readonly<Record<string, ItemId>> = {
  'Asset.supportedPlatforms': 'app.supportedPlatforms',
  'ClientConfig.defaultPlatform': 'organisation.storePlatform',
  'ClientConfig.mdmInfo': 'organisation.mdmInfo',
  'ClientConfig.notificationUrl': 'organisation.notificationAddress',
  'ClientConfig.subscribedNotificationTypes': 'protocol.licenceNotification',
  'ClientConfig.tokenExpirationDate': 'organisation.contentTokenExpiry',
  'ClientConfig.uId': 'organisation.libraryId',
  'ClientConfig.websiteURL': 'organisation.programWebsite',
  'Assignment.serialNumber': 'device.serialNumber',
  'Page.versionId': 'protocol.licencePage',
  'ServiceConfig.errorCodes': 'protocol.licenceError',
  'ServiceConfig.limits': 'protocol.licenceLimit',
  'Status.eventStatus': 'protocol.licenceEvent',
  'User.email': 'person.licenceEmail',
  'User.inviteCode': 'credential.inviteCode',
}

/**
 * How exactly an item goes to Apple while the tenant chose nothing. The id of a user is a name that only Sluss can
 * read back, and no other recipient gets the same; the address is not needed where the organisation invites by itself.
 */
export const APPLE_VPP_DEFAULTS: Readonly<Record<ItemId, Precision>> = {
  'person.intuneUserIdGuid': 'pseudonym',
  'person.licenceEmail': 'withheld',
}

/** Published rows with their default precision, and the protocol's own rows. */
export function appsAndBooksRows(
  direction: Direction,
  published: readonly FlowItem[],
  items: ReadonlyMap<ItemId, DataItem>,
): readonly FlowItem[] {
  const fields = direction === 'outbound' ? APPLE_VPP_SENT : APPLE_VPP_ANSWERED
  const rows = [
    ...published,
    ...Object.entries(fields).map(([field, id]) => rowOf(field, id, items)),
  ]
  if (direction === 'inbound') return rows
  return rows.map((row) => {
    const defaultPrecision = APPLE_VPP_DEFAULTS[row.item]
    return defaultPrecision === undefined ? row : { ...row, defaultPrecision }
  })
}

function rowOf(field: string, id: ItemId, items: ReadonlyMap<ItemId, DataItem>): FlowItem {
  const name = field.split('.').at(-1) ?? field
  return protocolRow(items, id, {
    source: `protocol:apple_vpp.${field}`,
    says: name,
    why: 'Part of the protocol',
    protocolKey: name,
  })
}

import type { ItemId } from '../catalog.ts'

/**
 * Rows of the published collection table whose fact comes in under the name that a party's protocol has for it: the row's
 * item, and the items that are the very same fact. What merely resembles one is not here.
 */
export const SAME_FACTS: Readonly<Record<ItemId, readonly ItemId[]>> = {
  'deviceData.microsoftEntraDeviceId': ['device.aadDeviceId'],
  'deviceData.platformSpecificIDs': ['device.udid'],
  'hardware.deviceName': ['device.name'],
  'hardware.imeiNumber': ['device.imei'],
  'hardware.manufacturer': ['device.make'],
  'hardware.model': ['device.model'],
  'hardware.operatingSystem': ['device.osName'],
  'hardware.operatingSystemVersion': ['device.osVersion'],
  'hardware.serialNumber': ['device.serialNumber'],
  'user.ownerNameUserDisplay': ['person.enrolledUserLongName'],
  'user.thirdPartyUserIdentifies': ['person.managedAppleIdUpn'],
  'user.userPrincipalNameOrEmailAddress': ['person.userEmail'],
}

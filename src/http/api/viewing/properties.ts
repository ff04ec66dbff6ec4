import type { ItemId } from '#catalog/catalog.ts'

/** A property of Graph, and the items that can stand for it: the first that a record has. Conditions go by the first. */
export interface Property {
  readonly name: string
  readonly type: 'string' | 'boolean'
  readonly items: readonly [ItemId, ...ItemId[]]
}

const text = (name: string, ...items: [ItemId, ...ItemId[]]): Property => ({
  name,
  type: 'string',
  items,
})

/** `managedDevice`, as far as Sluss keeps an item for a property. */
export const MANAGED_DEVICE: readonly Property[] = [
  text(
    'azureADDeviceId',
    'device.aadDeviceId',
    'device.deviceAzureAdId',
    'deviceData.microsoftEntraDeviceId',
  ),
  text('complianceState', 'device.complianceState'),
  text('deviceName', 'device.name', 'hardware.deviceName'),
  text('easDeviceId', 'deviceData.easDeviceId'),
  text('emailAddress', 'person.userEmail'),
  text('ethernetMacAddress', 'device.macAddress', 'deviceData.macAddressForMacDevices'),
  text('iccid', 'hardware.iccid'),
  text('imei', 'device.imei', 'hardware.imeiNumber'),
  { name: 'isEncrypted', type: 'boolean', items: ['device.encrypted'] },
  text('lastSyncDateTime', 'device.lastCheckInTime'),
  text('managedDeviceName', 'device.managementName'),
  text('manufacturer', 'device.make', 'hardware.manufacturer'),
  text('meid', 'device.meid'),
  text('model', 'device.model', 'hardware.model'),
  text('notes', 'device.adminNotes'),
  text('operatingSystem', 'device.osFamily', 'device.osName', 'hardware.operatingSystem'),
  text('osVersion', 'device.osVersion', 'hardware.operatingSystemVersion'),
  text('partnerReportedThreatState', 'device.partnerReportedThreatState'),
  text('phoneNumber', 'user.phoneNumber'),
  text('serialNumber', 'device.serialNumber', 'hardware.serialNumber'),
  text('udid', 'device.udid'),
  text('userDisplayName', 'user.ownerNameUserDisplay', 'person.userName'),
  text('userId', 'person.userAzureAdId', 'person.intuneUserIdGuid'),
  text('userPrincipalName', 'user.userPrincipalNameOrEmailAddress', 'account.upn'),
  text('wiFiMacAddress', 'hardware.wiFiMacAddress'),
]

/** `user`, likewise. */
export const USER: readonly Property[] = [
  text('displayName', 'user.ownerNameUserDisplay', 'person.userName'),
  text('givenName', 'school.firstName'),
  text('jobTitle', 'school.personTitle'),
  text('mail', 'person.userEmail', 'school.email'),
  text('mobilePhone', 'user.phoneNumber'),
  text('officeLocation', 'school.locationName'),
  text('surname', 'school.lastName'),
  text(
    'userPrincipalName',
    'user.userPrincipalNameOrEmailAddress',
    'school.managedAppleId',
    'person.managedAppleIdUpn',
  ),
]

/**
 * Every field of Jamf Pro's answers and webhooks that the facts name (`jamf_pro`, `webhooks_in.jamf`), with its JSON type
 * and the data item it is; a test holds the table to the facts. A path with `[]` goes through a list. What is not named
 * here is unknown and cannot pass.
 *
 * The facts name no fields of the sections under `others`, nor of most mobile sections: each of those is one `json`
 * of `device.jamfOtherSections`. Fields marked `+` are not in the facts; they come from the models of the public client
 * jamf-pro-sdk, since without them eighteen of the forty historic items had no place to come from.
 */
export type JamfFields = Readonly<Record<string, string>>

const OTHER = 'json device.jamfOtherSections'
const SITE = 'string device.jamfSite'
const EXTENSIONS = 'json device.jamfExtensionAttributes'
const PURCHASE = 'string device.purchase'
const ACCOUNT = 'string person.localAccounts'

export const COMPUTER_FIELDS: JamfFields = {
  id: 'string device.jamfId',
  udid: 'string device.udid',
  'general.name': 'string device.name',
  'general.lastIpAddress': 'string device.lastIpAddress',
  'general.lastReportedIp': 'string device.lastIpAddress',
  'general.assetTag': 'string device.assetTag',
  'general.remoteManagement.managementUsername': 'string credential.jamfManagementAccount',
  'general.mdmCapable.capableUsers[]': 'string person.localAccounts',
  'general.lastContactTime': 'string device.lastCheckInTime',
  'general.site': 'json device.jamfSite',
  'general.extensionAttributes': EXTENSIONS,
  'general.platform': 'string device.platform', // +
  'userAndLocation.username': 'string person.userName',
  'userAndLocation.realname': 'string person.fullName',
  'userAndLocation.email': 'string person.userEmail',
  'userAndLocation.position': 'string person.jobPosition',
  'userAndLocation.phone': 'string person.phone',
  'userAndLocation.departmentId': SITE,
  'userAndLocation.buildingId': SITE,
  'userAndLocation.room': SITE,
  'userAndLocation.extensionAttributes': EXTENSIONS,
  'localUserAccounts[].uid': ACCOUNT,
  'localUserAccounts[].username': ACCOUNT,
  'localUserAccounts[].fullName': ACCOUNT,
  'localUserAccounts[].admin': 'boolean person.localAccounts',
  'localUserAccounts[].homeDirectory': ACCOUNT,
  'localUserAccounts[].homeDirectorySizeMb': 'number person.localAccounts',
  'localUserAccounts[].fileVault2Enabled': 'boolean person.localAccounts',
  'localUserAccounts[].userAccountType': ACCOUNT,
  'localUserAccounts[].computerAzureActiveDirectoryId': 'string device.deviceAzureAdId',
  'localUserAccounts[].userAzureActiveDirectoryId': 'string person.userAzureAdId',
  'localUserAccounts[].azureActiveDirectoryId': ACCOUNT,
  'localUserAccounts[].passwordMinLength': 'number device.requiredPasscodeLength', // +
  'localUserAccounts[].passwordMaxAge': 'number device.passwordExpiration', // +
  'localUserAccounts[].passwordMinComplexCharacters':
    'number device.passwordMinimumNumberOfCharacterSets', // +
  'localUserAccounts[].passwordHistoryDepth':
    'number device.passwordNumberOfPreviousPasswordsToPreventReuse', // +
  'localUserAccounts[].passwordRequireAlphanumeric': 'boolean device.passwordType', // +
  'hardware.make': 'string device.make',
  'hardware.model': 'string device.model',
  'hardware.modelIdentifier': 'string device.modelIdentifier',
  'hardware.serialNumber': 'string device.serialNumber',
  'hardware.macAddress': 'string device.macAddress',
  'hardware.altMacAddress': 'string device.secondaryMacAddress',
  'hardware.appleSilicon': 'boolean device.processorType',
  'hardware.totalRamMegabytes': 'number device.totalRam',
  'hardware.processorArchitecture': 'string device.architectureType', // +
  'hardware.openRamSlots': 'number device.availableRamSlots', // +
  'hardware.batteryCapacityPercent': 'number device.batteryCapacity', // +
  'hardware.bootRom': 'string device.bootRom', // +
  'hardware.busSpeedMhz': 'number device.busSpeed', // +
  'hardware.cacheSizeKilobytes': 'number device.cacheSize', // +
  'hardware.nicSpeed': 'string device.nicSpeed', // +
  'hardware.coreCount': 'number device.numberOfCores', // +
  'hardware.processorCount': 'number device.numberOfProcessors', // +
  'hardware.processorSpeedMhz': 'number device.processorSpeed', // +
  'hardware.processorType': 'string device.processorType', // +
  'hardware.smcVersion': 'string device.smcVersion', // +
  'diskEncryption.bootPartitionEncryptionDetails.partitionName': 'string device.jamfDisks', // +
  'diskEncryption.bootPartitionEncryptionDetails.partitionFileVault2State':
    'string device.encrypted', // +
  'diskEncryption.bootPartitionEncryptionDetails.partitionFileVault2Percent':
    'number device.diskEncryptionProgress', // +
  'diskEncryption.individualRecoveryKeyValidityStatus': 'string device.recoveryKeyValidity',
  'diskEncryption.fileVault2EnabledUserNames[]': 'string person.fileVaultUsers',
  'security.sipStatus': 'string device.systemIntegrityProtection',
  'security.gatekeeperStatus': 'string device.gatekeeperStatus',
  'security.xprotectVersion': 'string device.xprotectVersion',
  'security.autoLoginDisabled': 'boolean device.preventAutoLogin',
  'security.remoteDesktopEnabled': 'boolean device.remoteDesktopEnabled',
  'security.activationLockEnabled': 'boolean device.activationLockEnabled',
  'security.recoveryLockEnabled': 'boolean device.recoveryLockEnabled',
  'security.firewallEnabled': 'boolean device.firewallEnabled',
  'security.secureBootLevel': 'string device.secureBootLevel',
  'security.externalBootLevel': 'string device.externalBootLevel',
  'security.bootstrapTokenAllowed': 'boolean device.bootstrapTokenAllowed',
  'operatingSystem.name': 'string device.osName',
  'operatingSystem.version': 'string device.osVersion',
  'operatingSystem.build': 'string device.osBuild',
  'operatingSystem.activeDirectoryStatus': 'string device.domainJoin',
  'operatingSystem.fileVault2Status': 'string device.fileVaultStatus',
  'operatingSystem.softwareUpdateDeviceId': 'string device.softwareUpdateDeviceId',
  'applications[].name': 'string device.installedApps',
  'applications[].path': 'string device.installedApps',
  'applications[].version': 'string device.installedApps',
  'applications[].bundleId': 'string device.installedApps',
  'applications[].macAppStore': 'boolean device.installedApps',
  'applications[].sizeMegabytes': 'number device.installedApps',
  'purchasing.poNumber': PURCHASE,
  'purchasing.vendor': PURCHASE,
  'purchasing.purchasePrice': PURCHASE,
  'purchasing.purchasingContact': PURCHASE,
  'purchasing.warrantyDate': PURCHASE,
  'certificates[].commonName': ACCOUNT,
  'certificates[].username': ACCOUNT,
  'certificates[].subjectName': ACCOUNT,
  'certificates[].serialNumber': ACCOUNT,
  configurationProfiles: OTHER,
  printers: OTHER,
  services: OTHER,
  attachments: OTHER,
  plugins: OTHER,
  packageReceipts: OTHER,
  fonts: OTHER,
  licensedSoftware: OTHER,
  ibeacons: OTHER,
  softwareUpdates: OTHER,
  extensionAttributes: EXTENSIONS,
  contentCaching: OTHER,
  groupMemberships: OTHER,
  storage: OTHER,
}

/** A record of `/api/v2/mobile-devices/detail`. The facts name its sections only; fields are from jamf-pro-sdk's models. */
export const MOBILE_FIELDS: JamfFields = {
  mobileDeviceId: 'string device.jamfId',
  deviceType: 'string device.platform',
  'hardware.serialNumber': 'string device.serialNumber',
  'hardware.wifiMacAddress': 'string device.macAddress',
  'hardware.bluetoothMacAddress': 'string device.secondaryMacAddress',
  'hardware.model': 'string device.model',
  'hardware.modelIdentifier': 'string device.modelIdentifier',
  'security.dataProtected': 'boolean device.storageProtected',
  'security.passcodePresent': 'boolean device.passcodePresent',
  'security.passcodeCompliant': 'boolean device.passcodeCompliant',
  'security.passcodeCompliantWithProfile': 'boolean device.passcodeCompliantWithProfiles',
  'security.activationLockEnabled': 'boolean device.activationLockEnabled',
  'security.jailBreakDetected': 'boolean device.jailbreakDetected',
  'security.lostModeMessage': 'string device.lostMessage',
  'security.lostModePhoneNumber': 'string person.lostModeContact',
  'security.lostModeFootnote': 'string device.lostMessage',
  'security.lostModeLocation': 'json device.lostModeLocation',
  general: OTHER,
  userAndLocation: OTHER,
  purchasing: OTHER,
  applications: OTHER,
  ebooks: OTHER,
  network: OTHER,
  serviceSubscriptions: OTHER,
  certificates: OTHER,
  profiles: OTHER,
  userProfiles: OTHER,
  provisioningProfiles: OTHER,
  sharedUsers: OTHER,
  extensionAttributes: EXTENSIONS,
}

/** A line of the list `/api/v2/mobile-devices`, which has no sections; and the plain part of a device's detail. */
export const MOBILE_LIST_FIELDS: JamfFields = {
  id: 'string device.jamfId',
  name: 'string device.name',
  serialNumber: 'string device.serialNumber',
  udid: 'string device.udid',
  managementId: 'string device.jamfManagementId',
  model: 'string device.model',
  modelIdentifier: 'string device.modelIdentifier',
  osVersion: 'string device.osVersion',
  osBuild: 'string device.osBuild',
  type: 'string device.platform',
  username: 'string person.userName',
  phoneNumber: 'string person.devicePhoneNumber',
  wifiMacAddress: 'string device.macAddress',
  softwareUpdateDeviceId: 'string device.softwareUpdateDeviceId',
}

const COMPUTER_EVENT: JamfFields = {
  alternateMacAddress: 'string device.secondaryMacAddress',
  building: SITE,
  department: SITE,
  deviceName: 'string device.name',
  emailAddress: 'string person.userEmail',
  ipAddress: 'string device.lastIpAddress',
  jssID: 'number device.jamfId',
  macAddress: 'string device.macAddress',
  managementId: 'string device.jamfManagementId',
  model: 'string device.model',
  osBuild: 'string device.osBuild',
  osVersion: 'string device.osVersion',
  phone: 'string person.phone',
  position: 'string person.jobPosition',
  realName: 'string person.fullName',
  reportedIpAddress: 'string device.lastIpAddress',
  room: SITE,
  serialNumber: 'string device.serialNumber',
  udid: 'string device.udid',
  userDirectoryID: 'string person.directoryUserId',
  username: 'string person.userName',
}
const MOBILE_EVENT: JamfFields = {
  bluetoothMacAddress: 'string device.secondaryMacAddress',
  deviceName: 'string device.name',
  icciID: 'string device.iccId',
  imei: 'string device.imei',
  ipAddress: 'string device.lastIpAddress',
  jssID: 'number device.jamfId',
  model: 'string device.model',
  modelDisplay: 'string device.model',
  osBuild: 'string device.osBuild',
  osVersion: 'string device.osVersion',
  product: 'string device.productName',
  room: SITE,
  serialNumber: 'string device.serialNumber',
  udid: 'string device.udid',
  userDirectoryID: 'string person.directoryUserId',
  username: 'string person.userName',
  version: 'string device.osVersion',
  wifiMacAddress: 'string device.macAddress',
}
const under = (name: string, fields: JamfFields): JamfFields =>
  Object.fromEntries(Object.entries(fields).map(([path, what]) => [`${name}.${path}`, what]))

const SERVER = 'string organisation.jamfServer'
const server: JamfFields = {
  hostAddress: SERVER,
  institution: SERVER,
  isClusterMaster: 'boolean organisation.jamfServer',
  jssUrl: SERVER,
  webApplicationPath: SERVER,
}
const GROUP: JamfFields = {
  groupAddedDevices: 'json device.jamfGroup',
  groupAddedDevicesIds: 'json device.jamfGroup',
  groupRemovedDevices: 'json device.jamfGroup',
  groupRemovedDevicesIds: 'json device.jamfGroup',
  jssid: 'number device.jamfGroup',
  name: 'string device.jamfGroup',
  smartGroup: 'boolean device.jamfGroup',
  computer: 'boolean device.jamfGroup',
}

/** What is in `event`, by the kind of the event in lower case: older pages spell `ComputerCheckin`. */
export const EVENT_FIELDS: Readonly<Record<string, JamfFields>> = {
  computeradded: COMPUTER_EVENT,
  computercheckin: {
    ...under('computer', COMPUTER_EVENT),
    trigger: 'string device.jamfPolicyResult',
    username: 'string person.userName',
  },
  computerinventorycompleted: COMPUTER_EVENT,
  computerpolicyfinished: {
    ...under('computer', COMPUTER_EVENT),
    policyId: 'number device.jamfPolicyResult',
    successful: 'boolean device.jamfPolicyResult',
  },
  computerpushcapabilitychanged: COMPUTER_EVENT,
  deviceaddedtodep: {
    assetTag: 'string device.assetTag',
    description: 'string device.description',
    deviceAssignedDate: 'number device.assignedDate',
    deviceEnrollmentProgramInstanceId: 'number organisation.jamfServer',
    model: 'string device.model',
    serialNumber: 'string device.serialNumber',
  },
  jssstartup: server,
  jssshutdown: server,
  mobiledevicecheckin: MOBILE_EVENT,
  mobiledeviceenrolled: MOBILE_EVENT,
  mobiledeviceunenrolled: MOBILE_EVENT,
  mobiledevicepushsent: MOBILE_EVENT,
  pushsent: { managementId: 'string device.jamfManagementId', type: 'string protocol.jamfCommand' },
  restapioperation: {
    authorizedUsername: 'string person.jamfApiUser',
    objectID: 'number person.jamfApiUser',
    objectName: 'string person.jamfApiUser',
    objectTypeName: 'string person.jamfApiUser',
    operationSuccessful: 'boolean person.jamfApiUser',
    restAPIOperationType: 'string person.jamfApiUser',
  },
  smartgroupcomputermembershipchange: GROUP,
  smartgroupmobiledevicemembershipchange: GROUP,
  smartgroupusermembershipchange: GROUP,
}

import type { ItemId } from './catalog.ts'
import { jamfProRows } from './flows/jamf-pro-rows.ts'

/** What the default profile lets in: protocols facts, `jamf_pro.minimalForCompliance`, and the id that calls name. */
export const JAMF_COMPLIANCE: readonly ItemId[] = [
  'device.serialNumber',
  'device.jamfId',
  'device.osName',
  'device.osVersion',
  'device.osBuild',
  'device.fileVaultStatus',
  'device.encrypted',
  'device.diskEncryptionProgress',
  'device.recoveryKeyValidity',
  'device.systemIntegrityProtection',
  'device.gatekeeperStatus',
  'device.xprotectVersion',
  'device.preventAutoLogin',
  'device.remoteDesktopEnabled',
  'device.activationLockEnabled',
  'device.recoveryLockEnabled',
  'device.firewallEnabled',
  'device.secureBootLevel',
  'device.externalBootLevel',
  'device.bootstrapTokenAllowed',
  'device.storageProtected',
  'device.passcodePresent',
  'device.passcodeCompliant',
  'device.passcodeCompliantWithProfiles',
  'device.jailbreakDetected',
]

/** What finding a device and sending it a command needs. Nothing of a person is in it. */
export const JAMF_MANAGEMENT: readonly ItemId[] = [
  'device.jamfId',
  'device.jamfManagementId',
  'device.name',
  'device.serialNumber',
  'device.model',
  'device.modelIdentifier',
  'device.osVersion',
  'device.osBuild',
  'device.platform',
]

/** The old profile: the items of the forty historic rows. */
export const JAMF_HISTORIC: readonly ItemId[] = [
  ...new Set(jamfProRows.map((row) => row.flowItem.item)),
]

import { item } from './item.ts'

const FROM_MDM = 'Apple device management'
const DROPPED = 'Never taken from Apple device management'

/** What managed Apple devices report, beside what other tables have already; and what is never taken from them. */
export const appleMdmItems = [
  item('device.activationLockEnabled', 'Activation Lock is on', 'device-attribute', 'fact', ['device-management'], { category: FROM_MDM }),
  item('device.authenticatedRootVolume', 'Authenticated root volume', 'device-attribute', 'fact', ['device-management'], { category: FROM_MDM }),
  item('device.availableStorageSpace', 'Available storage space', 'device-attribute', 'count', ['device-management'], { category: FROM_MDM }),
  item('device.enrolledAutomatically', 'Enrolled by automated enrolment', 'device-attribute', 'fact', ['device-management'], { category: FROM_MDM }),
  item('device.enrollmentId', 'EnrollmentID', 'device-identifier', 'identifier', ['device-management'], { personal: true, category: FROM_MDM }),
  item('device.enrolmentApprovedByUser', 'Enrolment approved by the user', 'device-attribute', 'fact', ['device-management'], { category: FROM_MDM }),
  item('device.firewallEnabled', 'Firewall is on', 'device-attribute', 'fact', ['device-management'], { category: FROM_MDM }),
  item('device.hardwareEncryption', 'Hardware encryption', 'device-attribute', 'fact', ['device-management'], { category: FROM_MDM }),
  item('device.installedAppCount', 'How many apps are installed', 'device-attribute', 'count', ['device-management'], { personal: true, category: FROM_MDM }),
  item('device.installedApps', 'Which apps are installed', 'app', 'text', ['device-management'], { personal: true, need: 'optional', feature: 'optional-app-inventory', category: FROM_MDM }),
  item('device.managedAppCount', 'How many managed apps are installed', 'device-attribute', 'count', ['device-management'], { category: FROM_MDM }),
  item('device.passcodeCompliant', 'The passcode meets the rules', 'device-attribute', 'fact', ['device-management'], { category: FROM_MDM }),
  item('device.passcodeCompliantWithProfiles', 'The passcode meets the rules of profiles', 'device-attribute', 'fact', ['device-management'], { category: FROM_MDM }),
  item('device.passcodePresent', 'A passcode is set', 'device-attribute', 'fact', ['device-management'], { category: FROM_MDM }),
  item('device.recoveryKeyHeld', 'There is a personal recovery key', 'device-attribute', 'fact', ['device-management'], { category: FROM_MDM }),
  item('device.recoveryLockEnabled', 'Recovery Lock is on', 'device-attribute', 'fact', ['device-management'], { category: FROM_MDM }),
  item('device.secureBootLevel', 'Secure Boot level', 'device-attribute', 'fact', ['device-management'], { category: FROM_MDM }),
  item('device.supervised', 'Supervised', 'device-attribute', 'fact', ['device-management'], { category: FROM_MDM }),
  item('device.userEnrolment', 'Enrolled as a personal device', 'device-attribute', 'fact', ['device-management'], { category: FROM_MDM }),
  item('person.enrolledUserId', 'UserID', 'person', 'identifier', ['device-management'], { personal: true, need: 'optional', feature: 'optional-enrolled-user', category: FROM_MDM }),
  item('person.enrolledUserLongName', 'UserLongName', 'person', 'text', ['device-management'], { personal: true, need: 'optional', feature: 'optional-enrolled-user', category: FROM_MDM }),
  item('person.enrolledUserShortName', 'UserShortName', 'person', 'identifier', ['device-management'], { personal: true, need: 'optional', feature: 'optional-enrolled-user', category: FROM_MDM }),

  item('never.mdmAccountSecret', 'Digest answers, tokens of other services, attestations, redemption codes', 'credential', 'secret', [], { personal: true, secret: true, need: 'never', category: DROPPED }),
  item('never.mdmDeclarative', 'Status reports of declarative management', 'sensitive', 'text', [], { personal: true, need: 'never', category: DROPPED }),
  item('never.mdmFreeText', 'Error texts and other free text', 'sensitive', 'text', [], { personal: true, need: 'never', category: DROPPED }),
  item('never.mdmHealth', 'Accessibility settings, from which health could be guessed', 'sensitive', 'text', [], { personal: true, need: 'never', category: DROPPED }),
  item('never.mdmOtherPeople', 'People, accounts and addresses on the device', 'sensitive', 'text', [], { personal: true, need: 'never', category: DROPPED }),
  item('never.mdmPushSecret', 'Push token and PushMagic', 'credential', 'secret', [], { personal: true, secret: true, need: 'never', category: DROPPED }),
  item('never.mdmRecoverySecret', 'Recovery keys, bootstrap tokens, firmware passwords', 'credential', 'secret', [], { personal: true, secret: true, need: 'never', category: DROPPED }),
  item('never.mdmSubscription', 'Phone numbers, SIM cards and contracts with carriers', 'sensitive', 'text', [], { personal: true, need: 'never', category: DROPPED }),
  item('never.mdmUnlockSecret', 'Unlock tokens and bypass codes', 'credential', 'secret', [], { personal: true, secret: true, need: 'never', category: DROPPED }),
  item('never.mdmUnneeded', 'Facts that no purpose of the flow needs', 'sensitive', 'text', [], { personal: true, need: 'never', category: DROPPED }),
  item('never.mdmUsage', 'How a person uses the device: details of apps, books, backups, do not disturb', 'sensitive', 'text', [], { personal: true, need: 'never', category: DROPPED }),
  item('never.mdmWhereabouts', 'Where a person is: position, time zone, roaming, current network', 'sensitive', 'text', [], { personal: true, need: 'never', category: DROPPED }),
  item('never.mdmWithheldByApple', 'What Apple withholds from personal devices', 'sensitive', 'text', [], { personal: true, need: 'never', category: DROPPED }),
]

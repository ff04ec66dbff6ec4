import type { ItemId } from './catalog.ts'
import { APPLE_MDM_KEYS } from './flows/apple-mdm-key-rows.ts'

/** What a key of a message is: kept as an item, dropped under a `never.` item, or only there to hold other keys. */
export type MdmKey =
  | {
      readonly kind: 'item'
      readonly item: ItemId
      readonly type: 'string' | 'number' | 'boolean'
    }
  | { readonly kind: 'never'; readonly item: ItemId }
  | { readonly kind: 'structure' }

/** Keys by their path in the message, such as `QueryResponses.SerialNumber`. */
export type MdmKeys = ReadonlyMap<string, MdmKey>

/** Keys of every message and every answer, which the schema of single commands does not repeat. */
const COMMON: Readonly<Record<string, string>> = {
  UDID: 'device.udid',
  EnrollmentID: 'device.enrollmentId',
  EnrollmentUserID: 'person.enrolledUserId',
  UserID: 'person.enrolledUserId',
  UserShortName: 'person.enrolledUserShortName',
  UserLongName: 'person.enrolledUserLongName',
  MessageType: 'protocol.messageType',
  NotOnConsole: 'never.mdmUnneeded',
  CommandUUID: 'never.mdmUnneeded',
  RequestType: 'never.mdmUnneeded',
  Status: 'never.mdmUnneeded',
  ErrorChain: 'never.mdmFreeText',
}

/**
 * Keys whose values Apple withholds from devices that are enrolled as personal ones, on some platform at least.
 * Should one come all the same, it is dropped.
 */
export const WITHHELD_BY_APPLE: ReadonlySet<ItemId> = new Set([
  'device.udid',
  'device.serialNumber',
  'device.imei',
  'device.meid',
  'hardware.iccid',
  'hardware.wiFiMacAddress',
  'device.activationLockEnabled',
  'device.passcodePresent',
  'device.passcodeCompliantWithProfiles',
  'device.recoveryKeyHeld',
  'device.recoveryLockEnabled',
])

/** Check-in messages by name, each with its keys. */
export const CHECK_IN_KEYS: ReadonlyMap<string, MdmKeys> = new Map(
  [
    'Authenticate',
    'TokenUpdate',
    'CheckOut',
    'UserAuthenticate',
    'SetBootstrapToken',
    'GetBootstrapToken',
    'DeclarativeManagement',
    'GetToken',
  ].map((name) => [
    name,
    keysOf((file) => file === `mdm/checkin/${name.toLowerCase()}.yaml payload`),
  ]),
)

/** Keys of answers to commands: an answer does not say to which command, so all of them together. */
export const ANSWER_KEYS: MdmKeys = keysOf(
  (file) => file.startsWith('mdm/commands/') && file.endsWith(' response'),
)

function keysOf(chosen: (file: string) => boolean): MdmKeys {
  const classed = Object.entries(APPLE_MDM_KEYS)
    .filter(([file]) => chosen(file))
    .flatMap(([, keys]) => Object.entries(keys))
  return new Map(
    [...Object.entries(COMMON), ...classed].map(([path, words]) => [path, keyOf(words)]),
  )
}

function keyOf(words: string): MdmKey {
  const [item = '', type = 'string'] = words.split(':')
  if (item === 'structure') return { kind: 'structure' }
  if (item.startsWith('never.')) return { kind: 'never', item }
  return { kind: 'item', item, type: type as 'string' | 'number' | 'boolean' }
}

import type { DataItem, FlowItem, ItemId } from '../catalog.ts'
import { APPLE_DEP_ITEMS } from './apple-device-enrollment-fields.ts'
import { protocolRow } from './protocol-row.ts'

type Field = keyof typeof APPLE_DEP_ITEMS

/** Objects of Apple's protocol that the client sends. All others come from Apple. */
const SENT: ReadonlySet<string> = new Set([
  'Session',
  'Profile',
  'Request',
  'ActivationLock',
  'AssignProfile',
])
/** Fields that go both ways. */
const BOTH: ReadonlySet<Field> = new Set<Field>([
  'FetchDeviceResponse.cursor',
  'Device.serial_number',
  'AccountDriven.mdm_service_discovery_url',
  'Device.profile_uuid',
])
/** Objects that are both sent and answered. */
const ECHOED: ReadonlySet<string> = new Set(['Profile'])
/** Only ever answered, though their object is sent. */
const ANSWERED: ReadonlySet<Field> = new Set<Field>(['AssignProfile.retry_after_seconds'])

/** Protocol rows of one direction of device enrolment, without the school roster. */
export function protocolRows(
  direction: 'outbound' | 'inbound',
  items: ReadonlyMap<ItemId, DataItem>,
  roster: boolean,
): readonly FlowItem[] {
  const fields = Object.keys(APPLE_DEP_ITEMS) as Field[]
  const chosen = fields.filter(
    (field) => field.startsWith('Roster.') === roster && goes(field, direction),
  )
  const rows = chosen.map((field) => rowOf(field, items))
  if (!roster) return rows
  // Roster calls present the same token and page with the same cursor as device calls do.
  const paging: Field[] =
    direction === 'outbound'
      ? ['Session.token', 'FetchDeviceResponse.cursor', 'Request.limit']
      : [
          'FetchDeviceResponse.cursor',
          'FetchDeviceResponse.fetched_until',
          'FetchDeviceResponse.more_to_follow',
        ]
  return [...rows, ...paging.map((field) => rowOf(field, items))]
}

function goes(field: Field, direction: 'outbound' | 'inbound'): boolean {
  const object = field.split('.')[0] ?? ''
  if (BOTH.has(field) || ECHOED.has(object)) return true
  const sent = SENT.has(object) && !ANSWERED.has(field)
  return sent === (direction === 'outbound')
}

function rowOf(field: Field, items: ReadonlyMap<ItemId, DataItem>): FlowItem {
  const name = field.split('.').at(-1) ?? field
  return protocolRow(items, APPLE_DEP_ITEMS[field], {
    source: `protocol:apple_dep.${field}`,
    says: name,
    why: 'Part of the protocol',
    protocolKey: name,
  })
}

import { MOBILE_FIELDS, MOBILE_LIST_FIELDS } from '#catalog/jamf-fields.ts'
import { JAMF_MANAGEMENT } from '#catalog/jamf-profiles.ts'
import { jamfItemOf, jamfShape } from '#catalog/jamf-shapes.ts'
import { type ObjectShape, array, leaf, object } from '#catalog/shape.ts'
import type { Exchange } from '#sharing/exchange.ts'
import { COMPLIANCE, type FeatureIds, HISTORIC, type Profile } from './profile.ts'
import { vetList, vetOne } from './vet.ts'

/**
 * Jamf Pro's API as data: protocols facts, section jamf_pro; `GET /api/schema` of any server. Objects and their fields
 * stand in `catalog/jamf-fields.ts`.
 *
 * Partial: the facts name no error codes, so of an error only its status passes; of `POST /api/v2/mdm/commands` only the
 * commands that ask a device for something pass, since only a whole exchange can be held for approval. Beside the
 * facts' endpoints stand, from jamf-pro-sdk, `/api/v2/mobile-devices/detail`, the only list of mobile devices by section,
 * and the computers' inventory of `/api/v3`, which took the place of `/api/v1` on 2025-06-30 and has the same records.
 */
const PAGE = leaf('protocol.jamfPage', { maxLength: 10 })
const SORT = array(leaf('protocol.jamfPage', { maxLength: 400 }))
const FILTER = leaf('protocol.jamfFilter', { maxLength: 4_000 })
const PAGING = { page: PAGE, 'page-size': PAGE, sort: SORT }
const ID = { id: leaf('device.jamfId', { maxLength: 10 }) }
const TOTAL = leaf('protocol.jamfTotalCount', { type: 'number' })
const COMMAND = leaf('protocol.jamfCommand', { maxLength: 100 })
const MANAGEMENT_ID = leaf('device.jamfManagementId', { maxLength: 100, subject: true })

/** Commands that ask a device for something and change nothing on it. */
export const HARMLESS_COMMANDS = ['DEVICE_INFORMATION', 'SECURITY_INFO', 'DECLARATIVE_MANAGEMENT']

/** Selectors of `/api/v2/mobile-devices/detail`: they are flat there. */
const MOBILE_SELECTORS = {
  mobileDeviceId: 'device.jamfId',
  serialNumber: 'device.serialNumber',
  model: 'device.model',
  modelIdentifier: 'device.modelIdentifier',
  osVersion: 'device.osVersion',
  osBuild: 'device.osBuild',
  udid: 'device.udid',
  displayName: 'device.name',
  wifiMacAddress: 'device.macAddress',
  bluetoothMacAddress: 'device.secondaryMacAddress',
  ipAddress: 'device.lastIpAddress',
  username: 'person.userName',
}
const COMMAND_SELECTORS = {
  uuid: 'protocol.jamfCommand',
  clientManagementId: 'device.jamfManagementId',
  command: 'protocol.jamfCommand',
  status: 'protocol.jamfCommand',
  dateSent: 'protocol.jamfCommand',
  dateCompleted: 'protocol.jamfCommand',
}

type Rest = Partial<Exchange>

function call(
  id: string,
  method: Exchange['methods'][number],
  path: string,
  { feature, purpose }: FeatureIds,
  rest: Rest,
): Exchange {
  return {
    id: `jamf.${id}`,
    methods: [method],
    path,
    query: {},
    errors: {},
    outbound: `${feature}/outbound`,
    inbound: `${feature}/inbound`,
    purpose,
    idempotent: method === 'GET',
    permanent: false,
    carries: ['credential.jamfClient', 'credential.jamfAccessToken'],
    essential: [],
    source: 'jamf_pro',
    ...rest,
  }
}

const listOf = (record: ObjectShape): ObjectShape =>
  object({ totalCount: TOTAL, results: array(record) })
/** Repeated, or one with commas, as public clients write it; `vet` lets through the names it knows and no text. */
const SECTION = array(leaf('protocol.jamfSection', { maxLength: 600 }))

/** Inventory of computers, as one profile sees it. */
function computers(profile: Profile, prefix: string, version: 'v1' | 'v3'): readonly Exchange[] {
  const record = jamfShape(profile.computerFields, profile.items)
  const { computerSections: sections, computerSelectors: selectors } = profile
  const path = `/api/${version}/computers-inventory`
  const source = version === 'v1' ? 'jamf_pro' : 'jamf-pro-sdk, get_computer_inventory_v3'
  return [
    call(`${prefix}computers`, 'GET', path, profile, {
      source,
      query: { ...PAGING, filter: FILTER, section: SECTION },
      response: listOf(record),
      essential: ['protocol.jamfFilter', 'protocol.jamfPage', 'protocol.jamfSection'],
      vet: vetList({ selectors, orderBy: 'id', sections }),
    }),
    call(`${prefix}computer`, 'GET', `${path}/{id=*}`, profile, {
      source,
      parameters: ID,
      query: { section: SECTION },
      response: record,
      essential: ['protocol.jamfSection'],
      vet: vetOne(sections),
    }),
    // The detail has no sections and would bring everything: the same record is asked for by section instead.
    call(`${prefix}computerDetail`, 'GET', `${path}-detail/{id=*}`, profile, {
      source,
      parameters: ID,
      query: { section: SECTION },
      response: record,
      essential: ['protocol.jamfSection'],
      vet: vetOne(sections, (asked) => asked.replace('-inventory-detail/', '-inventory/')),
    }),
  ]
}

const mobileSections = COMPLIANCE.mobileSections
const mobileDetails = call('mobileDetails', 'GET', '/api/v2/mobile-devices/detail', COMPLIANCE, {
  query: { ...PAGING, filter: FILTER, section: SECTION },
  response: listOf(jamfShape(MOBILE_FIELDS, COMPLIANCE.items)),
  essential: ['protocol.jamfFilter', 'protocol.jamfPage', 'protocol.jamfSection'],
  vet: vetList({
    selectors: MOBILE_SELECTORS,
    orderBy: 'mobileDeviceId',
    sections: mobileSections,
  }),
  source: 'jamf-pro-sdk, get_mobile_device_inventory_v2',
})

const MANAGEMENT: FeatureIds = { feature: 'jamf-pro-management', purpose: 'device-management' }
const listed = jamfShape(MOBILE_LIST_FIELDS, new Set(JAMF_MANAGEMENT))
const management: readonly Exchange[] = [
  call('mobileDevices', 'GET', '/api/v2/mobile-devices', MANAGEMENT, {
    query: PAGING,
    response: listOf(listed),
    essential: ['protocol.jamfPage'],
    vet: vetList({
      selectors: Object.fromEntries(
        Object.entries(MOBILE_LIST_FIELDS).map(([name, what]) => [name, jamfItemOf(what)]),
      ),
      orderBy: 'id',
    }),
  }),
  call('mobileDetail', 'GET', '/api/v2/mobile-devices/{id=*}/detail', MANAGEMENT, {
    parameters: ID,
    response: listed,
    vet: vetOne(),
  }),
  call('commands', 'GET', '/api/v2/mdm/commands', MANAGEMENT, {
    query: { ...PAGING, filter: FILTER },
    response: listOf(
      object({
        uuid: COMMAND,
        client: object({ managementId: MANAGEMENT_ID, clientType: COMMAND }),
        commandState: COMMAND,
        commandType: COMMAND,
        dateSent: COMMAND,
        dateCompleted: COMMAND,
      }),
    ),
    essential: ['protocol.jamfFilter', 'protocol.jamfPage'],
    subject: 'device.jamfManagementId',
    vet: vetList({ selectors: COMMAND_SELECTORS, orderBy: 'uuid' }),
  }),
  call('sendCommand', 'POST', '/api/v2/mdm/commands', MANAGEMENT, {
    request: object({
      clientData: array(object({ managementId: MANAGEMENT_ID })),
      commandData: object({
        commandType: leaf('protocol.jamfCommand', { oneOf: HARMLESS_COMMANDS }),
      }),
    }),
    response: array(object({ id: COMMAND, href: COMMAND })),
    whole: true,
    limits: { clientData: 100 },
    essential: ['device.jamfManagementId', 'protocol.jamfCommand'],
    subject: 'device.jamfManagementId',
  }),
  call('webhooks', 'GET', '/JSSResource/webhooks', MANAGEMENT, {
    response: object({
      webhooks: array(
        object({
          id: leaf('organisation.jamfWebhook', { type: 'number' }),
          name: leaf('organisation.jamfWebhook', { maxLength: 300 }),
        }),
      ),
    }),
  }),
  call(
    'teamViewerSession',
    'POST',
    '/api/preview/remote-administration-configurations/team-viewer/{id=*}/sessions',
    MANAGEMENT,
    {
      parameters: ID,
      // Partial: the facts name the call and no field of it.
      request: object({
        deviceId: leaf('device.jamfId', { maxLength: 10 }),
        deviceType: leaf('device.platform', { oneOf: ['COMPUTER', 'MOBILE'] }),
        description: leaf('protocol.jamfSessionReason', { maxLength: 500 }),
      }),
      response: object({
        id: leaf('protocol.jamfSession', { maxLength: 200 }),
        href: leaf('protocol.jamfSession', { maxLength: 2_000 }),
      }),
      essential: ['device.jamfId'],
      whole: true,
      subject: 'device.jamfId',
      vet: vetOne(),
    },
  ),
]

/** The default: of inventory only what compliance needs, and by a consent of its own what commands need. */
export const EXCHANGES: readonly Exchange[] = [
  ...computers(COMPLIANCE, '', 'v1'),
  ...computers(COMPLIANCE, 'v3.', 'v3'),
  mobileDetails,
  ...management,
]
/** The old profile: computers only, the forty items that were published in 2019. */
export const HISTORIC_EXCHANGES: readonly Exchange[] = [
  ...computers(HISTORIC, 'historic.', 'v1'),
  ...computers(HISTORIC, 'historic.v3.', 'v3'),
]

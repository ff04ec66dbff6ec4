import { APPLE_DEP_ITEMS } from '#catalog/flows/apple-device-enrollment-fields.ts'
import { type Leaf, type Shape, array, leaf, map, object } from '#catalog/shape.ts'
import type { Exchange } from '#sharing/exchange.ts'

/**
 * Apple's Device Enrollment service as data. Paths, fields and error codes: protocols facts, section
 * apple_dep; https://developer.apple.com/documentation/devicemanagement/device-assignment
 */

type Field = keyof typeof APPLE_DEP_ITEMS
const at = (field: Field, rest: Partial<Omit<Leaf, 'kind' | 'item'>> = {}): Leaf =>
  leaf(APPLE_DEP_ITEMS[field], rest)
const serial = at('Device.serial_number', { subject: true, maxLength: 64 })
const cursor = at('FetchDeviceResponse.cursor', { maxLength: 1_000 })
const limit = at('Request.limit', { type: 'number' })
const status = (...words: string[]): Leaf => at('Device.response_status', { oneOf: words })
const uuid = at('Device.profile_uuid', { maxLength: 64 })

const USER_AGENT_ERRORS = ['USER_AGENT_INVALID', 'USER_AGENT_MISSING']
const AUTH_ERRORS: Exchange['errors'] = {
  401: ['UNAUTHORIZED'],
  403: ['ACCESS_DENIED', 'T_C_NOT_SIGNED', 'FORBIDDEN'],
  429: ['TOO_MANY_REQUESTS'],
  500: ['INTERNAL_SERVER_ERROR'],
  503: ['SERVICE_UNAVAILABLE'],
}
const errors = (codes: readonly string[], more: Exchange['errors'] = {}): Exchange['errors'] => ({
  ...AUTH_ERRORS,
  400: [...codes, ...USER_AGENT_ERRORS],
  ...more,
})

const device = object({
  serial_number: serial,
  model: at('Device.model'),
  description: at('Device.description'),
  color: at('Device.color'),
  asset_tag: at('Device.asset_tag'),
  profile_status: at('Device.profile_status', {
    oneOf: ['empty', 'assigned', 'pushed', 'removed'],
  }),
  profile_uuid: uuid,
  profile_assign_time: at('Device.profile_assign_time', { maxLength: 40 }),
  profile_push_time: at('Device.profile_push_time', { maxLength: 40 }),
  device_assigned_date: at('Device.device_assigned_date', { maxLength: 40 }),
  device_assigned_by: at('Device.device_assigned_by', { maxLength: 320 }),
  device_family: at('Device.device_family', { maxLength: 40 }),
  os: at('Device.os', { maxLength: 40 }),
  mdm_migration_deadline: at('Device.mdm_migration_deadline', { maxLength: 40 }),
  op_type: at('Device.op_type', { oneOf: ['added', 'modified', 'deleted'] }),
  op_date: at('Device.op_date', { maxLength: 40 }),
  response_status: status('SUCCESS', 'NOT_ACCESSIBLE'),
})

/** One device of a fetch or sync answer, for intake. */
export const DEVICE_SHAPE: Shape = device

const page = object({
  cursor,
  devices: array(device),
  fetched_until: at('FetchDeviceResponse.fetched_until', { maxLength: 40 }),
  more_to_follow: at('FetchDeviceResponse.more_to_follow', { type: 'boolean' }),
})

const profile = object({
  profile_name: at('Profile.profile_name', { maxLength: 125 }),
  profile_uuid: uuid,
  url: at('Profile.url', { maxLength: 2_000 }),
  configuration_web_url: at('Profile.configuration_web_url', { maxLength: 2_000 }),
  allow_pairing: at('Profile.allow_pairing', { type: 'boolean' }),
  is_supervised: at('Profile.is_supervised', { type: 'boolean' }),
  is_multi_user: at('Profile.is_multi_user', { type: 'boolean' }),
  is_mandatory: at('Profile.is_mandatory', { type: 'boolean' }),
  is_mdm_removable: at('Profile.is_mdm_removable', { type: 'boolean' }),
  is_return_to_service: at('Profile.is_return_to_service', { type: 'boolean' }),
  await_device_configured: at('Profile.await_device_configured', { type: 'boolean' }),
  auto_advance_setup: at('Profile.auto_advance_setup', { type: 'boolean' }),
  do_not_use_profile_from_backup: at('Profile.do_not_use_profile_from_backup', { type: 'boolean' }),
  support_phone_number: at('Profile.support_phone_number', { maxLength: 50 }),
  support_email_address: at('Profile.support_email_address', { maxLength: 250 }),
  org_magic: at('Profile.org_magic', { maxLength: 256 }),
  department: at('Profile.department', { maxLength: 125 }),
  language: at('Profile.language', { maxLength: 40 }),
  region: at('Profile.region', { maxLength: 40 }),
  skip_setup_items: array(at('Profile.skip_setup_items', { maxLength: 100 })),
  anchor_certs: array(at('Profile.anchor_certs')),
  supervising_host_certs: array(at('Profile.supervising_host_certs')),
  devices: array(serial),
})

const account = object({
  server_name: at('AccountDetail.server_name'),
  server_uuid: at('AccountDetail.server_uuid'),
  admin_id: at('AccountDetail.admin_id', { maxLength: 320 }),
  facilitator_id: at('AccountDetail.facilitator_id', { maxLength: 320 }),
  org_name: at('AccountDetail.org_name'),
  org_email: at('AccountDetail.org_email', { maxLength: 320 }),
  org_phone: at('AccountDetail.org_phone', { maxLength: 64 }),
  org_address: at('AccountDetail.org_address'),
  org_id: at('AccountDetail.org_id'),
  org_id_hash: at('AccountDetail.org_id_hash'),
  org_type: at('AccountDetail.org_type', { oneOf: ['edu', 'org', 'tvprovider'] }),
  org_version: at('AccountDetail.org_version', { oneOf: ['v1', 'v2'] }),
  urls: array(
    object({
      uri: at('AccountDetail.urls.uri', { maxLength: 200 }),
      http_method: array(at('AccountDetail.urls.http_method', { maxLength: 10 })),
      limit: object({
        default: at('AccountDetail.urls.limit.default', { type: 'number' }),
        maximum: at('AccountDetail.urls.limit.maximum', { type: 'number' }),
      }),
    }),
  ),
})

const betaTokens = (list: 'betaEnrollmentTokens' | 'seedBuildTokens') =>
  array(
    object({
      os: at(`BetaTokens.${list}.os`),
      title: at(`BetaTokens.${list}.title`),
      token: at(`BetaTokens.${list}.token`),
    }),
  )

const statuses = (...words: string[]) =>
  object({ devices: map(serial, status(...words)), profile_uuid: uuid })
const serials = object({ devices: array(serial) })
const paging = object({ cursor, limit })

const OUT = 'apple-device-enrollment/outbound'
const IN = 'apple-device-enrollment/inbound'
const base = {
  query: {},
  outbound: OUT,
  inbound: IN,
  purpose: 'device-enrolment-management',
  permanent: false,
  carries: [APPLE_DEP_ITEMS['Session.token']],
  essential: [] as readonly string[],
  source: 'apple_dep',
}
const SERIAL = APPLE_DEP_ITEMS['Device.serial_number']
const CURSOR = APPLE_DEP_ITEMS['FetchDeviceResponse.cursor']
const UUID = APPLE_DEP_ITEMS['Device.profile_uuid']

const read = (
  id: string,
  methods: Exchange['methods'],
  path: string,
  rest: Partial<Exchange>,
): Exchange => ({
  ...base,
  id: `apple.dep.${id}`,
  methods,
  path,
  errors: errors([]),
  idempotent: true,
  ...rest,
})
const change = (
  id: string,
  methods: Exchange['methods'],
  path: string,
  rest: Partial<Exchange>,
): Exchange => read(id, methods, path, { idempotent: false, ...rest })

const person = object({
  unique_identifier: at('Roster.person.unique_identifier', { subject: true }),
  first_name: at('Roster.person.first_name'),
  middle_name: at('Roster.person.middle_name'),
  last_name: at('Roster.person.last_name'),
  email_address: at('Roster.person.email_address'),
  managed_apple_id: at('Roster.person.managed_apple_id'),
  grade: at('Roster.person.grade'),
  title: at('Roster.person.title'),
  roles: array(at('Roster.person.roles')),
})
const schoolClass = object({
  unique_identifier: at('Roster.class.unique_identifier'),
  name: at('Roster.class.name'),
  course_name: at('Roster.class.course_name'),
  room: at('Roster.class.room'),
  instructors: array(at('Roster.class.instructors')),
  students: array(at('Roster.class.students')),
})
const location = object({
  unique_identifier: at('Roster.location.unique_identifier'),
  name: at('Roster.location.name'),
})
const roster = (id: string, path: string, list: string, of: Shape): readonly Exchange[] =>
  (['', '/sync'] as const).map((sync) =>
    read(`${id}${sync && 'Sync'}`, ['POST'], `${path}${sync}`, {
      request: paging,
      response: object({
        cursor,
        [list]: array(of),
        fetched_until: at('FetchDeviceResponse.fetched_until'),
        more_to_follow: at('FetchDeviceResponse.more_to_follow', { type: 'boolean' }),
      }),
      errors: errors(['CURSOR_REQUIRED', 'INVALID_CURSOR', 'EXHAUSTED_CURSOR', 'EXPIRED_CURSOR']),
      outbound: 'apple-school-roster/outbound',
      inbound: 'apple-school-roster/inbound',
      purpose: 'school-roster',
    }),
  )

/** Every exchange but `GET /session`, which carries credentials only and is the gateway's and client's own. */
export const EXCHANGES: readonly Exchange[] = [
  read('account', ['GET'], '/account', { response: account }),
  read('fetchDevices', ['POST'], '/server/devices', {
    request: paging,
    response: page,
    errors: errors(['INVALID_CURSOR', 'EXHAUSTED_CURSOR']),
  }),
  read('syncDevices', ['POST'], '/devices/sync', {
    request: paging,
    response: page,
    errors: errors(['CURSOR_REQUIRED', 'INVALID_CURSOR', 'EXHAUSTED_CURSOR', 'EXPIRED_CURSOR']),
    essential: [CURSOR],
  }),
  read('deviceDetails', ['POST'], '/devices', {
    request: serials,
    response: object({ devices: map(serial, device) }),
    errors: errors(['DEVICE_ID_REQUIRED']),
    limits: { devices: 1_000 },
    essential: [SERIAL],
  }),
  change('disown', ['POST'], '/devices/disown', {
    request: serials,
    response: statuses('SUCCESS', 'NOT_ACCESSIBLE', 'FAILED'),
    errors: errors(['DEVICE_ID_REQUIRED']),
    limits: { devices: 1_000 },
    permanent: true,
    essential: [SERIAL],
  }),
  change('activationLock', ['POST'], '/device/activationlock', {
    request: object({
      device: at('ActivationLock.device', { subject: true, maxLength: 64 }),
      escrow_key: at('ActivationLock.escrow_key', { maxLength: 256 }),
      lost_message: at('ActivationLock.lost_message', { maxLength: 1_000 }),
    }),
    response: object({
      serial_number: serial,
      response_status: status(
        'SUCCESS',
        'NOT_ACCESSIBLE',
        'ORG_NOT_SUPPORTED',
        'DEVICE_NOT_SUPPORTED',
        'DEVICE_ALREADY_LOCKED',
        'FAILED',
      ),
    }),
    errors: errors(['DEVICE_ID_REQUIRED']),
    essential: [SERIAL],
  }),
  change('defineProfile', ['POST'], '/profile', {
    request: profile,
    response: object({
      profile_uuid: uuid,
      devices: map(serial, status('SUCCESS', 'NOT_ACCESSIBLE', 'FAILED', 'THROTTLED')),
    }),
    errors: errors([
      'CONFIG_NAME_INVALID',
      'CONFIG_NAME_REQUIRED',
      'CONFIG_URL_INVALID',
      'CONFIG_URL_REQUIRED',
      'DEPARTMENT_INVALID',
      'FLAGS_INVALID',
      'LOCALE_INVALID',
      'MAGIC_INVALID',
      'SUPPORT_EMAIL_INVALID',
      'SUPPORT_PHONE_INVALID',
    ]),
    limits: { devices: 1_000 },
    essential: [APPLE_DEP_ITEMS['Profile.profile_name'], APPLE_DEP_ITEMS['Profile.url']],
  }),
  read('getProfile', ['GET'], '/profile', {
    query: { profile_uuid: uuid },
    response: profile,
    errors: errors(['PROFILE_UUID_REQUIRED'], { 404: ['NOT_FOUND', 'PROFILE_NOT_FOUND'] }),
    essential: [UUID],
  }),
  // Documented as POST; widely sent as PUT. Assigning twice leaves what assigning once does.
  read('assignProfile', ['POST', 'PUT'], '/profile/devices', {
    request: object({ profile_uuid: uuid, devices: array(serial) }),
    response: object({
      profile_uuid: uuid,
      devices: map(serial, status('SUCCESS', 'NOT_ACCESSIBLE', 'FAILED', 'THROTTLED')),
      retry_after_seconds: at('AssignProfile.retry_after_seconds', { type: 'number' }),
    }),
    errors: errors(['DEVICE_ID_REQUIRED', 'PROFILE_UUID_REQUIRED'], {
      404: ['NOT_FOUND', 'PROFILE_NOT_FOUND'],
    }),
    limits: { devices: 1_000 },
    essential: [SERIAL, UUID],
  }),
  read('removeProfile', ['DELETE'], '/profile/devices', {
    request: object({ devices: array(serial), profile_uuid: uuid }),
    response: statuses('SUCCESS', 'NOT_ACCESSIBLE', 'FAILED'),
    errors: errors(['DEVICE_ID_REQUIRED']),
    limits: { devices: 1_000 },
    essential: [SERIAL],
  }),
  read('getAccountDriven', ['GET'], '/account-driven-enrollment/profile', {
    response: object({
      mdm_service_discovery_url: at('AccountDriven.mdm_service_discovery_url', {
        maxLength: 2_000,
      }),
      last_updated_timestamp: at('AccountDriven.last_updated_timestamp', { maxLength: 40 }),
    }),
  }),
  read('setAccountDriven', ['POST'], '/account-driven-enrollment/profile', {
    request: object({
      mdm_service_discovery_url: at('AccountDriven.mdm_service_discovery_url', {
        maxLength: 2_000,
      }),
    }),
    errors: errors([
      'MDM_SERVICE_DISCOVERY_URL_REQUIRED',
      'MDM_SERVICE_DISCOVERY_URL_NOT_VALID',
      'ORG_NOT_SUPPORTED',
    ]),
    essential: [APPLE_DEP_ITEMS['AccountDriven.mdm_service_discovery_url']],
  }),
  read('betaTokens', ['GET'], '/os-beta-enrollment/tokens', {
    response: object({
      betaEnrollmentTokens: betaTokens('betaEnrollmentTokens'),
      seedBuildTokens: betaTokens('seedBuildTokens'),
    }),
    errors: errors([], { 403: [...(AUTH_ERRORS[403] ?? []), 'APPLE_SEED_FOR_IT_TURNED_OFF'] }),
  }),
  ...roster('rosterPeople', '/roster/class/person', 'persons', person),
  ...roster('rosterClasses', '/roster/class', 'classes', schoolClass),
  ...roster('rosterLocations', '/roster/class/location', 'locations', location),
]

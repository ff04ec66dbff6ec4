import { type Leaf, type Shape, array, leaf, map, object } from '#catalog/shape.ts'
import type { Exchange } from '#sharing/exchange.ts'
import { ALL_WORDS } from './error-words.ts'
import { LEGACY_EXCHANGES } from './legacy-exchanges.ts'
import { VERSION_2 } from './paths.ts'

/**
 * Apple's Apps and Books service, version 2, as data. Paths and fields: protocols facts, section apple_vpp;
 * https://developer.apple.com/documentation/devicemanagement/app-book-and-subscription-management
 *
 * Not passed, on purpose: `urls` of the service configuration, which would lead a client past Sluss;
 * `notificationAuthToken`, with which events could be forged; `errorMessage` of failures, which quotes.
 * How many ids one call may name is Apple's to say and changes without notice: Apple refuses what is over (9602).
 */

const OUT = 'apple-volume-purchase/outbound'
const IN = 'apple-volume-purchase/inbound'
export const USER_ID = 'person.intuneUserIdGuid'
export const SERIAL = 'device.serialNumber'
const ADAM_ID = 'app.applicationId'

const text = (item: string, maxLength = 200, rest: Partial<Leaf> = {}): Leaf =>
  leaf(item, { maxLength, ...rest })
const number = (item: string): Leaf => leaf(item, { type: 'number' })
const flag = (item: string): Leaf => leaf(item, { type: 'boolean' })
const event = text('protocol.licenceEvent', 100)
const page = number('protocol.licencePage')
const filter = text('protocol.licenceFilter', 20)
const adamId = text(ADAM_ID, 40)
const userId = text(USER_ID, 256, { subject: true })
const serial = text(SERIAL, 64, { subject: true })
const pricing = text('app.pricingParam', 10)
const mdmInfo = object({
  id: text('organisation.mdmInfo'),
  name: text('organisation.mdmInfo'),
  metadata: text('organisation.mdmInfo', 1_000),
})
const NOTIFICATIONS = ['ASSET_COUNT', 'ASSET_MANAGEMENT', 'USER_MANAGEMENT', 'USER_ASSOCIATED']

/** What every answer under a token has. */
const library = {
  mdmInfo,
  tokenExpirationDate: text('organisation.contentTokenExpiry', 40),
  uId: text('organisation.libraryId', 64),
}
const paged = {
  ...library,
  currentPageIndex: page,
  nextPageIndex: page,
  size: page,
  totalPages: page,
  versionId: text('protocol.licencePage', 100),
}
const asset = {
  adamId,
  pricingParam: pricing,
}
/** One licence-holding product, as Apple answers it. */
export const ASSET_SHAPE = object({
  ...asset,
  assignedCount: number('app.assignedCount'),
  availableCount: number('app.availableCount'),
  deviceAssignable: flag('app.deviceAssignable'),
  productType: text('app.productType', 20),
  retiredCount: number('app.retiredCount'),
  // What can be taken back is not irrevocable: the same fact as `isIrrevocable` of the legacy services.
  revocable: flag('app.isIrrevocable'),
  supportedPlatforms: array(text('app.supportedPlatforms', 20)),
  totalCount: number('app.totalCount'),
})
/** One user of the organisation, as Apple answers it. */
export const USER_SHAPE = object({
  clientUserId: userId,
  email: text('person.licenceEmail', 320),
  idHash: text('person.appleUserId'),
  inviteCode: text('credential.inviteCode'),
  inviteUrl: text('credential.inviteCode', 2_000),
  managedAppleId: text('person.managedAppleIdUpn', 320),
  status: text('person.userStatus', 40),
})
const assignment = object({ ...asset, clientUserId: userId, serialNumber: serial })
const targets = { clientUserIds: array(userId), serialNumbers: array(serial) }
const failure = object({
  errorInfo: object({ assets: array(object(asset)), ...targets }),
  errorNumber: number('protocol.licenceError'),
})
const accepted = object({ ...library, eventId: event })
const requestUser = {
  clientUserId: userId,
  email: text('person.licenceEmail', 320),
  managedAppleId: text('person.managedAppleIdUpn', 320),
}

const STATUSES = [400, 401, 403, 404, 405, 409, 429, 500, 502, 503]
/** Any error may come with any status: it is the number that says what is wrong. */
export const ERRORS: Exchange['errors'] = Object.fromEntries(
  STATUSES.map((status) => [status, ALL_WORDS]),
)

const base = {
  query: {},
  errors: ERRORS,
  outbound: OUT,
  inbound: IN,
  purpose: 'app-licensing',
  permanent: false,
  carries: ['credential.contentToken'],
  essential: [],
  source: 'apple_vpp',
} satisfies Partial<Exchange>

const read = (
  id: string,
  path: string,
  rest: Partial<Exchange> & { response: Shape },
): Exchange => ({
  ...base,
  id: `apple.vpp.${id}`,
  methods: ['GET'],
  path: `${VERSION_2}${path}`,
  idempotent: true,
  ...rest,
})
/** Apple takes a change in, answers with the name of an event, and tells later what became of it. */
const change = (id: string, path: string, rest: Partial<Exchange>): Exchange => ({
  ...base,
  id: `apple.vpp.${id}`,
  methods: ['POST'],
  path: `${VERSION_2}${path}`,
  idempotent: false,
  response: accepted,
  subjects: [USER_ID, SERIAL],
  intact: [USER_ID, SERIAL],
  settledBy: 'apple.vpp.status',
  ...rest,
})

const clientConfig = object({
  ...library,
  countryISO2ACode: text('organisation.countryCode', 2),
  defaultPlatform: text('organisation.storePlatform', 40),
  locationName: text('organisation.vppLocation'),
  notificationUrl: text('organisation.notificationAddress', 2_000),
  subscribedNotificationTypes: array(text('protocol.licenceNotification', 40)),
  websiteURL: text('organisation.programWebsite', 2_000),
})

/** Every call of version 2, and what is left of the legacy services. */
export const EXCHANGES: readonly Exchange[] = [
  read('serviceConfig', '/service/config', {
    carries: [],
    response: object({
      errorCodes: array(
        object({
          errorNumber: number('protocol.licenceError'),
          errorMessage: text('protocol.licenceError', 1_000),
        }),
      ),
      limits: map(text('protocol.licenceLimit', 64), number('protocol.licenceLimit')),
      notificationTypes: array(text('protocol.licenceNotification', 40)),
    }),
  }),
  read('clientConfig', '/client/config', { response: clientConfig }),
  {
    ...read('setClientConfig', '/client/config', { response: clientConfig }),
    methods: ['POST'],
    carries: ['credential.contentToken', 'credential.notificationToken'],
    request: object({
      mdmInfo,
      notificationTypes: array(text('protocol.licenceNotification', 40, { oneOf: NOTIFICATIONS })),
      // Notifications come to Sluss or nowhere: `sluss` stands for its own address, and no other is sent.
      notificationUrl: text('organisation.notificationAddress', 10, { oneOf: ['sluss'] }),
    }),
    whole: true,
  },
  read('assets', '/assets', {
    query: {
      adamId,
      deviceAssignable: filter,
      maxAssignedCount: filter,
      maxAvailableCount: filter,
      minAssignedCount: filter,
      minAvailableCount: filter,
      pageIndex: text('protocol.licencePage', 20),
      pricingParam: pricing,
      productType: filter,
      revocable: filter,
    },
    response: object({ ...paged, assets: array(ASSET_SHAPE) }),
  }),
  change('associate', '/assets/associate', {
    request: object({ assets: array(object(asset)), ...targets }),
    essential: [ADAM_ID],
  }),
  change('disassociate', '/assets/disassociate', {
    request: object({ assets: array(object(asset)), ...targets }),
    essential: [ADAM_ID],
  }),
  change('revoke', '/assets/revoke', { request: object(targets) }),
  read('assignments', '/assignments', {
    query: {
      adamId,
      clientUserId: userId,
      serialNumber: serial,
      sinceVersionId: text('protocol.licencePage', 100),
      pageIndex: text('protocol.licencePage', 20),
    },
    response: object({ ...paged, assignments: array(assignment) }),
    subjects: [USER_ID, SERIAL],
    returns: USER_ID,
  }),
  read('users', '/users', {
    query: {
      activeOnly: filter,
      clientUserId: userId,
      sinceVersionId: text('protocol.licencePage', 100),
      pageIndex: text('protocol.licencePage', 20),
    },
    response: object({ ...paged, users: array(USER_SHAPE) }),
    subjects: [USER_ID],
    returns: USER_ID,
  }),
  change('createUsers', '/users/create', {
    request: object({ users: array(object(requestUser)) }),
  }),
  change('updateUsers', '/users/update', {
    request: object({ users: array(object(requestUser)) }),
  }),
  change('retireUsers', '/users/retire', {
    request: object({ users: array(object({ clientUserId: userId })) }),
  }),
  read('status', '/status', {
    query: { eventId: event },
    response: object({
      ...library,
      eventStatus: text('protocol.licenceEvent', 20),
      eventType: text('protocol.licenceEvent', 40),
      failures: array(failure),
      numCompleted: number('protocol.licenceEvent'),
      numRequested: number('protocol.licenceEvent'),
    }),
    essential: ['protocol.licenceEvent'],
    returns: USER_ID,
  }),
  ...LEGACY_EXCHANGES,
]

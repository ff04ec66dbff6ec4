import { type Leaf, type Shape, array, leaf, map, object } from '#catalog/shape.ts'
import type { Exchange } from '#sharing/exchange.ts'
import { ALL_WORDS } from './error-words.ts'
import { LEGACY, LOOKUP, OLDER } from './paths.ts'

/**
 * What Apple calls the legacy services, under maintenance only: read here, never written. Their bodies carry the
 * token; whatever a client puts there is replaced. Partial: the facts name the services, and their fields stand
 * on Apple's pages of each; a field that is not here does not pass and is counted.
 */

const TOKEN = 'credential.contentToken'
const USER_ID = 'person.intuneUserIdGuid'

const text = (item: string, maxLength = 200, rest: Partial<Leaf> = {}): Leaf =>
  leaf(item, { maxLength, ...rest })
const number = (item: string): Leaf => leaf(item, { type: 'number' })
const flag = (item: string): Leaf => leaf(item, { type: 'boolean' })
const token = text(TOKEN, 4_096)
const cursor = text('protocol.licencePage', 4_000)
const userId = text(USER_ID, 256, { subject: true })
const serial = text('device.serialNumber', 64, { subject: true })

const answered = {
  clientContext: text('organisation.mdmInfo', 1_000),
  expirationMillis: number('organisation.contentTokenExpiry'),
  location: object({
    locationId: number('organisation.vppLocation'),
    locationName: text('organisation.vppLocation'),
  }),
  status: number('protocol.licenceError'),
  uId: text('organisation.libraryId', 64),
}
const license = object({
  adamId: number('app.applicationId'),
  adamIdStr: text('app.applicationId', 40),
  clientUserIdStr: userId,
  isIrrevocable: flag('app.isIrrevocable'),
  itsIdHash: text('person.appleUserId'),
  licenseId: number('device.licenseId'),
  licenseIdStr: text('device.licenseId', 64),
  pricingParam: text('app.pricingParam', 10),
  productTypeId: number('app.productType'),
  productTypeName: text('app.productType', 40),
  serialNumber: serial,
  status: text('person.userStatus', 40),
  userId: number('person.appleUserId'),
})
const user = object({
  clientUserIdStr: userId,
  email: text('person.licenceEmail', 320),
  inviteCode: text('credential.inviteCode'),
  inviteUrl: text('credential.inviteCode', 2_000),
  itsIdHash: text('person.appleUserId'),
  licenses: array(license),
  managedAppleIdStr: text('person.managedAppleIdUpn', 320),
  status: text('person.userStatus', 40),
  userId: number('person.appleUserId'),
})
const listing = {
  ...answered,
  batchCount: number('protocol.licencePage'),
  batchToken: cursor,
  sinceModifiedToken: cursor,
  totalBatchCount: text('protocol.licencePage', 20),
  totalCount: number('protocol.licencePage'),
}
const since = {
  sToken: token,
  batchToken: cursor,
  sinceModifiedToken: cursor,
}

const base = {
  methods: ['POST'],
  query: {},
  errors: Object.fromEntries(
    [400, 401, 404, 405, 409, 429, 500, 503].map((status) => [status, ALL_WORDS]),
  ),
  outbound: 'apple-volume-purchase/outbound',
  inbound: 'apple-volume-purchase/inbound',
  purpose: 'app-licensing',
  idempotent: true,
  permanent: false,
  carries: [TOKEN],
  essential: [],
  source: 'apple_vpp.legacy',
} satisfies Partial<Exchange>

const read = (
  service: string,
  request: Readonly<Record<string, Shape>>,
  response: Shape,
): Exchange => ({
  ...base,
  id: `apple.vpp.legacy.${service}`,
  path: `${LEGACY}/${service}`,
  request: object(request),
  response,
  // A client that writes through a service that also reads must not be answered as if it had only read.
  whole: true,
  subjects: [USER_ID],
  returns: USER_ID,
})
const refused = (service: string): Exchange => ({
  ...base,
  id: `apple.vpp.legacy.${service}`,
  path: `${LEGACY}/${service}`,
  request: object({}),
  idempotent: false,
  refused: 'legacy_read_only',
})
const serviceConfig = (id: string, path: string): Exchange => ({
  ...base,
  id: `apple.vpp.legacy.${id}`,
  methods: ['GET', 'POST'],
  path,
  carries: [],
  response: object({
    errorCodes: array(
      object({
        errorNumber: number('protocol.licenceError'),
        errorMessage: text('protocol.licenceError', 1_000),
      }),
    ),
    maxBatchAssociateLicenseCount: number('protocol.licenceLimit'),
    maxBatchDisassociateLicenseCount: number('protocol.licenceLimit'),
    status: number('protocol.licenceError'),
  }),
})

export const LEGACY_EXCHANGES: readonly Exchange[] = [
  serviceConfig('VPPServiceConfigSrv', `${LEGACY}/VPPServiceConfigSrv`),
  serviceConfig('olderServiceConfig', `${OLDER}/VPPServiceConfigSrv`),
  read(
    'VPPClientConfigSrv',
    { sToken: token, verbose: flag('protocol.licenceFilter') },
    object({
      ...answered,
      appleId: text('person.managedAppleIdUpn', 320),
      countryCode: text('organisation.countryCode', 2),
      defaultPlatform: text('organisation.storePlatform', 40),
      email: text('person.licenceEmail', 320),
      facilitatorMemberId: text('person.facilitatorMemberId', 64),
      organizationId: number('organisation.organizationId'),
      organizationIdHash: text('organisation.organizationId'),
    }),
  ),
  read(
    'getVPPUserSrv',
    {
      sToken: token,
      clientUserIdStr: userId,
      itsIdHash: text('person.appleUserId'),
      userId: number('person.appleUserId'),
    },
    object({ ...answered, user }),
  ),
  read(
    'getVPPUsersSrv',
    { ...since, includeRetired: number('protocol.licenceFilter') },
    object({ ...listing, users: array(user) }),
  ),
  read(
    'getVPPLicensesSrv',
    {
      ...since,
      adamId: text('app.applicationId', 40),
      assignedOnly: flag('protocol.licenceFilter'),
      pricingParam: text('app.pricingParam', 10),
      serialNumber: serial,
    },
    object({ ...listing, licenses: array(license) }),
  ),
  read(
    'getVPPAssetsSrv',
    {
      sToken: token,
      includeLicenseCounts: flag('protocol.licenceFilter'),
      pricingParam: text('app.pricingParam', 10),
    },
    object({
      ...answered,
      assets: array(
        object({
          adamIdStr: text('app.applicationId', 40),
          assignedCount: number('app.assignedCount'),
          availableCount: number('app.availableCount'),
          deviceAssignable: flag('app.deviceAssignable'),
          isIrrevocable: flag('app.isIrrevocable'),
          pricingParam: text('app.pricingParam', 10),
          productTypeId: number('app.productType'),
          productTypeName: text('app.productType', 40),
          retiredCount: number('app.retiredCount'),
          totalCount: number('app.totalCount'),
        }),
      ),
      totalCount: number('protocol.licencePage'),
    }),
  ),
  ...[
    'registerVPPUserSrv',
    'editVPPUserSrv',
    'retireVPPUserSrv',
    'associateVPPLicenseSrv',
    'disassociateVPPLicenseSrv',
    'manageVPPLicensesByAdamIdSrv',
  ].map(refused),
  // What an app is: on another host of Apple's, under the same token.
  {
    ...base,
    id: 'apple.vpp.contentMetadata',
    methods: ['GET'],
    path: LOOKUP,
    query: {
      id: text('app.applicationId', 2_000),
      caller: text('protocol.licenceFilter', 20),
      cc: text('protocol.licenceFilter', 2),
      l: text('protocol.licenceFilter', 20),
      p: text('protocol.licenceFilter', 20),
      platform: text('protocol.licenceFilter', 40),
      version: text('protocol.licenceFilter', 4),
    },
    response: object({
      results: map(
        text('app.applicationId', 40),
        object({
          artwork: object({ url: text('app.applicationIcon', 2_000) }),
          bundleId: text('app.bundleId', 255),
          copyright: text('app.copyright', 1_000),
          description: object({ standard: text('app.applicationDescription', 20_000) }),
          genreNames: array(text('app.genres', 100)),
          genres: array(object({ name: text('app.genres', 100) })),
          id: text('app.applicationId', 40),
          name: text('app.applicationName', 500),
          url: text('app.storeUrl', 2_000),
        }),
      ),
    }),
    essential: ['app.applicationId'],
  },
]

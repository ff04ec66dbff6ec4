import { androidShape } from '#catalog/android-shapes.ts'
import { type Leaf, type ObjectShape, type Shape, array, leaf, object } from '#catalog/shape.ts'
import type { CommandWords, Exchange } from '#sharing/exchange.ts'

/**
 * Google's Android Management API as data: protocols facts, section google_amapi;
 * https://developers.google.com/android/management/reference/rest. Objects and their fields stand in
 * `catalog/flows/android-management-fields.ts`.
 *
 * Partial: `filter` of the list of operations is free text and does not pass; query parameters that are none of
 * Google's method (`alt`, `prettyPrint`) are dropped. Usage logs arrive by Pub/Sub and are no exchange.
 */

const ENTERPRISE = leaf('organisation.enterpriseId', { maxLength: 200 })
const DEVICE = leaf('device.name', { maxLength: 400, subject: true })
const OPERATION = leaf('device.operationName', { maxLength: 600 })
const POLICY = leaf('policy.androidName', { maxLength: 400 })
const TOKEN = leaf('protocol.enrolmentTokenName', { maxLength: 400 })
const APP = leaf('app.uniqueIdentifierToRepresentApplication', { maxLength: 400 })
const PROVISIONING = leaf('protocol.provisioningName', { maxLength: 400 })

const PAGING = {
  pageSize: leaf('protocol.pageSize', { maxLength: 6 }),
  pageToken: leaf('protocol.pageToken', { maxLength: 2_000 }),
}
const MASK = { updateMask: leaf('protocol.fieldMask', { maxLength: 4_000 }) }
const FIELDS = { fields: leaf('protocol.fieldMask', { maxLength: 4_000 }) }
const PROJECT = leaf('organisation.googleProject', { maxLength: 100 })
const WIPE_FLAGS = [
  'WIPE_DATA_FLAG_UNSPECIFIED',
  'PRESERVE_RESET_PROTECTION_DATA',
  'WIPE_EXTERNAL_STORAGE',
  'WIPE_ESIMS',
]

/** Commands that can be undone. */
const COMMANDS = [
  'LOCK',
  'RESET_PASSWORD',
  'REBOOT',
  'CLEAR_APP_DATA',
  'START_LOST_MODE',
  'STOP_LOST_MODE',
  'ADD_ESIM',
  'REMOVE_ESIM',
  'REQUEST_DEVICE_INFO',
]

/** Commands that cannot. Google takes `wipeParams` for WIPE where no `type` stands beside it. */
const PERMANENT_COMMANDS: CommandWords = {
  field: 'type',
  words: ['WIPE', 'RELINQUISH_OWNERSHIP'],
  implied: { wipeParams: 'WIPE' },
}

/** Google's canonical codes, by status. */
const ERRORS: Exchange['errors'] = {
  400: ['INVALID_ARGUMENT', 'FAILED_PRECONDITION', 'OUT_OF_RANGE'],
  401: ['UNAUTHENTICATED'],
  403: ['PERMISSION_DENIED'],
  404: ['NOT_FOUND'],
  409: ['ALREADY_EXISTS', 'ABORTED'],
  429: ['RESOURCE_EXHAUSTED'],
  499: ['CANCELLED'],
  500: ['INTERNAL', 'UNKNOWN', 'DATA_LOSS'],
  501: ['UNIMPLEMENTED'],
  503: ['UNAVAILABLE'],
  504: ['DEADLINE_EXCEEDED'],
}

type Rest = Partial<Exchange> & { readonly response: Shape }
type Method = Exchange['methods'][number]

const call = (id: string, method: Method, path: string, rest: Rest): Exchange => ({
  id: `google.androidManagement.${id}`,
  methods: [method],
  path: `/v1/${path}`,
  errors: ERRORS,
  outbound: 'android-enterprise/outbound',
  inbound: 'android-enterprise/inbound',
  purpose: 'device-management',
  // What reads, or leaves the same thing behind when it is done twice.
  idempotent: method === 'GET',
  permanent: false,
  carries: ['credential.serviceAccountUpn', 'credential.googleAccessToken'],
  essential: [],
  subject: 'device.name',
  source: 'google_amapi',
  ...rest,
  query: { ...FIELDS, ...rest.query },
})
const at = (named: string, of: Leaf): Pick<Exchange, 'parameters'> => ({
  parameters: { [named]: of },
})

/** Of a device only these can be changed. */
const DEVICE_CHANGES = ['name', 'state', 'policyName', 'disabledReason']

const empty = object({})
const shape = androidShape
const replaces = (name: string): Pick<Exchange, 'request' | 'whole'> => ({
  request: shape(name),
  whole: true,
})
const changes: Shape = only(shape('Device') as ObjectShape, DEVICE_CHANGES)
function only({ fields }: ObjectShape, names: readonly string[]): Shape {
  return object(Object.fromEntries(Object.entries(fields).filter(([name]) => names.includes(name))))
}

const ENTERPRISES: readonly Exchange[] = [
  call('enterprises.create', 'POST', 'enterprises', {
    ...replaces('Enterprise'),
    query: {
      agreementAccepted: leaf('organisation.androidSettings', { oneOf: ['true', 'false'] }),
      enterpriseToken: leaf('credential.enterpriseToken', { maxLength: 2_000 }),
      projectId: PROJECT,
      signupUrlName: leaf('protocol.signupUrl', { maxLength: 400 }),
    },
    response: shape('Enterprise'),
  }),
  call('enterprises.list', 'GET', 'enterprises', {
    query: {
      ...PAGING,
      projectId: PROJECT,
      view: leaf('protocol.fieldMask', { oneOf: ['ENTERPRISE_VIEW_UNSPECIFIED', 'BASIC'] }),
    },
    response: shape('ListEnterprisesResponse'),
  }),
  call('enterprises.get', 'GET', '{name=enterprises/*}', {
    ...at('name', ENTERPRISE),
    response: shape('Enterprise'),
  }),
  call('enterprises.patch', 'PATCH', '{name=enterprises/*}', {
    ...at('name', ENTERPRISE),
    ...replaces('Enterprise'),
    query: MASK,
    response: shape('Enterprise'),
  }),
  // Google deletes the enterprise with all its devices' accounts: nothing brings it back.
  call('enterprises.delete', 'DELETE', '{name=enterprises/*}', {
    ...at('name', ENTERPRISE),
    response: empty,
    permanent: true,
  }),
  call(
    'enterprises.generateEnterpriseUpgradeUrl',
    'POST',
    '{name=enterprises/*}:generateEnterpriseUpgradeUrl',
    {
      ...at('name', ENTERPRISE),
      request: shape('GenerateEnterpriseUpgradeUrlRequest'),
      response: shape('GenerateEnterpriseUpgradeUrlResponse'),
    },
  ),
  call('signupUrls.create', 'POST', 'signupUrls', {
    query: {
      adminEmail: leaf('person.googleAdminEmail', { maxLength: 320 }),
      allowedDomains: array(leaf('organisation.androidSettings', { maxLength: 253 })),
      callbackUrl: leaf('organisation.callbackUrl', { maxLength: 2_000 }),
      projectId: PROJECT,
    },
    response: shape('SignupUrl'),
  }),
  call('enterprises.applications.get', 'GET', '{name=enterprises/*/applications/*}', {
    ...at('name', APP),
    query: { languageCode: leaf('protocol.fieldMask', { maxLength: 35 }) },
    response: shape('Application'),
  }),
  call('enterprises.webTokens.create', 'POST', '{parent=enterprises/*}/webTokens', {
    ...at('parent', ENTERPRISE),
    request: shape('WebToken'),
    response: shape('WebToken'),
  }),
  call('provisioningInfo.get', 'GET', '{name=provisioningInfo/*}', {
    ...at('name', PROVISIONING),
    response: shape('ProvisioningInfo'),
  }),
]

/** One method of Google's, and two exchanges: commands that can be undone, and those that cannot. */
function command(
  id: string,
  types: readonly string[],
  {
    without = [] as readonly string[],
    ...rest
  }: Partial<Exchange> & { without?: readonly string[] },
): Exchange {
  const { fields } = shape('Command') as ObjectShape
  return call(`enterprises.devices.${id}`, 'POST', '{name=enterprises/*/devices/*}:issueCommand', {
    ...at('name', DEVICE),
    request: object({
      ...Object.fromEntries(Object.entries(fields).filter(([name]) => !without.includes(name))),
      type: leaf('protocol.androidCommand', { oneOf: types }),
    }),
    whole: true,
    essential: ['protocol.androidCommand'],
    response: shape('Operation'),
    ...rest,
  })
}
const PERMANENT_COMMAND = command('issuePermanentCommand', PERMANENT_COMMANDS.words, {
  permanent: true,
  commandWords: PERMANENT_COMMANDS,
})

const DEVICES: readonly Exchange[] = [
  call('enterprises.devices.list', 'GET', '{parent=enterprises/*}/devices', {
    ...at('parent', ENTERPRISE),
    query: PAGING,
    response: shape('ListDevicesResponse'),
  }),
  call('enterprises.devices.get', 'GET', '{name=enterprises/*/devices/*}', {
    ...at('name', DEVICE),
    response: shape('Device'),
  }),
  call('enterprises.devices.patch', 'PATCH', '{name=enterprises/*/devices/*}', {
    ...at('name', DEVICE),
    request: changes,
    whole: true,
    query: MASK,
    response: shape('Device'),
  }),
  // It wipes the device.
  call('enterprises.devices.delete', 'DELETE', '{name=enterprises/*/devices/*}', {
    ...at('name', DEVICE),
    query: {
      wipeDataFlags: array(leaf('protocol.androidCommand', { oneOf: WIPE_FLAGS })),
      wipeReasonMessage: leaf('policy.wipeReason', { maxLength: 200 }),
    },
    response: empty,
    permanent: true,
  }),
  command('issueCommand', COMMANDS, {
    without: Object.keys(PERMANENT_COMMANDS.implied),
    variant: PERMANENT_COMMAND,
  }),
  call('enterprises.devices.operations.list', 'GET', '{name=enterprises/*/devices/*}/operations', {
    ...at('name', DEVICE),
    query: PAGING,
    response: shape('ListOperationsResponse'),
  }),
  call('enterprises.devices.operations.get', 'GET', '{name=enterprises/*/devices/*/operations/*}', {
    ...at('name', OPERATION),
    response: shape('Operation'),
  }),
  call(
    'enterprises.devices.operations.cancel',
    'POST',
    '{name=enterprises/*/devices/*/operations/*}:cancel',
    {
      ...at('name', OPERATION),
      response: empty,
    },
  ),
]

const POLICIES: readonly Exchange[] = [
  call('enterprises.policies.list', 'GET', '{parent=enterprises/*}/policies', {
    ...at('parent', ENTERPRISE),
    query: PAGING,
    response: shape('ListPoliciesResponse'),
  }),
  call('enterprises.policies.get', 'GET', '{name=enterprises/*/policies/*}', {
    ...at('name', POLICY),
    response: shape('Policy'),
  }),
  call('enterprises.policies.patch', 'PATCH', '{name=enterprises/*/policies/*}', {
    ...at('name', POLICY),
    ...replaces('Policy'),
    query: MASK,
    essential: ['policy.policyBody'],
    response: shape('Policy'),
  }),
  call('enterprises.policies.delete', 'DELETE', '{name=enterprises/*/policies/*}', {
    ...at('name', POLICY),
    response: empty,
  }),
  ...(['modify', 'remove'] as const).map((what) =>
    call(
      `enterprises.policies.${what}PolicyApplications`,
      'POST',
      `{name=enterprises/*/policies/*}:${what}PolicyApplications`,
      {
        ...at('name', POLICY),
        ...replaces(
          what === 'modify' ? 'ModifyPolicyApplicationsRequest' : 'RemovePolicyApplicationsRequest',
        ),
        essential: ['policy.policyBody'],
        response: shape(
          what === 'modify'
            ? 'ModifyPolicyApplicationsResponse'
            : 'RemovePolicyApplicationsResponse',
        ),
      },
    ),
  ),
]

const TOKENS: readonly Exchange[] = (['enrollmentTokens', 'migrationTokens'] as const).flatMap(
  (list) => {
    const one = list === 'enrollmentTokens' ? 'EnrollmentToken' : 'MigrationToken'
    return [
      call(`enterprises.${list}.create`, 'POST', `{parent=enterprises/*}/${list}`, {
        ...at('parent', ENTERPRISE),
        ...replaces(one),
        response: shape(one),
      }),
      call(`enterprises.${list}.list`, 'GET', `{parent=enterprises/*}/${list}`, {
        ...at('parent', ENTERPRISE),
        query: PAGING,
        response: shape(`List${one}sResponse`),
      }),
      call(`enterprises.${list}.get`, 'GET', `{name=enterprises/*/${list}/*}`, {
        ...at('name', TOKEN),
        response: shape(one),
      }),
    ]
  },
)

const WEB_APPS: readonly Exchange[] = [
  call('enterprises.webApps.create', 'POST', '{parent=enterprises/*}/webApps', {
    ...at('parent', ENTERPRISE),
    ...replaces('WebApp'),
    response: shape('WebApp'),
  }),
  call('enterprises.webApps.list', 'GET', '{parent=enterprises/*}/webApps', {
    ...at('parent', ENTERPRISE),
    query: PAGING,
    response: shape('ListWebAppsResponse'),
  }),
  call('enterprises.webApps.get', 'GET', '{name=enterprises/*/webApps/*}', {
    ...at('name', APP),
    response: shape('WebApp'),
  }),
  call('enterprises.webApps.patch', 'PATCH', '{name=enterprises/*/webApps/*}', {
    ...at('name', APP),
    ...replaces('WebApp'),
    query: MASK,
    response: shape('WebApp'),
  }),
  call('enterprises.webApps.delete', 'DELETE', '{name=enterprises/*/webApps/*}', {
    ...at('name', APP),
    response: empty,
  }),
]

/** Every method of the facts, by its resource and name. */
export const EXCHANGES: readonly Exchange[] = [
  ...ENTERPRISES,
  ...DEVICES,
  ...POLICIES,
  ...TOKENS,
  call('enterprises.enrollmentTokens.delete', 'DELETE', '{name=enterprises/*/enrollmentTokens/*}', {
    ...at('name', TOKEN),
    response: empty,
  }),
  ...WEB_APPS,
]

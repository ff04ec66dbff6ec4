import { leaf, object } from '#catalog/shape.ts'
import type { Exchange } from '#sharing/exchange.ts'

/**
 * Pushes of device management as data: protocols facts, section apple_apns.
 *
 * APNs takes options as request headers and has no query: they stand here as `query`, so that the gate projects them like
 * any parameter, and `client.ts` makes headers of them again. So with the answer: APNs gives the id of the push in a
 * header and no body, which `client.ts` turns into a body of one member. `apns-collapse-id` is free text of the client
 * and does not pass: Apple keeps only the last push of device management for each device as it is.
 */
export const PUSH: Exchange = {
  id: 'apple.apns.push',
  methods: ['POST'],
  path: '/3/device/{token=*}',
  parameters: { token: leaf('device.token', { maxLength: 200, subject: true }) },
  query: {
    'apns-id': leaf('protocol.apnsId', { maxLength: 36 }),
    'apns-expiration': leaf('protocol.apnsExpiration', { maxLength: 12 }),
    'apns-priority': leaf('protocol.apnsPriority', { oneOf: ['10', '5', '1'] }),
    'apns-push-type': leaf('protocol.apnsPushType', { oneOf: ['mdm'] }),
    'apns-topic': leaf('protocol.topic', { maxLength: 200 }),
  },
  request: object({ mdm: leaf('device.pushMagic', { maxLength: 1_024 }) }),
  response: object({ 'apns-id': leaf('protocol.apnsId', { maxLength: 36 }) }),
  errors: {
    400: [
      'BadCollapseId',
      'BadDeviceToken',
      'BadExpirationDate',
      'BadMessageId',
      'BadPriority',
      'BadTopic',
      'DeviceTokenNotForTopic',
      'DuplicateHeaders',
      'IdleTimeout',
      'InvalidPushType',
      'MissingDeviceToken',
      'MissingTopic',
      'PayloadEmpty',
      'TopicDisallowed',
    ],
    403: [
      'BadCertificate',
      'BadCertificateEnvironment',
      'ExpiredProviderToken',
      'Forbidden',
      'InvalidProviderToken',
      'MissingProviderToken',
      'UnrelatedKeyIdInToken',
      'BadEnvironmentKeyIdInToken',
    ],
    404: ['BadPath'],
    405: ['MethodNotAllowed'],
    410: ['ExpiredToken', 'Unregistered'],
    413: ['PayloadTooLarge'],
    429: ['TooManyProviderTokenUpdates', 'TooManyRequests'],
    500: ['InternalServerError'],
    503: ['ServiceUnavailable', 'Shutdown'],
  },
  outbound: 'apple-mdm-push/outbound',
  inbound: 'apple-mdm-push/inbound',
  purpose: 'device-management',
  // A device that is woken twice asks once more what there is to do.
  idempotent: true,
  permanent: false,
  carries: ['credential.applePushCertificate'],
  essential: ['device.pushMagic'],
  // Nothing but PushMagic has a place in such a push: a body with more is refused, not cut down.
  whole: true,
  subject: 'device.token',
  source: 'apple_apns',
}

/**
 * The tunnel of a management server that keeps its own push certificate. Sluss opens it, measures it and closes it, and
 * sees nothing of what is in it.
 */
export const TUNNEL: Exchange = {
  id: 'apple.apns.tunnel',
  methods: ['POST'],
  path: '/tunnel/{destination=*}',
  parameters: { destination: leaf('protocol.tunnelDestination', { maxLength: 200 }) },
  query: { id: leaf('protocol.tunnelId', { maxLength: 36 }) },
  // Never a body: it stands for what comes back unseen, which needs consent as well.
  response: object({ unseen: leaf('protocol.tunnelUnseen') }),
  errors: {},
  outbound: 'apple-push-tunnel/outbound',
  inbound: 'apple-push-tunnel/inbound',
  purpose: 'device-management',
  idempotent: false,
  permanent: false,
  carries: ['protocol.tunnelUnseen', 'device.token', 'device.pushMagic'],
  essential: [],
  source: 'apple_apns',
}

/** Every reason that APNs documents, with its status. */
export const STATUS_OF_REASON: ReadonlyMap<string, number> = new Map(
  Object.entries(PUSH.errors).flatMap(([status, reasons]) =>
    reasons.map((reason) => [reason, Number(status)] as const),
  ),
)

import type { DataItem, Direction, FeatureId, FlowItem, ItemId } from '../catalog.ts'
import { protocolRow } from './protocol-row.ts'

type Said = readonly [item: ItemId, says: string, why: string]

/** What stands in a push beside the published rows (Token and PushMagic), and in Apple's answer to one. */
const PUSH: Readonly<Record<Direction, readonly Said[]>> = {
  outbound: [
    ['credential.applePushCertificate', 'TLS client certificate', 'Prove who pushes'],
    ['protocol.topic', 'apns-topic', 'Which certificate and devices a push is for'],
    ['protocol.apnsId', 'apns-id', 'Name the push'],
    [
      'protocol.apnsExpiration',
      'apns-expiration',
      'How long the push is kept for a device that is off',
    ],
    ['protocol.apnsPriority', 'apns-priority', 'Send at once, or when it suits the device'],
    ['protocol.apnsPushType', 'apns-push-type', 'Say that the push is one of device management'],
  ],
  inbound: [['protocol.apnsId', 'apns-id', 'Name the push']],
}

/**
 * The tunnel of a management server that keeps its own push certificate. What is named here is what is expected to pass;
 * `protocol.tunnelUnseen` says that nobody here can check it.
 */
const UNSEEN: Said = [
  'protocol.tunnelUnseen',
  'Encrypted bytes',
  'Pushes that the management server encrypts for Apple itself: unseen by Sluss',
]
const TUNNEL: Readonly<Record<Direction, readonly Said[]>> = {
  outbound: [
    UNSEEN,
    ['device.token', 'Token', 'Expected in the tunnel, unseen'],
    ['device.pushMagic', 'PushMagic', 'Expected in the tunnel, unseen'],
    ['protocol.tunnelDestination', 'CONNECT', 'Where the tunnel leads'],
    ['protocol.tunnelId', 'Tunnel', 'Name the tunnel; it does not leave Sluss'],
  ],
  inbound: [UNSEEN],
}

/** Protocol rows of pushes, or of the tunnel for them, in one direction. */
export function applePushRows(
  feature: FeatureId,
  direction: Direction,
  items: ReadonlyMap<ItemId, DataItem>,
): readonly FlowItem[] {
  const said = (feature === 'apple-push-tunnel' ? TUNNEL : PUSH)[direction]
  return said.map(([id, says, why]) =>
    protocolRow(items, id, {
      source: `protocol:apple_apns.${feature}.${says}`,
      says,
      why,
      protocolKey: says,
    }),
  )
}

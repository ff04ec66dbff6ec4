import { item } from './item.ts'

const MANAGE = ['device-management'] as const

/** What a push to Apple carries beside the device's token and PushMagic; facts: protocols, section apple_apns. */
export const applePushItems = [
  item('credential.applePushCertificate', 'Push certificate', 'credential', 'secret', MANAGE, { secret: true }),
  item('protocol.apnsId', 'Id of a push', 'protocol', 'fact', MANAGE),
  item('protocol.apnsExpiration', 'How long Apple keeps a push', 'protocol', 'fact', MANAGE),
  item('protocol.apnsPriority', 'Priority of a push', 'protocol', 'fact', MANAGE),
  item('protocol.apnsPushType', 'Kind of a push', 'protocol', 'fact', MANAGE),
  item('protocol.tunnelDestination', 'Where a tunnel leads', 'protocol', 'fact', MANAGE),
  item('protocol.tunnelId', 'Id of a tunnel', 'protocol', 'fact', MANAGE),
  item('protocol.tunnelUnseen', 'All that passes through the tunnel, which Sluss does not see', 'protocol', 'text', MANAGE, { personal: true }),
]

import { item } from './item.ts'

/** What every partner connection carries beside the partner's own message. */
export const partnerItems = [
  item('credential.partnerAccess', 'What proves to a partner who calls: signature, access token or client certificate', 'credential', 'secret', ['threat-protection', 'compliance-check', 'firmware-update', 'remote-assistance', 'device-management']),
  item('protocol.partnerMessageType', 'Kind of a partner message', 'protocol', 'fact', ['threat-protection', 'compliance-check']),
  item('protocol.partnerMessageTime', 'Time of a partner message', 'protocol', 'time', ['threat-protection', 'compliance-check']),
  item('device.chromeDeviceId', 'Id of the device at Google Chrome', 'device-identifier', 'identifier', ['device-management'], { personal: true }),
  item('protocol.chromeCustomer', 'Customer id at Google, as it stands in addresses', 'protocol', 'fact', ['device-management']),
]

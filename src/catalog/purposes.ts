import type { Purpose } from './catalog.ts'

const purpose = (id: string, title: string, dpv: string, forbidden = false): Purpose => ({
  id,
  title,
  dpv,
  forbidden,
})

/** Every purpose a flow may declare, with its W3C DPV term, and those that are declared only to be refused. */
export const PURPOSES: readonly Purpose[] = [
  purpose(
    'device-enrolment-management',
    'Enrol devices of the organisation',
    'dpv:ServiceProvision',
  ),
  purpose('device-management', 'Manage devices and apply policies', 'dpv:ServiceProvision'),
  purpose('app-licensing', 'Hand out app licences', 'dpv:ServiceProvision'),
  purpose('firmware-update', 'Update firmware of devices', 'dpv:EnforceSecurity'),
  purpose('compliance-check', 'Check that devices follow the rules', 'dpv:EnforceSecurity'),
  purpose('threat-protection', 'Find threats on devices', 'dpv:EnforceSecurity'),
  purpose('remote-assistance', 'Help a person on the device', 'dpv:CustomerCare'),
  purpose('tenant-attach', 'Show on-premises devices beside the others', 'dpv:ServiceProvision'),
  purpose('school-roster', 'Keep school classes in step', 'dpv:ServiceProvision'),
  purpose(
    'security-notices',
    'Tell the organisation what concerns its data',
    'dpv:CommunicationManagement',
  ),
  purpose('product-improvement', 'Make the service better', 'dpv:ServiceOptimisation'),
  purpose('profiling', 'Profiling', 'dpv:Profiling', true),
  purpose('advertising', 'Advertising', 'dpv:Advertising', true),
  purpose('marketing', 'Marketing', 'dpv:Marketing', true),
]

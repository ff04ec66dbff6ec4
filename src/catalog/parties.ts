import type { Party } from './catalog.ts'

/**
 * Who may be shared with at all. Which party is an agent is said by the operator's subprocessor list, not
 * here; nothing can give Configuration Manager another standing than `none`.
 */
export const PARTIES: readonly Party[] = [
  { id: 'apple', name: 'Apple', standing: 'thirdParty' },
  { id: 'google', name: 'Google', standing: 'thirdParty' },
  { id: 'jamf-pro', name: 'Jamf Pro', standing: 'thirdParty' },
  { id: 'zebra', name: 'Zebra', standing: 'thirdParty' },
  { id: 'teamviewer', name: 'TeamViewer', standing: 'thirdParty' },
  {
    id: 'mobile-threat-defense-partner',
    name: 'Mobile Threat Defense partner',
    standing: 'thirdParty',
  },
  { id: 'device-compliance-partner', name: 'Device compliance partner', standing: 'thirdParty' },
  { id: 'configuration-manager', name: 'Configuration Manager', standing: 'none' },
]

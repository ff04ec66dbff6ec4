import type { PartnerDraft } from '#catalog/partner-description.ts'

const threatStates = [
  'unknown',
  'activated',
  'deactivated',
  'secured',
  'lowSeverity',
  'mediumSeverity',
  'highSeverity',
  'unresponsive',
  'compromised',
  'misconfigured',
]

export const mobileThreatDefenseDraft: PartnerDraft = {
  id: 'mobile-threat-defense',
  kind: 'mobileThreatDefense',
  party: {
    id: 'mobile-threat-defense-partner',
    name: 'Mobile Threat Defense partner',
    region: 'EU',
    standing: 'thirdParty',
  },
  flows: [
    {
      feature: 'mobile-threat-defense',
      title: 'Mobile Threat Defense',
      service: 'Threat status',
      purpose: 'threat-protection',
    },
    {
      feature: 'mtd-ios-app-sync',
      title: 'App list for Mobile Threat Defense',
      service: 'App sync (iOS/iPadOS)',
      purpose: 'threat-protection',
    },
    {
      feature: 'mtd-ios-personal-app-inventory',
      title: 'Personal app list for Mobile Threat Defense',
      service: 'App sync (iOS/iPadOS)',
      purpose: 'threat-protection',
    },
  ],
  exchanges: [
    {
      id: 'syncApps',
      feature: 'mtd-ios-app-sync',
      method: 'POST',
      path: '/apps',
      request: {
        type: 'protocol.partnerMessageType',
        timestamp: 'protocol.partnerMessageTime',
        devices: [
          {
            serialNumber: { item: 'device.serialNumber', subject: true },
            managedApps: 'app.applicationMetadataOfAppsDeployedByTheService',
            corporateApps: 'app.applicationInventoryOfUnmanagedAppsOnCorporateDevices',
          },
        ],
      },
      idempotent: true,
      permanent: false,
      essential: ['device.serialNumber'],
      push: { list: 'devices', most: 100, type: 'apps.synchronised' },
    },
    {
      id: 'syncPersonalApps',
      feature: 'mtd-ios-personal-app-inventory',
      method: 'POST',
      path: '/personalApps',
      request: {
        type: 'protocol.partnerMessageType',
        timestamp: 'protocol.partnerMessageTime',
        devices: [
          {
            serialNumber: { item: 'device.serialNumber', subject: true },
            personalApps: 'app.applicationInventoryOfUnmanagedAppsOnPersonallyOwnedDevices',
          },
        ],
      },
      idempotent: true,
      permanent: false,
      essential: ['device.serialNumber'],
      push: { list: 'devices', most: 100, type: 'apps.synchronised' },
    },
  ],
  events: {
    feature: 'mobile-threat-defense',
    types: [
      {
        type: 'device.threat',
        shape: {
          serialNumber: { item: 'device.serialNumber', subject: true },
          partnerReportedThreatState: {
            item: 'device.partnerReportedThreatState',
            oneOf: threatStates,
          },
          lastHeartbeatDateTime: 'protocol.lastHeartbeatDateTime',
        },
        subject: 'device.serialNumber',
      },
    ],
  },
  source:
    'Items: pages mtd (partial: named in prose) and graph-v1. Members and paths: ours; each partner has its own.',
}

export const complianceDraft: PartnerDraft = {
  id: 'compliance-partner',
  kind: 'complianceManagement',
  party: {
    id: 'device-compliance-partner',
    name: 'Device compliance partner',
    region: 'EU',
    standing: 'thirdParty',
  },
  flows: [
    {
      feature: 'compliance-partner',
      title: 'Device compliance partner',
      service: 'Partner compliance',
      purpose: 'compliance-check',
    },
  ],
  exchanges: [],
  events: {
    types: [
      {
        type: 'device.compliance',
        shape: {
          serialNumber: { item: 'device.serialNumber', subject: true },
          complianceState: 'device.complianceState',
        },
        subject: 'device.serialNumber',
      },
    ],
  },
  source: 'Item: page compliance-partner (partial: named in prose). Members: ours.',
}

export const teamViewerDraft: PartnerDraft = {
  id: 'teamviewer',
  kind: 'remoteAssistance',
  party: { id: 'teamviewer', name: 'TeamViewer', region: 'EU', standing: 'thirdParty' },
  flows: [
    {
      feature: 'teamviewer-connector',
      title: 'TeamViewer',
      service: 'Remote assistance',
      purpose: 'remote-assistance',
    },
  ],
  hosts: ['https://webapi.teamviewer.com'],
  auth: { kind: 'bearerToken' },
  exchanges: [
    {
      id: 'createSession',
      method: 'POST',
      path: '/api/v1/sessions',
      request: {
        groupname: 'device.sessionRequest',
        description: 'device.sessionRequest',
        end_customer: {
          name: 'person.directoryDataReadByTheConnector',
          email: 'person.directoryDataReadByTheConnector',
        },
      },
      response: {
        supporter_link: 'credential.remoteAssistanceSessionUrl',
        end_customer_link: 'credential.remoteAssistanceSessionUrl',
      },
      errors: {
        400: ['INVALID_REQUEST'],
        401: ['INVALID_TOKEN', 'TOKEN_EXPIRED'],
        403: ['ACCESS_DENIED'],
        429: ['RATE_LIMIT_REACHED'],
      },
      idempotent: false,
      permanent: false,
      subject: 'device.sessionRequest',
    },
  ],
  source:
    'Items: page teamviewer (partial: named in prose) and graph-v1. Session call: TeamViewer Web API v1.',
}

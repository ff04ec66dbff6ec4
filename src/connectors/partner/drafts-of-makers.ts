import type { PartnerDraft } from '#catalog/partner-description.ts'

export const zebraDraft: PartnerDraft = {
  id: 'zebra-lifeguard',
  kind: 'zebraFota',
  party: { id: 'zebra', name: 'Zebra', region: 'US', standing: 'thirdParty' },
  flows: [
    {
      feature: 'zebra-lifeguard-ota',
      title: 'Zebra LifeGuard Over-the-Air',
      service: 'LifeGuard Over-the-Air',
      purpose: 'firmware-update',
    },
  ],
  exchanges: [
    {
      id: 'createDeployment',
      method: 'POST',
      path: '/deployments',
      request: {
        devices: [{ serialNumber: { item: 'device.serialNumber', subject: true } }],
        deployment: {
          deviceModel: 'device.model',
          updateType: 'policy.updateType',
          timeZoneOffsetInMinutes: { item: 'policy.timeZoneOffsetInMinutes', type: 'number' },
          bsp: 'device.bsp',
          osVersion: 'device.osVersion',
          patchNumber: 'device.patchNumber',
          scheduleMode: 'policy.scheduleMode',
          scheduleDurationInDays: { item: 'policy.scheduleDurationInDays', type: 'number' },
          downloadNetworkType: 'policy.downloadNetworkType',
          downloadStartDateTime: 'policy.downloadStartDateAndTime',
          installationStartDateTime: 'policy.installationStartDateAndTime',
          installationWindowStartTime: 'policy.installationWindowStartTime',
          installationWindowEndTime: 'policy.installationWindowEndTime',
          minimumBatteryLevelPercentage: {
            item: 'policy.minimumBatteryLevelPercentage',
            type: 'number',
          },
          requireDeviceToBeOnCharger: {
            item: 'policy.requireDeviceToBeOnCharger',
            type: 'boolean',
          },
        },
      },
      idempotent: false,
      permanent: false,
      essential: ['device.serialNumber'],
    },
  ],
  source:
    'Items: published page zebra-out, 16 of 16. Members and path: ours; the protocol is not published.',
}

export const chromeDraft: PartnerDraft = {
  id: 'chrome-enterprise',
  kind: 'chromeOs',
  party: { id: 'google', name: 'Google', region: 'US', standing: 'thirdParty' },
  flows: [
    {
      feature: 'chrome-enterprise-connector',
      title: 'Chrome Enterprise',
      service: 'Chrome Enterprise',
      purpose: 'device-management',
    },
  ],
  hosts: ['https://admin.googleapis.com', 'https://oauth2.googleapis.com'],
  auth: {
    kind: 'jwtBearer',
    tokenEndpoint: 'https://oauth2.googleapis.com/token',
    scope: 'https://www.googleapis.com/auth/admin.directory.device.chromeos',
  },
  exchanges: [
    {
      id: 'listDevices',
      method: 'GET',
      path: '/admin/directory/v1/customer/{customer=*}/devices/chromeos',
      parameters: { customer: 'protocol.chromeCustomer' },
      query: { maxResults: 'protocol.pageSize', pageToken: 'protocol.pageToken' },
      response: {
        nextPageToken: 'protocol.pageToken',
        chromeosdevices: [
          {
            deviceId: { item: 'device.chromeDeviceId', subject: true },
            serialNumber: 'device.serialNumber',
            model: 'device.model',
            annotatedUser: 'person.primaryUser',
            osVersion: 'device.systemInfo',
            platformVersion: 'device.systemInfo',
            firmwareVersion: 'device.systemInfo',
          },
        ],
      },
      errors: {
        400: ['INVALID_ARGUMENT'],
        401: ['UNAUTHENTICATED'],
        403: ['PERMISSION_DENIED'],
        404: ['NOT_FOUND'],
        429: ['RESOURCE_EXHAUSTED'],
      },
      idempotent: true,
      permanent: false,
    },
    {
      id: 'annotateDevice',
      method: 'PATCH',
      path: '/admin/directory/v1/customer/{customer=*}/devices/chromeos/{device=*}',
      parameters: {
        customer: 'protocol.chromeCustomer',
        device: { item: 'device.chromeDeviceId', subject: true },
      },
      request: {
        annotatedAssetId: 'device.managementName',
        annotatedUser: 'person.annotatedUser',
        annotatedLocation: 'device.locationText',
        notes: 'device.adminNotes',
      },
      errors: {
        400: ['INVALID_ARGUMENT'],
        401: ['UNAUTHENTICATED'],
        403: ['PERMISSION_DENIED'],
        404: ['NOT_FOUND'],
        429: ['RESOURCE_EXHAUSTED'],
      },
      idempotent: true,
      permanent: false,
      subject: 'device.chromeDeviceId',
    },
  ],
  source:
    'Items: page chrome-connector (partial: named in prose). Calls: Google Admin SDK, Directory API, chromeosdevices.',
}

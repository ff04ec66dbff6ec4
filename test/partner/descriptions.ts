/** A description as an operator would write it, for a party that nobody has code for. */
export function acmeThreat(
  origin: string,
  auth: Record<string, unknown> = { kind: 'standardWebhooks' },
  over: Record<string, unknown> = {},
): Record<string, unknown> {
  return {
    id: 'acme-threat',
    kind: 'mobileThreatDefense',
    party: { id: 'acme', name: 'Acme Threat Watch', region: 'EU', standing: 'thirdParty' },
    flows: [
      {
        feature: 'acme-threat',
        title: 'Acme Threat Watch',
        service: 'Threat watch',
        purpose: 'threat-protection',
      },
    ],
    hosts: [origin],
    auth,
    exchanges: [
      {
        id: 'tellDevices',
        method: 'POST',
        path: '/v1/devices',
        request: {
          type: 'protocol.partnerMessageType',
          timestamp: 'protocol.partnerMessageTime',
          devices: [
            {
              serial: { item: 'device.serialNumber', subject: true },
              os: 'device.osVersion',
              model: 'device.model',
              compliant: 'device.complianceState',
            },
          ],
        },
        response: { accepted: { item: 'protocol.pageSize', type: 'number' } },
        errors: { 400: ['INVALID_REQUEST'], 409: ['CONFLICT'] },
        idempotent: true,
        permanent: false,
        essential: ['device.serialNumber'],
        push: { list: 'devices', most: 8, type: 'devices.state' },
      },
      {
        id: 'isolateDevice',
        method: 'POST',
        path: '/v1/devices/{serial=*}:isolate',
        parameters: { serial: { item: 'device.serialNumber', subject: true } },
        request: { note: 'device.model' },
        idempotent: false,
        permanent: false,
      },
      {
        id: 'readDevice',
        method: 'GET',
        path: '/v1/devices/{serial=*}',
        parameters: { serial: { item: 'device.serialNumber', subject: true } },
        query: { view: 'protocol.pageToken' },
        response: {
          serial: { item: 'device.serialNumber', subject: true },
          threat: {
            item: 'device.partnerReportedThreatState',
            oneOf: ['secured', 'lowSeverity', 'highSeverity', 'compromised'],
          },
        },
        errors: { 404: ['NOT_FOUND'] },
        idempotent: true,
        permanent: false,
      },
    ],
    events: {
      types: [
        {
          type: 'device.threat',
          shape: {
            serial: { item: 'device.serialNumber', subject: true },
            threat: 'device.partnerReportedThreatState',
            model: 'device.model',
          },
          subject: 'device.serialNumber',
        },
      ],
    },
    source: 'A synthetic party of the tests.',
    ...over,
  }
}

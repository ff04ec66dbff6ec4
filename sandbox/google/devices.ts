/** A synthetic device as Google tells of it: every group of fields that names or reaches a person is in it. */
export function syntheticDevice(enterprise: string, number: number, now: number) {
  const serial = `SYN${String(number).padStart(7, '0')}`
  const time = new Date(now).toISOString()
  return {
    name: `${enterprise}/devices/${(0x35_92_d9_71 + number).toString(16)}`,
    userName: `${enterprise}/users/1168385192042${number}`,
    user: { accountIdentifier: `person-${number}` },
    managementMode: 'DEVICE_OWNER',
    ownership: 'COMPANY_OWNED',
    state: 'ACTIVE',
    appliedState: 'ACTIVE',
    policyCompliant: true,
    policyName: `${enterprise}/policies/default`,
    apiLevel: 35,
    enrollmentTime: time,
    lastStatusReportTime: time,
    enrollmentTokenData: `note of ${number}`,
    hardwareInfo: {
      brand: 'Example',
      model: 'Synthetic 1',
      serialNumber: serial,
      enterpriseSpecificId: `ESID${number}`,
      euiccChipInfo: [{ eid: `8900000000000000000000000000000${number}` }],
    },
    softwareInfo: {
      androidVersion: '15',
      primaryLanguageCode: 'sv',
      securityPatchLevel: '2026-10-05',
    },
    networkInfo: {
      imei: `35693803564380${number}`,
      wifiMacAddress: `02:00:00:00:00:0${number}`,
      networkOperatorName: 'Example Mobile',
      telephonyInfos: [
        {
          phoneNumber: `+1-555-010${number}`,
          carrierName: 'Example Mobile',
          iccId: `8901${number}`,
        },
      ],
    },
    applicationReports: [
      {
        packageName: 'org.example.mail',
        displayName: 'Mail',
        keyedAppStates: [{ key: 'account', data: `person-${number}@example.org` }],
      },
    ],
    nonComplianceDetails: [{ settingName: 'wifi', currentValue: { ssid: 'Example' } }],
    systemProperties: { 'ro.synthetic': 'yes' },
  }
}

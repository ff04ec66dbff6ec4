import { randomUUID } from 'node:crypto'
import { createGrant } from '#access/grants.ts'
import { approveCommand } from '#agreements/approval.ts'
import { giveConsent } from '#agreements/consent.ts'
import { givePermission, recordContract } from '#agreements/party.ts'
import { switchFeature } from '#agreements/switch-feature.ts'
import { manifestOf } from '#catalog/manifest.ts'
import { createConnection } from '#connections/connection.ts'
import { keepRecords } from '#records/keep.ts'
import { changePrivacyContact } from '#tenants/change-tenant.ts'
import { ACME, APPLE_ORIGIN, type ApiWorld, BETA } from './api-world.ts'
import type { EndpointCase } from './endpoint-checks.ts'

/** Ids of what the other tenant has. */
export type Seeded = Awaited<ReturnType<typeof seedOther>>

const FLOW = 'apple-device-enrollment/outbound'
/** A content token that is good for long, of nobody. */
const VPP_TOKEN = Buffer.from(
  JSON.stringify({ expDate: '2099-01-01T00:00:00+0000', orgName: 'Nobody', token: 'x' }),
).toString('base64')

/** Gives the other tenant one of everything, with a canary wherever there is text. */
export async function seedOther(world: ApiWorld) {
  return {
    ...(await seedAgreements(world)),
    ...(await seedPeople(world)),
    ...(await seedLooking(world)),
  }
}

function seedAgreements(world: ApiWorld) {
  const { database, catalog } = world.endpointParts
  const now = world.clock.now()
  const by = { actor: 'admin:canary', at: now }
  const connection = 'canary-connection'
  return database.write(BETA, async (tx) => {
    const contract = await recordContract(
      tx,
      {
        partyId: 'apple',
        documentHash: 'be7a'.repeat(16),
        purposes: ['device-management'],
        from: now,
      },
      by,
    )
    const permission = await givePermission(tx, 'apple', contract, by)
    await switchFeature(tx, catalog, 'apple-device-enrollment', true, by)
    const { hash } = manifestOf(catalog, FLOW)
    await giveConsent(tx, catalog, { flowId: FLOW, manifestHash: hash, preview: 'canary' }, by)
    const made = { connectionId: connection, title: 'Canary', origin: APPLE_ORIGIN }
    await createConnection(tx, { ...made, connectorId: 'apple-device-enrollment' }, by)
    const until = now + 3_600_000
    const command = {
      connectionId: connection,
      exchangeId: 'canary',
      target: 'canary',
      command: '',
    }
    const terms = { until, needsSecond: true }
    const approval = await approveCommand(tx, world.endpointParts.keys, command, terms, by)
    await changePrivacyContact(tx, 'canary@example.org', by)
    const android = 'canary-android'
    const google = { connectionId: android, title: 'Canary', origin: APPLE_ORIGIN }
    await createConnection(tx, { ...google, connectorId: 'google-android-management' }, by)
    return { contract, permission, connection, approval, android }
  })
}

/** Made over the API by an administrator of the other tenant. */
async function seedPeople(world: ApiWorld) {
  const admin = await world.administrator(BETA)
  const make = async (path: string, body: object): Promise<string> => {
    const answer = await world.call(admin, 'POST', path, body)
    if (answer.status !== 201) throw new Error(`${path}: ${answer.status} ${answer.text}`)
    return answer.body.id
  }
  const user = await make('/users', { displayName: 'Canary', mail: 'canary@example.org' })
  const service = await make('/servicePrincipals', { displayName: 'Canary' })
  const role = await make('/deviceManagement/roleDefinitions', {
    displayName: 'Canary',
    rolePermissions: [{ resourceActions: [{ allowedResourceActions: ['Organization/Read'] }] }],
  })
  const assignment = await make('/deviceManagement/roleAssignments', {
    displayName: 'Canary',
    roleDefinitionId: role,
    memberAccounts: [user],
    allScopeTags: true,
  })
  const tag = await make('/deviceManagement/roleScopeTags', { displayName: 'Canary' })
  const supportCase = await make('/support/cases', { reference: 'CANARY-1', title: 'Canary' })
  const rightsRequest = await make('/security/subjectRightsRequests', {
    type: 'access',
    dataSubject: { firstName: 'Canary', email: 'canary@example.org' },
    identityConfirmedBy: 'knownInPerson',
  })
  return { user, service, role, assignment, tag, supportCase, rightsRequest }
}

/** Records of the other tenant, a request for them, and a grant of somebody else at the operator. */
async function seedLooking(world: ApiWorld) {
  const { database, keys, catalog } = world.endpointParts
  const now = world.clock.now()
  const keep = (kind: 'device' | 'person', item: string, value: string) =>
    database.write(BETA, async (tx) => {
      await keepRecords(tx, keys, catalog, {
        connectionId: 'canary-connection',
        kind,
        subjectItem: item,
        records: [{ subject: value, items: { [item]: value }, removed: false }],
        now,
      })
      const [row] = await tx.rows<{ id: string }>(
        'select record_id as id from records where tenant_id = $1 and kind = $2',
        [BETA, kind],
      )
      return row?.id ?? ''
    })
  const device = await keep('device', 'device.serialNumber', 'CANARY000001')
  const person = await keep('person', 'person.userEmail', 'canary@example.org')
  const grant = randomUUID()
  await database.write(BETA, (tx) =>
    createGrant(tx, {
      grantId: grant,
      requestId: randomUUID(),
      caseId: randomUUID(),
      operatorAccountId: randomUUID(),
      kind: 'approved',
      items: new Set(['device.serialNumber']),
      records: [device],
      precision: 'masked',
      purpose: 'remote-assistance',
      starts: 'firstUse',
      approvedAt: now,
      durationMs: 3_600_000,
      lapsesAt: now + 24 * 3_600_000,
    }),
  )
  return { device, person, grant }
}

const catalog = (params?: EndpointCase['params'], body?: unknown): EndpointCase => ({
  of: 'catalog',
  ...(params ? { params } : {}),
  ...(body === undefined ? {} : { body }),
})
const tenant = (params: EndpointCase['params'], body?: unknown): EndpointCase => ({
  of: 'tenant',
  ...(params ? { params } : {}),
  ...(body === undefined ? {} : { body }),
})

/** How each endpoint is called for good, by its id. One that is not here fails the test. */
export function endpointCases(seeded: Seeded): Readonly<Record<string, EndpointCase>> {
  const flow = { id: 'apple-device-enrollment.outbound' }
  const contract = { id: seeded.contract }
  const permission = { id: seeded.permission }
  const connection = { id: seeded.connection }
  const approval = { id: seeded.approval }
  const android = { id: seeded.android }
  return {
    listDataSharingConsents: catalog(),
    getDataSharingConsent: catalog(flow),
    listDataSharingConsentRecords: catalog(flow),
    consentToDataSharing: catalog(flow, { manifestHash: '0'.repeat(64) }),
    withdrawDataSharingConsent: catalog(flow, {}),
    listDataSharingExchanges: catalog(flow),
    previewDataSharing: catalog(flow, { exchangeId: 'apple.dep.defineProfile' }),
    listDataSharingFeatures: catalog(),
    getDataSharingFeature: catalog({ id: 'apple-device-enrollment' }),
    updateDataSharingFeature: catalog({ id: 'apple-device-enrollment' }, { isOn: false }),
    listDataSharingContracts: catalog(),
    getDataSharingContract: tenant(contract),
    createDataSharingContract: catalog(undefined, {
      partyId: 'apple',
      documentHash: 'a'.repeat(64),
      purposes: ['device-management'],
      startDateTime: '2030-01-01T00:00:00Z',
    }),
    endDataSharingContract: tenant(contract, {}),
    listDataSharingPermissions: catalog(),
    getDataSharingPermission: tenant(permission),
    createDataSharingPermission: catalog(undefined, {
      partyId: 'apple',
      contractId: seeded.contract,
    }),
    withdrawDataSharingPermission: tenant(permission, {}),
    listDataSharingParties: catalog(),
    getDataSharingParty: catalog({ id: 'apple' }),
    objectToAgent: catalog({ id: 'apple' }, {}),
    listDataItems: catalog(),
    getDataItem: catalog({ id: 'device.model' }),
    updateDataItem: catalog({ id: 'device.model' }, { isCollected: true }),
    listDataSharingApprovals: catalog(),
    createDataSharingApproval: catalog(undefined, {
      connectionId: seeded.connection,
      exchangeId: 'apple.dep.disownDevices',
      target: 'SYN0000001',
      expirationDateTime: '2030-01-01T01:00:00Z',
    }),
    getDataSharingApproval: tenant(approval),
    confirmDataSharingApproval: tenant(approval, {}),
    withdrawDataSharingApproval: tenant(approval, {}),
    listConnections: catalog(),
    getConnection: tenant(connection),
    createConnection: catalog(undefined, {
      id: 'mine',
      connectorId: 'apple-device-enrollment',
      displayName: 'Mine',
    }),
    updateConnection: tenant(connection, { isEnabled: false }),
    issueClientCredentials: tenant(connection, {}),
    uploadCredentials: tenant(connection, { file: 'QUJD' }),
    issueEventSecret: tenant(connection, {}),
    listVppTokens: catalog(),
    getVppToken: tenant(connection),
    listVppTokenAssets: tenant(connection),
    createVppToken: catalog(undefined, { token: 'QUJD' }),
    updateVppToken: tenant(connection, { token: VPP_TOKEN }),
    deleteVppToken: tenant(connection, {}),
    syncLicenses: tenant(connection, {}),
    subscribeToVppNotifications: tenant(connection, {}),
    listDepOnboardingSettings: catalog(),
    getDepOnboardingSetting: tenant(connection),
    generateEncryptionPublicKey: tenant(connection, {}),
    uploadDepToken: tenant(connection, { depToken: 'QUJD' }),
    syncWithAppleDeviceEnrollmentProgram: tenant(connection, {}),
    getApplePushNotificationCertificate: catalog(),
    downloadApplePushNotificationCertificateSigningRequest: catalog(),
    updateApplePushNotificationCertificate: catalog(undefined, { certificate: 'QUJD' }),
    issueApplePushClientCertificate: catalog(undefined, {}),
    listAndroidEnterpriseSettings: catalog(),
    getAndroidEnterpriseSetting: tenant(android),
    requestSignupUrl: tenant(android, {
      callbackUrl: 'https://example.org/back',
      projectId: 'synthetic',
    }),
    completeSignup: tenant(android, {
      enterpriseToken: 't',
      signupUrlName: 's',
      projectId: 'synthetic',
    }),
    unbindAndroidEnterprise: tenant(android, {}),
    syncAndroidDevices: tenant(android, {}),
    setAndroidEventSender: tenant(android, { serviceAccountEmail: 'push@example.org' }),
    configureAndroidNotifications: tenant(android, {
      pubsubTopic: 'projects/synthetic/topics/amapi',
      notificationTypes: ['ENROLLMENT'],
    }),
    listAndroidEnrollmentTokens: tenant(android),
    listAndroidPolicies: tenant(android),
    createAndroidEnrollmentToken: tenant(android, {
      policyId: 'default',
      durationInSeconds: 3_600,
    }),
    revokeAndroidEnrollmentToken: tenant({ ...android, tokenId: 'x' }, {}),
    listOrganization: catalog(),
    getOrganization: tenant({ id: BETA }),
    updateOrganization: tenant({ id: BETA }, { privacyProfile: { contactEmail: null } }),
    createAuditorToken: catalog(undefined, {}),
    ...accountCases(seeded, ''),
    ...accountCases(seeded, 'OfOperator'),
    ...ownCases(),
    ...roleCases(seeded),
    ...lookingCases(seeded),
    ...supportCases(seeded),
    ...rightsCases(seeded),
    ...noticeCases(),
    ...incidentCases(),
    ...agentCases(),
    ...erasureCases(),
    ...diagnosticsCases(),
    ...reportCases(),
    ...partnerCases(seeded),
    listTenants: catalog(),
    createTenant: catalog(undefined, { id: 'gamma', displayName: 'Gamma', region: 'EU' }),
  }
}

const NOBODY = '00000000-0000-4000-8000-0000000000ff'

function accountCases(seeded: Seeded, of: '' | 'OfOperator'): Record<string, EndpointCase> {
  const user = { id: seeded.user }
  const service = { id: seeded.service }
  const provider = { id: NOBODY }
  const cases = {
    listUsers: catalog(),
    getUser: tenant(user),
    createUser: catalog(undefined, { displayName: 'Mine' }),
    updateUser: tenant(user, { accountEnabled: false }),
    eraseUser: tenant(user),
    inviteUser: tenant(user, {}),
    recoverUser: tenant(user, {}),
    revokeUserSignIns: tenant(user, {}),
    listServicePrincipals: catalog(),
    getServicePrincipal: tenant(service),
    listServicePrincipalPasswords: tenant(service),
    createServicePrincipal: catalog(undefined, { displayName: 'Mine' }),
    updateServicePrincipal: tenant(service, { accountEnabled: false }),
    eraseServicePrincipal: tenant(service),
    addServicePrincipalPassword: tenant(service, {}),
    removeServicePrincipalPassword: tenant(service, { keyId: NOBODY }),
    listIdentityProviders: catalog(),
    getIdentityProvider: tenant(provider),
    createIdentityProvider: catalog(undefined, {
      displayName: 'Mine',
      issuer: 'https://login.example.org',
      clientId: 'mine',
      clientSecret: 'secret',
      mailDomains: ['example.org'],
    }),
    updateIdentityProvider: tenant(provider, { displayName: 'Mine' }),
  }
  return Object.fromEntries(Object.entries(cases).map(([id, one]) => [`${id}${of}`, one]))
}

function diagnosticsCases(): Record<string, EndpointCase> {
  const report = {
    hierarchyId: '4b305a71-9ad8-4332-9692-d51554158981',
    productVersion: '2409',
    collectedDateTime: '2030-01-01T00:00:00Z',
    results: [{ item: 'diagnostics.basic.miscellaneous.scripts-run', value: 3 }],
  }
  return {
    getDiagnosticsSettings: catalog(),
    updateDiagnosticsSettings: catalog(undefined, { level: 'basic' }),
    listDiagnosticsItems: catalog(),
    previewDiagnostics: catalog(undefined, report),
    sendDiagnostics: catalog(undefined, report),
    listDiagnostics: catalog(),
    listDiagnosticsAsOperator: catalog({ purpose: 'quality' }),
    listTenantAttachApplications: catalog(),
    listTenantAttachCollections: catalog(),
    sendTenantAttachApplications: catalog(undefined, { value: [{ ProgramID: 'x' }] }),
    sendTenantAttachCollections: catalog(undefined, { value: [{ CollectionId: 'x' }] }),
    sendTenantAttachDevices: catalog(undefined, { devices: [{ SerialNumber: 'SYN0000001' }] }),
  }
}

function reportCases(): Record<string, EndpointCase> {
  const report = { id: 'devicesByModel' }
  return {
    listReports: catalog(),
    getReportRelease: catalog(report),
    getReportReleaseOfScopeTag: catalog({ ...report, scopeTagId: 'all' }),
    listReportCells: catalog(report),
    listReportReleases: catalog(report),
    getReportSettings: catalog(),
    updateReportSettings: catalog(undefined, { minimumGroupSize: 20 }),
    listReportBudgets: catalog(),
    listQuasiIdentifierSets: catalog(),
    checkReportExtract: catalog(undefined, { quasiIdentifierSet: 'device-inventory' }),
  }
}

function partnerCases(seeded: Seeded): Record<string, EndpointCase> {
  const connection = { id: seeded.connection }
  return {
    listPartnerDescriptions: catalog(),
    getPartnerDescription: catalog({ id: 'nobody' }),
    listPartnerDescriptionVersions: catalog({ id: 'nobody' }),
    listPartnerDescriptionDrafts: catalog(),
    storePartnerDescription: catalog(undefined, { description: { id: 'mine' } }),
    listDataSharingPartnerDescriptions: catalog(),
    getDataSharingPartnerDescription: catalog({ id: 'nobody' }),
    listMobileThreatDefenseConnectors: catalog(),
    getMobileThreatDefenseConnector: tenant(connection),
    updateMobileThreatDefenseConnector: tenant(connection, { isEnabled: false }),
    listComplianceManagementPartners: catalog(),
    getComplianceManagementPartner: tenant(connection),
    listRemoteAssistancePartners: catalog(),
    getRemoteAssistancePartner: tenant(connection),
    beginRemoteAssistanceOnboarding: tenant(connection, {}),
    disconnectRemoteAssistancePartner: tenant(connection, {}),
    getZebraFotaConnector: catalog(),
    listChromeOSOnboardingSettings: catalog(),
    getChromeOSOnboardingSetting: tenant(connection),
    pushToPartner: tenant(connection, {}),
  }
}

function ownCases(): Record<string, EndpointCase> {
  const response = { id: 'none', response: {} }
  const mine = { id: NOBODY }
  return {
    getOwnAccount: catalog(),
    updateOwnAccount: catalog(undefined, { preferredLanguage: 'sv' }),
    revokeOwnSignIns: catalog(undefined, {}),
    listOwnPasskeys: catalog(),
    beginPasskey: catalog(undefined, {}),
    registerOwnPasskey: catalog(undefined, { displayName: 'Mine', ceremony: 'none', response }),
    renameOwnPasskey: catalog(mine, { displayName: 'Mine' }),
    removeOwnPasskey: catalog(mine),
    listOwnSigningKeys: catalog(),
    beginSigningKey: catalog(undefined, {}),
    registerOwnSigningKey: catalog(undefined, { kind: 'ed25519', publicKey: 'A'.repeat(43) }),
    removeOwnSigningKey: catalog(mine),
    listMyEffectivePermissions: catalog(),
    sendTestNotice: catalog(undefined, {}),
  }
}

function roleCases(seeded: Seeded): Record<string, EndpointCase> {
  const role = { id: seeded.role }
  const assignment = { id: seeded.assignment }
  const tag = { id: seeded.tag }
  const rolePermissions = [{ resourceActions: [{ allowedResourceActions: ['Organization/Read'] }] }]
  return {
    listRoleDefinitions: catalog(),
    getRoleDefinition: tenant(role),
    createRoleDefinition: catalog(undefined, { displayName: 'Mine', rolePermissions }),
    updateRoleDefinition: tenant(role, { displayName: 'Mine' }),
    deleteRoleDefinition: tenant(role),
    previewRoleDefinitionChange: tenant(role, { delete: true }),
    listRoleAssignments: catalog(),
    getRoleAssignment: tenant(assignment),
    createRoleAssignment: catalog(undefined, {
      displayName: 'Mine',
      roleDefinitionId: seeded.role,
      memberAccounts: [seeded.user],
      allScopeTags: true,
    }),
    updateRoleAssignment: tenant(assignment, { displayName: 'Mine' }),
    deleteRoleAssignment: tenant(assignment),
    previewRoleAssignmentChange: catalog(undefined, {
      roleAssignmentId: seeded.assignment,
      delete: true,
    }),
    listRoleScopeTags: catalog(),
    getRoleScopeTag: tenant(tag),
    createRoleScopeTag: catalog(undefined, { displayName: 'Mine' }),
    updateRoleScopeTag: tenant(tag, { displayName: 'Mine' }),
    deleteRoleScopeTag: tenant(tag),
    listResourceOperations: catalog(),
    getResourceOperation: catalog({ id: 'Organization_Read' }),
    listEffectivePermissions: tenant({ id: seeded.user }),
  }
}

function lookingCases(seeded: Seeded): Record<string, EndpointCase> {
  const device = { id: seeded.device }
  const person = { id: seeded.person }
  const grantId = { grantId: seeded.grant }
  const reveal = (item: string) => ({ item, reason: 'to see whether it is hidden' })
  return {
    listManagedDevices: catalog(),
    getManagedDevice: tenant(device),
    revealManagedDevice: tenant(device, reveal('device.serialNumber')),
    revealSecretManagedDevice: tenant(device, reveal('credential.unlockToken')),
    listPeople: catalog(),
    getPerson: tenant(person),
    revealPerson: tenant(person, reveal('person.userEmail')),
    revealSecretPerson: tenant(person, reveal('person.userEmail')),
    listAuditEvents: catalog(),
    getAuditEvent: tenant({ id: seeded.contract }),
    listGrantedManagedDevices: tenant(grantId),
    getGrantedManagedDevice: tenant({ ...grantId, ...device }),
    listGrantedUsers: tenant(grantId),
    getGrantedUser: tenant({ ...grantId, ...person }),
    listGrantViews: tenant(grantId),
  }
}

function supportCases(seeded: Seeded): Record<string, EndpointCase> {
  const one = { id: seeded.supportCase }
  const grant = { id: seeded.grant }
  const request = { id: seeded.supportCase }
  const inMine = { tenantId: ACME, id: seeded.supportCase }
  const wanted = {
    tenantId: ACME,
    caseId: seeded.supportCase,
    scope: { kind: 'records', ids: [seeded.device] },
    items: ['device.serialNumber'],
    purpose: 'remote-assistance',
    reason: 'To see whether what belongs to others stays hidden.',
  }
  return {
    listSupportCases: catalog(),
    getSupportCase: tenant(one),
    createSupportCase: catalog(undefined, { reference: 'M-1', title: 'Mine' }),
    closeSupportCase: tenant(one, {}),
    createSupportCaseAsOperator: catalog(undefined, {
      tenantId: ACME,
      reference: 'M-2',
      title: 'Mine',
    }),
    closeSupportCaseAsOperator: tenant(inMine, {}),
    listSupportAccessRequests: catalog(),
    getSupportAccessRequest: tenant(request),
    getSupportTextToSign: tenant(request),
    makeSupportTextToSign: tenant(request, {}),
    approveSupportAccessRequest: tenant(request, {
      text: 'none',
      signature: { kind: 'ed25519', keyId: NOBODY, signature: 'A'.repeat(86) },
    }),
    denySupportAccessRequest: tenant(request, {
      reason: 'We can do without it, because the phone works again.',
    }),
    listOwnSupportAccessRequests: catalog(),
    listOpenSupportAccessRequests: catalog(),
    getSupportAccessRequestAsOperator: tenant(inMine),
    createSupportAccessRequest: catalog(undefined, wanted),
    providerApproveSupportAccessRequestAsOperator: tenant(inMine, {}),
    denySupportAccessRequestAsOperator: tenant(inMine, {
      reason: 'We can do without it, because the phone works again.',
    }),
    cancelSupportAccessRequestAsOperator: tenant(inMine, {}),
    listSupportAccessGrants: catalog(),
    getSupportAccessGrant: tenant(grant),
    endSupportAccessGrant: tenant(grant, {}),
    listOwnSupportAccessGrants: catalog(),
    returnSupportAccessGrant: tenant({ tenantId: ACME, id: seeded.grant }, {}),
    listSupportEmergencies: catalog(),
    reviewSupportEmergency: tenant(request, { outcome: 'justified' }),
    listSupportEmergenciesAsOperator: catalog(),
    askSupportEmergency: catalog(undefined, wanted),
    openSupportEmergency: tenant(inMine, {}),
    reviewSupportEmergencyAsOperator: tenant(inMine, { outcome: 'justified' }),
    getSupportSettings: catalog(),
    updateSupportSettings: catalog(undefined, { answerHours: 24 }),
    listSupportSealedEntries: catalog(),
    createSupportSealedEntry: catalog(undefined, {
      tenantId: ACME,
      class: 'automation',
      text: 'A synthetic reason.',
      opensLatestDateTime: '2030-02-01T00:00:00Z',
    }),
    getSupportAccessReport: catalog(),
  }
}

function incidentNoticeCases(): Record<string, EndpointCase> {
  const notice = { id: NOBODY, noticeId: NOBODY }
  const text = { subject: 'S', nature: 'N', consequences: 'C', measures: 'M', contact: 'D' }
  const words = { en: text, sv: text, nextWordDateTime: '2031-01-01T00:00:00Z' }
  return {
    listIncidentNotices: tenant({ id: NOBODY }),
    getIncidentNotice: tenant(notice),
    draftIncidentNotice: tenant({ id: NOBODY }, { kind: 'first', words }),
    reviseIncidentNotice: tenant(notice, { version: 1, words }),
    approveIncidentNotice: tenant(notice, { version: 1 }),
    withdrawIncidentNotice: tenant(notice, {}),
    listIncidentNoticeDeliveries: tenant(notice),
    noteIncidentNoticeReached: tenant(notice, { tenantId: ACME, text: 'Told by telephone.' }),
    printIncidentNotice: tenant({ ...notice, tenantId: ACME }, { language: 'en' }),
    listReceivedIncidentNotices: catalog(),
    getReceivedIncidentNotice: tenant({ id: NOBODY }),
    acknowledgeIncidentNotice: tenant({ id: NOBODY }, {}),
    listNotificationContacts: catalog(),
    addNotificationContact: catalog(undefined, { mail: 'soc@example.org', language: 'en' }),
    removeNotificationContact: tenant({ id: NOBODY }, {}),
    submitDeliveryReport: catalog(undefined, { message: 'bm8=' }),
  }
}

function incidentCases(): Record<string, EndpointCase> {
  const one = { id: NOBODY }
  const reason = 'A synthetic reason that is long enough.'
  const person = { accountId: NOBODY, duty: 'lead' }
  return {
    listIncidents: catalog(),
    getIncident: tenant(one),
    createIncident: catalog(undefined, { displayName: 'Mine' }),
    moveToIncident: tenant(one, { phase: 'assess' }),
    classifyIncident: tenant(one, {
      classification: 'securityIncident',
      informationImpact: 'none',
      reason,
    }),
    declareIncident: tenant(one, {
      ground: 'accessHappened',
      statement: reason,
      classification: 'privacyBreach',
    }),
    mergeIncident: tenant(one, { into: NOBODY.replace('0', '1'), reason }),
    retractIncident: tenant(one, { reason }),
    closeIncident: tenant(one, {}),
    reopenIncident: tenant(one, { reason }),
    listIncidentTimeline: tenant(one),
    addNoteToIncident: tenant(one, { text: 'Seen' }),
    addDecisionToIncident: tenant(one, { kind: 'general', decision: 'Wait', reason }),
    listIncidentPeople: tenant(one),
    addPersonToIncident: tenant(one, person),
    removePersonFromIncident: tenant(one, person),
    listIncidentPauses: tenant(one),
    askPauseOfIncident: tenant(one, { exception: 'tipOff', hours: 1, reason }),
    clearPauseOfIncident: tenant(one, { pauseId: NOBODY }),
    endPauseOfIncident: tenant(one, { pauseId: NOBODY }),
    listIncidentCriteria: tenant(one),
    addCriterionToIncident: tenant(one, {
      kind: 'party',
      name: 'apple',
      fromDateTime: '2030-01-01T00:00:00Z',
      toDateTime: '2030-02-01T00:00:00+01:00',
    }),
    removeCriterionFromIncident: tenant(one, { criterionId: NOBODY, reason }),
    computeScopeOfIncident: tenant(one, {}),
    listIncidentScopes: tenant(one),
    listIncidentTouchedTenants: tenant(one),
    ...incidentNoticeCases(),
    listSignalRules: catalog(),
    listSignals: catalog(),
    dryRunSignalRules: catalog(undefined, {
      ruleId: 'volume',
      fromDateTime: '2030-01-01T00:00:00Z',
      toDateTime: '2030-02-01T00:00:00Z',
    }),
    createSignal: catalog(undefined, {
      source: 'agent',
      partyId: 'mail-relay',
      fromDateTime: '2030-01-01T00:00:00Z',
      toDateTime: '2030-01-02T00:00:00Z',
      text: 'A synthetic report.',
    }),
    createDecoyRecord: catalog(undefined, { tenantId: ACME, subject: 'synthetic-subject' }),
    settleSignal: tenant(one, { reason }),
    listCorrespondents: catalog(),
    setCorrespondent: catalog(undefined, {
      id: 'suite',
      role: 'suite',
      url: 'https://suite.example.org/incidents',
    }),
    setSuiteCustomer: catalog(undefined, { tenantId: ACME, customerId: 'mine' }),
    listIncidentTells: tenant(one),
    listIncidentMessages: tenant(one),
    scopeReportOfSignal: tenant(one, { incidentId: NOBODY, reason }),
    listTouchedIncidents: catalog(),
    getTouchedIncidentPacket: tenant(one),
    getControllersKit: tenant(one),
    listTouchedPeople: tenant(one),
    exportTouchedPeople: tenant({ ...one, format: 'csv' }),
    listTouchedDevices: tenant(one),
    exportTouchedDevices: tenant({ ...one, format: 'json' }),
    getIncidentPostMortemReport: tenant(one),
    listIncidentExercises: catalog(),
    getIncidentExercise: tenant(one),
    startIncidentExercise: catalog(undefined, {
      displayName: 'Mine',
      criterion: {
        kind: 'party',
        name: 'apple',
        fromDateTime: '2030-01-01T00:00:00Z',
        toDateTime: '2030-02-01T00:00:00Z',
      },
    }),
    takeIncidentExerciseStep: tenant(one, { step: 'detect' }),
  }
}

function rightsCases(seeded: Seeded): Record<string, EndpointCase> {
  const request = { id: seeded.rightsRequest }
  return {
    listSubjectRightsRequests: catalog(),
    getSubjectRightsRequest: tenant(request),
    createSubjectRightsRequest: catalog(undefined, {
      type: 'access',
      dataSubject: { email: 'mine@example.org' },
    }),
    updateSubjectRightsRequest: tenant(request, { assignedTo: NOBODY }),
    confirmSubjectRightsRequestIdentity: tenant(request, { means: 'signedIn' }),
    extendSubjectRightsRequest: tenant(request, { months: 1, reason: 'complexity' }),
    runSubjectRightsRequestAgain: tenant(request, {}),
    waitForSubjectRightsRequestRecipients: tenant(request, {}),
    completeSubjectRightsRequest: tenant(request, {}),
    refuseSubjectRightsRequest: tenant(request, { reason: 'excessive' }),
    withdrawSubjectRightsRequest: tenant(request, {}),
    listSubjectRightsRequestSubjects: tenant(request),
    decideSubjectRightsRequestSubject: tenant(request, { subjectId: NOBODY, isTheirs: true }),
    listSubjectRightsRequestPersonalData: tenant(request),
    listSubjectRightsRequestCorrections: tenant(request),
    createSubjectRightsRequestCorrection: tenant(request, {
      subjectId: NOBODY,
      item: 'device.model',
      value: 'x',
    }),
    refuseSubjectRightsRequestCorrection: tenant({ ...request, correctionId: NOBODY }, {}),
    createSubjectRightsRequestArchiveLink: tenant(request, {}),
    getSubjectRightsSettings: catalog(),
    updateSubjectRightsSettings: catalog(undefined, { lookDelayDays: 10 }),
    delaySubjectRightsLook: catalog(undefined, {
      entryId: NOBODY,
      untilDateTime: '2030-01-02T00:00:00Z',
    }),
  }
}

function noticeCases(): Record<string, EndpointCase> {
  return {
    listServiceUpdateMessages: catalog(),
    getServiceUpdateMessage: tenant({ id: NOBODY }),
    markServiceUpdateMessagesRead: catalog(undefined, { messageIds: [NOBODY] }),
    markServiceUpdateMessagesUnread: catalog(undefined, { messageIds: [NOBODY] }),
    getNoticeSettings: catalog(),
    getOperatorNoticeSettings: catalog(),
    updateNoticeSettings: catalog(undefined, { language: 'sv' }),
    updateOperatorNoticeSettings: catalog(undefined, { mailOn: false }),
    rotateNoticeWebhookSecret: catalog(undefined, {}),
  }
}

function erasureCases(): Record<string, EndpointCase> {
  const erasure = { id: NOBODY }
  const recipient = { ...erasure, partyId: 'google', connectionId: 'canary-android' }
  return {
    listErasures: catalog(),
    getErasure: tenant(erasure),
    createErasure: catalog(undefined, { recordIds: [NOBODY] }),
    withdrawErasure: tenant(erasure, {}),
    listErasureRecipients: tenant(erasure),
    sendErasureLetter: tenant(recipient, {}),
    readErasureLetter: tenant(recipient, {}),
    listErasureHolds: catalog(),
    createErasureHold: catalog(undefined, { reason: 'a court asked that it be kept' }),
    releaseErasureHold: tenant(erasure, {}),
    getRecordOfProcessing: catalog(),
    getRetentionForecast: catalog(),
  }
}

function agentCases(): Record<string, EndpointCase> {
  const relay = { id: 'mail-relay' }
  const feature = { id: 'apple-device-enrollment' }
  const obligation = { id: NOBODY }
  return {
    listOperatorAgents: catalog(),
    getOperatorAgent: catalog(relay),
    createOperatorAgent: catalog(undefined, {
      ...relay,
      displayName: 'Relay AB',
      corporateLocation: 'SE',
      category: 'technology',
      dataCategories: ['People'],
      purposes: ['device-management'],
      regions: ['EU'],
    }),
    updateOperatorAgent: catalog(relay, { corporateLocation: 'IE' }),
    endOperatorAgent: catalog(relay, {}),
    listDataSharingAgents: catalog(),
    getDataSharingAgent: catalog(relay),
    compareDataSharingAgents: catalog(undefined, { since: 0 }),
    getAgentObjectionImpact: catalog(relay),
    objectToDataSharingAgent: catalog(relay, { impactHash: '0'.repeat(64) }),
    settleAgentObjection: catalog(relay, { outcome: 'withdrawn' }),
    getFeatureOffBoarding: catalog(feature),
    startFeatureOffBoarding: catalog(feature, {}),
    completeOffBoardingStep: catalog(feature, { stepId: 'closePartyAccount:apple' }),
    listDataSharingObligations: catalog(),
    getDataSharingObligation: tenant(obligation),
    answerDataSharingObligation: tenant(obligation, {
      outcome: 'receipt',
      evidenceHash: 'a'.repeat(64),
    }),
  }
}

import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { Pool } from 'undici'
import { chooseCollection } from '#agreements/collection.ts'
import { switchFeature } from '#agreements/switch-feature.ts'
import { issueClientToken } from '#connections/credentials.ts'
import { PARTNER_DRAFTS } from '#connectors/partner/drafts.ts'
import { isRefusal } from '#foundation/refusal.ts'
import type { Call } from '#http/api/endpoint.ts'
import { partnerEndpoints } from '#http/api/partners/endpoints.ts'
import { type SandboxPartner, startSandboxPartner } from '../../sandbox/partner/server.ts'
import { pushToPartner } from '../../src/node/push-partners.ts'
import { type PartnerWorld, partnerWorld } from '../partner/world.ts'

const TENANT = 'example'
const TOKEN = 'synthetic-token'

describe('parties that ship as drafts', () => {
  let world: PartnerWorld
  let partner: SandboxPartner
  before(async () => {
    world = await partnerWorld()
    partner = await startSandboxPartner({
      signIn: { kind: 'bearerToken', token: TOKEN },
      answers: {
        'POST /api/v1/sessions': () => ({
          status: 200,
          body: {
            code: 's12-345',
            supporter_link: 'https://get.example.org/a',
            end_customer_link: 'https://get.example.org/b',
            assigned_to: 'canary-supporter',
          },
        }),
        'GET /admin/directory/v1/customer/C0/devices/chromeos': () => ({
          status: 200,
          body: {
            kind: 'canary-kind',
            nextPageToken: 'p2',
            chromeosdevices: [
              {
                deviceId: 'D1',
                serialNumber: 'SYN1',
                model: 'Book',
                annotatedUser: 'anna@example.org',
                osVersion: '129',
                platformVersion: '1.2',
                firmwareVersion: '3.4',
                recentUsers: [{ email: 'canary@example.org' }],
                macAddress: 'canary-mac',
              },
            ],
          },
        }),
      },
    })
    for (const draft of PARTNER_DRAFTS) {
      const given = { ...draft, hosts: [partner.origin], auth: { kind: 'bearerToken' } }
      const stored = await world.describe(given)
      assert.ok(!isRefusal(stored), JSON.stringify(stored))
      await world.connect(TENANT, draft.id, partner.origin, { token: TOKEN })
    }
  })
  after(async () => {
    await partner?.stop()
    await world?.stop()
  })

  const gateways = new Map<string, ReturnType<typeof openGateway>>()
  const gateway = (connectorId: string) => {
    const open = gateways.get(connectorId) ?? openGateway(connectorId)
    gateways.set(connectorId, open)
    return open
  }
  const openGateway = async (connectorId: string) => {
    const { node } = world
    const by = { actor: 'admin:test', at: node.sharing.gate.now() }
    const { token = '' } = await node.database.write(TENANT, (tx) =>
      issueClientToken(tx, node.keys, connectorId, by),
    )
    const opened = await node.openGateway({
      tenantId: TENANT,
      connectionId: connectorId,
      connectorId,
      port: 0,
    })
    const pool = new Pool(`http://127.0.0.1:${opened.port}`)
    return async (method: string, path: string, body?: unknown, bearer = token) => {
      const answer = await pool.request({
        method: method as 'GET',
        path,
        headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
        body: body === undefined ? null : JSON.stringify(body),
      })
      const text = await answer.body.text()
      return { status: answer.statusCode, refusal: answer.headers['sluss-refusal'], text }
    }
  }

  const ZEBRA = {
    devices: [{ serialNumber: '124411614K0593' }],
    deployment: {
      deviceModel: 'TC8300',
      updateType: 'Custom',
      timeZoneOffsetInMinutes: 300,
      bsp: '11.15.05.00',
      osVersion: '11',
      patchNumber: 'U20',
      scheduleMode: 'Latest',
      scheduleDurationInDays: 20,
      downloadNetworkType: 'Wifi',
      downloadStartDateTime: '2022-03-25T15:04:51Z',
      installationStartDateTime: '2022-03-25T15:04:51Z',
      installationWindowStartTime: '19:00:00',
      installationWindowEndTime: '19:00:00',
      minimumBatteryLevelPercentage: 30,
      requireDeviceToBeOnCharger: true,
    },
  }

  it('P1 P2 Zebra gets the sixteen items of the facts through the gateway, after consent, and none beside them', async () => {
    const call = await gateway('zebra-lifeguard')
    const refused = await call('POST', '/deployments', ZEBRA)
    assert.deepEqual([refused.status, refused.refusal], [403, 'feature_off'])
    await world.agree(TENANT, ['zebra-lifeguard-ota'])
    assert.equal((await call('POST', '/deployments', ZEBRA, 'wrong')).status, 401)
    partner.received.length = 0
    const sent = await call('POST', '/deployments', { ...ZEBRA, requestedBy: 'canary' })
    assert.equal(sent.status, 200, sent.text)
    const [request] = partner.received
    assert.deepEqual(JSON.parse(request?.body.toString() ?? ''), ZEBRA)
    const values = [...Object.values(ZEBRA.deployment), ...ZEBRA.devices]
    assert.equal(values.length, 16)
    assert.equal((await call('POST', '/other', ZEBRA)).status, 404)
  })

  it('P6 and without the serial number, that the call is about, there is no call', async () => {
    const { node } = world
    const by = { actor: 'admin:test', at: node.sharing.gate.now() }
    const choose = (precision: string) =>
      node.database.write(TENANT, (tx) =>
        chooseCollection(
          tx,
          node.parts.catalog,
          { itemId: 'device.serialNumber', on: true, precision },
          by,
        ),
      )
    assert.equal(await choose('withheld'), undefined)
    const call = await gateway('zebra-lifeguard')
    assert.equal((await call('POST', '/deployments', ZEBRA)).status, 403)
    assert.equal(await choose('exact'), undefined)
    assert.equal((await call('POST', '/deployments', ZEBRA)).status, 200)
  })

  it('TeamViewer makes a session; its links come back, and nothing that the sources do not name', async () => {
    await world.agree(TENANT, ['teamviewer-connector'])
    const call = await gateway('teamviewer')
    partner.received.length = 0
    const answer = await call('POST', '/api/v1/sessions', {
      groupname: 'Help desk',
      description: 'SYN1',
      end_customer: { name: 'Anna', email: 'anna@example.org', phone: 'canary' },
      waiting_message: 'canary',
    })
    assert.ok(!partner.received[0]?.bytes.includes('canary'))
    assert.deepEqual(JSON.parse(answer.text), {
      supporter_link: 'https://get.example.org/a',
      end_customer_link: 'https://get.example.org/b',
    })
    partner.inject('/api/v1/sessions', {
      kind: 'answer',
      answer: { status: 400, body: { error: 'invalid_request', error_description: 'canary anna' } },
    })
    const failed = await call('POST', '/api/v1/sessions', { description: 'SYN1' })
    assert.deepEqual(JSON.parse(failed.text), { error: { code: 'INVALID_REQUEST', status: 400 } })
  })

  it('Chrome Enterprise is read and annotated, as far as the facts go', async () => {
    await world.agree(TENANT, ['chrome-enterprise-connector'])
    const call = await gateway('chrome-enterprise')
    const list = await call(
      'GET',
      '/admin/directory/v1/customer/C0/devices/chromeos?maxResults=5&query=canary',
    )
    assert.deepEqual(JSON.parse(list.text), {
      nextPageToken: 'p2',
      chromeosdevices: [
        {
          deviceId: 'D1',
          serialNumber: 'SYN1',
          model: 'Book',
          annotatedUser: 'anna@example.org',
          osVersion: '129',
          platformVersion: '1.2',
          firmwareVersion: '3.4',
        },
      ],
    })
    assert.equal(
      partner.received.at(-1)?.target,
      '/admin/directory/v1/customer/C0/devices/chromeos?maxResults=5',
    )
    const body = {
      annotatedAssetId: 'A1',
      annotatedUser: 'anna',
      annotatedLocation: 'here',
      notes: 'n',
    }
    const path = '/admin/directory/v1/customer/C0/devices/chromeos/D1'
    assert.equal((await call('PATCH', path, { ...body, orgUnitPath: '/canary' })).status, 200)
    assert.deepEqual(JSON.parse(partner.received.at(-1)?.body.toString() ?? ''), body)
  })

  it('P12 Mobile Threat Defense gets the apps of corporate devices, and of personal ones only after a second yes', async () => {
    await world.keep(TENANT, [
      {
        'device.serialNumber': 'CORP1',
        'device.installedApps': 'org.example.corp',
        'device.userEnrolment': false,
      },
      {
        'device.serialNumber': 'OWN1',
        'device.installedApps': 'org.example.own',
        'device.userEnrolment': true,
      },
      { 'device.serialNumber': 'UNKNOWN1', 'device.installedApps': 'org.example.unknown' },
    ])
    await world.agree(TENANT, ['mobile-threat-defense', 'mtd-ios-app-sync'])
    const push = async () => {
      partner.received.length = 0
      const pushed = await pushToPartner(world.node, TENANT, 'mobile-threat-defense')
      assert.ok(!isRefusal(pushed), JSON.stringify(pushed))
      return partner.received
        .flatMap((one) => (JSON.parse(one.body.toString()) as { devices: object[] }).devices)
        .map((device) => Object.values(device).toSorted().join(' '))
    }
    assert.deepEqual(await push(), ['CORP1 org.example.corp'])
    const { node } = world
    const by = { actor: 'admin:test', at: node.sharing.gate.now() }
    await node.database.write(TENANT, (tx) =>
      switchFeature(tx, node.parts.catalog, 'mtd-ios-personal-app-inventory', true, by),
    )
    // Switched on is not agreed to.
    assert.deepEqual(await push(), ['CORP1 org.example.corp'])
    await world.consent(TENANT, ['mtd-ios-personal-app-inventory'])
    assert.deepEqual(await push(), ['CORP1 org.example.corp', 'OWN1 org.example.own'])
  })

  describe('in Graph’s words', () => {
    const answer = async (
      id: string,
      params: Record<string, string> = {},
      body: Record<string, unknown> = {},
      permissions: readonly string[] = ['Data sharing/Consent'],
      ahead = 0,
    ): Promise<Record<string, unknown>> => {
      const { node } = world
      const endpoint = partnerEndpoints({
        database: node.database,
        catalog: node.parts.catalog,
        partners: { ...node.partners, drafts: PARTNER_DRAFTS, push: async () => {} },
      }).find((one) => one.id === id)
      const now = node.sharing.gate.now() + ahead
      const access = { may: (permission: string) => permissions.includes(permission) }
      const call = { tenantId: TENANT, actor: 'admin:test', now, access } as unknown as Call
      const query = { orderBy: [], top: 10, skip: 0, count: true }
      switch (endpoint?.kind) {
        case 'list': {
          const page = await endpoint.list(call, params, query, undefined)
          return page as unknown as Record<string, unknown>
        }
        case 'get':
          return (await endpoint.get(call, params, undefined)) as Record<string, unknown>
        case 'change':
          return (await endpoint.change(call, params, body)) as Record<string, unknown>
        case undefined:
          throw new Error(id)
      }
    }
    const MTD = { id: 'mobile-threat-defense' }

    it('connections stand under the name of their kind, with their state', async () => {
      for (const [list, id] of [
        ['listMobileThreatDefenseConnectors', 'mobile-threat-defense'],
        ['listComplianceManagementPartners', 'compliance-partner'],
        ['listRemoteAssistancePartners', 'teamviewer'],
        ['listChromeOSOnboardingSettings', 'chrome-enterprise'],
      ] as const) {
        const { rows, count } = await answer(list)
        assert.deepEqual([(rows as { id: string }[])[0]?.id, count], [id, 1], list)
      }
      assert.equal((await answer('getZebraFotaConnector')).state, 'connected')
      assert.equal((await answer('getMobileThreatDefenseConnector', MTD)).partnerState, 'enabled')
      const month = 31 * 86_400_000
      const later = await answer('getMobileThreatDefenseConnector', MTD, {}, [], month)
      assert.equal(later.partnerState, 'unresponsive')
      assert.equal(await answer('getMobileThreatDefenseConnector', { id: 'teamviewer' }), undefined)
    })

    it('P2 app lists are allowed by whoever may turn features on, and by nobody else', async () => {
      const off = { allowPartnerToCollectIOSPersonalApplicationMetadata: false }
      const on = { allowPartnerToCollectIOSPersonalApplicationMetadata: true }
      const changed = await answer('updateMobileThreatDefenseConnector', MTD, off, [])
      assert.equal(changed.allowPartnerToCollectIOSPersonalApplicationMetadata, false)
      assert.equal(
        (await answer('updateMobileThreatDefenseConnector', MTD, on, [])).refused,
        'role_missing',
      )
      const days = { ...on, partnerUnresponsivenessThresholdInDays: 14 }
      const again = await answer('updateMobileThreatDefenseConnector', MTD, days)
      assert.deepEqual(
        [
          again.allowPartnerToCollectIOSPersonalApplicationMetadata,
          again.partnerUnresponsivenessThresholdInDays,
        ],
        [true, 14],
      )
    })

    it('a disconnected partner gets nothing, and what is not there is not found', async () => {
      assert.equal(
        await answer('disconnectRemoteAssistancePartner', { id: 'teamviewer' }),
        undefined,
      )
      assert.equal(
        (await answer('getRemoteAssistancePartner', { id: 'teamviewer' })).onboardingStatus,
        'notOnboarded',
      )
      const call = await gateway('teamviewer')
      const refused = await call('POST', '/api/v1/sessions', { description: 'SYN1' })
      assert.equal(refused.refusal, 'connection_disabled')
      assert.equal(
        (await answer('disconnectRemoteAssistancePartner', { id: 'nobody' })).refused,
        'connection_unknown',
      )
      assert.equal(
        (await answer('pushToPartner', { id: 'teamviewer' })).refused,
        'connection_unknown',
      )
      assert.deepEqual(await answer('pushToPartner', MTD), {})
    })
  })
})

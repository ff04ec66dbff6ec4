import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { PARTNER_DRAFTS } from '#connectors/partner/drafts.ts'
import { isRefusal } from '#foundation/refusal.ts'
import { acmeThreat } from '../../test/partner/descriptions.ts'
import { type CheckedAgainst, PARTNER_FEATURES, checkPartner } from './check-partner.ts'
import { manifestOf } from './manifest.ts'
import { DERIVED, valueOf } from './partner-derived.ts'
import type { PartnerDescription } from './partner-description.ts'
import { shippedCatalog } from './shipped.ts'
import { additionsOf, liveCatalog } from './with-partners.ts'

const HOST = 'https://api.acme.example.org'
const AGAINST: CheckedAgainst = {
  catalog: shippedCatalog,
  others: [],
  taken: new Set(['jamf-pro']),
  allowLoopback: false,
}

type Json = Record<string, unknown>
const [tell, isolate, read] = acmeThreat(HOST).exchanges as Json[]

function answerTo(over: Json, against: Partial<CheckedAgainst> = {}): string {
  const checked = checkPartner(acmeThreat(HOST, undefined, over), { ...AGAINST, ...against })
  if (!isRefusal(checked)) return 'taken'
  return [checked.refused, ...Object.values(checked.about)].join(' ')
}

describe('a description of a party', () => {
  it('is taken where every rule is kept', () => {
    assert.equal(answerTo({}), 'taken')
    for (const auth of [
      { kind: 'mutualTls' },
      { kind: 'bearerToken' },
      { kind: 'clientCredentials', tokenEndpoint: `${HOST}/oauth/token` },
      { kind: 'clientCredentials', tokenEndpoint: `${HOST}/t`, clientAuthentication: 'tls' },
      { kind: 'jwtBearer', tokenEndpoint: `${HOST}/t`, scope: 'a b' },
    ])
      assert.equal(answerTo({ auth }), 'taken')
  })

  it('P15 cannot be of Configuration Manager, in any spelling, host or standing', () => {
    const party = { id: 'acme', name: 'Acme', region: 'EU', standing: 'thirdParty' }
    for (const over of [
      { party: { ...party, id: 'configuration-manager' } },
      { party: { ...party, name: 'Configuratiоn Mаnager' } },
      { party: { ...party, name: 'S.C.C.M.' } },
      { party: { ...party, standing: 'none' } },
      { hosts: [HOST, 'https://sccm.example.org'] },
      { source: 'How ConfigMgr takes devices in' },
      {
        flows: [
          { feature: 'acme-threat', title: 'To MECM', service: 'x', purpose: 'threat-protection' },
        ],
      },
      {
        id: 'config-mgr',
        flows: [{ feature: 'config-mgr', title: 'x', service: 'x', purpose: 'threat-protection' }],
      },
    ])
      assert.match(answerTo(over), /^standing_none/, JSON.stringify(over))
  })

  it('P4 P12 carries items of the catalog only, none of the never list and no secret of another system', () => {
    const sends = (item: string) => answerTo({ exchanges: [{ ...isolate, request: { x: item } }] })
    assert.equal(sends('device.invented'), 'item_unclassified device.invented')
    const never = [...shippedCatalog.items.values()].filter((item) => item.need === 'never')
    assert.ok(never.length > 5)
    for (const { id } of never) assert.equal(sends(id), `item_never ${id}`)
    for (const id of ['credential.serverToken', 'credential.unlockToken', 'device.pushMagic'])
      assert.equal(sends(id), `item_secret ${id}`)
    assert.match(sends('device.installedApps'), /^item_not_in_flow device\.installedApps/)
  })

  it('names its places: public names with TLS, and no token from anywhere else', () => {
    for (const host of [
      'http://api.acme.example.org',
      'https://127.0.0.1',
      'https://2130706433',
      'https://0x7f.1',
      'https://10.0.0.8',
      'https://169.254.169.254',
      'https://[::1]',
      'https://[fd00::1]',
      'https://localhost',
      'https://api.localhost',
      'https://metadata.google.internal',
      'https://printer.local',
      'https://intranet',
      'https://user:secret@api.acme.example.org',
      'https://api.acme.example.org/path',
      'ftp://api.acme.example.org',
      'api.acme.example.org',
    ])
      assert.match(answerTo({ hosts: [host] }), /^description_invalid hosts/, host)
    for (const tokenEndpoint of ['https://elsewhere.example.org/t', `${HOST}/t?x=1`, 'nowhere'])
      assert.match(
        answerTo({ auth: { kind: 'clientCredentials', tokenEndpoint } }),
        /^description_invalid auth\.tokenEndpoint/,
      )
    assert.equal(answerTo({ hosts: ['http://127.0.0.1:9'] }, { allowLoopback: true }), 'taken')
    assert.notEqual(answerTo({ hosts: ['http://10.0.0.8'] }, { allowLoopback: true }), 'taken')
  })

  it('takes no name that somebody else has', () => {
    const other = acmeThreat(HOST, undefined, {
      id: 'acme-other',
      party: { id: 'acme', name: 'Another', region: 'EU', standing: 'thirdParty' },
    })
    assert.match(answerTo({}, { others: [other as unknown as PartnerDescription] }), /^name_taken/)
    const [zebra] = PARTNER_DRAFTS
    const second = { hosts: [HOST], auth: { kind: 'bearerToken' }, ...zebra, id: 'zebra-too' }
    const others = [{ ...second, id: 'zebra-lifeguard' } as unknown as PartnerDescription]
    assert.ok(!isRefusal(checkPartner(second, AGAINST)))
    const taken = checkPartner(second, { ...AGAINST, others })
    assert.ok(isRefusal(taken) && taken.refused === 'name_taken', JSON.stringify(taken))
    assert.match(
      answerTo({
        id: 'jamf-pro',
        flows: [{ feature: 'jamf-pro-x', title: 'x', service: 'x', purpose: 'threat-protection' }],
      }),
      /^name_taken id/,
    )
    assert.match(
      answerTo({ party: { id: 'apple', name: 'Apple', region: 'US', standing: 'thirdParty' } }),
      /^name_taken party\.id/,
    )
    assert.match(
      answerTo({
        flows: [
          { feature: 'android-enterprise', title: 'x', service: 'x', purpose: 'device-management' },
        ],
      }),
      /^description_invalid flows\.feature/,
    )
  })

  it('declares a purpose that there is and that is never forbidden', () => {
    const flow = { feature: 'acme-threat', title: 'x', service: 'x' }
    assert.match(answerTo({ flows: [{ ...flow, purpose: 'curiosity' }] }), /^purpose_undeclared/)
    for (const purpose of ['profiling', 'advertising', 'marketing'])
      assert.match(answerTo({ flows: [{ ...flow, purpose }] }), /^purpose_forbidden/)
  })

  it('is refused, by name of the member, where its calls are not what they say', () => {
    const wrong: readonly (readonly [Json, RegExp])[] = [
      [{ exchanges: [tell, tell] }, /each id and each place once/],
      [{ exchanges: [{ ...read, idempotent: false }] }, /a GET is idempotent/],
      [{ exchanges: [{ ...read, request: { x: 'device.model' } }] }, /no body/],
      [{ exchanges: [{ ...isolate, parameters: {} }] }, /parameters that the path has/],
      [{ exchanges: [{ ...isolate, path: '/../x/{serial=*}' }] }, /./],
      [{ exchanges: [{ ...isolate, path: '/v1/{serial=a/*}' }] }, /./],
      [{ exchanges: [{ ...tell, essential: ['device.imei'] }] }, /essential/],
      [{ exchanges: [{ ...tell, idempotent: false }] }, /push/],
      [{ exchanges: [{ ...tell, permanent: true }] }, /push/],
      [{ exchanges: [{ ...tell, push: { list: 'nothing', most: 5 } }] }, /push/],
      [
        {
          exchanges: [
            read,
            { ...read, id: 'readList', path: '/v1/devices/all', parameters: undefined },
          ],
        },
        /also one of/,
      ],
      [{ exchanges: [{ ...tell, feature: 'elsewhere' }] }, /feature that is not there/],
      [{ exchanges: [], events: undefined }, /an exchange or an event/],
      [
        { exchanges: [{ ...tell, errors: { 400: ['Something went wrong for anna'] } }] },
        /a code in capitals/,
      ],
      [{ unknown: 1 }, /description_invalid/],
      [
        { exchanges: [{ ...tell, request: { constructor: 'device.model' } }] },
        /description_invalid/,
      ],
      [
        { exchanges: [{ ...isolate, request: { x: { toString: 'device.model' } } }] },
        /description_invalid/,
      ],
      [
        { exchanges: [{ ...tell, request: JSON.parse('{"__proto__":{"x":"device.model"}}') }] },
        /description_invalid/,
      ],
    ]
    for (const [over, says] of wrong) {
      const answer = answerTo(over)
      assert.notEqual(answer, 'taken', JSON.stringify(over))
      assert.match(answer, says)
    }
  })
})

describe('descriptions in the catalog', () => {
  const partner = checkPartner(acmeThreat(HOST), AGAINST)
  assert.ok(!isRefusal(partner))

  it('add party, feature and flows, of exactly the items of its bodies; and go again without a trace', () => {
    const live = liveCatalog(shippedCatalog)
    live.replace(additionsOf(shippedCatalog, [partner]))
    assert.deepEqual(manifestOf(live.catalog, 'acme-threat/outbound').items, [
      'credential.partnerAccess',
      'device.complianceState',
      'device.model',
      'device.osVersion',
      'device.serialNumber',
      'protocol.pageToken',
      'protocol.partnerMessageTime',
      'protocol.partnerMessageType',
    ])
    assert.deepEqual(manifestOf(live.catalog, 'acme-threat/inbound').items, [
      'device.model',
      'device.partnerReportedThreatState',
      'device.serialNumber',
      'protocol.pageSize',
    ])
    assert.equal(live.catalog.items, shippedCatalog.items)
    live.replace(additionsOf(shippedCatalog, []))
    assert.deepEqual([...live.catalog.flows], [...shippedCatalog.flows])
    assert.deepEqual([...live.catalog.parties], [...shippedCatalog.parties])
  })

  it('and what ships stands, whatever is laid over it', () => {
    const live = liveCatalog(shippedCatalog)
    const apple = { id: 'apple', name: 'Not Apple', standing: 'agent' as const }
    live.replace({ flows: new Map(), features: new Map(), parties: new Map([['apple', apple]]) })
    assert.equal(live.catalog.parties.get('apple')?.name, 'Apple')
  })
})

describe('what ships to be described', () => {
  it('each draft keeps every rule, once it is said where the party is', () => {
    for (const draft of PARTNER_DRAFTS) {
      const given = { hosts: [HOST], auth: { kind: 'standardWebhooks' }, ...draft }
      const checked = checkPartner(given, AGAINST)
      assert.ok(!isRefusal(checked), JSON.stringify(checked))
    }
  })

  it('says that it is partial wherever the facts are', () => {
    for (const [feature, party] of Object.entries(PARTNER_FEATURES)) {
      const flows = [...shippedCatalog.flows.values()].filter((flow) => flow.feature === feature)
      assert.ok(flows.length > 0 && flows.every((flow) => flow.party === party), feature)
      if (!flows.some((flow) => flow.status === 'partial')) continue
      const draft = PARTNER_DRAFTS.find((one) => one.flows.some((flow) => flow.feature === feature))
      assert.match(draft?.source ?? '', /partial/, feature)
    }
  })

  it('P12 app lists of a device go by whose it is, and nowhere where that is not known', () => {
    const [corporate = '', personal = ''] = Object.keys(DERIVED)
    const of = (userEnrolment?: boolean) => ({
      'device.installedApps': 'org.example.app',
      ...(userEnrolment === undefined ? {} : { 'device.userEnrolment': userEnrolment }),
    })
    assert.deepEqual(
      [false, true, undefined].map((whose) => [
        valueOf(of(whose), corporate),
        valueOf(of(whose), personal),
      ]),
      [
        ['org.example.app', undefined],
        [undefined, 'org.example.app'],
        [undefined, undefined],
      ],
    )
  })
})

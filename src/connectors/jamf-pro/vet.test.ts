import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import fc from 'fast-check'
import type { ItemId } from '#catalog/catalog.ts'
import type { Precision } from '#catalog/precision.ts'
import { isRefusal } from '#foundation/refusal.ts'
import { compileProjection } from '#minimisation/compile.ts'
import { makePlan } from '#minimisation/plan.ts'
import type { Exchange } from '#sharing/exchange.ts'
import { type Row, syntheticComputer } from '../../../sandbox/jamf/devices.ts'
import { createService } from '../../../sandbox/jamf/service.ts'
import { EXCHANGES } from './exchanges.ts'
import { COMPLIANCE } from './profile.ts'

const exchange = EXCHANGES.find((one) => one.id === 'jamf.computers') ?? assert.fail()
const DEVICES = 10
type Vet = NonNullable<Exchange['vet']>

/** What the caller gets to see: every item of the profile but those that the tenant withholds or makes less exact. */
const seesBut =
  (changed: Readonly<Record<ItemId, Precision>>) =>
  (item: ItemId): Precision =>
    changed[item] ?? (COMPLIANCE.items.has(item) ? 'exact' : 'withheld')

/** Two servers that differ only in what the caller may not see. */
function world(secret: (number: number) => number) {
  const service = createService(DEVICES, 0, () => 0)
  for (let id = 1; id <= DEVICES; id++) {
    const seen = syntheticComputer(id)
    const hidden = syntheticComputer(secret(id))
    const os = seen.operatingSystem as Row
    const other = hidden.operatingSystem as Row
    service.computers.changed.set(id, {
      ...hidden,
      id: seen.id,
      security: seen.security,
      diskEncryption: seen.diskEncryption,
      operatingSystem: { ...os, activeDirectoryStatus: other.activeDirectoryStatus },
      hardware: { ...(hidden.hardware as Row), serialNumber: (seen.hardware as Row).serialNumber },
    })
  }
  return service
}
const one = world((id) => id + 100)
const other = world((id) => 400 - id * 7)

/** What a caller learns by a query: the refusal, or the projected answer. */
function learned(
  service: typeof one,
  query: string,
  vet: Vet = exchange.vet ?? assert.fail(),
  sees = seesBut({}),
): string {
  const came = new URLSearchParams(query)
  const vetted = vet({ path: exchange.path, query: new URLSearchParams(query) }, sees, came)
  if (isRefusal(vetted)) return vetted.refused
  const answer = service.call('GET', vetted.path, vetted.query, {})
  if (answer.status !== 200) return String(answer.status)
  return project(JSON.stringify(answer.body)).json ?? ''
}
let project: ReturnType<typeof compileProjection>

const SELECTORS = [
  'general.name',
  'userAndLocation.email',
  'userAndLocation.realname',
  'general.lastIpAddress',
  'udid',
  'id',
  'hardware.serialNumber',
  'operatingSystem.version',
  'security.firewallEnabled',
  'operatingSystem.activeDirectoryStatus',
  'general.remoteManagement.managementUsername',
  'hardware.macAddress',
  'invented.field',
  'purchasing.vendor',
  'GENERAL.name',
  'general.name ',
  'general',
  'constructor',
  '__proto__',
] // prettier-ignore
const VALUES = ['*', 'Anna*', '*1*', 'SYNC0000003', '15.1', 'true', '"A*"', "'B'", '5', 'm']
const often = <Text extends string>(usual: Text, ...odd: readonly string[]) =>
  fc.oneof(
    { weight: 3, arbitrary: fc.constant(usual) },
    { weight: 1, arbitrary: fc.constantFrom(...odd) },
  )
const test = fc
  .tuple(
    fc.constantFrom(...SELECTORS),
    fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom('==', '!=', '<', '>=') },
      fc.constantFrom('=gt=', '=in=', '=like='),
    ),
    fc.constantFrom(...VALUES),
  )
  .map(
    ([selector, operator, value]) =>
      selector + operator + (operator === '=in=' ? `(${value})` : value),
  )
const filter = fc
  .array(fc.tuple(test, often(';', ',', ' and ', ' or ', '%2C', ');(', '')), {
    minLength: 1,
    maxLength: 3,
  })
  .map((parts) => parts.flat().slice(0, -1).join(''))
const sort = fc
  .tuple(fc.constantFrom(...SELECTORS), often(':asc', ':desc', '', ':ASC', ',id:asc'))
  .map((parts) => parts.join(''))
const maybe = (name: string, value: fc.Arbitrary<string>) =>
  fc.option(
    value.map((text) => [name, text] as [string, string]),
    { nil: undefined, freq: 2 },
  )
const attack = fc
  .tuple(
    maybe(
      'filter',
      fc.oneof(
        filter,
        filter.map((text) => `(${text})`),
      ),
    ),
    maybe('sort', sort),
    maybe(
      'section',
      often('SECURITY', 'GENERAL', 'USER_AND_LOCATION', 'ALL', 'HARDWARE,GENERAL', 'security', ''),
    ),
    maybe('page', often('0', '1', '-1', '1e3', 'x')),
    maybe('page-size', often('100', '1', '3', '0', '99999', '2.5')),
  )
  .map((parts) => new URLSearchParams(parts.filter((part) => part !== undefined)).toString())

describe('filters and orders of Jamf Pro', () => {
  before(() => {
    const items = [...COMPLIANCE.items, 'protocol.jamfTotalCount'].map((item) => ({
      item,
      precision: 'exact' as const,
      reason: 'permitted' as const,
      policies: [],
    }))
    const plan = makePlan({
      door: 'in',
      tenantId: 'acme',
      flow: COMPLIANCE.inbound,
      recipient: 'tenant',
      purpose: 'compliance-check',
      manifestHash: '',
      items,
    })
    project = compileProjection(plan, exchange.response ?? assert.fail(), {
      pseudonymKey: Buffer.alloc(32),
    })
  })

  it('P1 whatever an attacker filters, sorts, pages or counts by, two servers that differ in withheld values look the same', () => {
    let answered = 0
    fc.assert(
      fc.property(attack, (query) => {
        const told = learned(one, query)
        if (told.startsWith('{')) answered++
        assert.equal(told, learned(other, query), query)
      }),
      { numRuns: 1_500, seed: 11 },
    )
    assert.ok(answered > 100, `only ${answered} attacks were answered at all`)
  })

  it('the same attacker finds each of the oracles that a weaker guard leaves open', () => {
    const strict = exchange.vet ?? assert.fail()
    const twins: Record<string, Vet> = {
      'filters pass': (asked, sees, came) => {
        const vetted = strict(
          { ...asked, query: without(asked.query, 'filter') },
          sees,
          without(came, 'filter'),
        )
        const text = came.get('filter')
        if (!isRefusal(vetted) && text !== null) vetted.query.set('filter', text)
        return vetted
      },
      'orders pass': (asked, sees, came) => {
        const vetted = strict(
          { ...asked, query: without(asked.query, 'sort') },
          sees,
          without(came, 'sort'),
        )
        if (isRefusal(vetted)) return vetted
        const order = came.getAll('sort')
        vetted.query.delete('sort')
        for (const sort of order) vetted.query.append('sort', sort)
        return vetted
      },
      'the server orders': (asked, sees, came) => {
        const vetted = strict(asked, sees, came)
        if (!isRefusal(vetted) && !came.has('sort')) vetted.query.delete('sort')
        return vetted
      },
      'ties are left to the server': (asked, sees, came) => {
        const vetted = strict(asked, sees, came)
        if (isRefusal(vetted) || !came.has('sort')) return vetted
        const [first = ''] = vetted.query.getAll('sort')
        vetted.query.set('sort', first)
        return vetted
      },
    }
    for (const [name, vet] of Object.entries(twins)) {
      const found = fc.check(
        fc.property(attack, (query) => learned(one, query, vet) === learned(other, query, vet)),
        { numRuns: 1_500, seed: 11 },
      )
      assert.equal(found.failed, true, name)
    }
  })

  it('P4 refuses what it does not know by item or reason, and names no selector', () => {
    assert.equal(learned(one, 'filter=userAndLocation.email==a*'), 'item_not_in_flow')
    assert.equal(learned(one, 'filter=invented.field==1'), 'item_unclassified')
    assert.equal(learned(one, 'sort=general.name:asc'), 'item_not_in_flow')
    assert.equal(learned(one, 'filter=id=like=1'), 'body_malformed')
    assert.equal(learned(one, 'filter=id==1&filter=general.name==A*'), 'body_malformed')
    assert.equal(learned(one, 'sort=id'), learned(one, ''))
    assert.equal(learned(one, 'page-size=2001'), 'body_malformed')
    const refusal = exchange.vet?.(
      { path: exchange.path, query: new URLSearchParams('sort=anna.example:asc') },
      seesBut({}),
      new URLSearchParams('sort=anna.example:asc'),
    )
    assert.ok(isRefusal(refusal) && !JSON.stringify(refusal).includes('anna'))
  })

  it('P6 an item that the tenant makes less exact can be filtered by no longer', () => {
    const query = 'filter=hardware.serialNumber==SYNC0000003'
    assert.match(learned(one, query), /SYNC0000003/)
    for (const precision of ['pseudonym', 'withheld'] as const)
      assert.equal(
        learned(one, query, exchange.vet, seesBut({ 'device.serialNumber': precision })),
        'item_not_in_flow',
      )
  })

  it('a filter that was cut or dropped on the way refuses the call, instead of asking for more', () => {
    const came = new URLSearchParams('filter=id==1')
    const vetted = exchange.vet?.(
      { path: exchange.path, query: new URLSearchParams() },
      seesBut({}),
      came,
    )
    assert.ok(isRefusal(vetted) && vetted.refused === 'body_malformed')
  })

  it('P12 asks for no section that brings nothing the caller may see', () => {
    const sections = (query: string, sees = seesBut({})) => {
      const asked = new URLSearchParams(query)
      const vetted = exchange.vet?.({ path: exchange.path, query: asked }, sees, asked)
      return vetted && !isRefusal(vetted) ? vetted.query.getAll('section') : vetted?.refused
    }
    assert.deepEqual(sections(''), ['HARDWARE', 'DISK_ENCRYPTION', 'SECURITY', 'OPERATING_SYSTEM'])
    assert.deepEqual(sections('section=SECURITY,GENERAL&section=USER_AND_LOCATION'), ['SECURITY'])
    assert.deepEqual(sections('section=ALL'), sections(''))
    assert.equal(sections('section=GENERAL'), 'nothing_allowed')
    assert.deepEqual(sections('', seesBut({ 'device.serialNumber': 'withheld' })), [
      'DISK_ENCRYPTION',
      'SECURITY',
      'OPERATING_SYSTEM',
    ])
  })
})

function without(query: URLSearchParams, name: string): URLSearchParams {
  const rest = new URLSearchParams(query)
  rest.delete(name)
  return rest
}

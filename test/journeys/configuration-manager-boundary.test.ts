import assert from 'node:assert/strict'
import { readFileSync, readdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { createDecider } from '#access/create-decider.ts'
import { loadPolicies } from '#access/policies.ts'
import { chooseCollection } from '#agreements/collection.ts'
import { giveConsent } from '#agreements/consent.ts'
import { givePermission, listAgent, recordContract } from '#agreements/party.ts'
import { planFlow } from '#agreements/plan-flow.ts'
import { readFlowFacts } from '#agreements/read-flow-facts.ts'
import { switchFeature } from '#agreements/switch-feature.ts'
import type { Catalog } from '#catalog/catalog.ts'
import { manifestOf } from '#catalog/manifest.ts'
import { shippedCatalog } from '#catalog/shipped.ts'
import { INSTALLATION, type Reader } from '#database/handles.ts'
import { newOrderedId } from '#foundation/ids.ts'
import { type KeyRoom, createKeys } from '#keys/create-keys.ts'
import { fileRootKey } from '#keys/root-key.ts'
import { append } from '#ledger/append.ts'
import {
  advanceDisclosureCounts,
  countDisclosuresOver,
  countDisclosuresTo,
} from '#ledger/count-disclosures.ts'
import { sequenceBatch } from '#ledger/sequence.ts'
import { createTenant } from '#tenants/create-tenant.ts'
import { type TestDatabase, testDatabase } from '../database.ts'
import { temporaryFolder } from '../folder.ts'

const PARTY = 'configuration-manager'
const ROOT = join(import.meta.dirname, '..', '..')
const now = Date.parse('2030-01-01T00:00:00Z')
const by = { actor: 'admin:1', at: now }

interface File {
  readonly path: string
  readonly text: string
}
const files: readonly File[] = readdirSync(join(ROOT, 'src'), {
  recursive: true,
  encoding: 'utf8',
})
  .filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts'))
  .map((path) => ({ path, text: readFileSync(join(ROOT, 'src', path), 'utf8') }))

/** The only files that may name it: what it is, what comes in from it, and what is read of that. */
const MAY_NAME =
  /^(?:catalog\/.*|(?:intake|records|viewing)\/diagnostics[\w-]*\.ts|http\/api\/diagnostics\/.*|http\/api\/all-endpoints\.ts|access\/diagnostics-decide\.ts|access\/roles\/.*|subjects\/view-words\.ts)$/
const NAME = /configuration-?manager|configmgr/i

/** Every way by which something could lead there. */
function pathsThere(all: readonly File[], catalog: Catalog): string[] {
  const outward = /#(?:sharing|notify|connectors)\/|undici|node:(?:http|https|http2|net|tls)/
  return [
    ...all
      .filter(({ path, text }) => NAME.test(text) && !MAY_NAME.test(path))
      .map(({ path }) => `${path} names it`),
    ...all
      .filter(({ path, text }) => NAME.test(path) && outward.test(text))
      .map(({ path }) => `${path} leads outward`),
    ...all
      .filter(
        ({ path, text }) =>
          /^(?:intake|records|viewing)\/diagnostics/.test(path) && outward.test(text),
      )
      .map(({ path }) => `${path} leads outward`),
    ...all
      .filter(({ path }) => /^connectors\/.*(?:configuration|configmgr)/.test(path))
      .map(({ path }) => `${path} is a connector`),
    ...[...catalog.flows.values()]
      .filter((flow) => flow.party === PARTY && flow.direction === 'outbound')
      .map((flow) => `${flow.id} is an outbound flow`),
    ...(catalog.parties.get(PARTY)?.standing === 'none' ? [] : ['it has a standing']),
  ]
}

/** A catalog as somebody might wrongly grow it: with an outbound flow there. */
const ITEMS = ['device.model', 'device.serialNumber', 'device.osName']
function withOutbound(standing: 'none' | 'thirdParty', party = PARTY): Catalog {
  const inbound = shippedCatalog.flows.get('configmgr-tenant-attach/inbound') ?? assert.fail()
  const known = shippedCatalog.parties.get(party) ?? assert.fail()
  const items = inbound.items.filter(({ item }) => ITEMS.includes(item))
  assert.ok(items.length >= 2)
  return {
    ...shippedCatalog,
    parties: new Map(shippedCatalog.parties).set(party, { ...known, standing }),
    flows: new Map(shippedCatalog.flows).set(FLOW, {
      ...inbound,
      id: FLOW,
      party,
      direction: 'outbound',
      items,
    }),
  }
}
const FLOW = 'configmgr-tenant-attach/outbound'

describe('P15 Configuration Manager gets nothing', () => {
  let test: TestDatabase
  let keys: KeyRoom
  let folder: string
  const texts = loadPolicies(join(ROOT, 'policies'))

  before(async () => {
    test = await testDatabase()
    folder = await temporaryFolder('boundary')
    keys = await createKeys({
      database: test.database,
      rootKey: await fileRootKey(join(folder, 'root.key')),
    })
    await test.database.write(INSTALLATION, async (tx) => {
      await keys.createTenantKeys(tx)
      for (const party of [PARTY, 'apple']) await listAgent(tx, party, 0, { ...by, at: 1 })
    })
  })
  after(async () => {
    await keys.close()
    await test.stop()
    await rm(folder, { recursive: true, force: true })
  })
  let tenants = 0
  const makeTenant = async (): Promise<string> => {
    const tenantId = `tenant-${tenants++}`
    await test.database.write(tenantId, (tx) =>
      createTenant(tx, keys, { name: 'Example', region: 'EU', actor: 'operator:1', at: now }),
    )
    return tenantId
  }

  describe('no code path', () => {
    it('leads there: no connector, exchange, outbound flow or import', () => {
      assert.deepEqual(pathsThere(files, shippedCatalog), [])
    })
    it('could be added without being noticed', () => {
      const wrong: [string, string][] = [
        ['connectors/configuration-manager/client.ts', 'export const a = 1'],
        ['sharing/share.ts', "const party = 'configuration-manager'"],
        ['connectors/apple/exchanges.ts', "outbound: 'configmgr-tenant-attach/outbound'"],
        ['intake/diagnostics.ts', "import { share } from '#sharing/share.ts'"],
        ['http/api/diagnostics/configuration-manager.ts', "import { request } from 'undici'"],
      ]
      for (const [path, text] of wrong)
        assert.notDeepEqual(pathsThere([{ path, text }], shippedCatalog), [], path)
      assert.notDeepEqual(pathsThere([], withOutbound('none')), [])
    })
  })

  /** Everything an admin and the operator can do to open a flow, or a part of it. */
  interface Acts {
    readonly feature: boolean
    readonly consent: boolean
    readonly permission: boolean
    readonly contract: boolean
    readonly precision: boolean
  }
  const allowed = async (
    catalog: Catalog,
    acts: Acts,
    decider: ReturnType<typeof createDecider>,
  ) => {
    const tenantId = await makeTenant()
    const party = catalog.flows.get(FLOW)?.party ?? ''
    const purpose = 'tenant-attach'
    const facts = await test.database.write(tenantId, async (tx) => {
      if (acts.feature) await switchFeature(tx, catalog, 'configmgr-tenant-attach', true, by)
      if (acts.consent) {
        const { hash } = manifestOf(catalog, FLOW)
        await giveConsent(tx, catalog, { flowId: FLOW, manifestHash: hash }, by)
      }
      if (acts.contract || acts.permission) {
        const made = {
          partyId: party,
          documentHash: 'a'.repeat(64),
          purposes: [purpose],
          from: now,
        }
        const contract = await recordContract(tx, made, by)
        if (acts.permission) await givePermission(tx, party, contract, by)
      }
      if (acts.precision)
        for (const itemId of ITEMS) await chooseCollection(tx, catalog, { itemId, on: true }, by)
      return readFlowFacts(tx, catalog, FLOW)
    })
    const call = { purpose, permanent: false, approved: true }
    const plan = planFlow({ catalog, decider }, facts, call, ITEMS, now + 1)
    return plan.items.filter((one) => one.precision !== 'withheld').map((one) => one.item)
  }
  const ALL = { feature: true, consent: true, permission: true, contract: true, precision: true }

  it('whatever consents, permissions, contracts and listings there are', async () => {
    const decider = createDecider(await texts)
    const acts = fc.record({
      feature: fc.boolean(),
      consent: fc.boolean(),
      permission: fc.boolean(),
      contract: fc.boolean(),
      precision: fc.boolean(),
    })
    await fc.assert(
      fc.asyncProperty(acts, fc.constantFrom('none', 'thirdParty'), async (chosen, standing) => {
        assert.deepEqual(await allowed(withOutbound(standing as 'none'), chosen, decider), [])
      }),
      {
        numRuns: 40,
        examples: [
          [ALL, 'none'],
          [ALL, 'thirdParty'],
        ],
      },
    )
  })

  it('while the same acts open the flow to another party, and a policy less would open it here', async () => {
    const real = await texts
    const toApple = withOutbound('thirdParty', 'apple')
    assert.notDeepEqual(await allowed(toApple, ALL, createDecider(real)), [])
    const { 'configuration-manager': gone, ...policies } = real.policies
    assert.ok(gone)
    const weaker = createDecider({ ...real, policies })
    assert.notDeepEqual(await allowed(withOutbound('thirdParty'), ALL, weaker), [])
    // The standing alone still holds.
    assert.deepEqual(await allowed(withOutbound('none'), ALL, weaker), [])
  })

  describe('the count of the ledger', () => {
    const disclose = (tenantId: string, party: string) =>
      test.database.write(tenantId, (tx) =>
        append(tx, {
          id: newOrderedId(now),
          at: '2030-01-01T00:00:00.000Z',
          kind: 'disclosure',
          actor: 'client:1',
          data: { party },
        }),
      )
    const count = (tenantId: string, party: string) =>
      test.database.read(tenantId, (reader) => countDisclosuresTo(reader, party))
    const sequence = async (tenantId: string) => {
      const signer = await keys.signer('ledger')
      await test.database.write(tenantId, (tx) =>
        sequenceBatch(tx, { ledgerName: 'sluss.example', signer, now: () => now }),
      )
    }

    it('is zero over the installation, and would not be after one disclosure', async () => {
      const [one, two] = [await makeTenant(), await makeTenant()]
      for (const tenant of [one, two]) await disclose(tenant, 'apple')
      const over = (party: string) => countDisclosuresOver(test.database, [one, two], party)
      assert.deepEqual([await over(PARTY), await over('apple')], [0, 2])
      await disclose(two, PARTY)
      assert.equal(await over(PARTY), 1)
    })

    it('is the same whether entries wait, have their place, or are written down as counted', async () => {
      const tenant = await makeTenant()
      for (let i = 0; i < 5; i++) await disclose(tenant, 'apple')
      assert.equal(await count(tenant, 'apple'), 5)
      await sequence(tenant)
      assert.equal(await count(tenant, 'apple'), 5)
      await test.database.write(tenant, advanceDisclosureCounts)
      await test.database.write(tenant, advanceDisclosureCounts)
      assert.equal(await count(tenant, 'apple'), 5)
      await disclose(tenant, 'apple')
      await disclose(tenant, PARTY)
      assert.deepEqual([await count(tenant, 'apple'), await count(tenant, PARTY)], [6, 1])
      await sequence(tenant)
      await test.database.write(tenant, advanceDisclosureCounts)
      assert.deepEqual([await count(tenant, 'apple'), await count(tenant, PARTY)], [6, 1])
    })

    const withEntries = (rows: readonly { readonly entries: Buffer | null }[]): number =>
      rows.filter((row) => row.entries !== null).length

    it('reads no entry that was counted before', async () => {
      const tenant = await makeTenant()
      for (let i = 0; i < 3; i++) await disclose(tenant, 'apple')
      await sequence(tenant)
      const segmentsRead = () =>
        test.database.read(tenant, async (reader) => {
          let read = 0
          const counting: Reader = {
            tenantId: tenant,
            rows: async (text, values) => {
              const rows = await reader.rows<never>(text, values)
              if (text.includes('first_index >= $2')) read += withEntries(rows)
              return rows
            },
          }
          await countDisclosuresTo(counting, 'apple')
          return read
        })
      assert.equal(await segmentsRead(), 3)
      await test.database.write(tenant, advanceDisclosureCounts)
      assert.equal(await segmentsRead(), 0)
    })

    it('P9 of one tenant is not that of another', async () => {
      const [one, two] = [await makeTenant(), await makeTenant()]
      await disclose(one, 'apple')
      assert.deepEqual([await count(one, 'apple'), await count(two, 'apple')], [1, 0])
    })
  })
})

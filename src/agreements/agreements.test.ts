import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { withoutFlowItem } from '#catalog/grow.ts'
import { manifestOf } from '#catalog/manifest.ts'
import { shippedCatalog } from '#catalog/shipped.ts'
import { isRefusal } from '#foundation/refusal.ts'
import { FACTS_CHANNEL } from '#tenants/facts-version.ts'
import { type TestDatabase, testDatabase, waitingEntries } from '../../test/database.ts'
import { chooseCollection } from './collection.ts'
import { giveConsent, withdrawConsent } from './consent.ts'
import { decisionFacts, validUntil } from './decision-facts.ts'
import {
  endContract,
  givePermission,
  listAgent,
  objectToAgent,
  recordContract,
  withdrawPermission,
} from './party.ts'
import { readFlowFacts } from './read-flow-facts.ts'
import { switchFeature } from './switch-feature.ts'

const FLOW = 'apple-device-enrollment/outbound'
const at = Date.parse('2030-01-01T00:00:00Z')
const by = { actor: 'admin:1', at }
const day = 86_400_000
const call = { purpose: 'device-enrolment-management', permanent: false, approved: false }

describe('agreements', () => {
  let test: TestDatabase
  before(async () => {
    test = await testDatabase()
  })
  after(() => test.stop())

  const state = async (tenantId: string, now = at) => {
    const facts = await test.database.read(tenantId, (reader) =>
      readFlowFacts(reader, shippedCatalog, FLOW),
    )
    return { facts, words: decisionFacts(facts, shippedCatalog, call, now) }
  }
  const { hash } = manifestOf(shippedCatalog, FLOW)

  it('P2 nothing is agreed to begin with', async () => {
    const { words } = await state('blank')
    assert.deepEqual(
      [
        words.tenantOpen,
        words.featureOn,
        words.consentState,
        words.permissionState,
        words.contractState,
      ],
      [false, false, 'missing', 'missing', 'missing'],
    )
  })

  it('P2 consent covers the items that were shown, until it ends or is withdrawn', async () => {
    await test.database.write('consents', async (tx) => {
      await switchFeature(tx, shippedCatalog, 'apple-device-enrollment', true, by)
      assert.equal(
        typeof (await giveConsent(
          tx,
          shippedCatalog,
          { flowId: FLOW, manifestHash: hash, until: at + day },
          by,
        )),
        'string',
      )
    })
    assert.equal((await state('consents')).words.consentState, 'inForce')
    assert.equal((await state('consents', at + day)).words.consentState, 'expired')
    assert.equal(validUntil((await state('consents')).facts, at), at + day)
    await test.database.write('consents', (tx) =>
      withdrawConsent(tx, FLOW, by, 'free words of a person'),
    )
    assert.equal((await state('consents')).words.consentState, 'withdrawn')
    const entries = await waitingEntries(test)
    assert.ok(entries.length > 0)
    assert.ok(entries.every(({ bytes }) => !bytes.includes('free words')))
  })

  it('refuses consent to a manifest that is not the current one', async () => {
    const older = withoutFlowItem(shippedCatalog, FLOW, 'enrollmentProfile.department')
    const stale = manifestOf(older, FLOW).hash
    const answer = await test.database.write('stale', (tx) =>
      giveConsent(tx, shippedCatalog, { flowId: FLOW, manifestHash: stale }, by),
    )
    assert.ok(isRefusal(answer) && answer.refused === 'consent_lapsed')
  })

  it('P2 a consent to an older manifest does not cover what came later', async () => {
    const older = withoutFlowItem(shippedCatalog, FLOW, 'enrollmentProfile.department')
    await test.database.write('grown', (tx) =>
      giveConsent(tx, older, { flowId: FLOW, manifestHash: manifestOf(older, FLOW).hash }, by),
    )
    const { words } = await state('grown')
    assert.ok(words.flowItems.has('enrollmentProfile.department'))
    assert.ok(!words.consentedItems.has('enrollmentProfile.department'))
    assert.ok(words.consentedItems.has('device.serialNumber'))
  })

  it('P2 a party that is no agent needs permission and a contract in force for the purpose', async () => {
    let contract = ''
    await test.database.write('parties', async (tx) => {
      contract = await recordContract(
        tx,
        {
          partyId: 'apple',
          documentHash: 'ab',
          purposes: [call.purpose],
          from: at + day,
          until: at + 3 * day,
        },
        by,
      )
      await givePermission(tx, 'apple', contract, by)
    })
    assert.deepEqual((await state('parties')).words.contractState, 'notYet')
    assert.deepEqual((await state('parties', at + 2 * day)).words.contractState, 'inForce')
    assert.deepEqual((await state('parties', at + 3 * day)).words.contractState, 'expired')
    const { facts } = await state('parties')
    const other = decisionFacts(
      {
        ...facts,
        party: {
          ...facts.party,
          contract: facts.party.contract && {
            ...facts.party.contract,
            purposes: new Set(['else']),
          },
        },
      },
      shippedCatalog,
      call,
      at + 2 * day,
    )
    assert.equal(other.purposeDeclared, false)
    await test.database.write('parties', (tx) =>
      endContract(tx, contract, { ...by, at: at + 2 * day }),
    )
    assert.equal((await state('parties', at + 2 * day)).words.contractState, 'expired')
    await test.database.write('parties', (tx) => withdrawPermission(tx, 'apple', by))
    assert.equal((await state('parties')).words.permissionState, 'withdrawn')
  })

  it('P2 an agent waits for its lead time and stops at an objection; every tenant hears of the list', async () => {
    await test.database.write('agents', (tx) =>
      switchFeature(tx, shippedCatalog, 'zebra-lifeguard-ota', true, by),
    )
    const zebra = async (now: number) => {
      const facts = await test.database.read('agents', (reader) =>
        readFlowFacts(reader, shippedCatalog, 'zebra-lifeguard-ota/outbound'),
      )
      return {
        version: facts.version,
        state: decisionFacts(facts, shippedCatalog, { ...call, purpose: 'firmware-update' }, now)
          .agentState,
      }
    }
    const before = await zebra(at)
    assert.equal(before.state, 'notAgent')
    await test.database.write('installation', (tx) => listAgent(tx, 'zebra', 30, by))
    assert.deepEqual(await zebra(at + 29 * day), { version: before.version + 1, state: 'leadTime' })
    assert.equal((await zebra(at + 30 * day)).state, 'listed')
    await test.database.write('agents', (tx) => objectToAgent(tx, 'zebra', by))
    assert.equal((await zebra(at + 30 * day)).state, 'objected')
    await assert.rejects(
      test.database.write('agents', (tx) => listAgent(tx, 'zebra', 0, by)),
      RangeError,
    )
  })

  it('P6 a tenant cannot choose a precision that the item does not offer, nor switch a never item on', async () => {
    await test.database.write('choices', async (tx) => {
      const choose = (itemId: string, on: boolean, precision?: string) =>
        chooseCollection(
          tx,
          shippedCatalog,
          { itemId, on, ...(precision === undefined ? {} : { precision }) },
          by,
        )
      assert.equal(
        (await choose('enrollmentProfile.supportEmail', true, 'truncate:3'))?.refused,
        'policy_denied',
      )
      assert.equal((await choose('never.contacts', true))?.refused, 'item_never')
      assert.equal((await choose('no.such', true))?.refused, 'item_unclassified')
      assert.equal(await choose('enrollmentProfile.supportEmail', true, 'domain'), undefined)
    })
    assert.equal(
      (await state('choices')).facts.collection.get('enrollmentProfile.supportEmail')?.precision,
      'domain',
    )
  })

  it('P5 every node hears of a change when it commits', async () => {
    const second = await test.openSecond()
    const heard = new Promise<string>((resolve) => {
      void second
        .listen(FACTS_CHANNEL, (payload) => payload === 'heard' && resolve(payload))
        .then(() => test.database.write('heard', (tx) => withdrawOrSwitch(tx)))
    })
    assert.equal(await heard, 'heard')
  })

  const withdrawOrSwitch = (tx: Parameters<typeof switchFeature>[0]) =>
    switchFeature(tx, shippedCatalog, 'apple-device-enrollment', false, by)
})

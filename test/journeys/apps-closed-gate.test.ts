import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { request } from 'undici'
import { chooseCollection } from '#agreements/collection.ts'
import { giveConsent } from '#agreements/consent.ts'
import { givePermission, recordContract } from '#agreements/party.ts'
import { switchFeature } from '#agreements/switch-feature.ts'
import { manifestOf } from '#catalog/manifest.ts'
import { shippedCatalog } from '#catalog/shipped.ts'
import { sha256Hex } from '#foundation/hashing.ts'
import { pseudonymiser } from '#minimisation/rules.ts'
import {
  APPS_CONNECTION,
  APPS_IN,
  APPS_OUT,
  agreeOnAppleApps,
  connectAppleApps,
} from '../../sandbox/apple-apps/connect.ts'
import { keptLog } from '../kept-log.ts'
import { type Random, generator } from './canary/random.ts'
import { consentWithout } from './canary/rules.ts'
import { type AppsNode, TENANT, startAppsNode } from './apps-node.ts'
import { openTenant } from './party-node.ts'

const CALLS = 2_000
const ROUNDS = 8
const AT_ONCE = 16

type Kind = 'text' | 'texts'
/** What the model knows of a few calls, written down by hand and not taken from the product: place, item. */
type Model = Readonly<Record<string, readonly [item: string, kind: Kind]>>
const ID = 'person.intuneUserIdGuid'
const USER: Model = {
  clientUserId: [ID, 'text'],
  email: ['person.licenceEmail', 'text'],
  managedAppleId: ['person.managedAppleIdUpn', 'text'],
}
const TARGETS: Model = {
  clientUserIds: [ID, 'texts'],
  serialNumbers: ['device.serialNumber', 'texts'],
}
const ANSWERED: Model = {
  clientUserId: [ID, 'text'],
  email: ['person.licenceEmail', 'text'],
  managedAppleId: ['person.managedAppleIdUpn', 'text'],
  idHash: ['person.appleUserId', 'text'],
  inviteCode: ['credential.inviteCode', 'text'],
  inviteUrl: ['credential.inviteCode', 'text'],
  status: ['person.userStatus', 'text'],
}
const ITEMS = [
  ...new Set(
    [USER, TARGETS, ANSWERED].flatMap((model) => Object.values(model).map(([item]) => item)),
  ),
]
/** Of these a call must say all or nothing. */
const INTACT = new Set([ID, 'device.serialNumber'])

const found = (text: string): string[] => text.match(/cny\d+x/g) ?? []

interface Rules {
  /** How exactly an item goes: consent first, then the tenant's choice, then the flow's default. */
  out(item: string): 'exact' | 'pseudonym' | 'withheld'
  in(item: string): 'exact' | 'pseudonym' | 'withheld'
}

describe('closed gate to Apple Apps and Books', () => {
  it(`P1 P10 of ${CALLS.toLocaleString('en')} generated calls through random consents and choices, no canary reaches Apple, comes back or is logged that the model does not allow`, async () => {
    const random = generator(20_261_125)
    const { log, lines } = keptLog()
    const t = await startAppsNode({ log, apps: { pageSize: 1_000 } })
    let canaries = 0
    const canary = (): string => `cny${canaries++}x`
    const sum = { sent: 0, back: 0, refused: 0 }
    try {
      for (let round = 0; round < ROUNDS; round++) {
        const rules = await agreeAtRandom(t, random)
        let left = CALLS / ROUNDS
        const worker = async (): Promise<void> => {
          while (left-- > 0) {
            const done = random.chance(0.4)
              ? await oneAnswer(t, random, canary, rules)
              : await oneCall(t, random, canary, rules)
            for (const key of ['sent', 'back', 'refused'] as const) sum[key] += done[key] ?? 0
          }
        }
        await Promise.all(Array.from({ length: AT_ONCE }, worker))
        t.apps.received.length = 0
      }
      for (const [what, count] of Object.entries(sum))
        assert.ok(count > CALLS / 40, `only ${count} ${what}`)
      assert.deepEqual(
        lines.filter((line) => /cny|sluss_/.test(line) || line.includes(t.apps.tokenFile)),
        [],
      )
      const entries = JSON.stringify(await t.entries())
      assert.deepEqual(found(entries), [])
      console.log(`${canaries} canaries`, sum)
    } finally {
      await t.stop()
    }
  })

  it('P2 says no, and sends nothing, until feature, contract, permission and both consents are there', async () => {
    const t = await startAppsNode({ agreed: false })
    const by = () => ({ actor: 'admin:1', at: t.node.sharing.gate.now() })
    const refusal = async () => (await t.call('GET', '/mdm/v2/users')).refusal
    const consent = (flowId: string) =>
      t.node.database.write(TENANT, (tx) =>
        giveConsent(
          tx,
          shippedCatalog,
          { flowId, manifestHash: manifestOf(shippedCatalog, flowId).hash },
          by(),
        ),
      )
    try {
      assert.equal(await refusal(), 'feature_off')
      await t.node.database.write(TENANT, (tx) =>
        switchFeature(tx, shippedCatalog, 'apple-volume-purchase', true, by()),
      )
      assert.equal(await refusal(), 'permission_missing')
      await t.node.database.write(TENANT, async (tx) => {
        const terms = {
          partyId: 'apple',
          documentHash: sha256Hex('x'),
          purposes: ['app-licensing'],
          from: by().at,
        }
        await givePermission(tx, 'apple', await recordContract(tx, terms, by()), by())
      })
      assert.equal(await refusal(), 'consent_missing')
      await consent(APPS_OUT)
      assert.equal(await refusal(), 'consent_missing')
      assert.equal(t.apps.received.length, 0)
      await consent(APPS_IN)
      assert.equal(await refusal(), undefined)
      assert.equal(t.apps.received.length, 1)
    } finally {
      await t.stop()
    }
  })

  it('P10 gives two tenants, and two recipients, names for one person that do not match', async () => {
    const t = await startAppsNode()
    try {
      await openTenant(t.node, 'other')
      const token = await connectAppleApps(t.node, 'other', t.apps)
      await agreeOnAppleApps(t.node, 'other')
      const gateway = await t.node.openGateway({
        tenantId: 'other',
        connectionId: APPS_CONNECTION,
        connectorId: 'apple-apps-and-books',
        port: 0,
      })
      const body = { users: [{ clientUserId: 'anna' }, { clientUserId: 'bo' }] }
      await t.call('POST', '/mdm/v2/users/create', body)
      await request(`http://127.0.0.1:${gateway.port}/mdm/v2/users/create`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
      t.apps.service.settleAll()
      const names = t.apps.service.users.map((user) => user.clientUserId)
      const elsewhere = await Promise.all(
        ['google', 'tenant'].map((recipient) =>
          t.node.database.read(TENANT, async (reader) =>
            pseudonymiser(await t.node.keys.pseudonymKey(reader, recipient))('anna'),
          ),
        ),
      )
      assert.equal(new Set([...names, ...elsewhere]).size, 6)
      // Each tenant reads back its own people only: the other's name means nothing to it.
      const read = await t.call('GET', '/mdm/v2/users')
      const mine = read.body.users.map((user: { clientUserId: string }) => user.clientUserId)
      assert.deepEqual(mine.slice(0, 2), ['anna', 'bo'])
      assert.ok(mine.slice(2).every((name: string) => /^[\w-]{24}$/.test(name)))
    } finally {
      await t.stop()
    }
  })
})

/** Canaries of answers whose place the model lets in. */
const mayComeBack = new Set<string>()

interface Done {
  readonly sent?: number
  readonly back?: number
  readonly refused?: number
}

/** A change with canaries everywhere: in body, query and headers, under names that exist and names that do not. */
async function oneCall(
  t: AppsNode,
  random: Random,
  canary: () => string,
  rules: Rules,
): Promise<Done> {
  const tag = canary()
  const headers = { 'x-note': tag, cookie: tag, referer: `https://${tag}.example.org/` }
  const [path, model, essentials] =
    (
      [
        ['/users/create', USER, []],
        ['/users/update', USER, []],
        ['/assets/associate', TARGETS, [{ adamId: '408709701', pricingParam: 'STDQ' }]],
        ['/assets/revoke', TARGETS, []],
      ] as const
    )[random.below(4)] ?? assert.fail()
  const made: Record<string, unknown> = {}
  const allowed = new Set<string>()
  let spoilt = false
  for (const [place, [item, kind]] of Object.entries(model)) {
    if (random.chance(0.2)) continue
    const one = canary()
    const wrong = random.chance(0.1)
    made[place] = wrong ? { note: one } : kind === 'text' ? one : [one]
    if (wrong) continue
    if (rules.out(item) === 'exact') allowed.add(one)
    else if (rules.out(item) === 'withheld' && INTACT.has(item)) spoilt = true
  }
  if (random.chance(0.3))
    made[random.chance(0.5) ? canary() : 'note'] = random.chance(0.5) ? canary() : [canary()]
  const body = model === USER ? { users: [made] } : { ...made, assets: essentials }
  const from = t.apps.received.length
  const came = await t.call('POST', `/mdm/v2${path}?owner=${tag}`, body, headers)
  const mine = new Set(found(JSON.stringify(body)))
  const arrived = t.apps.received.slice(from).map((one) => one.bytes.toString('latin1'))
  for (const text of arrived) assert.ok(!text.includes(tag), 'a header or parameter rode along')
  const reached = arrived.flatMap(found).filter((one) => mine.has(one))
  for (const one of reached)
    assert.ok(allowed.has(one), `${one} reached Apple in ${JSON.stringify(body)}`)
  if (spoilt) {
    assert.equal(came.refusal, 'nothing_allowed', `${JSON.stringify(body)} ${came.text}`)
    assert.deepEqual(reached, [])
    return { refused: 1 }
  }
  assert.equal(came.refusal, undefined, came.text)
  return { sent: reached.length }
}

/** A read whose answer holds canaries under names that exist and names that do not, and one in an error. */
async function oneAnswer(
  t: AppsNode,
  random: Random,
  canary: () => string,
  rules: Rules,
): Promise<Done> {
  const tag = canary()
  const user: Record<string, unknown> = {}
  for (const [place, [item]] of Object.entries(ANSWERED)) {
    if (random.chance(0.2)) continue
    const one = canary()
    const wrong = random.chance(0.1)
    user[place] = wrong ? [one] : one
    if (!wrong && rules.in(item) === 'exact') mayComeBack.add(one)
  }
  if (random.chance(0.3)) user[canary()] = canary()
  const failed = random.chance(0.2)
  const body = failed
    ? { errorInfo: { clientUserIds: [canary()] }, errorMessage: canary(), errorNumber: 9609 }
    : { users: [user], versionId: 'v', [canary()]: canary() }
  t.apps.inject(`/mdm/v2/users`, {
    kind: 'alter',
    alter: () => ({
      status: random.chance(0.5) || !failed ? 200 : 400,
      body,
      headers: { 'x-note': tag, etag: tag },
    }),
  })
  const came = await t.call('GET', '/mdm/v2/users')
  const text = came.text + JSON.stringify(came.headers)
  // Calls share the queue of answers, so it may be the answer of another one.
  const back = found(text)
  for (const one of back) assert.ok(mayComeBack.has(one), `${one} came back`)
  return { back: back.length }
}

/** Consents to what an older catalog had in the flow, and chooses precisions: what the model then expects. */
async function agreeAtRandom(t: AppsNode, random: Random): Promise<Rules> {
  const by = { actor: 'admin:1', at: t.node.sharing.gate.now() }
  const lapsed = new Map<string, Set<string>>()
  const chosen = new Map<string, 'exact' | 'pseudonym' | 'withheld'>()
  for (const flowId of [APPS_OUT, APPS_IN]) {
    const dropped = new Set(ITEMS.filter(() => random.chance(0.15)))
    lapsed.set(flowId, dropped)
    await t.node.database.write(TENANT, (tx) =>
      consentWithout(tx, shippedCatalog, flowId, dropped, by),
    )
  }
  await t.node.database.write(TENANT, async (tx) => {
    for (const itemId of ITEMS) {
      const possible = shippedCatalog.items.get(itemId)?.precisions.includes('pseudonym')
        ? (['exact', 'exact', 'pseudonym', 'withheld'] as const)
        : (['exact', 'exact', 'withheld'] as const)
      const precision = possible[random.below(possible.length)] ?? 'exact'
      chosen.set(itemId, precision)
      await chooseCollection(tx, shippedCatalog, { itemId, on: true, precision }, by)
    }
  })
  const rule = (flowId: string) => (item: string) =>
    lapsed.get(flowId)?.has(item) ? 'withheld' : (chosen.get(item) ?? 'exact')
  return { out: rule(APPS_OUT), in: rule(APPS_IN) }
}

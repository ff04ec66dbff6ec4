import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { chooseCollection } from '#agreements/collection.ts'
import { shippedCatalog } from '#catalog/shipped.ts'
import { GOOGLE_IN, GOOGLE_OUT } from '../../sandbox/google/connect.ts'
import { keptLog } from '../kept-log.ts'
import { type Random, generator } from './canary/random.ts'
import { consentWithout } from './canary/rules.ts'
import { type GoogleNode, TENANT, startGoogleNode } from './google-node.ts'

const CALLS = 10_000
const ROUNDS = 5
const AT_ONCE = 32

type Kind = 'text' | 'texts' | 'flag' | 'json' | 'names'
/** What the model knows of a few calls, written down by hand and not taken from the product: place, item, kind. */
type Model = Readonly<Record<string, readonly [item: string, kind: Kind]>>

const UPGRADE: Model = {
  adminEmail: ['person.googleAdminEmail', 'text'],
  allowedDomains: ['organisation.androidSettings', 'texts'],
}
const WEB_TOKEN: Model = {
  parentFrameUrl: ['protocol.webTokenSettings', 'text'],
  permissions: ['protocol.webTokenSettings', 'texts'],
  value: ['credential.webToken', 'text'],
}
const POLICY: Model = {
  frpAdminEmails: ['person.policyAdminEmails', 'texts'],
  cameraDisabled: ['policy.policyBody', 'flag'],
  maximumTimeToLock: ['policy.policyBody', 'text'],
  openNetworkConfiguration: ['policy.openNetworkConfiguration', 'json'],
}
const COMMAND: Model = {
  newPassword: ['credential.newPassword', 'text'],
  userName: ['person.userName', 'text'],
  duration: ['protocol.androidCommand', 'text'],
}
const DEVICE: Model = {
  userName: ['person.userName', 'text'],
  'user.accountIdentifier': ['person.googleUser', 'text'],
  'networkInfo.imei': ['device.imei', 'text'],
  'hardwareInfo.serialNumber': ['device.serialNumber', 'text'],
  'softwareInfo.androidVersion': ['device.softwareInfo', 'text'],
  previousDeviceNames: ['device.previousNames', 'texts'],
  systemProperties: ['device.systemProperties', 'names'],
  enrollmentTokenData: ['device.enrolmentData', 'text'],
}
/** Items whose loss refuses the call: the test leaves them alone, another journey shows that. */
const NEEDED = new Set(['policy.policyBody', 'protocol.androidCommand'])
const itemsOf = (...models: Model[]) =>
  [...new Set(models.flatMap((model) => Object.values(model).map(([item]) => item)))].filter(
    (item) => !NEEDED.has(item),
  )

interface Made {
  readonly body: Record<string, unknown>
  /** Canaries of places that the model permits. */
  readonly allowed: Set<string>
  /** Something in it is unknown or kept back: a call that goes only whole does not go. */
  readonly spoilt: boolean
}

function make(
  model: Model,
  open: (item: string) => boolean,
  random: Random,
  canary: () => string,
  strange = 0.4,
): Made {
  const body: Record<string, unknown> = {}
  const allowed = new Set<string>()
  let spoilt = false
  for (const [place, [item, kind]] of Object.entries(model)) {
    if (random.chance(0.3)) continue
    const [outer = '', inner] = place.split('.')
    const wrong = random.chance(strange / 8)
    const one = canary()
    const right = { text: one, texts: [one], flag: true, json: { a: [one] }, names: { [one]: one } }
    const value = wrong ? (kind === 'json' ? undefined : [{ note: one }]) : right[kind]
    if (value === undefined) continue
    if (inner === undefined) body[outer] = value
    else body[outer] = { ...(body[outer] as object | undefined), [inner]: value }
    if (wrong || !open(item)) spoilt = true
    else allowed.add(one)
  }
  if (random.chance(strange)) {
    spoilt = true
    body[random.chance(0.5) ? canary() : `x${random.below(9)}`] = random.chance(0.5)
      ? canary()
      : { a: [canary()] }
  }
  return { body, allowed, spoilt }
}

const found = (text: string): string[] => text.match(/cny\d+x/g) ?? []

describe('closed gate to Google', () => {
  it(`P1 of ${CALLS.toLocaleString('en')} generated calls through random consents, no canary reaches Google, comes back or is logged that the model does not allow`, async () => {
    const seed = Date.now() % 1_000_000
    const random = generator(seed)
    console.log(`seed ${seed}`)
    const { log, lines } = keptLog()
    const t = await startGoogleNode({ log })
    let canaries = 0
    const canary = (): string => `cny${canaries++}x`
    let sent = 0
    let back = 0
    try {
      for (let round = 0; round < ROUNDS; round++) {
        const outward = await agreeAtRandom(
          t,
          GOOGLE_OUT,
          itemsOf(UPGRADE, WEB_TOKEN, POLICY, COMMAND),
          random,
        )
        const inward = await agreeAtRandom(t, GOOGLE_IN, itemsOf(DEVICE), random)
        const withheld = await withholdAtRandom(
          t,
          itemsOf(UPGRADE, WEB_TOKEN, POLICY, COMMAND, DEVICE),
          random,
        )
        const mayGo = (item: string) => !outward.has(item) && !withheld.has(item)
        const mayCome = (item: string) => !inward.has(item) && !withheld.has(item)
        let left = CALLS / ROUNDS
        const worker = async (): Promise<void> => {
          while (left-- > 0) {
            const done = await oneCall(t, random, canary, mayGo, mayCome)
            sent += done.sent
            back += done.back
          }
        }
        await Promise.all(Array.from({ length: AT_ONCE }, worker))
        t.google.received.length = 0
      }
      assert.ok(sent > CALLS / 20, `only ${sent} permitted canaries arrived`)
      assert.ok(back > CALLS / 20, `only ${back} permitted canaries came back`)
      assert.deepEqual(
        lines.filter((line) => /cny|ya29|PRIVATE|sluss_/.test(line)),
        [],
      )
      console.log(`${canaries} canaries, ${sent} permitted outward, ${back} inward`)
    } finally {
      await t.stop()
    }
  })
})

const TARGETS = [
  ['POST', (e: string) => `${e}:generateEnterpriseUpgradeUrl`, UPGRADE, false],
  ['POST', (e: string) => `${e}/webTokens`, WEB_TOKEN, false],
  ['PATCH', (e: string) => `${e}/policies/p`, POLICY, true],
  ['POST', (e: string, d: string) => `${d}:issueCommand`, COMMAND, true],
] as const

/** One call with canaries in body, path, query and headers, or one whose answer holds them. Each is hunted by its own tag. */
async function oneCall(
  t: GoogleNode,
  random: Random,
  canary: () => string,
  mayGo: (item: string) => boolean,
  mayCome: (item: string) => boolean,
): Promise<{ sent: number; back: number }> {
  const { enterprise } = t.google.service
  const device = [...t.google.service.kept.keys()][1] ?? ''
  const tag = canary()
  const headers = { 'x-note': tag, cookie: tag, referer: `https://${tag}.example.org/` }
  if (random.chance(0.5)) {
    // A name of its own for each, so that its answer is its own.
    const name = `${device}-${canary()}`
    const answer = make(DEVICE, mayCome, random, canary)
    t.google.inject(`/v1/${name}`, {
      kind: 'answer',
      answer: { status: 200, body: answer.body, headers: { 'x-note': tag, etag: tag } },
    })
    const came = await t.call('GET', `/v1/${name}?owner=${tag}&alt=${tag}`, undefined, headers)
    assert.equal(came.status, 200, came.body)
    const text = came.body + JSON.stringify(came.headers)
    for (const one of found(text)) assert.ok(answer.allowed.has(one), `${one} came back`)
    const arrived = t.google.received.findLast((one) => one.target.includes(name))
    assert.ok(arrived && !arrived.bytes.includes(tag), 'a header or parameter rode along')
    return { sent: 0, back: found(came.body).length }
  }
  const [method, target, model, whole] = TARGETS[random.below(TARGETS.length)] ?? assert.fail()
  const { body, allowed, spoilt } = make(model, mayGo, random, canary, random.chance(0.5) ? 0.8 : 0)
  const complete = model === COMMAND ? { ...body, type: 'LOCK' } : body
  const from = t.google.received.length
  const came = await t.call(
    method,
    `/v1/${target(enterprise, device)}?owner=${tag}`,
    complete,
    headers,
  )
  const mine = new Set(found(JSON.stringify(body)))
  const arrived = t.google.received.slice(from).map((one) => one.bytes.toString('latin1'))
  for (const text of arrived) assert.ok(!text.includes(tag), 'a header or parameter rode along')
  const reached = arrived.flatMap(found).filter((one) => mine.has(one))
  if (whole && spoilt) {
    assert.ok(['nothing_allowed', 'item_unclassified'].includes(came.refusal ?? ''), came.refusal)
    assert.deepEqual(reached, [])
    return { sent: 0, back: 0 }
  }
  assert.equal(came.status, 200, came.body)
  for (const one of reached)
    assert.ok(allowed.has(one), `${one} reached Google in ${JSON.stringify(body)}`)
  return { sent: reached.length, back: 0 }
}

/** Consents to what an older catalog had in the flow: the items it lacked wait. Answers those. */
async function agreeAtRandom(
  t: GoogleNode,
  flowId: string,
  items: readonly string[],
  random: Random,
): Promise<ReadonlySet<string>> {
  const dropped = new Set(items.filter(() => random.chance(0.25)))
  const by = { actor: 'admin:1', at: t.node.sharing.gate.now() }
  await t.node.database.write(TENANT, (tx) =>
    consentWithout(tx, shippedCatalog, flowId, dropped, by),
  )
  return dropped
}

async function withholdAtRandom(
  t: GoogleNode,
  items: readonly string[],
  random: Random,
): Promise<ReadonlySet<string>> {
  const withheld = new Set(items.filter(() => random.chance(0.2)))
  const by = { actor: 'admin:1', at: t.node.sharing.gate.now() }
  await t.node.database.write(TENANT, async (tx) => {
    for (const itemId of items)
      await chooseCollection(
        tx,
        shippedCatalog,
        { itemId, on: true, precision: withheld.has(itemId) ? 'withheld' : 'exact' },
        by,
      )
  })
  return withheld
}

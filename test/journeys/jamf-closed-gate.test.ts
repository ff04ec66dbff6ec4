import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { chooseCollection } from '#agreements/collection.ts'
import { COMPUTER_FIELDS, MOBILE_FIELDS, MOBILE_LIST_FIELDS } from '#catalog/jamf-fields.ts'
import { keptLog } from '../kept-log.ts'
import { generator } from './canary/random.ts'
import { type JamfNode, TENANT, startJamfNode } from './jamf-node.ts'

const ROUNDS = 4
const CALLS_A_ROUND = 400
const LIST = '/api/v1/computers-inventory'

/** What may come back of each call, written down by hand from the facts and not taken from the product. */
const SECURITY =
  'sipStatus|gatekeeperStatus|xprotectVersion|autoLoginDisabled|remoteDesktopEnabled|activationLockEnabled|recoveryLockEnabled|firewallEnabled|secureBootLevel|externalBootLevel|bootstrapTokenAllowed'
const COMPUTER = new RegExp(
  `^(id|hardware\\.serialNumber|security\\.(${SECURITY})|operatingSystem\\.(name|version|build|fileVault2Status)|diskEncryption\\.(individualRecoveryKeyValidityStatus|bootPartitionEncryptionDetails\\.partitionFileVault2(State|Percent)))$`,
)
const MOBILE =
  /^(mobileDeviceId|hardware\.serialNumber|security\.(dataProtected|passcodePresent|passcodeCompliant|passcodeCompliantWithProfile|activationLockEnabled|jailBreakDetected))$/
const PLAIN = /^(id|name|serialNumber|managementId|model|modelIdentifier|osVersion|osBuild|type)$/
/** Items that the tenant holds back in some rounds, with their places in computers. */
const HELD: Readonly<Record<string, string>> = {
  'device.systemIntegrityProtection': 'security.sipStatus',
  'device.osVersion': 'operatingSystem.version',
  'device.recoveryKeyValidity': 'diskEncryption.individualRecoveryKeyValidityStatus',
  'device.serialNumber': 'hardware.serialNumber',
}
const CALLS = [
  { path: LIST, fields: COMPUTER_FIELDS, open: COMPUTER, many: true },
  { path: '/api/v3/computers-inventory', fields: COMPUTER_FIELDS, open: COMPUTER, many: true },
  { path: `${LIST}/7`, fields: COMPUTER_FIELDS, open: COMPUTER, many: false },
  { path: '/api/v2/mobile-devices/detail', fields: MOBILE_FIELDS, open: MOBILE, many: true },
  { path: '/api/v2/mobile-devices', fields: MOBILE_LIST_FIELDS, open: PLAIN, many: true },
  { path: '/api/v2/mobile-devices/7/detail', fields: MOBILE_LIST_FIELDS, open: PLAIN, many: false },
] as const

let canaries = 0
const canary = (): string => `cny${canaries++}x`
const found = (text: string): readonly string[] => text.match(/cny\d+x/g) ?? []

/** A record with a canary in every place, some of the wrong type, and some places that nobody knows. */
function record(
  { fields, open }: (typeof CALLS)[number],
  held: ReadonlySet<string>,
  random: () => number,
  allowed: Set<string>,
): Record<string, unknown> {
  const made: Record<string, unknown> = {
    [canary()]: canary(),
    unknown: { [canary()]: [canary()] },
  }
  for (const [path, what] of Object.entries(fields)) {
    const one = canary()
    const isText = what.startsWith('string ')
    const wrong = random() < 0.1
    const value = wrong
      ? { [canary()]: one }
      : isText
        ? one
        : what.startsWith('json ')
          ? [one]
          : one
    if (isText && !wrong && open.test(path) && !held.has(path)) allowed.add(one)
    let at = made
    const parts = path.split('.')
    for (const [i, part] of parts.entries()) {
      const name = part.replace('[]', '')
      const isLast = i === parts.length - 1
      const inside = (at[name] ??= isLast ? undefined : part.endsWith('[]') ? [{}] : {})
      if (isLast) at[name] = part.endsWith('[]') ? [value] : value
      else at = (Array.isArray(inside) ? inside[0] : inside) as Record<string, unknown>
    }
    if (random() < 0.05) at[canary()] = canary()
  }
  return made
}

describe('closed gate to and from Jamf Pro', () => {
  it('P1 P12 of generated answers and calls no canary passes, either way, that the facts do not call minimal', async () => {
    const seed = Date.now() % 1_000_000
    console.log(`seed ${seed}`)
    const random = generator(seed).next
    const { log, lines } = keptLog()
    const t = await startJamfNode({
      log,
      jamf: { computers: 10, mobiles: 10, tokenLifeInSeconds: 600 },
    })
    let back = 0
    let out = 0
    try {
      for (let round = 0; round < ROUNDS; round++) {
        const held = await holdBack(t, random)
        for (let i = 0; i < CALLS_A_ROUND; i++) {
          const done = await oneCall(t, held, random)
          back += done.back
          out += done.out
        }
      }
      assert.ok(back > ROUNDS * CALLS_A_ROUND, `only ${back} permitted canaries came back`)
      assert.ok(out > ROUNDS * 10, `only ${out} permitted canaries went out`)
      const told = JSON.stringify(await t.entries()) + lines.join('\n')
      assert.deepEqual(found(told), [])
      assert.ok(
        !told.includes(t.jamf.client.client_secret) && !told.includes(t.opened.client_secret),
      )
      console.log(`${canaries} canaries, ${back} permitted inward, ${out} outward`)
    } finally {
      await t.stop()
    }
  })
})

async function holdBack(t: JamfNode, random: () => number): Promise<ReadonlySet<string>> {
  const held = new Set<string>()
  for (const [itemId, path] of Object.entries(HELD)) {
    const hold = random() < 0.4
    if (hold)
      for (const place of [
        path,
        path.replace(/^hardware\./, '').replace(/^operatingSystem\.version/, 'osVersion'),
      ])
        held.add(place)
    const choice = { itemId, on: true, precision: hold ? 'withheld' : 'exact' }
    await t.node.database.write(TENANT, (tx) =>
      chooseCollection(tx, t.node.parts.catalog, choice, {
        actor: 'admin:1',
        at: t.node.sharing.gate.now(),
      }),
    )
  }
  return held
}

async function oneCall(
  t: JamfNode,
  held: ReadonlySet<string>,
  random: () => number,
): Promise<{ back: number; out: number }> {
  const call = CALLS[Math.floor(random() * CALLS.length)] ?? assert.fail()
  const allowed = new Set<string>()
  const rows = Array.from({ length: call.many ? 3 : 1 }, () => record(call, held, random, allowed))
  const body = call.many ? { totalCount: 3, results: rows, [canary()]: canary() } : rows[0]
  const tag = canary()
  const value = canary()
  const query = new URLSearchParams({ [tag]: tag, fields: tag })
  if (call.many && random() < 0.5) query.append('section', tag)
  const filtered = call.path.includes('computers') && call.many && random() < 0.3
  if (filtered) query.set('filter', `security.firewallEnabled=="${value}"`)
  if (query.has('section')) query.append('section', 'SECURITY')
  t.jamf.inject(call.path, {
    kind: 'answer',
    answer: { status: 200, body, headers: { 'x-note': tag, etag: tag } },
  })
  const from = t.jamf.received.length
  const came = await t.call('GET', `${call.path}?${query.toString()}`)
  assert.equal(came.status, 200, `${call.path} ${came.body}`)
  for (const one of found(came.body))
    assert.ok(allowed.has(one), `${one} came back from ${call.path}`)
  const arrived = t.jamf.received
    .slice(from)
    .map((one) => one.bytes.toString('latin1'))
    .join('')
  assert.ok(!arrived.includes(tag), 'a parameter or section rode along')
  const went = found(arrived)
  assert.deepEqual(went, filtered ? [value] : [])
  return { back: found(came.body).length, out: went.length }
}

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import { chooseCollection } from '#agreements/collection.ts'
import { giveConsent } from '#agreements/consent.ts'
import { manifestOf } from '#catalog/manifest.ts'
import { shippedCatalog } from '#catalog/shipped.ts'
import { admin } from '../../sandbox/agree.ts'
import { IN, OUT, TENANT } from '../../sandbox/sample/organisation.ts'
import { startTestNode } from '../node.ts'
import { type Random, generator } from './canary/random.ts'
import { consentWithout } from './canary/rules.ts'

/** 100,000 in all; fewer only when somebody asks for a quick look. */
const PAYLOADS = 100_000
const ROUNDS = 10
const AT_ONCE = 48

/** What the model knows of the call `POST /profile`, written down by hand and not taken from the product. */
const FIELDS: Readonly<
  Record<string, { item: string; type: 'string' | 'boolean' | 'strings'; most?: number }>
> = {
  profile_name: { item: 'enrollmentProfile.name', type: 'string', most: 125 },
  url: { item: 'enrollmentProfile.url', type: 'string', most: 2_000 },
  configuration_web_url: {
    item: 'enrollmentProfile.configurationWebUrl',
    type: 'string',
    most: 2_000,
  },
  department: { item: 'enrollmentProfile.department', type: 'string', most: 125 },
  support_phone_number: { item: 'enrollmentProfile.supportPhone', type: 'string', most: 50 },
  support_email_address: { item: 'enrollmentProfile.supportEmail', type: 'string', most: 250 },
  org_magic: { item: 'enrollmentProfile.orgMagic', type: 'string', most: 256 },
  language: { item: 'enrollmentProfile.language', type: 'string', most: 40 },
  region: { item: 'enrollmentProfile.region', type: 'string', most: 40 },
  is_supervised: { item: 'enrollmentProfile.isSupervised', type: 'boolean' },
  is_mandatory: { item: 'enrollmentProfile.isMandatory', type: 'boolean' },
  skip_setup_items: { item: 'enrollmentProfile.skipSetupItems', type: 'strings', most: 100 },
  anchor_certs: { item: 'enrollmentProfile.anchorCerts', type: 'strings' },
  devices: { item: 'device.serialNumber', type: 'strings', most: 64 },
}
const OPTIONAL = Object.values(FIELDS)
  .map((field) => field.item)
  .filter(
    (item) =>
      !['enrollmentProfile.name', 'enrollmentProfile.url', 'device.serialNumber'].includes(item),
  )

/** The model: which canaries Apple may see of this body, given what was consented to and chosen. */
function allowedCanaries(
  body: Record<string, unknown>,
  consented: ReadonlySet<string>,
  withheld: ReadonlySet<string>,
): Set<string> {
  const allowed = new Set<string>()
  for (const [key, value] of Object.entries(body)) {
    const field = Object.hasOwn(FIELDS, key) ? FIELDS[key] : undefined
    if (!field || !consented.has(field.item) || withheld.has(field.item)) continue
    const texts = field.type === 'strings' && Array.isArray(value) ? value : [value]
    for (const text of texts) {
      if (typeof text !== 'string' || (field.type !== 'string' && field.type !== 'strings'))
        continue
      if (field.type === 'string' && Array.isArray(value)) continue
      if (field.type === 'strings' && !Array.isArray(value)) continue
      if (text.length <= (field.most ?? 16_384))
        for (const canary of text.match(/cny\d+x/g) ?? []) allowed.add(canary)
    }
  }
  return allowed
}

describe('closed gate', () => {
  it(`P1 of ${PAYLOADS.toLocaleString('en')} generated calls through random consents, no canary reaches Apple or comes back that the model does not allow`, async () => {
    const seed = Date.now() % 1_000_000
    const random = generator(seed)
    console.log(`seed ${seed}`)
    // A catalog that the test can shrink, so that consents cover random parts of a later, larger manifest.
    const t = await startTestNode({ apple: { devices: 5, record: true } })
    const by = () => admin(t.node)
    let canaries = 0
    const canary = (): string => `cny${canaries++}x`
    let seen = 0
    let passedCanaries = 0
    try {
      for (let round = 0; round < ROUNDS; round++) {
        const dropped = new Set(OPTIONAL.filter(() => random.chance(0.3)))
        const withheld = new Set(OPTIONAL.filter(() => random.chance(0.2)))
        await t.node.database.write(TENANT, async (tx) => {
          await consentWithout(tx, shippedCatalog, OUT, dropped, by())
          await giveConsent(
            tx,
            shippedCatalog,
            { flowId: IN, manifestHash: manifestOf(shippedCatalog, IN).hash },
            by(),
          )
          for (const itemId of OPTIONAL) {
            await chooseCollection(
              tx,
              shippedCatalog,
              {
                itemId,
                on: true,
                ...(withheld.has(itemId) ? { precision: 'withheld' } : { precision: 'exact' }),
              },
              by(),
            )
          }
        })
        const consented = new Set(
          Object.values(FIELDS)
            .map((field) => field.item)
            .filter((item) => !dropped.has(item)),
        )
        let left = PAYLOADS / ROUNDS
        const worker = async (): Promise<void> => {
          while (left-- > 0) {
            const body = makeBody(random, canary)
            const allowed = allowedCanaries(body, consented, withheld)
            const tag = canary()
            const raw = random.chance(0.1)
              ? gzipSync(JSON.stringify(body))
              : Buffer.from(JSON.stringify(body))
            const answer = await t.mdm.call('POST', `/profile?owner=${tag}`, undefined, {
              raw,
              headers: {
                'x-note': tag,
                referer: `https://${tag}.example.org/`,
                ...(raw[0] === 0x1f ? { 'content-encoding': 'gzip' } : {}),
              },
            })
            const received = t.apple.received.pop()
            // What comes back was made by Apple from what left, so the same rule holds for it.
            for (const found of answer.body.match(/cny\d+x/g) ?? [])
              assert.ok(allowed.has(found) || mayBeOthers.has(found), `${found} came back`)
            for (const found of received?.bytes.toString('latin1').match(/cny\d+x/g) ?? [])
              arrived.push(found)
            for (const one of allowed) {
              permitted.add(one)
              mayBeOthers.add(one)
            }
          }
        }
        const arrived: string[] = []
        const permitted = new Set<string>()
        const mayBeOthers = new Set<string>()
        t.apple.received.length = 0
        await Promise.all(Array.from({ length: AT_ONCE }, worker))
        for (const request of t.apple.received)
          arrived.push(...(request.bytes.toString('latin1').match(/cny\d+x/g) ?? []))
        for (const found of arrived)
          assert.ok(permitted.has(found), `${found} reached Apple in round ${round}`)
        seen += PAYLOADS / ROUNDS
        passedCanaries += arrived.length
        t.apple.service.profiles.clear()
      }
      assert.equal(seen, PAYLOADS)
      // A gate that let nothing through would pass the hunt as well.
      assert.ok(passedCanaries > PAYLOADS / 2, `only ${passedCanaries} permitted canaries arrived`)
      console.log(`${canaries} canaries, ${passedCanaries} of them permitted and seen by Apple`)
    } finally {
      await t.stop()
    }
  })
})

/** A call with canaries in known, unknown, renamed, nested and wrongly typed places. */
function makeBody(random: Random, canary: () => string): Record<string, unknown> {
  const body: Record<string, unknown> = {
    profile_name: canary(),
    url: `https://mdm.example.org/${canary()}`,
  }
  for (const [key, field] of Object.entries(FIELDS)) {
    if (key in body || random.chance(0.6)) continue
    body[key] = valueFor(field.type, random, canary)
  }
  if (random.chance(0.5)) body[`x_${random.below(50)}`] = canary()
  if (random.chance(0.3)) body.Department = canary()
  if (random.chance(0.3)) body.owner = { department: canary(), devices: [canary()] }
  if (random.chance(0.2)) body[canary()] = 1
  return body
}

function valueFor(type: string, random: Random, canary: () => string): unknown {
  const wrong = random.below(12)
  if (wrong === 0) return { value: canary() }
  if (wrong === 1) return [[canary()]]
  if (wrong === 2) return canary().repeat(3_000)
  if (type === 'boolean') return random.chance(0.5) ? true : canary()
  if (type === 'strings')
    return Array.from({ length: random.below(3) }, () =>
      random.chance(0.1) ? { serial: canary() } : canary(),
    )
  return random.chance(0.1) ? 7 : `åäö ${canary()}`
}

import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { ANDROID_OBJECTS } from '#catalog/flows/android-management-fields.ts'
import { androidShape } from '#catalog/android-shapes.ts'
import { shippedCatalog } from '#catalog/shipped.ts'
import { itemsOf } from '#catalog/shape.ts'
import { isRefusal } from '#foundation/refusal.ts'
import type { PartyCall, TransportRequest } from '#sharing/exchange.ts'
import { googleAndroidManagement } from './client.ts'
import { EXCHANGES } from './exchanges.ts'
import { readKeyFile } from './service-account.ts'

interface Facts {
  methods: { resource: string; method: string; http: string; path: string }[]
  personalFields: Record<string, string>
  schemas: Record<string, Record<string, string>>
}
const FACTS = join(import.meta.dirname, '../../../test/facts/google-amapi.json')
const facts = JSON.parse(readFileSync(FACTS, 'utf8')) as Facts

type Objects = Readonly<Record<string, Readonly<Record<string, string>>>>

/** Every field of the facts that the table does not classify, or takes for something of another type. */
function unclassified(objects: Objects, schemas: Facts['schemas']): string[] {
  return Object.entries(schemas).flatMap(([name, fields]) =>
    Object.entries(fields)
      .filter(([field, type]) => !agrees(type, objects[name]?.[field], schemas))
      .map(([field]) => `${name}.${field}`),
  )
}
function agrees(type: string, says: string | undefined, schemas: Facts['schemas']): boolean {
  if (says === undefined) return false
  const [kind = '', item] = says.split(' ')
  if (item !== undefined && !shippedCatalog.items.has(item)) return false
  if (/any|\[key/.test(type)) return /^(json|map|[A-Z])/.test(kind)
  if (kind !== type) return false
  return type.replace('[]', '') in schemas || item !== undefined
}

describe('Android Management exchanges', () => {
  it('are every method of the facts, by its HTTP method and path', () => {
    const wanted = facts.methods.map(({ resource, method }) =>
      `${resource}.${method}`.toLowerCase(),
    )
    const ours = EXCHANGES.map((exchange) =>
      exchange.id.replace('google.androidManagement.', '').toLowerCase(),
    )
    assert.deepEqual(ours.toSorted(), wanted.toSorted())
    for (const { resource, method, http, path } of facts.methods) {
      const id = `google.androidmanagement.${resource}.${method}`.toLowerCase()
      const found = EXCHANGES.find((exchange) => exchange.id.toLowerCase() === id)
      assert.deepEqual(found?.methods, [http], id)
      // `{+name}` is the whole name of the resource; its last part and its verb are ours to spell out.
      const [, verb] = path.split(':')
      assert.equal(found.path.split(':')[1], verb, id)
      if (path.includes('{+parent}')) assert.ok(found.path.endsWith(path.split('}')[1] ?? ''), id)
    }
  })

  it('P4 classify every field of every object in the facts', () => {
    assert.deepEqual(unclassified(ANDROID_OBJECTS, facts.schemas), [])
  })

  it('P4 would notice a field, an object, a type or an item that is new', () => {
    const { Device = {}, ...others } = facts.schemas
    const grown = {
      ...others,
      Device: { ...Device, heartRate: 'number' },
      Watch: { pulse: 'number' },
    }
    assert.deepEqual(unclassified(ANDROID_OBJECTS, grown), ['Device.heartRate', 'Watch.pulse'])
    const changed = { ...facts.schemas, Device: { ...Device, userName: 'User' } }
    assert.deepEqual(unclassified(ANDROID_OBJECTS, changed), ['Device.userName'])
    const careless = { ...ANDROID_OBJECTS, User: { accountIdentifier: 'string person.nobody' } }
    assert.deepEqual(unclassified(careless, facts.schemas), ['User.accountIdentifier'])
  })

  it('hold as personal or secret whatever the facts call so', () => {
    for (const [place, says] of Object.entries(facts.personalFields)) {
      if (says === 'low') continue
      const [object = '', ...path] = place.replaceAll('[]', '').split('.')
      const last = path.at(-1) ?? ''
      const names = object === 'UsageLogEvent' || last === '*' ? [] : last.split('/')
      // Walk to the object that has the field, by the facts' own types.
      let at = object
      for (const step of path.slice(0, -1)) at = (facts.schemas[at]?.[step] ?? '').replace('[]', '')
      const fields = names.length > 0 ? names : Object.keys(facts.schemas[at] ?? {})
      for (const field of fields) {
        const entry = ANDROID_OBJECTS[at]?.[field] ?? assert.fail(`${at}.${field}`)
        const [kind = '', item] = entry.split(' ')
        const items = item === undefined ? itemsOf(androidShape(kind.replace('[]', ''))) : [item]
        const held = items.map((id) => shippedCatalog.items.get(id))
        if (items.length === 0) continue
        assert.ok(
          held.some((one) => one?.personal || one?.secret),
          `${place}: ${field}`,
        )
      }
    }
  })
})

const pair = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
})
const file = {
  type: 'service_account',
  client_email: 'a@synthetic.iam.gserviceaccount.com',
  private_key: pair.privateKey,
  private_key_id: 'k1',
  token_uri: 'https://oauth2.googleapis.com/token',
}

describe('service-account key file', () => {
  it('is read, and of it only what is needed is kept', () => {
    const read = readKeyFile(JSON.stringify({ ...file, client_id: '1', project_id: 'p' }))
    const { type: _, ...kept } = file
    assert.deepEqual(read, kept)
  })

  for (const [name, text, refused] of [
    ['no JSON', '{', 'token_file_invalid'],
    ['null', 'null', 'token_file_invalid'],
    [
      'another kind of account',
      JSON.stringify({ ...file, type: 'authorized_user' }),
      'token_file_invalid',
    ],
    ['no mail address', JSON.stringify({ ...file, client_email: 'x' }), 'token_file_invalid'],
    ['no key', JSON.stringify({ ...file, private_key: 'x' }), 'token_file_invalid'],
    ['far too much', ' '.repeat(70_000), 'token_file_invalid'],
    [
      'another token endpoint',
      JSON.stringify({ ...file, token_uri: 'https://token.example.org/token' }),
      'token_file_foreign',
    ],
    [
      'a look-alike endpoint',
      JSON.stringify({ ...file, token_uri: 'https://oauth2.googleapis.com/token/' }),
      'token_file_foreign',
    ],
    [
      'a list of endpoints',
      JSON.stringify({ ...file, token_uri: [file.token_uri] }),
      'token_file_invalid',
    ],
  ] as const) {
    it(`is refused with ${name}, and none of it is quoted`, () => {
      const read = readKeyFile(text)
      assert.ok(isRefusal(read))
      assert.equal(read.refused, refused)
      assert.ok(!JSON.stringify(read).includes('PRIVATE KEY'))
    })
  }
})

describe('Android Management client', () => {
  const asked: TransportRequest[] = []
  const calling = (credentials: Record<string, string>, target: string, id: string): PartyCall => ({
    origin: 'https://androidmanagement.googleapis.com',
    credentials,
    request: {
      exchange: EXCHANGES.find((one) => one.id.endsWith(id)) ?? assert.fail(),
      method: 'GET',
      target,
      body: undefined,
    },
    session: { get: async () => undefined, replace: async () => {} },
    transport: async (request) => {
      asked.push(request)
      const body =
        request.target === '/token'
          ? { access_token: 't', expires_in: 60, token_type: 'Bearer' }
          : {}
      return { status: 200, headers: {}, body: Buffer.from(JSON.stringify(body)) }
    },
  })

  it('never asks a token endpoint that is not in its list, whatever the kept credentials say', async () => {
    const client = googleAndroidManagement(() => 1_000)
    const stolen = { ...file, token_uri: 'https://token.example.org/token' }
    const result = await client.send(calling(stolen, '/v1/enterprises/a', 'enterprises.get'))
    assert.equal(result.outcome, 'rejected')
    assert.deepEqual(asked, [])
  })

  it('uses no token on that was got with a key since replaced, or that is about to end', async () => {
    const client = googleAndroidManagement(() => 1_000)
    for (const [session, tokens] of [
      ['5000 k1 t0', 0],
      ['5000 k0 t0', 1],
      ['1100 k1 t0', 1],
      ['t0', 1],
    ] as const) {
      const before = asked.filter((one) => one.target === '/token').length
      const call = calling(file, '/v1/enterprises/a', 'enterprises.get')
      await client.send({ ...call, session: { get: async () => session, replace: async () => {} } })
      assert.equal(asked.filter((one) => one.target === '/token').length - before, tokens, session)
      assert.equal(asked.at(-1)?.headers.authorization, tokens === 0 ? 'Bearer t0' : 'Bearer t')
    }
  })

  it('P9 reaches no other enterprise than the one its credentials name', async () => {
    const client = googleAndroidManagement(() => 1_000)
    const bound = { ...file, enterprise: 'enterprises/a' }
    for (const [target, id, outcome] of [
      ['/v1/enterprises/a', 'enterprises.get', 'delivered'],
      ['/v1/enterprises/a/devices/1', 'devices.get', 'delivered'],
      ['/v1/enterprises/a2/devices/1', 'devices.get', 'rejected'],
      ['/v1/enterprises/b', 'enterprises.get', 'rejected'],
      ['/v1/enterprises', 'enterprises.list', 'rejected'],
    ] as const) {
      const before = asked.length
      const result = await client.send(calling(bound, target, `.${id}`))
      assert.equal(result.outcome, outcome, target)
      assert.equal(asked.length > before, outcome === 'delivered', target)
    }
  })
})

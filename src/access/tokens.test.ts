import assert from 'node:assert/strict'
import { createHmac, createPrivateKey, generateKeyPairSync } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { decodeJwt, SignJWT } from 'jose'
import { isRefusal, refuse } from '#foundation/refusal.ts'
import { bumpFactsVersion } from '#tenants/facts-version.ts'
import { type AccessRoom, accessRoom } from '../../test/sign-in-site.ts'
import { createAccount, disableAccount, signOutEverywhere } from './account-updates.ts'
import { createTokenCheck, type TokenCheck } from './tokens.ts'

const ISSUER = 'https://sluss.example.org/oidc'
const AUDIENCE = 'https://sluss.example.org'
const NOW = Date.parse('2030-01-01T12:00:00Z')
const by = { actor: 'test', at: NOW - 60_000 }

interface Told {
  iss?: string
  aud?: string
  sub?: string
  iat?: number
  exp?: number
  auth_time?: number
  client_id?: string
}

describe('the token check', () => {
  let room: AccessRoom
  let check: TokenCheck & { close(): Promise<void> }
  let held = true
  let person: string
  let service: string
  let right: ReturnType<typeof createPrivateKey>

  const account = async (kind: 'person' | 'service', tenantId = 'acme'): Promise<string> => {
    const made = await room.database.write(tenantId, (tx) =>
      createAccount(tx, room.parts, { kind, displayName: 'Alex Example' }, by),
    )
    return isRefusal(made) ? assert.fail(made.refused) : made
  }
  before(async () => {
    room = await accessRoom()
    check = await createTokenCheck({
      database: room.database,
      keys: room.keys,
      lease: { held: () => held },
      issuer: ISSUER,
      audience: AUDIENCE,
    })
    right = createPrivateKey({ key: { ...(await room.keys.signingJwk('tokens')) }, format: 'jwk' })
    person = await account('person')
    service = await account('service')
  })
  after(async () => {
    await check.close()
    await room.stop()
  })

  const told = (sub: string, more: Told = {}): Told => ({
    iss: ISSUER,
    aud: AUDIENCE,
    sub: `acme/${sub}`,
    iat: NOW / 1000 - 10,
    exp: NOW / 1000 + 600,
    auth_time: NOW / 1000 - 10,
    client_id: 'sluss-console',
    ...more,
  })
  const signed = (claims: Told, key = right, alg = 'EdDSA', typ = 'at+jwt') =>
    new SignJWT({ ...claims }).setProtectedHeader({ alg, typ }).sign(key)
  const ask = (token: string, by: TokenCheck = check) => by.authenticate(`Bearer ${token}`, NOW)
  const why = (answer: object): string => (isRefusal(answer) ? answer.refused : 'allowed')

  it('lets a person and a service in, as who they are now', async () => {
    const answer = await ask(await signed(told(person)))
    assert.ok(!isRefusal(answer))
    assert.deepEqual([answer.tenantId, answer.accountId, answer.kind], ['acme', person, 'person'])
    assert.equal(answer.authenticatedAt, NOW - 10_000)
    const own = told(service, { client_id: `acme/${service}` })
    assert.equal(why(await ask(await signed(own))), 'allowed')
  })

  /** Every kind of token that must not pass, by what is wrong with it. */
  async function badTokens(): Promise<readonly (readonly [string, string])[]> {
    const other = generateKeyPairSync('ed25519').privateKey
    const good = await signed(told(person))
    const [, payload = ''] = good.split('.')
    const encode = (header: object) => Buffer.from(JSON.stringify(header)).toString('base64url')
    const none = encode({ alg: 'none', typ: 'at+jwt' })
    const symmetric = `${encode({ alg: 'HS256', typ: 'at+jwt' })}.${payload}`
    const { x } = await room.keys.signingJwk('tokens')
    const mac = createHmac('sha256', Buffer.from(x, 'base64url')).update(symmetric)
    const last = good.at(-10) === 'A' ? 'B' : 'A'
    return [
      ['signed by another key', await signed(told(person), other)],
      ['no algorithm', `${none}.${payload}.`],
      ['no algorithm, with a signature', `${none}.${payload}.${good.split('.')[2]}`],
      ['the public key as a shared secret', `${symmetric}.${mac.digest('base64url')}`],
      ['one character of the signature changed', `${good.slice(0, -10)}${last}${good.slice(-9)}`],
      ['another audience', await signed(told(person, { aud: 'https://other.example.org' }))],
      ['another issuer', await signed(told(person, { iss: 'https://other.example.org/oidc' }))],
      ['run out', await signed(told(person, { exp: NOW / 1000 - 31 }))],
      ['an ID token', await signed(told(person), right, 'EdDSA', 'JWT')],
      ['no end', await signed({ ...told(person), exp: undefined } as unknown as Told)],
      ['no such account', await signed(told('00000000-0000-4000-8000-000000000000'))],
      ['no subject of ours', await signed(told(person, { sub: 'alex' }))],
      ['the account, but in another tenant', await signed(told(person, { sub: `beta/${person}` }))],
      [
        'a person by a client of their own',
        await signed(told(person, { client_id: `acme/${person}` })),
      ],
      ['a service by the console', await signed(told(service))],
      ['authenticated in the future', await signed(told(person, { auth_time: NOW / 1000 + 60 }))],
      ['no token at all', ''],
    ]
  }

  /** Which bad tokens a check lets in. */
  async function complaints(by: TokenCheck): Promise<readonly string[]> {
    const passed: string[] = []
    for (const [name, token] of await badTokens())
      if (!isRefusal(await ask(token, by))) passed.push(name)
    return passed
  }

  it('refuses every forged, foreign and outdated token', async () => {
    assert.deepEqual(await complaints(check), [])
    assert.equal(why(await check.authenticate(undefined, NOW)), 'unauthenticated')
    assert.equal(why(await check.authenticate('Basic YTpi', NOW)), 'unauthenticated')
  })

  it('would notice a check that takes tokens without a signature', async () => {
    const twin: TokenCheck = {
      authenticate: async (authorization, now) => {
        try {
          decodeJwt((authorization ?? '').slice('Bearer '.length))
        } catch {
          return refuse('token_invalid')
        }
        return check.authenticate(`Bearer ${await signed(told(person))}`, now)
      },
    }
    assert.ok((await complaints(twin)).includes('no algorithm'))
  })

  it('takes a clock that is 30 seconds behind, and no more', async () => {
    const at = (seconds: number) => signed(told(person, { exp: NOW / 1000 - seconds }))
    assert.equal(why(await ask(await at(29))), 'allowed')
    assert.equal(why(await ask(await at(30))), 'token_invalid')
  })

  it('P5 refuses a disabled account and an ended sign-in within a second, on another node too', async () => {
    const second = await createTokenCheck({
      database: await room.test.openSecond(),
      keys: room.keys,
      lease: { held: () => true },
      issuer: ISSUER,
      audience: AUDIENCE,
    })
    try {
      const [one, two] = [await account('person'), await account('person')]
      const [first, other] = [await signed(told(one)), await signed(told(two))]
      for (const token of [first, other]) assert.equal(why(await ask(token, second)), 'allowed')
      await room.database.write('acme', async (tx) => {
        await disableAccount(tx, room.parts, one, { actor: 'test', at: NOW })
        await signOutEverywhere(tx, two, { actor: 'test', at: NOW })
      })
      await within(1_000, async () => why(await ask(first, second)) === 'account_disabled')
      await within(1_000, async () => why(await ask(other, second)) === 'token_invalid')
      const later = await signed(told(two, { auth_time: NOW / 1000, iat: NOW / 1000 }))
      assert.equal(why(await ask(later, second)), 'allowed')
    } finally {
      await second.close()
    }
  })

  it('refuses everybody of an organisation that has left', async () => {
    const id = await account('person', 'beta')
    const theirs = await signed(told(id, { sub: `beta/${id}` }))
    assert.equal(why(await ask(theirs)), 'allowed')
    await room.database.write('beta', async (tx) => {
      await tx.change("update tenants set state = 'closed' where tenant_id = $1", [tx.tenantId])
      await bumpFactsVersion(tx)
    })
    await within(1_000, async () => why(await ask(theirs)) === 'tenant_closed')
  })

  it('P5 says nothing on a node that is cut off for longer than its lease', async () => {
    held = false
    assert.equal(why(await ask(await signed(told(person)))), 'lease_expired')
    held = true
  })
})

async function within(milliseconds: number, holds: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + milliseconds
  while (!(await holds())) {
    assert.ok(Date.now() < deadline, 'in time')
    await new Promise(setImmediate)
  }
}

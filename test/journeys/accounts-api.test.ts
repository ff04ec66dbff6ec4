import assert from 'node:assert/strict'
import { createPrivateKey, generateKeyPairSync, randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { SignJWT } from 'jose'
import { createAccount, setGroups } from '#access/account-updates.ts'
import { createAccessReader } from '#access/effective-reader.ts'
import { useLink } from '#access/one-time-link.ts'
import { administratorsOf } from '#access/role-change.ts'
import { GLOBAL_ADMINISTRATOR } from '#access/role-facts.ts'
import { writeAssignment, writeRole } from '#access/role-rows.ts'
import type { RoleDefinition } from '#access/role.ts'
import { readSigningKey } from '#access/signing-keys.ts'
import { createTokenCheck } from '#access/tokens.ts'
import { INSTALLATION } from '#database/handles.ts'
import { systemClock } from '#foundation/clock.ts'
import { silentLog } from '#foundation/log.ts'
import { isRefusal, type Refusal } from '#foundation/refusal.ts'
import { accountEndpoints } from '#http/api/accounts/account-endpoints.ts'
import { createApi } from '#http/api/create-api.ts'
import { bumpFactsVersion } from '#tenants/facts-version.ts'
import { type AccessRoom, accessRoom } from '../sign-in-site.ts'

const ORIGIN = 'https://sluss.example.org'
const by = () => ({ actor: 'test', at: Date.now() })
const right = <Value>(value: Value | Refusal): Value => {
  if (isRefusal(value)) assert.fail(value.refused)
  return value
}
// oxlint-disable-next-line typescript/no-explicit-any -- answers are read as JSON
type Answer = { status: number; body: any; code: string }

describe('the endpoints of accounts', () => {
  let room: AccessRoom
  let call: (who: string, method: string, path: string, body?: object) => Promise<Answer>
  let stop: () => Promise<void>
  let admin: string
  let helper: string
  let operator: string

  before(async () => {
    room = await accessRoom()
    const { database, keys, parts } = room
    const lease = { held: () => true }
    const tokens = await createTokenCheck({
      database,
      keys,
      lease,
      issuer: `${ORIGIN}/oidc`,
      audience: ORIGIN,
    })
    const access = await createAccessReader({ database, lease })
    const site = { id: 'sluss.example.org', name: 'Sluss', origins: [ORIGIN] }
    const api = createApi({
      endpoints: accountEndpoints({ ...parts, database, site, origin: ORIGIN }),
      tokens,
      access,
      database,
      keys,
      lease,
      clock: systemClock,
      now: systemClock.now,
      log: silentLog,
      publicOrigin: ORIGIN,
    })
    stop = async () => {
      await api.close()
      await access.close()
      await tokens.close()
    }
    const key = createPrivateKey({ key: { ...(await keys.signingJwk('tokens')) }, format: 'jwk' })
    call = async (who, method, path, body) => {
      const now = Math.floor(Date.now() / 1000)
      const token = await new SignJWT({ client_id: 'sluss-console', auth_time: now, amr: ['hwk'] })
        .setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt' })
        .setIssuer(`${ORIGIN}/oidc`)
        .setAudience(ORIGIN)
        .setSubject(who)
        .setIssuedAt(now)
        .setExpirationTime(now + 600)
        .sign(key)
      const answer = await api.app.request(`${ORIGIN}/v1.0${path}`, {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          'content-type': 'application/json',
          'idempotency-key': randomUUID(),
        },
        ...(method === 'GET' ? {} : { body: JSON.stringify(body ?? {}) }),
      })
      const text = await answer.text()
      const read = text === '' ? {} : JSON.parse(text)
      return { status: answer.status, body: read, code: read.error?.innerError?.code ?? '' }
    }
    admin = `acme/${await person('acme', 'admin@example.org')}`
    operator = `${INSTALLATION}/${await person(INSTALLATION, 'ops@example.org')}`
    helper = `acme/${await person('acme', 'helper@example.org')}`
    for (const [tenantId = '', accountId = ''] of [admin.split('/'), operator.split('/')])
      await database.write(tenantId, (tx) => parts.makeAdministrator(tx, accountId, by()))
    await assign('Accounts/Manage', helper)
  })
  after(async () => {
    await stop()
    await room.stop()
  })

  const person = async (tenantId: string, mail: string): Promise<string> =>
    right(
      await room.database.write(tenantId, (tx) =>
        createAccount(tx, room.parts, { kind: 'person', displayName: 'Alex Example', mail }, by()),
      ),
    )
  /** Gives a custom role with one permission, or a group the role of a full administrator. */
  async function assign(permission: string, who: string, group?: string): Promise<void> {
    const accountId = who.split('/')[1] ?? ''
    await room.database.write('acme', async (tx) => {
      const roleId = group ? GLOBAL_ADMINISTRATOR : randomUUID()
      const permissions = new Set([permission, 'Accounts/Read'])
      if (!group)
        await writeRole(
          tx,
          {
            roleId,
            name: permission,
            description: '',
            isBuiltIn: false,
            permissions,
            scopeTags: ['0'],
          } as unknown as RoleDefinition,
          Date.now(),
        )
      await writeAssignment(
        tx,
        {
          assignmentId: randomUUID(),
          roleId,
          name: 'test',
          description: '',
          memberGroups: group ? [group] : [],
          memberAccounts: group ? [] : [accountId],
          scopeTags: 'all',
          scopeType: 'allDevicesAndLicensedUsers',
          scopeGroups: [],
        },
        Date.now(),
      )
      await bumpFactsVersion(tx)
    })
  }
  /** Every node hears of it within a second. */
  async function refusedSoon(who: string): Promise<void> {
    const deadline = Date.now() + 1_000
    while ((await call(who, 'GET', '/me/account')).status !== 401) assert.ok(Date.now() < deadline)
  }
  const idOf = (subject: string): string => subject.split('/')[1] ?? ''

  it('an admin invites somebody, finds them by address, and the link lets them in', async () => {
    const made = await call(admin, 'POST', '/users', {
      displayName: 'Robin Example',
      mail: 'robin@example.org',
      preferredLanguage: 'sv',
    })
    assert.equal(made.status, 201, JSON.stringify(made.body))
    const found = await call(admin, 'GET', "/users?$filter=mail eq 'Robin@EXAMPLE.org'&$count=true")
    assert.equal(found.body['@odata.count'], 1)
    assert.equal(found.body.value[0].displayName, 'Robin Example')
    const half = await call(admin, 'GET', "/users?$filter=startswith(mail,'rob')")
    assert.equal(half.code, 'filter_unserved')
    const invited = await call(admin, 'POST', `/users/${made.body.id}/invite`)
    const url = new URL(invited.body.url)
    assert.equal(url.origin + url.pathname, `${ORIGIN}/sign-in/link`)
    const holder = await room.database.write('acme', (tx) =>
      useLink(tx, url.searchParams.get('token') ?? '', Date.now()),
    )
    assert.equal(right(holder).accountId, made.body.id)
    const told = await room.test.ownerQuery<{ about: { accountId: string } }>(
      `select about from notices where tenant_id = 'acme' and template = 'account.invited'`,
    )
    assert.deepEqual(
      told.map(({ about }) => about.accountId),
      [made.body.id],
    )
  })

  it('P8 looking at people’s accounts is an entry that names none of them', async () => {
    await call(admin, 'GET', '/users')
    const [row] = await room.test.ownerQuery<{ text: string }>(
      `select encode(entries, 'escape') as text from ledger_segments where tenant_id = 'acme'
        order by queue_id desc limit 1`,
    )
    assert.match(row?.text ?? '', /account\.read/)
    assert.doesNotMatch(row?.text ?? '', /example\.org|Robin|Alex/)
  })

  it('P7 nobody raises themselves or another above what they hold, nor comes in as who holds more', async () => {
    await assign('', '', 'bosses')
    const own = `/users/${idOf(helper)}`
    assert.equal((await call(helper, 'PATCH', own, { groups: ['bosses'] })).code, 'role_wider')
    const other = await person('acme', 'other@example.org')
    const raise = await call(helper, 'PATCH', `/users/${other}`, { groups: ['bosses'] })
    assert.equal(raise.code, 'role_wider')
    const make = await call(helper, 'POST', '/users', { displayName: 'X', groups: ['bosses'] })
    assert.equal(make.code, 'role_wider')
    const service = await call(helper, 'POST', '/servicePrincipals', {
      displayName: 'X',
      groups: ['bosses'],
    })
    assert.equal(service.code, 'role_wider')
    for (const step of ['recover', 'invite'])
      assert.equal((await call(helper, 'POST', `/users/${idOf(admin)}/${step}`)).code, 'role_wider')
    const off = await call(helper, 'PATCH', `/users/${idOf(admin)}`, { accountEnabled: false })
    assert.equal(off.code, 'role_wider')
    const provider = { displayName: 'Mine', issuer: 'https://id.example.org', clientId: 'x' }
    const named = await call(helper, 'POST', '/identity/identityProviders', provider)
    assert.equal(named.code, 'role_missing')
    assert.equal(
      (await call(helper, 'PATCH', `/users/${other}`, { groups: ['staff'] })).status,
      200,
    )
    assert.equal(
      (await call(admin, 'PATCH', `/users/${other}`, { groups: ['bosses'] })).status,
      200,
    )
    await room.database.write('acme', (tx) => setGroups(tx, room.parts, other, [], by()))
  })

  it('the last administrator cannot be switched off, and a refusal leaves nothing half done', async () => {
    const path = `/users/${idOf(admin)}`
    const answer = await call(admin, 'PATCH', path, { displayName: 'New', accountEnabled: false })
    assert.equal(answer.code, 'last_admin')
    assert.equal((await call(admin, 'GET', path)).body.displayName, 'Alex Example')
    const left = await room.database.read('acme', administratorsOf)
    assert.ok(left.has(idOf(admin)))
  })

  it('a service principal gets a secret that is shown once', async () => {
    const made = await call(admin, 'POST', '/servicePrincipals', { displayName: 'MDM' })
    assert.equal(made.body.appId, `acme/${made.body.id}`)
    const path = `/servicePrincipals/${made.body.id}`
    const secret = await call(admin, 'POST', `${path}/addPassword`, { lifetimeInDays: 30 })
    assert.match(secret.body.secretText, /^sluss_/)
    const listed = await call(admin, 'GET', `${path}/passwordCredentials`)
    assert.equal(listed.body.value.length, 1)
    assert.equal(listed.body.value[0].secretText, undefined)
    const { keyId } = secret.body
    assert.equal((await call(admin, 'POST', `${path}/removePassword`, { keyId })).status, 204)
    assert.equal((await call(admin, 'GET', `${path}/passwordCredentials`)).body.value.length, 0)
    assert.equal((await call(admin, 'GET', `/users/${made.body.id}`)).status, 404)
  })

  it('the organisation’s provider is set up by an administrator, and its secret is never shown', async () => {
    const provider = {
      displayName: 'Example ID',
      issuer: 'https://id.example.org',
      clientId: 'sluss',
      clientSecret: 'kept',
      mailDomains: ['example.org'],
    }
    const made = await call(admin, 'POST', '/identity/identityProviders', provider)
    assert.equal(made.status, 201, JSON.stringify(made.body))
    assert.equal(made.body.hasClientSecret, true)
    const path = `/identity/identityProviders/${made.body.id}`
    const changed = await call(admin, 'PATCH', path, { isEnabled: false, groupsClaim: 'groups' })
    assert.deepEqual([changed.body.isEnabled, changed.body.groupsClaim], [false, 'groups'])
    assert.doesNotMatch(JSON.stringify((await call(admin, 'GET', path)).body), /kept/)
  })

  it('an account is taken away for good, and is then as if it had never been', async () => {
    const id = await person('acme', 'bye@example.org')
    assert.equal((await call(admin, 'DELETE', `/users/${id}`)).status, 204)
    assert.equal((await call(admin, 'GET', `/users/${id}`)).status, 404)
    await refusedSoon(`acme/${id}`)
    assert.equal((await call(admin, 'DELETE', `/users/${idOf(admin)}`)).code, 'last_admin')
    assert.equal((await call(admin, 'DELETE', `/servicePrincipals/${idOf(helper)}`)).status, 404)
  })

  it('everybody sees their own account and registers a key of their own to sign with', async () => {
    const me = await call(helper, 'GET', '/me/account')
    assert.deepEqual([me.body.id, me.body.tenantId], [idOf(helper), 'acme'])
    const spki = generateKeyPairSync('ed25519').publicKey.export({ format: 'der', type: 'spki' })
    const publicKey = spki.subarray(-32).toString('base64url')
    const made = await call(helper, 'POST', '/me/signingKeys', { kind: 'ed25519', publicKey })
    assert.equal(made.status, 201, JSON.stringify(made.body))
    const kept = await room.database.read('acme', (reader) => readSigningKey(reader, made.body.id))
    assert.equal(kept?.publicKey.toString('base64url'), publicKey)
    const path = `/me/signingKeys/${made.body.id}`
    assert.equal((await call(admin, 'DELETE', path)).status, 404)
    assert.equal((await call(helper, 'DELETE', path)).status, 204)
    const listed = await call(helper, 'GET', '/me/signingKeys')
    assert.notEqual(listed.body.value[0].removedDateTime, null)
    const begun = await call(helper, 'POST', '/me/passkeys/begin')
    assert.equal(begun.body.options.rp.id, 'sluss.example.org')
    const swedish = await call(helper, 'PATCH', '/me/account', { preferredLanguage: 'sv' })
    assert.equal(swedish.body.preferredLanguage, 'sv')
  })

  it('P9 the realms and the tenants are apart', async () => {
    assert.equal((await call(operator, 'GET', '/users')).code, 'wrong_realm')
    assert.equal((await call(admin, 'GET', '/operator/users')).code, 'wrong_realm')
    assert.equal((await call(operator, 'GET', '/operator/users')).body.value.length, 1)
    assert.equal((await call(operator, 'GET', `/operator/users/${idOf(admin)}`)).status, 404)
    const foreign = await person('beta', 'there@example.org')
    for (const [method, path] of [
      ['GET', `/users/${foreign}`],
      ['PATCH', `/users/${foreign}`],
      ['POST', `/users/${foreign}/invite`],
      ['POST', `/users/${foreign}/revokeSignInSessions`],
    ] as const)
      assert.equal((await call(admin, method, path)).status, 404, path)
  })

  it('signing out everywhere ends the sign-in that asked for it', async () => {
    const other = `acme/${await person('acme', 'leaver@example.org')}`
    await new Promise((done) => setTimeout(done, 1_010 - (Date.now() % 1_000)))
    const before = await call(other, 'GET', '/me/account')
    assert.equal(before.status, 200)
    const path = `/users/${idOf(other)}/revokeSignInSessions`
    await new Promise((done) => setTimeout(done, 20))
    assert.equal((await call(admin, 'POST', path)).status, 204)
    await refusedSoon(other)
  })
})

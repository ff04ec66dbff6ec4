import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'
import { after, before, describe, it } from 'node:test'
import type { AuthenticationResponseJSON, RegistrationResponseJSON } from '@simplewebauthn/server'
import * as client from 'openid-client'
import { type Browser, type BrowserContext, type CDPSession, type Page } from 'playwright-core'
import { createAccount, disableAccount, signOutEverywhere } from '#access/account-updates.ts'
import { CLI_CLIENT, CONSOLE_CLIENT } from '#access/issuer.ts'
import { createLink, firstAdminLink } from '#access/one-time-link.ts'
import { beginRegistration, checkAssertion, checkRegistration } from '#access/passkey.ts'
import { listPasskeys } from '#access/passkey-changes.ts'
import { registerSigningKey } from '#access/signing-keys.ts'
import { sha256 } from '#foundation/hashing.ts'
import { addSecret, clientIdOf, removeSecret } from '#access/service-principal.ts'
import { needsStepUp } from '#access/tokens.ts'
import { INSTALLATION } from '#database/handles.ts'
import { isRefusal, type Refusal } from '#foundation/refusal.ts'
import type { Entry } from '#ledger/entry.ts'
import { unpackEntries } from '#ledger/verify/bundle.ts'
import { WITHOUT_CHROMIUM, launchChromium } from '../person-at-browser.ts'
import { type SignInSite, startSignInSite } from '../sign-in-site.ts'

const by = () => ({ actor: 'test', at: Date.now() })
const right = <Value>(value: Value | Refusal): Value => {
  if (isRefusal(value)) assert.fail(value.refused)
  return value
}
const why = (value: unknown): string => (isRefusal(value) ? value.refused : 'allowed')
const insecure = { execute: [client.allowInsecureRequests] }

describe('sign-in', { skip: WITHOUT_CHROMIUM }, () => {
  let site: SignInSite
  let browser: Browser
  let context: BrowserContext
  let page: Page
  let authenticator: CDPSession
  let accountId: string
  let console: client.Configuration

  before(async () => {
    site = await startSignInSite()
    browser = await launchChromium()
    context = await browser.newContext({ locale: 'en-GB' })
    page = await context.newPage()
    page.setDefaultTimeout(10_000)
    authenticator = await withAuthenticator(context, page)
    console = await client.discovery(
      new URL(site.issuer.issuer),
      CONSOLE_CLIENT,
      undefined,
      client.None(),
      insecure,
    )
  })
  after(async () => {
    await browser.close()
    await site.stop()
  })

  const authenticate = (token: string) => site.tokens.authenticate(`Bearer ${token}`, Date.now())

  /** Goes through the console's sign-in in the browser, and answers its tokens. */
  async function signIn(more: Record<string, string> = {}, act = byPasskey) {
    const verifier = client.randomPKCECodeVerifier()
    const state = client.randomState()
    const url = client.buildAuthorizationUrl(console, {
      redirect_uri: `${site.origin}/signed-in`,
      scope: 'openid api',
      code_challenge: await client.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      state,
      ...more,
    })
    await page.goto(url.href)
    await act()
    await page.waitForURL(/\/signed-in\?/)
    return client.authorizationCodeGrant(console, new URL(page.url()), {
      pkceCodeVerifier: verifier,
      expectedState: state,
    })
  }
  async function byPasskey(): Promise<void> {
    await page.getByRole('button', { name: 'Sign in with a passkey' }).click()
  }

  it('the first link lets one person in, once', async () => {
    const token = await site.database.write('acme', (tx) => firstAdminLink(tx, site.parts, by()))
    assert.ok(token)
    const link = `${site.origin}/sign-in/link?token=${token}`
    await page.goto(link)
    assert.match((await page.textContent('main')) ?? '', /first administrator/)
    await page.getByRole('button', { name: 'Make a passkey' }).click()
    await page.waitForURL(/\/sign-in\/done/)
    const again = await page.goto(link)
    assert.equal(again?.status(), 410)
    const none = await site.database.write('acme', (tx) => firstAdminLink(tx, site.parts, by()))
    assert.equal(none, undefined, 'there is an administrator now')
    const [admin] = await site.database.read('acme', site.parts.administrators)
    accountId = admin ?? assert.fail('no administrator')
    const keys = await site.database.read('acme', (reader) =>
      listPasskeys(reader, site.keys, accountId),
    )
    assert.deepEqual(
      keys.map((key) => key.name),
      ['My passkey'],
    )
  })

  it('a passkey signs in at the console, and the token says who, when and how', async () => {
    const tokens = await signIn()
    assert.equal(tokens.expires_in, 600)
    const principal = right(await authenticate(tokens.access_token))
    assert.equal(principal.tenantId, 'acme')
    assert.equal(principal.accountId, accountId)
    assert.deepEqual(principal.methods, ['hwk', 'user'])
    assert.equal(needsStepUp(principal, Date.now()), false)
    assert.equal(needsStepUp(principal, Date.now() + 6 * 60_000), true)
  })

  it('a session spares the next sign-in, but not where the person must prove it anew', async () => {
    await signIn({}, async () => {})
    let asked = false
    await signIn({ prompt: 'login' }, async () => {
      asked = true
      assert.match((await page.textContent('main')) ?? '', /Prove again/)
      await byPasskey()
    })
    assert.ok(asked)
  })

  it('a refresh token works once: its second use ends the whole grant', async () => {
    const first = await signIn({ prompt: 'login' })
    const second = await client.refreshTokenGrant(console, first.refresh_token ?? '')
    assert.equal(why(await authenticate(second.access_token)), 'allowed')
    await assert.rejects(client.refreshTokenGrant(console, first.refresh_token ?? ''))
    await assert.rejects(client.refreshTokenGrant(console, second.refresh_token ?? ''))
  })

  it('a challenge is good once: the same answer again is refused', async () => {
    const [request] = await Promise.all([
      page.waitForRequest(/passkey\/finish/),
      signIn({ prompt: 'login' }),
    ])
    const body = JSON.parse(request.postData() ?? '{}') as { ceremony: string; response: never }
    assert.equal(why(await site.passkeys.finish(body.ceremony, body.response)), 'passkey_invalid')
    const { ceremony } = await site.passkeys.begin()
    assert.equal(why(await site.passkeys.finish(ceremony, body.response)), 'passkey_invalid')
  })

  it('an authenticator that does not verify its user does not sign in', async () => {
    await authenticator.send('WebAuthn.setUserVerified', {
      authenticatorId: authenticatorOf(authenticator),
      isUserVerified: false,
    })
    await page.goto(`${site.origin}/oidc/auth?${await consoleQuery(site)}`)
    await byPasskey()
    await page.locator('#message:not(:empty)').waitFor()
    await authenticator.send('WebAuthn.setUserVerified', {
      authenticatorId: authenticatorOf(authenticator),
      isUserVerified: true,
    })
  })

  it('P5 signing out everywhere ends access tokens, refresh tokens and sessions', async () => {
    const before = await signIn({ prompt: 'login' })
    assert.equal(why(await authenticate(before.access_token)), 'allowed')
    await nextSecond()
    await site.database.write('acme', (tx) => signOutEverywhere(tx, accountId, by()))
    await until(async () => why(await authenticate(before.access_token)) === 'token_invalid')
    await assert.rejects(client.refreshTokenGrant(console, before.refresh_token ?? ''))
    await nextSecond()
    let asked = false
    const later = await signIn({}, async () => {
      asked = true
      await byPasskey()
    })
    assert.ok(asked, 'the session had ended')
    assert.equal(why(await authenticate(later.access_token)), 'allowed')
  })

  it('the command line signs in by a code that the person confirms', async () => {
    const cli = await client.discovery(
      new URL(site.issuer.issuer),
      CLI_CLIENT,
      undefined,
      client.None(),
      insecure,
    )
    const device = await client.initiateDeviceAuthorization(cli, {
      scope: 'openid offline_access api',
      resource: site.origin,
      organisation: 'acme',
      max_age: '0',
    })
    await nextSecond()
    const polling = client.pollDeviceAuthorizationGrant(
      cli,
      { ...device, interval: 1 },
      { resource: site.origin },
    )
    polling.catch(() => {})
    await page.goto(device.verification_uri)
    await page.getByLabel('Code').fill(device.user_code.toLowerCase())
    await page.getByRole('button', { name: 'Continue' }).click()
    assert.equal(await page.textContent('.code'), device.user_code)
    await page.getByRole('button', { name: 'Yes, connect' }).click()
    assert.equal(await page.inputValue('#organisation'), 'acme')
    await byPasskey()
    await page.getByRole('heading', { name: 'Connected' }).waitFor()
    const tokens = await polling
    assert.equal(right(await authenticate(tokens.access_token)).accountId, accountId)
    const refreshed = await client.refreshTokenGrant(cli, tokens.refresh_token ?? '')
    assert.equal(right(await authenticate(refreshed.access_token)).accountId, accountId)
  })

  it('a code that the person does not know is refused, and the command line hears it', async () => {
    const cli = await client.discovery(
      new URL(site.issuer.issuer),
      CLI_CLIENT,
      undefined,
      client.None(),
      insecure,
    )
    const device = await client.initiateDeviceAuthorization(cli, { scope: 'openid' })
    const polling = client.pollDeviceAuthorizationGrant(cli, { ...device, interval: 1 })
    polling.catch(() => {})
    await page.goto(device.verification_uri_complete ?? device.verification_uri)
    await page.getByRole('button', { name: 'No, it is not mine' }).click()
    await assert.rejects(polling, { error: 'access_denied' })
  })

  it('a recovery link removes nothing until it is used, and then every older passkey', async () => {
    const before = await signIn({ prompt: 'login' })
    const token = right(
      await site.database.write('acme', (tx) =>
        createLink(tx, { accountId, purpose: 'recovery' }, by()),
      ),
    )
    assert.equal(why(await authenticate(before.access_token)), 'allowed')
    const old = await passkeyIds()
    await authenticator.send('WebAuthn.clearCredentials', {
      authenticatorId: authenticatorOf(authenticator),
    })
    await nextSecond()
    await page.goto(`${site.origin}/sign-in/link?token=${token}`)
    await page.getByLabel('Name of this passkey').fill('Spare key')
    await page.getByRole('button', { name: 'Make a passkey' }).click()
    await page.waitForURL(/\/sign-in\/done/)
    const now = await passkeyIds()
    assert.equal(now.length, 1)
    assert.ok(!old.includes(now[0] ?? ''))
    await until(async () => why(await authenticate(before.access_token)) === 'token_invalid')
    await nextSecond()
    assert.equal(why(await authenticate((await signIn()).access_token)), 'allowed')
  })

  it('a passkey of its own signs a text, and only that text', async () => {
    await page.goto(`${site.origin}/sign-in/done`)
    await page.addScriptTag({ url: '/sign-in/webauthn.js' })
    const parts = { keys: site.keys, site: site.site }
    const begun = right(
      await site.database.write('acme', (tx) =>
        beginRegistration(tx, parts, accountId, 'signing', Date.now()),
      ),
    )
    const made = (await page.evaluate(
      `SimpleWebAuthnBrowser.startRegistration({ optionsJSON: ${JSON.stringify(begun.options)} })`,
    )) as RegistrationResponseJSON
    const answer = { ceremony: begun.ceremony, response: made, use: 'signing' } as const
    const check = () =>
      site.database.write('acme', (tx) => checkRegistration(tx, parts, answer, Date.now()))
    const key = right(await check())
    assert.equal(why(await check()), 'passkey_invalid', 'a ceremony is good once')
    const keyId = right(
      await site.database.write('acme', (tx) =>
        registerSigningKey(
          tx,
          { accountId, kind: 'passkey', publicKey: key.publicKey, keyId: key.passkeyId },
          by(),
        ),
      ),
    )
    const challenge = sha256('the text').toString('base64url')
    const options = { challenge, rpId: 'localhost', userVerification: 'required' }
    const signed = (await page.evaluate(
      `SimpleWebAuthnBrowser.startAuthentication({ optionsJSON: ${JSON.stringify({ ...options, allowCredentials: [{ id: keyId, type: 'public-key' }] })} })`,
    )) as AuthenticationResponseJSON
    const assertion = { response: signed, passkeyId: keyId, publicKey: key.publicKey, counter: 0 }
    assert.equal(typeof (await checkAssertion(site.site, { ...assertion, challenge })), 'number')
    const other = sha256('another text').toString('base64url')
    assert.equal(
      why(await checkAssertion(site.site, { ...assertion, challenge: other })),
      'passkey_invalid',
    )
    assert.equal(why(await signsIn(signed)), 'passkey_invalid', 'a signing key is no way in')
  })

  const signsIn = async (response: AuthenticationResponseJSON) => {
    const { ceremony } = await site.passkeys.begin()
    return site.passkeys.finish(ceremony, response)
  }

  it('the pages are in Swedish too, reachable by keyboard, and run no inline script', async () => {
    await context.clearCookies()
    const answer = await page.goto(`${site.origin}/oidc/auth?${await consoleQuery(site)}`)
    assert.match(answer?.headers()['content-security-policy'] ?? '', /script-src 'self'/)
    assert.doesNotMatch(answer?.headers()['content-security-policy'] ?? '', /unsafe|sha256/)
    await page.getByRole('link', { name: 'Svenska' }).click()
    await page.getByRole('button', { name: 'Logga in med en nyckel (passkey)' }).waitFor()
    assert.equal(await page.getAttribute('html', 'lang'), 'sv')
    const reached: string[] = []
    for (let i = 0; i < 7; i++) {
      await page.keyboard.press('Tab')
      reached.push(
        await page.evaluate(
          "(document.activeElement.textContent.trim() || document.activeElement.name) ?? ''",
        ),
      )
    }
    for (const name of [
      'Till innehållet',
      'Logga in med en nyckel (passkey)',
      'organisation',
      'Avbryt',
    ])
      assert.ok(reached.includes(name), `${name} in ${reached.join(', ')}`)
    assert.equal(
      await page.evaluate("document.querySelectorAll('script:not([src]), [onclick]').length"),
      0,
    )
  })

  it('calling the sign-in off tells the client', async () => {
    await page.goto(`${site.origin}/oidc/auth?${await consoleQuery(site)}`)
    await page.getByRole('link', { name: 'Cancel' }).click()
    await page.waitForURL(/signed-in\?error=access_denied/)
  })

  it('a service signs in by its secret, one of two, until the secret or the service is taken away', async () => {
    const { service, one, two } = await site.database.write('acme', async (tx) => {
      const service = right(
        await createAccount(tx, site.parts, { kind: 'service', displayName: 'MDM' }, by()),
      )
      const one = right(await addSecret(tx, service, by()))
      const two = right(await addSecret(tx, service, by()))
      assert.equal(why(await addSecret(tx, service, by())), 'limit_reached')
      return { service, one, two }
    })
    const config = (secret: client.ClientAuth) =>
      client.discovery(
        new URL(site.issuer.issuer),
        clientIdOf('acme', service),
        undefined,
        secret,
        insecure,
      )
    const first = await config(client.ClientSecretBasic(one.secret))
    const second = await config(client.ClientSecretPost(two.secret))
    const wrong = await config(client.ClientSecretPost('guessed'))
    const token = (await client.clientCredentialsGrant(first)).access_token
    const principal = right(await authenticate(token))
    assert.deepEqual([principal.kind, principal.methods], ['service', ['client']])
    await client.clientCredentialsGrant(second)
    await assert.rejects(client.clientCredentialsGrant(wrong))
    await nextSecond()
    await site.database.write('acme', (tx) => removeSecret(tx, service, one.secretId, by()))
    await assert.rejects(client.clientCredentialsGrant(first))
    await until(async () => why(await authenticate(token)) === 'token_invalid')
    await nextSecond()
    const other = (await client.clientCredentialsGrant(second)).access_token
    await site.database.write('acme', (tx) => disableAccount(tx, site.parts, service, by()))
    await until(async () => why(await authenticate(other)) === 'account_disabled')
    await assert.rejects(client.clientCredentialsGrant(second))
  })

  it('every sign-in is an entry in the log of its tenant, with no value of a person', async () => {
    const entries = await waitingEntries(site, 'acme')
    const said = entries.filter((entry) => entry.kind.startsWith('sign-in'))
    assert.ok(said.some((entry) => entry.kind === 'sign-in' && entry.data.method === 'passkey'))
    assert.ok(
      said.some(
        (entry) => entry.kind === 'sign-in.refused' && entry.data.reason === 'passkey_invalid',
      ),
    )
    const bySecret = said.filter((entry) => entry.data.method === 'secret')
    assert.deepEqual([...new Set(bySecret.map((entry) => entry.kind))].sort(), [
      'sign-in',
      'sign-in.refused',
    ])
    for (const entry of entries)
      assert.doesNotMatch(JSON.stringify(entry), /Administrator|My passkey|Spare key|MDM/)
    const kept = await site.test.ownerQuery<{ payload: string }>(
      `select encode(sealed, 'escape') as payload from oidc_store where tenant_id = $1`,
      [INSTALLATION],
    )
    assert.ok(kept.length > 0)
    for (const { payload } of kept) assert.doesNotMatch(payload, new RegExp(accountId))
  })

  const passkeyIds = async (): Promise<string[]> =>
    (await site.database.read('acme', (reader) => listPasskeys(reader, site.keys, accountId))).map(
      (key) => key.passkeyId,
    )
})

/** What was appended and has no place in the tree yet: nothing sequences here. */
async function waitingEntries(site: SignInSite, tenantId: string): Promise<readonly Entry[]> {
  const rows = await site.test.ownerQuery<{ entries: Buffer }>(
    'select entries from ledger_segments where tenant_id = $1 and first_index is null order by queue_id',
    [tenantId],
  )
  return rows
    .flatMap((row) => unpackEntries(row.entries))
    .map((bytes) => JSON.parse(bytes.toString()) as Entry)
}

const authenticators = new WeakMap<CDPSession, string>()
const authenticatorOf = (session: CDPSession): string => authenticators.get(session) ?? ''

/** A security key of the browser's own, that says yes by itself. */
async function withAuthenticator(context: BrowserContext, page: Page): Promise<CDPSession> {
  const session = await context.newCDPSession(page)
  await session.send('WebAuthn.enable')
  const { authenticatorId } = await session.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  })
  authenticators.set(session, authenticatorId)
  return session
}

async function consoleQuery(site: SignInSite): Promise<string> {
  const verifier = client.randomPKCECodeVerifier()
  return new URLSearchParams({
    client_id: CONSOLE_CLIENT,
    response_type: 'code',
    scope: 'openid',
    prompt: 'login',
    redirect_uri: `${site.origin}/signed-in`,
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  }).toString()
}

/** Times in tokens are whole seconds. */
async function nextSecond(): Promise<void> {
  await pause(1_010 - (Date.now() % 1_000))
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 1_000
  while (!(await holds())) {
    assert.ok(Date.now() < deadline, 'it takes effect within a second')
    await pause(10)
  }
}

import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import * as client from 'openid-client'
import { createAccount, disableAccount } from '#access/account-updates.ts'
import { readAccount } from '#access/account.ts'
import { createIdentityProvider, updateIdentityProvider } from '#access/identity-provider.ts'
import { CONSOLE_CLIENT } from '#access/issuer.ts'
import type { Principal } from '#access/principal.ts'
import { needsStepUp } from '#access/tokens.ts'
import { isRefusal, type Refusal } from '#foundation/refusal.ts'
import { CookieBrowser } from '../cookie-browser.ts'
import { type CustomerProvider, startCustomerProvider } from '../customer-provider.ts'
import { type SignInSite, startSignInSite } from '../sign-in-site.ts'

const by = () => ({ actor: 'test', at: Date.now() })
const right = <Value>(value: Value | Refusal): Value => {
  if (isRefusal(value)) assert.fail(value.refused)
  return value
}

describe('sign-in at the organisation’s own provider', () => {
  let site: SignInSite
  let theirs: CustomerProvider
  let providerId: string
  let console: client.Configuration
  let browser: CookieBrowser

  before(async () => {
    site = await startSignInSite()
    theirs = await startCustomerProvider(`${site.origin}/sign-in/callback`)
    providerId = await site.database.write('acme', (tx) =>
      createIdentityProvider(
        tx,
        site.keys,
        {
          title: 'Example ID',
          issuer: theirs.issuer,
          clientId: theirs.clientId,
          clientSecret: theirs.clientSecret,
          groupsClaim: 'groups',
          rolesClaim: 'roles',
          mailDomains: ['example.org'],
        },
        by(),
      ),
    )
    console = await client.discovery(
      new URL(site.issuer.issuer),
      CONSOLE_CLIENT,
      undefined,
      client.None(),
      { execute: [client.allowInsecureRequests] },
    )
  })
  after(async () => {
    await theirs.stop()
    await site.stop()
  })
  beforeEach(() => {
    browser = new CookieBrowser()
  })

  const invited = async (mail: string): Promise<string> =>
    right(
      await site.database.write('acme', (tx) =>
        createAccount(tx, site.parts, { kind: 'person', displayName: 'Sam Example', mail }, by()),
      ),
    )
  const change = (settings: Parameters<typeof updateIdentityProvider>[3]) =>
    site.database.write('acme', (tx) =>
      updateIdentityProvider(tx, site.keys, providerId, settings, by()),
    )

  /** From the console to the provider and back; answers where the browser ended, and the tokens if there are any. */
  async function start(more: Record<string, string> = {}) {
    const verifier = client.randomPKCECodeVerifier()
    const state = client.randomState()
    const url = client.buildAuthorizationUrl(console, {
      redirect_uri: `${site.origin}/signed-in`,
      scope: 'openid',
      organisation: 'acme',
      code_challenge: await client.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      state,
      ...more,
    })
    const page = await browser.open(url)
    assert.equal(page.url.pathname, '/sign-in')
    const link =
      /href="(\/sign-in\/provider\?[^"]+)"/.exec(page.text)?.[1] ?? assert.fail(page.text)
    return { verifier, state, link: new URL(link.replaceAll('&amp;', '&'), site.origin) }
  }
  async function signIn(more: Record<string, string> = {}): Promise<Principal> {
    const { verifier, state, link } = await start(more)
    const ended = await browser.open(link)
    assert.equal(ended.url.pathname, '/signed-in', ended.text)
    const tokens = await client.authorizationCodeGrant(console, ended.url, {
      pkceCodeVerifier: verifier,
      expectedState: state,
    })
    return right(await site.tokens.authenticate(`Bearer ${tokens.access_token}`, Date.now()))
  }
  async function refused(): Promise<string> {
    const ended = await browser.open((await start()).link)
    assert.equal(ended.status, 403, ended.url.href)
    return ended.text
  }

  it('links who was invited by address, and takes over groups and roles at each sign-in', async () => {
    const accountId = await invited('sam@example.org')
    const sam = { sub: 'sam', email: 'Sam@example.org', email_verified: true, name: 'Sam' }
    await theirs.become({ ...sam, groups: ['staff', 'it'], roles: ['privacy'] })
    const first = await signIn()
    assert.equal(first.accountId, accountId)
    assert.deepEqual(first.groups, ['it', 'privacy', 'staff'])
    assert.deepEqual(first.methods, ['fed'])
    assert.equal(needsStepUp(first, Date.now()), false)
    await theirs.become({ ...sam, groups: ['staff'] })
    browser = new CookieBrowser()
    const second = await signIn()
    assert.equal(second.accountId, accountId)
    assert.deepEqual(second.groups, ['staff'])
  })

  it('P7 marks the person by who they are at the provider', async () => {
    await invited('kim@example.org')
    await theirs.become({ sub: 'kim', email: 'kim@example.org', email_verified: true })
    const kim = await signIn()
    assert.ok(kim.personMarks.includes(site.parts.marks.ofSubject(theirs.issuer, 'kim')))
    assert.ok(kim.personMarks.includes(site.parts.marks.ofMail('kim@example.org')))
  })

  it('refuses who has no account, unless the organisation makes one for whoever comes', async () => {
    await theirs.become({ sub: 'new', email: 'new@example.org', email_verified: true })
    assert.match(await refused(), /no account for you/)
    await change({ createsAccounts: true })
    const made = await signIn()
    const account = await site.database.read('acme', (reader) =>
      readAccount(reader, made.accountId),
    )
    assert.equal(account?.state, 'active')
    browser = new CookieBrowser()
    assert.equal((await signIn()).accountId, made.accountId, 'and the same one the next time')
    await change({ createsAccounts: false })
  })

  it('links nobody by an address that the provider does not vouch for or has no say over', async () => {
    await invited('boss@example.org')
    await invited('boss@example.net')
    for (const claims of [
      { sub: 'a', email: 'boss@example.org' },
      { sub: 'b', email: 'boss@example.org', email_verified: false },
      { sub: 'c', email: 'boss@example.net', email_verified: true },
      { sub: 'd' },
    ]) {
      browser = new CookieBrowser()
      await theirs.become(claims)
      assert.match(await refused(), /no account for you/, claims.sub)
    }
  })

  it('links an account once: somebody else with the same address is refused', async () => {
    await invited('one@example.org')
    await theirs.become({ sub: 'one', email: 'one@example.org', email_verified: true })
    await signIn()
    browser = new CookieBrowser()
    await theirs.become({ sub: 'impostor', email: 'one@example.org', email_verified: true })
    assert.match(await refused(), /no account for you/)
  })

  it('refuses an account that is switched off, and a provider that is', async () => {
    const accountId = await invited('off@example.org')
    await theirs.become({ sub: 'off', email: 'off@example.org', email_verified: true })
    await signIn()
    await site.database.write('acme', (tx) => disableAccount(tx, site.parts, accountId, by()))
    browser = new CookieBrowser()
    assert.match(await refused(), /switched off/)
    const { link } = await start()
    await change({ enabled: false })
    assert.equal((await browser.open(link)).status, 403)
    await change({ enabled: true })
  })

  it('takes the provider’s answer once, in the browser that asked, and for nothing it did not ask', async () => {
    await invited('replay@example.org')
    await theirs.become({ sub: 'replay', email: 'replay@example.org', email_verified: true })
    const callback = async (from: CookieBrowser): Promise<URL> => {
      const { link } = await start()
      const stopAt = (url: URL) => url.pathname === '/sign-in/callback'
      return (await from.open(link, { stopAt })).url
    }
    const answer = await callback(browser)
    const stranger = new CookieBrowser()
    const own = browser
    browser = stranger
    await start()
    assert.equal((await stranger.open(answer)).status, 403, 'another browser')
    assert.equal((await own.open(answer)).status, 403, 'used up by the first try')
    browser = new CookieBrowser()
    const changed = await callback(browser)
    changed.searchParams.set('state', `acme.${'A'.repeat(43)}`)
    assert.equal((await browser.open(changed)).status, 403, 'a state of nobody')
    browser = new CookieBrowser()
    const foreign = await callback(browser)
    foreign.searchParams.set('iss', 'https://other.example.org')
    assert.equal((await browser.open(foreign)).status, 403, 'another issuer')
  })

  it('asks the provider anew where the person must prove it anew', async () => {
    await invited('again@example.org')
    await theirs.become({ sub: 'again', email: 'again@example.org', email_verified: true })
    await signIn()
    const { link } = await start({ prompt: 'login' })
    const asked = await browser.open(link, {
      stopAt: (url) => url.port !== new URL(site.origin).port,
    })
    assert.equal(asked.url.searchParams.get('prompt'), 'login')
    assert.equal(asked.url.searchParams.get('max_age'), '300')
    assert.equal(asked.url.searchParams.get('code_challenge_method'), 'S256')
    assert.equal((await browser.open(asked.url)).url.pathname, '/signed-in')
  })

  it('P9 a provider of one organisation lets nobody into another', async () => {
    const page = await browser.open(
      client.buildAuthorizationUrl(console, {
        redirect_uri: `${site.origin}/signed-in`,
        scope: 'openid',
        organisation: 'beta',
        code_challenge: await client.calculatePKCECodeChallenge('x'.repeat(43)),
        code_challenge_method: 'S256',
      }),
    )
    assert.doesNotMatch(page.text, /Example ID/)
    const link = `${site.origin}/sign-in/provider?organisation=beta&provider=${providerId}`
    assert.equal((await browser.open(link)).status, 403)
  })

  it('an address of the provider that is not https is refused outside tests', async () => {
    const { createProviderSignIn } = await import('#access/provider-sign-in.ts')
    const strict = createProviderSignIn({
      ...site.parts,
      database: site.database,
      clock: { now: () => Date.now(), elapsed: () => performance.now() },
      callbackUrl: `${site.origin}/sign-in/callback`,
      allowInsecureLoopback: false,
    })
    const answer = await strict.begin('acme', providerId, 'x', false)
    assert.ok(isRefusal(answer))
    assert.equal(answer.about.why, 'issuer_insecure')
  })
})

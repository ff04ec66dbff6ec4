import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { HttpBindings } from '@hono/node-server'
import { type Context, Hono } from 'hono'
import { z } from 'zod'
import type { Account, Language } from '#access/account.ts'
import { enabledProviders } from '#access/identity-provider.ts'
import type { Interaction, Issuer } from '#access/issuer.ts'
import type { PasskeySignIn } from '#access/passkey-sign-in.ts'
import type { ProviderSignIn } from '#access/provider-sign-in.ts'
import type { Database } from '#database/handles.ts'
import type { Clock } from '#foundation/clock.ts'
import { isTenantId } from '#foundation/ids.ts'
import { isRefusal, type Refusal } from '#foundation/refusal.ts'
import { PAGE_POLICY } from './page.ts'
import { SCRIPT } from './script.ts'
import { choosePage, donePage, linkPage, messagePage } from './sign-in-pages.ts'
import { STYLE } from './style.ts'
import { languageOf, textsOf } from './texts.ts'

export interface SignInParts {
  readonly origin: string
  readonly issuer: Issuer
  readonly passkeys: PasskeySignIn
  readonly providers: ProviderSignIn
  readonly database: Database
  readonly clock: Clock
}

type Env = { Bindings: HttpBindings }
type Page = Context<Env>

/** What a browser's passkey library answers; what is in it is checked by the room. */
const credential = z.looseObject({ id: z.string().max(1_400), response: z.looseObject({}) })
const ceremony = z.string().min(1).max(100)
const bodies = {
  finish: z.object({ ceremony, response: credential }),
  linkBegin: z.object({ token: z.string().max(200) }),
  linkFinish: z.object({
    token: z.string().max(200),
    ceremony,
    response: credential,
    name: z.string().trim().min(1).max(80),
  }),
}
const MOST_BYTES = 64 * 1024

/** The pages and calls of signing in, below `/sign-in`. */
export async function signInRoutes(parts: SignInParts): Promise<Hono<Env>> {
  const library = await passkeyLibrary()
  const app = new Hono<Env>()
  app.use('/sign-in/*', async (context, next) => {
    secure(context)
    if (context.req.method === 'POST' && context.req.header('origin') !== parts.origin)
      return context.json({ message: 'another origin' }, 403)
    await next()
  })
  app.use('/sign-in', async (context, next) => {
    secure(context)
    await next()
  })
  const file = (path: string, type: string, text: string): void => {
    app.get(path, (context) => {
      context.header('content-type', `${type}; charset=utf-8`)
      context.header('cache-control', 'public, max-age=3600')
      return context.body(text)
    })
  }
  file('/sign-in/style.css', 'text/css', STYLE)
  file('/sign-in/sign-in.js', 'text/javascript', SCRIPT)
  file('/sign-in/webauthn.js', 'text/javascript', library)
  choosing(app, parts)
  byProvider(app, parts)
  byPasskey(app, parts)
  byLink(app, parts)
  return app
}

function choosing(app: Hono<Env>, { issuer, database }: SignInParts): void {
  app.get('/sign-in', async (context) => {
    const interaction = await underWay(context, issuer)
    const language = pageLanguage(context, interaction)
    if (!interaction) return noInteraction(context, language)
    const organisation = (context.req.query('organisation') ?? interaction.organisation)
      ?.trim()
      .toLowerCase()
    const providers =
      organisation === undefined
        ? undefined
        : isTenantId(organisation)
          ? await database.read(organisation, enabledProviders)
          : []
    return context.html(choosePage({ language, organisation, providers, fresh: interaction.fresh }))
  })
  app.get('/sign-in/cancel', async (context) => {
    const interaction = await underWay(context, issuer)
    if (!interaction) return noInteraction(context, pageLanguage(context))
    return context.redirect(await issuer.abort(context.env.incoming, context.env.outgoing), 303)
  })
}

function byProvider(app: Hono<Env>, { issuer, providers }: SignInParts): void {
  app.get('/sign-in/provider', async (context) => {
    const interaction = await underWay(context, issuer)
    const language = pageLanguage(context, interaction)
    const organisation = context.req.query('organisation') ?? ''
    if (!interaction) return noInteraction(context, language)
    if (!isTenantId(organisation)) return failed(context, language)
    const provider = context.req.query('provider') ?? ''
    const url = await providers.begin(organisation, provider, interaction.uid, interaction.fresh)
    return isRefusal(url) ? failed(context, language, url) : context.redirect(url.href, 303)
  })
  app.get('/sign-in/callback', async (context) => {
    const interaction = await underWay(context, issuer)
    const language = pageLanguage(context, interaction)
    if (!interaction) return noInteraction(context, language)
    const signedIn = await providers.finish(new URL(context.req.url), interaction.uid)
    if (isRefusal(signedIn)) return failed(context, language, signedIn)
    const { tenantId, account, authenticatedAt } = signedIn
    return context.redirect(
      await complete(context, issuer, tenantId, account, authenticatedAt, 'fed'),
      303,
    )
  })
}

function byPasskey(app: Hono<Env>, { issuer, passkeys, clock }: SignInParts): void {
  app.post('/sign-in/passkey/begin', async (context) =>
    (await underWay(context, issuer))
      ? context.json(await passkeys.begin())
      : context.json({ message: textsOf(pageLanguage(context)).noInteraction }, 400),
  )
  app.post('/sign-in/passkey/finish', async (context) => {
    const language = pageLanguage(context)
    const body = await bodyOf(context, bodies.finish)
    if (!body || !(await underWay(context, issuer)))
      return context.json({ message: textsOf(language).failed }, 400)
    const answer = await passkeys.finish(body.ceremony, body.response as never)
    if (isRefusal(answer)) return context.json({ message: messageOf(language, answer) }, 403)
    const { tenantId, account } = answer
    const next = await complete(context, issuer, tenantId, account, clock.now(), 'hwk')
    return context.json({ next })
  })
}

function byLink(app: Hono<Env>, { passkeys }: SignInParts): void {
  app.get('/sign-in/link', async (context) => {
    const language = pageLanguage(context)
    const token = context.req.query('token') ?? ''
    const holder = await passkeys.look(token)
    if (!isRefusal(holder)) return context.html(linkPage(language, token, holder.purpose))
    const texts = textsOf(language)
    return context.html(messagePage(language, texts.linkTitle, texts.linkUsed), 410)
  })
  app.post('/sign-in/link/begin', async (context) => {
    const language = pageLanguage(context)
    const body = await bodyOf(context, bodies.linkBegin)
    const answer = body && (await passkeys.beginByLink(body.token))
    if (!answer) return context.json({ message: textsOf(language).failed }, 400)
    if (isRefusal(answer)) return context.json({ message: messageOf(language, answer) }, 410)
    return context.json(answer)
  })
  app.post('/sign-in/link/finish', async (context) => {
    const language = pageLanguage(context)
    const body = await bodyOf(context, bodies.linkFinish)
    const answer =
      body &&
      (await passkeys.finishByLink(body.token, { ...body, response: body.response as never }))
    if (!answer) return context.json({ message: textsOf(language).failed }, 400)
    if (isRefusal(answer)) return context.json({ message: messageOf(language, answer) }, 403)
    return context.json({ next: `/sign-in/done?lang=${language}` })
  })
  app.get('/sign-in/done', (context) => context.html(donePage(pageLanguage(context))))
}

function underWay(context: Page, issuer: Issuer): Promise<Interaction | undefined> {
  return issuer.interaction(context.env.incoming, context.env.outgoing)
}

function complete(
  context: Page,
  issuer: Issuer,
  tenantId: string,
  account: Account,
  authenticatedAt: number,
  method: 'hwk' | 'fed',
): Promise<string> {
  return issuer.finish(context.env.incoming, context.env.outgoing, {
    tenantId,
    accountId: account.accountId,
    authenticatedAt,
    methods: method === 'hwk' ? ['hwk', 'user'] : ['fed'],
  })
}

function secure(context: Page): void {
  context.header('content-security-policy', PAGE_POLICY)
  context.header('referrer-policy', 'no-referrer')
  context.header('x-content-type-options', 'nosniff')
  context.header('cache-control', 'no-store')
}

function pageLanguage(context: Page, interaction?: Interaction): Language {
  return languageOf(
    context.req.query('lang') ?? interaction?.locales?.slice(0, 2),
    context.req.header('accept-language'),
  )
}

function noInteraction(context: Page, language: Language) {
  const texts = textsOf(language)
  return context.html(messagePage(language, texts.signIn, texts.noInteraction, '/'), 400)
}

function failed(context: Page, language: Language, refusal?: Refusal) {
  const texts = textsOf(language)
  const message = refusal ? messageOf(language, refusal) : texts.failed
  return context.html(messagePage(language, texts.failedTitle, message, '/sign-in'), 403)
}

/** What people are told: never which of the many things it was that did not fit. */
function messageOf(language: Language, { refused }: Refusal): string {
  const texts = textsOf(language)
  if (refused === 'account_unknown') return texts.unknown
  if (refused === 'account_disabled') return texts.disabled
  if (refused === 'link_used') return texts.linkUsed
  return texts.failed
}

async function bodyOf<Schema extends z.ZodType>(
  context: Page,
  schema: Schema,
): Promise<z.output<Schema> | undefined> {
  if (!context.req.header('content-type')?.startsWith('application/json')) return undefined
  if (Number(context.req.header('content-length') ?? MOST_BYTES + 1) > MOST_BYTES) return undefined
  const parsed = schema.safeParse(await context.req.json().catch(() => undefined))
  return parsed.success ? parsed.data : undefined
}

/** The library's own build for browsers. */
async function passkeyLibrary(): Promise<string> {
  const main = createRequire(import.meta.url).resolve('@simplewebauthn/browser')
  return readFile(join(dirname(main), '..', 'dist', 'bundle', 'index.umd.min.js'), 'utf8')
}

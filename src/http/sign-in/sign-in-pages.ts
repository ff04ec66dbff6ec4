import type { Language } from '#access/account.ts'
import type { IdentityProvider } from '#access/identity-provider.ts'
import type { LinkPurpose } from '#access/one-time-link.ts'
import { document, html } from './page.ts'
import { textsOf } from './texts.ts'

export interface ChoosePage {
  readonly language: Language
  readonly organisation: string | undefined
  /** The organisation's own sign-ins; undefined before one was named. */
  readonly providers: readonly IdentityProvider[] | undefined
  readonly fresh: boolean
}

/** How people come in: by passkey, or at their organisation's own provider. */
export function choosePage(page: ChoosePage): string {
  const texts = textsOf(page.language)
  const organisation = page.organisation ?? ''
  const query = (more: Record<string, string>): string =>
    new URLSearchParams({ lang: page.language, ...more }).toString()
  const providers = page.providers?.map(
    ({ providerId, title }) =>
      html`<a class="button plain" href="/sign-in/provider?${query({ organisation, provider: providerId })}">${texts.withProvider} ${title}</a>`,
  )
  const none =
    page.providers?.length === 0
      ? html`<p class="wrong" role="status">${texts.noProvider}</p>`
      : undefined
  return document(page.language, {
    title: texts.signInTo,
    scripts: true,
    otherLanguage: `/sign-in?${new URLSearchParams({ lang: page.language === 'sv' ? 'en' : 'sv', ...(organisation ? { organisation } : {}) }).toString()}`,
    body: html`${page.fresh ? html`<p>${texts.again}</p>` : undefined}
<p id="message" class="wrong" role="alert"></p>
<form data-passkey="sign-in" data-failed="${texts.failed}" data-no-passkeys="${texts.noPasskeys}">
<button type="submit">${texts.withPasskey}</button>
<p class="soft">${texts.passkeyHint}</p>
<noscript><p class="wrong">${texts.noScript}</p></noscript>
</form>
<p class="or">${texts.or}</p>
${providers}${none}
<form method="get" action="/sign-in"><input type="hidden" name="lang" value="${page.language}">
<label for="organisation">${texts.organisation}</label>
<input type="text" id="organisation" name="organisation" value="${organisation}" required autocomplete="organization" autocapitalize="none" spellcheck="false" aria-describedby="organisation-hint">
<p class="soft" id="organisation-hint">${texts.organisationHint}</p>
<button class="plain" type="submit">${texts.next}</button></form>
<p><a href="/sign-in/cancel">${texts.cancel}</a></p>`,
  })
}

/** Where a one-time link leads: its person makes a passkey. */
export function linkPage(language: Language, token: string, purpose: LinkPurpose): string {
  const texts = textsOf(language)
  const why = {
    firstAdmin: texts.linkFirst,
    invitation: texts.linkInvitation,
    recovery: texts.linkRecovery,
  }[purpose]
  const other = new URLSearchParams({ token, lang: language === 'sv' ? 'en' : 'sv' })
  return document(language, {
    title: texts.linkTitle,
    scripts: true,
    otherLanguage: `/sign-in/link?${other.toString()}`,
    body: html`<p>${why}</p>
<p id="message" class="wrong" role="alert"></p>
<form data-passkey="register" data-token="${token}" data-failed="${texts.failed}" data-no-passkeys="${texts.noPasskeys}">
<label for="name">${texts.keyName}</label>
<input type="text" id="name" name="name" value="${texts.keyNameUsual}" maxlength="80" required autocomplete="off">
<button type="submit">${texts.makeKey}</button>
<p class="soft">${texts.passkeyHint}</p>
<noscript><p class="wrong">${texts.noScript}</p></noscript>
</form>`,
  })
}

export function donePage(language: Language): string {
  const texts = textsOf(language)
  return document(language, {
    title: texts.doneTitle,
    body: html`<p>${texts.done}</p><p><a class="button" href="/">${texts.toConsole}</a></p>`,
  })
}

/** A plain word and nothing else. */
export function messagePage(
  language: Language,
  title: string,
  message: string,
  back?: string,
): string {
  const texts = textsOf(language)
  const link =
    back === undefined
      ? undefined
      : html`<p><a class="button plain" href="${back}">${texts.next}</a></p>`
  return document(language, { title, body: html`<p role="alert">${message}</p>${link}` })
}

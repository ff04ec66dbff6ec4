import type { Language } from '#access/account.ts'
import type { FormPage, IssuerPages } from '#access/issuer.ts'
import { type Html, PAGE_POLICY, document, html } from './page.ts'
import { textsOf } from './texts.ts'

/** The pages that the issuer answers itself: device codes, signing out, and what went wrong. */
export const issuerPages: IssuerPages = {
  policy: PAGE_POLICY,
  deviceCode: (page) => {
    const texts = textsOf(page.language)
    const wrong = page.wrong
      ? html`<p class="wrong" role="alert">${texts.deviceWrong}</p>`
      : undefined
    return document(page.language, {
      title: texts.deviceTitle,
      body: html`${wrong}<p>${texts.deviceHint}</p>
${form(
  page,
  html`<label for="code">${texts.code}</label>
<input class="code-input" type="text" id="code" name="user_code" required autofocus autocomplete="off" autocapitalize="characters" spellcheck="false">
<button type="submit">${texts.next}</button>`,
)}`,
      otherLanguage: inOther(page.language, page.action),
    })
  },
  deviceConfirm: (page) => {
    const texts = textsOf(page.language)
    const hidden = html`<input type="hidden" name="user_code" value="${page.enteredCode}">`
    return document(page.language, {
      title: texts.confirmTitle,
      body: html`<p class="code">${page.code}</p><p>${texts.confirmHint}</p>
${form(
  page,
  html`${hidden}<input type="hidden" name="confirm" value="yes">
<button type="submit">${texts.confirm}</button>`,
)}
${form(page, html`${hidden}<button class="plain" type="submit" name="abort" value="yes">${texts.refuse}</button>`)}`,
    })
  },
  deviceDone: ({ language }) => {
    const texts = textsOf(language)
    return document(language, {
      title: texts.deviceDoneTitle,
      body: html`<p>${texts.deviceDone}</p>`,
    })
  },
  signOut: (page) => {
    const texts = textsOf(page.language)
    return document(page.language, {
      title: texts.signOutTitle,
      body: html`${form(
        page,
        html`<button type="submit" name="logout" value="yes">${texts.signOut}</button>
<button class="plain" type="submit">${texts.stay}</button>`,
      )}`,
    })
  },
  signedOut: ({ language }) => {
    const texts = textsOf(language)
    return document(language, {
      title: texts.signedOutTitle,
      body: html`<p>${texts.signedOut}</p>`,
    })
  },
  failed: ({ language, code }) => {
    const texts = textsOf(language)
    return document(language, {
      title: texts.failedTitle,
      body: html`<p>${texts.failedHint}</p><p class="soft">${code}</p>`,
    })
  },
}

function form({ action, xsrf }: FormPage, inside: Html): Html {
  return html`<form method="post" action="${action}"><input type="hidden" name="xsrf" value="${xsrf}">
${inside}</form>`
}

function inOther(language: Language, action: string): string {
  return `${action}?lang=${language === 'sv' ? 'en' : 'sv'}`
}

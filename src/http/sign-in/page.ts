import type { Language } from '#access/account.ts'
import { escaped } from '#foundation/html.ts'
import { textsOf } from './texts.ts'

/** HTML that is safe to put into a page: made by `html`, which escapes everything else. */
export interface Html {
  readonly html: string
}

type Part = string | Html | undefined | readonly Html[]

/** Builds HTML; whatever is not HTML already is escaped. */
export function html(strings: TemplateStringsArray, ...values: readonly Part[]): Html {
  let text = strings[0] ?? ''
  values.forEach((value, i) => {
    text += rendered(value) + (strings[i + 1] ?? '')
  })
  return { html: text }
}

function rendered(value: Part): string {
  if (value === undefined) return ''
  if (typeof value === 'string') return escaped(value)
  return 'html' in value ? value.html : value.map((one) => one.html).join('')
}

/** What the pages may load and where they may go: only what is ours. */
export const PAGE_POLICY =
  "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

/** A whole document. `otherLanguage` is where the same page is in the other language. */
export function document(
  language: Language,
  page: { title: string; body: Html; scripts?: boolean; otherLanguage?: string | undefined },
): string {
  const texts = textsOf(language)
  const other: Language = language === 'sv' ? 'en' : 'sv'
  const switcher =
    page.otherLanguage === undefined
      ? undefined
      : html`<a href="${page.otherLanguage}" lang="${other}" hreflang="${other}">${texts.otherLanguage}</a>`
  const scripts = page.scripts
    ? html`<script src="/sign-in/webauthn.js" defer></script><script src="/sign-in/sign-in.js" defer></script>`
    : undefined
  const whole = html`<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${page.title} – Sluss</title>
<link rel="stylesheet" href="/sign-in/style.css">
${scripts}
</head>
<body>
<header><a class="skip" href="#content">${texts.skip}</a><strong>Sluss</strong>${switcher}</header>
<main id="content" tabindex="-1">
<h1>${page.title}</h1>
${page.body}
</main>
<footer></footer>
</body>
</html>
`
  return whole.html
}

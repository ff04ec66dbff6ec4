import { escaped } from '#foundation/html.ts'
import type { NoticeDocument } from './document.ts'
import type { About } from './notice.ts'
import { COMMON_EN, EN } from './templates/en.ts'
import { COMMON_SV, SV } from './templates/sv.ts'
import type { CommonWords, Language, TemplateId, Words } from './template.ts'

export const LANGUAGES: Readonly<
  Record<Language, { words: Readonly<Record<TemplateId, Words>>; common: CommonWords }>
> = {
  en: { words: EN, common: COMMON_EN },
  sv: { words: SV, common: COMMON_SV },
}

/** A notice in one language. Holds the words of its template and what `about` names: nothing else can get in. */
export interface Rendered {
  readonly subject: string
  readonly sender: string
  readonly paragraphs: readonly string[]
  /** What it is about, by identifiers: label and value. */
  readonly references: readonly (readonly [string, string])[]
  readonly footer: string
}

/** @param timeZone  an IANA name; the text says it beside every time */
export function renderNotice(
  notice: {
    readonly template: TemplateId
    readonly about: About
    readonly tenantId: string
    /** What people wrote, where it is about that. It stands between what happened and what to do. */
    readonly document?: NoticeDocument | undefined
    /** With what somebody without an account acknowledges it. */
    readonly code?: string | undefined
  },
  language: Language,
  timeZone: string,
): Rendered {
  const { words, common } = LANGUAGES[language]
  const { subject, what, todo, until } = words[notice.template]
  const fill = (text: string): string =>
    text.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
      filled(notice.about[name], language, timeZone),
    )
  const { code } = notice
  const about: About = { tenantId: notice.tenantId, ...notice.about, ...(code ? { code } : {}) }
  const written = notice.document?.[language]
  return {
    subject: written ? `${fill(subject)}: ${written.subject}` : fill(subject),
    sender: common.sender,
    paragraphs: [
      fill(what),
      ...(written?.sections ?? []).map(([heading, text]) => `${heading}\n${text}`),
      fill(todo),
      ...(until && 'until' in notice.about ? [fill(until)] : []),
    ],
    references: Object.entries(common.labels).flatMap(([name, label]) =>
      about[name] === undefined ? [] : [[label, String(about[name])] as const],
    ),
    footer: common.footer,
  }
}

const TIME = /^\d{4}-\d{2}-\d{2}T/

function filled(value: string | number | undefined, language: Language, timeZone: string): string {
  if (value === undefined) return '–'
  return typeof value === 'string' && TIME.test(value)
    ? timeIn(Date.parse(value), language, timeZone)
    : String(value)
}

/** Such as `1 January 2030 at 13:00 (Europe/Stockholm)`. */
export function timeIn(milliseconds: number, language: Language, timeZone: string): string {
  const text = new Intl.DateTimeFormat(language === 'sv' ? 'sv-SE' : 'en-GB', {
    dateStyle: 'long',
    timeStyle: 'short',
    timeZone,
  }).format(milliseconds)
  return `${text} (${timeZone})`
}

export function asText({ paragraphs, references, footer }: Rendered): string {
  const about = references.map(([label, value]) => `${label}: ${value}`).join('\n')
  return `${[...paragraphs, about].filter(Boolean).join('\n\n')}\n\n-- \n${footer}\n`
}

/** Plain HTML: no picture, no link, no script, nothing that is fetched. */
export function asHtml(rendered: Rendered, language: Language): string {
  const rows = rendered.references.map(
    ([label, value]) =>
      `<tr><th align="left" style="padding-right:1em">${escaped(label)}</th><td>${escaped(value)}</td></tr>`,
  )
  return [
    `<!doctype html><html lang="${language}"><head><meta charset="utf-8"><title>${escaped(rendered.subject)}</title></head>`,
    '<body style="font-family:sans-serif;max-width:40em">',
    `<h1 style="font-size:1.2em">${escaped(rendered.subject)}</h1>`,
    ...rendered.paragraphs.map((text) => `<p>${escaped(text).replaceAll('\n', '<br>')}</p>`),
    ...(rows.length > 0 ? [`<table>${rows.join('')}</table>`] : []),
    `<p style="color:#555;font-size:0.9em">${escaped(rendered.footer)}</p></body></html>`,
  ].join('\n')
}

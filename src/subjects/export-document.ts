import type { PurposeId } from '#catalog/catalog.ts'
import { PURPOSES } from '#catalog/purposes.ts'
import { escaped } from '#foundation/html.ts'
import { CUT_WORDS, DOCUMENT_WORDS as WORDS } from './export-words.ts'
import { stamp, textOf } from './export-text.ts'
import type { HeldThing, ViewPage } from './view.ts'
import type { Look, Shared } from './view-told.ts'
import { RETENTION_WORDS } from './view-words.ts'

type Language = 'en' | 'sv'

const STYLE =
  'body{font:1rem/1.5 system-ui,sans-serif;max-width:60rem;margin:0 auto;padding:1rem}table{border-collapse:collapse;width:100%;margin:.5rem 0 1.5rem}th,td{text-align:left;vertical-align:top;padding:.3rem .5rem;border-bottom:1px solid #ccc;overflow-wrap:anywhere}@media print{body{max-width:none}}'

/**
 * The document that a person reads, piece by piece: one page of HTML without scripts or anything from elsewhere.
 * `pages` is walked once for each of the three parts, so that nothing is held in memory.
 */
export async function* readableDocument(
  language: Language,
  madeAt: number,
  pages: (part: 'held' | 'told') => AsyncIterable<ViewPage>,
): AsyncGenerator<string> {
  const say = (word: keyof typeof WORDS): string => escaped(WORDS[word][language])
  yield `<!doctype html>\n<html lang="${language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${say('title')}</title><style>${STYLE}</style></head><body><h1>${say('title')}</h1><p>${say('intro')} ${stamp(madeAt)}.</p>\n`
  yield* part(say('held'), say('nothing'), pages('held'), (page) =>
    page.held.map((thing) => heldTable(thing, language)),
  )
  yield* part(say('shared'), say('nothing'), pages('told'), (page) =>
    page.shared.length === 0 ? [] : [sharedTable(page.shared, language)],
  )
  yield* part(say('looks'), say('nothing'), pages('told'), (page) =>
    page.looks.length === 0 ? [] : [looksTable(page.looks, language)],
  )
  yield `<p>${say('complain')}</p></body></html>\n`
}

async function* part(
  title: string,
  nothing: string,
  pages: AsyncIterable<ViewPage>,
  tables: (page: ViewPage) => readonly string[],
): AsyncGenerator<string> {
  yield `<h2>${title}</h2>\n`
  let any = false
  for await (const page of pages)
    for (const table of tables(page)) {
      any = true
      yield table
    }
  if (!any) yield `<p>${nothing}</p>\n`
}

function heldTable(thing: HeldThing, language: Language): string {
  const rows = thing.items.map((one) => [
    `${escaped(one.title)}${one.isDisputed ? ` (${WORDS.disputed[language]})` : ''}`,
    escaped(textOf(one.value)),
    escaped(one.precision),
    escaped(one.purposes.map(purposeTitle).join('; ')),
    escaped(RETENTION_WORDS[one.retention]?.[language] ?? one.retention),
  ])
  const cut = thing.cut.map(({ item, reason }) => [
    escaped(item),
    `<em>${WORDS.leftOut[language]}: ${CUT_WORDS[reason][language]}</em>`,
    '',
    '',
    '',
  ])
  const head = `<h3>${escaped(thing.kind)}</h3><p>${WORDS.source[language]}: ${escaped(thing.source ?? thing.holder)} · ${stamp(thing.since)}</p>`
  return (
    head +
    table(['item', 'value', 'precision', 'purpose', 'retention'], [...rows, ...cut], language)
  )
}

function sharedTable(shared: readonly Shared[], language: Language): string {
  return table(
    ['when', 'party', 'item', 'purpose', 'consent', 'outcome'],
    shared.map((one) => [
      stamp(one.at),
      escaped(one.party),
      escaped(itemsWith(one.items)),
      escaped(purposeTitle(one.purpose ?? '')),
      escaped(one.consentId ?? one.manifest ?? ''),
      escaped(one.outcome ?? ''),
    ]),
    language,
  )
}

function looksTable(looks: readonly Look[], language: Language): string {
  return table(
    ['when', 'by', 'item', 'purpose'],
    looks.map((one) => [
      stamp(one.at),
      escaped(one.by),
      escaped(itemsWith(one.items)),
      escaped(one.purpose ?? ''),
    ]),
    language,
  )
}

function table(
  heads: readonly (keyof typeof WORDS)[],
  rows: readonly (readonly string[])[],
  language: Language,
): string {
  const head = heads.map((word) => `<th scope="col">${escaped(WORDS[word][language])}</th>`)
  const body = rows.map((row) => `<tr>${row.map((cell) => `<td>${cell}</td>`).join('')}</tr>`)
  return `<table><thead><tr>${head.join('')}</tr></thead><tbody>${body.join('')}</tbody></table>\n`
}

function itemsWith(items: Readonly<Record<string, string>>): string {
  return Object.entries(items)
    .map(([item, precision]) => (precision === 'exact' ? item : `${item} (${precision})`))
    .join(', ')
}

function purposeTitle(id: PurposeId): string {
  return PURPOSES.find((purpose) => purpose.id === id)?.title ?? id
}

import { XMLParser, XMLValidator } from 'fast-xml-parser'
import { asObject, parsedJson } from '#foundation/json.ts'

/** Events are of a few kilobytes; those of large smart groups of some hundred. */
const LARGEST_XML = 1024 * 1024
const DEEPEST_XML = 12

const parser = new XMLParser({
  ignoreAttributes: true,
  ignoreDeclaration: true,
  ignorePiTags: true,
  // No entity is ever resolved; a document that declares one is refused before it gets here.
  processEntities: false,
  parseTagValue: false,
  trimValues: true,
})

/** A body as what it says: `{webhook, event}`, and whether every value is a text. Undefined for what is neither form. */
export function readEventBody(
  body: Buffer,
): { readonly content: Readonly<Record<string, unknown>>; readonly texts: boolean } | undefined {
  const text = body.toString('utf8').replace(/^\uFEFF/, '')
  const isXml = /^\s*</.test(text)
  const content = isXml ? readXml(text) : asObject(parsedJson(text))
  return content === undefined ? undefined : { content, texts: isXml }
}

function readXml(text: string): Readonly<Record<string, unknown>> | undefined {
  if (text.length > LARGEST_XML || /<!(?!\[CDATA\[|--)/.test(text)) return undefined
  try {
    if (tooDeep(text) || XMLValidator.validate(text) !== true) return undefined
    const root = asObject(parser.parse(text))
    return asObject(decoded(root?.JSSEvent))
  } catch {
    // What was wrong with it may quote it, so it goes no further.
    return undefined
  }
}

/** Counts opening tags against closing ones; what lies in comments and CDATA only makes it stricter. */
function tooDeep(text: string): boolean {
  let depth = 0
  for (const [, closing, self] of text.matchAll(/<(\/?)[A-Za-z_][^<>]*?(\/?)>/g)) {
    if (closing) depth--
    else if (!self) depth++
    if (depth > DEEPEST_XML) return true
  }
  return false
}

const ENTITIES: Readonly<Record<string, string>> = {
  lt: '<',
  gt: '>',
  amp: '&',
  quot: '"',
  apos: "'",
}

/** The five entities that XML itself has, and characters by number. An empty element is no value. */
function decoded(value: unknown): unknown {
  if (typeof value === 'string')
    return value === ''
      ? undefined
      : value.replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|(lt|gt|amp|quot|apos));/gi, character)
  if (Array.isArray(value)) return value.map(decoded)
  const object = asObject(value)
  return (
    object && Object.fromEntries(Object.entries(object).map(([name, one]) => [name, decoded(one)]))
  )
}

function character(whole: string, decimal?: string, hex?: string, name?: string): string {
  if (name !== undefined) return ENTITIES[name.toLowerCase()] ?? whole
  const code = decimal === undefined ? Number.parseInt(hex ?? '', 16) : Number(decimal)
  return code > 0 && code <= 0x10_ff_ff ? String.fromCodePoint(code) : whole
}

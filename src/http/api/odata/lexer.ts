/** What cannot be understood in a query: which option, and what was expected. Never what came. */
export class QueryFault extends Error {
  readonly option: string
  readonly expected: string
  constructor(option: string, expected: string) {
    super(`${option}: ${expected}`)
    this.name = 'QueryFault'
    this.option = option
    this.expected = expected
  }
}

export type Token =
  | { readonly kind: 'name'; readonly text: string }
  | { readonly kind: 'value'; readonly value: string | number | boolean | null }
  | { readonly kind: '(' | ')' | ',' | 'end' }

/** Longest filter, in characters. */
export const MAX_FILTER = 4_000

const PATTERNS: readonly (readonly [RegExp, (text: string) => Token | undefined])[] = [
  [/\s+/y, () => undefined],
  [/'(?:[^']|'')*'/y, (text) => value(text.slice(1, -1).replaceAll("''", "'"))],
  [/[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(?![\w-])/y, (text) => value(text)],
  [
    /\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,7})?)?(?:Z|[+-]\d{2}:\d{2}))?(?![\w:.-])/y,
    dateValue,
  ],
  [/-?\d+(?:\.\d+)?(?:[eE][+-]?\d{1,3})?(?![\w.])/y, (text) => numberValue(text)],
  [/[A-Za-z_][\w]*(?:[./][A-Za-z_][\w]*)*/y, word],
  [/[(),]/y, (text) => ({ kind: text as '(' | ')' | ',' })],
]

/**
 * The tokens of a `$filter`.
 *
 * @throws QueryFault for what OData does not have at that place
 */
export function tokensOf(text: string): readonly Token[] {
  if (text.length > MAX_FILTER)
    throw new QueryFault('$filter', `at most ${MAX_FILTER} characters are read`)
  if (!text.isWellFormed() || text.includes('\0'))
    throw new QueryFault('$filter', 'well-formed text is expected')
  const tokens: Token[] = []
  let at = 0
  while (at < text.length) {
    const before = at
    for (const [pattern, make] of PATTERNS) {
      pattern.lastIndex = at
      const match = pattern.exec(text)
      if (!match) continue
      const token = make(match[0])
      if (token) tokens.push(token)
      at += match[0].length
      break
    }
    if (at === before)
      throw new QueryFault('$filter', `what stands at character ${at + 1} is not understood`)
  }
  tokens.push({ kind: 'end' })
  return tokens
}

function value(of: string | number | boolean | null): Token {
  return { kind: 'value', value: of }
}

function numberValue(text: string): Token {
  const number = Number(text)
  if (!Number.isFinite(number)) throw new QueryFault('$filter', 'a finite number is expected')
  return value(number)
}

function dateValue(text: string): Token {
  if (Number.isNaN(Date.parse(text))) throw new QueryFault('$filter', 'a valid date is expected')
  return value(text)
}

function word(text: string): Token {
  if (text === 'true' || text === 'false') return value(text === 'true')
  return text === 'null' ? value(null) : { kind: 'name', text }
}

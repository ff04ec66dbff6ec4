/**
 * Filters and orders as the stand-in applies them. Written apart from `src/connectors/jamf-pro/rsql.ts` and in another
 * way, so that the two can judge each other.
 */
type Row = Readonly<Record<string, unknown>>
type Test = (row: Row) => boolean

/** The value at a dotted path; undefined where there is none. */
export function valueAt(row: Row, path: string): unknown {
  let value: unknown = row
  for (const name of path.split('.')) value = (value as Row | null | undefined)?.[name]
  return value
}

/** A test for rows; undefined for a filter that is none, or that names what cannot be filtered by. */
export function readFilter(text: string, allowed: ReadonlySet<string>): Test | undefined {
  const tokens = tokensOf(text)
  if (!tokens) return undefined
  const either = (): Test | undefined =>
    joined(',', 'or', (tests) => (row) => tests.some((t) => t(row)), both)
  const both = (): Test | undefined =>
    joined(';', 'and', (tests) => (row) => tests.every((t) => t(row)), one)
  const joined = (
    sign: string,
    word: string,
    join: (tests: readonly Test[]) => Test,
    next: () => Test | undefined,
  ): Test | undefined => {
    const tests: Test[] = []
    for (;;) {
      const test = next()
      if (!test) return undefined
      tests.push(test)
      const token = tokens[0]
      if (token?.kind !== 'sign' || (token.text !== sign && token.text.toLowerCase() !== word))
        break
      tokens.shift()
    }
    return join(tests)
  }
  const one = (): Test | undefined => {
    const token = tokens.shift()
    if (token?.kind === 'sign' && token.text === '(') {
      const inner = either()
      return tokens.shift()?.text === ')' ? inner : undefined
    }
    if (token?.kind !== 'comparison' || !allowed.has(token.selector)) return undefined
    return comparison(token)
  }
  const test = either()
  return tokens.length === 0 ? test : undefined
}

type Token =
  | { readonly kind: 'sign'; readonly text: string }
  | {
      readonly kind: 'comparison'
      readonly text: string
      readonly selector: string
      readonly operator: string
      readonly values: readonly string[]
    }

const VALUE = String.raw`"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^"'();,=!~<>\s]+`
const TOKEN = new RegExp(
  String.raw`\s*(?:([();,])|(and|or)(?=\s|\()|([A-Za-z][\w.]*)\s*(==|!=|<=|>=|<|>|=[a-z]+=)\s*(?:\(((?:\s*(?:${VALUE})\s*,?)+)\)|(${VALUE})))\s*`,
  'y',
)

function tokensOf(text: string): Token[] | undefined {
  const tokens: Token[] = []
  TOKEN.lastIndex = 0
  while (TOKEN.lastIndex < text.length) {
    const found = TOKEN.exec(text)
    if (!found) return undefined
    const [whole, sign, word, selector = '', operator = '', list, single] = found
    if (sign ?? word) tokens.push({ kind: 'sign', text: sign ?? word ?? '' })
    else {
      const values = [...(list ?? single ?? '').matchAll(new RegExp(VALUE, 'g'))].map(([v]) =>
        bare(v),
      )
      tokens.push({ kind: 'comparison', text: whole, selector, operator, values })
    }
  }
  return tokens
}

function bare(text: string): string {
  return /^["']/.test(text) ? text.slice(1, -1).replace(/\\(.)/g, '$1') : text
}

function comparison({
  selector,
  operator,
  values,
}: Token & { kind: 'comparison' }): Test | undefined {
  const [first = ''] = values
  const at = (row: Row) => valueAt(row, selector)
  switch (operator) {
    case '==':
      return (row) => matches(at(row), first)
    case '!=':
      return (row) => !matches(at(row), first)
    case '=in=':
      return (row) => values.some((value) => matches(at(row), value))
    case '=out=':
      return (row) => !values.some((value) => matches(at(row), value))
    case '<':
    case '=lt=':
      return (row) => order(at(row), first) < 0
    case '<=':
    case '=le=':
      return (row) => order(at(row), first) <= 0
    case '>':
    case '=gt=':
      return (row) => order(at(row), first) > 0
    case '>=':
    case '=ge=':
      return (row) => order(at(row), first) >= 0
    default:
      return undefined
  }
}

/** Equality overlooks case, and `*` stands for any text. */
function matches(value: unknown, wanted: string): boolean {
  if (value === null || value === undefined) return false
  const pattern = wanted
    .split('*')
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    .join('.*')
  return new RegExp(`^${pattern}$`, 'is').test(String(value))
}

/** By number where both are numbers, else as texts; what is not there comes first. */
export function order(a: unknown, b: unknown): number {
  if (a === undefined || a === null) return b === undefined || b === null ? 0 : -1
  if (b === undefined || b === null) return 1
  const [x, y] = [Number(a), Number(b)]
  if (a !== '' && b !== '' && !Number.isNaN(x) && !Number.isNaN(y)) return x - y
  const [s, t] = [String(a).toLowerCase(), String(b).toLowerCase()]
  return s < t ? -1 : s > t ? 1 : 0
}

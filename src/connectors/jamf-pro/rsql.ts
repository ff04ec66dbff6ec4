/**
 * RSQL as Jamf Pro reads it in `filter`: comparisons joined by `;` or `and` and by `,` or `or`, in parentheses.
 * Whatever this parser does not understand is refused, so that nothing reaches the server that was not looked at.
 */
export type Rsql = Comparison | Junction

export interface Comparison {
  readonly kind: 'comparison'
  readonly selector: string
  readonly operator: string
  readonly values: readonly string[]
}

export interface Junction {
  readonly kind: 'and' | 'or'
  readonly parts: readonly Rsql[]
}

const LONGEST = 4_000
const DEEPEST = 16
const SELECTOR = /^[A-Za-z][A-Za-z0-9]*(?:\.[A-Za-z][A-Za-z0-9]*){0,5}/
const OPERATOR = /^(?:==|!=|<=|>=|<|>|=(?:lt|le|gt|ge|in|out)=)/
/** A value that needs no quotes: RSQL's reserved characters are not in it. */
const BARE = /^[^"'();,=!~<>\s\\]+/
const QUOTED = /^(?:"((?:[^"\\]|\\["'\\])*)"|'((?:[^'\\]|\\["'\\])*)')/
const LISTS = new Set(['=in=', '=out='])

/** The parsed filter; undefined for what is none. */
export function parseRsql(text: string): Rsql | undefined {
  if (text.length > LONGEST) return undefined
  const reader = new Reader(text)
  const parsed = reader.alternatives(0)
  return parsed && reader.ended() ? parsed : undefined
}

/** Writes a filter anew: every value in quotes, every junction in parentheses. */
export function printRsql(rsql: Rsql): string {
  if (rsql.kind !== 'comparison') {
    const parts = rsql.parts.map((part) =>
      part.kind === 'comparison' ? printRsql(part) : `(${printRsql(part)})`,
    )
    return parts.join(rsql.kind === 'and' ? ';' : ',')
  }
  const values = rsql.values.map((value) => `"${value.replace(/["\\]/g, '\\$&')}"`)
  const list = LISTS.has(rsql.operator) ? `(${values.join(',')})` : values.join('')
  return `${rsql.selector}${rsql.operator}${list}`
}

/** Every selector of a filter, each once. */
export function selectorsOf(rsql: Rsql): readonly string[] {
  if (rsql.kind === 'comparison') return [rsql.selector]
  return [...new Set(rsql.parts.flatMap(selectorsOf))]
}

class Reader {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  ended(): boolean {
    this.#spaces()
    return this.#at === this.#text.length
  }

  alternatives(depth: number): Rsql | undefined {
    return this.#junction('or', /^(?:,|\s+or\s+)/i, () =>
      this.#junction('and', /^(?:;|\s+and\s+)/i, () => this.#constraint(depth)),
    )
  }

  #junction(
    kind: Junction['kind'],
    separator: RegExp,
    next: () => Rsql | undefined,
  ): Rsql | undefined {
    const parts: Rsql[] = []
    do {
      const part = next()
      if (!part) return undefined
      parts.push(part)
    } while (this.#take(separator) !== undefined)
    const [only, ...more] = parts
    return more.length === 0 ? only : { kind, parts }
  }

  #constraint(depth: number): Rsql | undefined {
    this.#spaces()
    if (this.#take(/^\(/) === undefined) return this.#comparison()
    if (depth >= DEEPEST) return undefined
    const inner = this.alternatives(depth + 1)
    this.#spaces()
    return inner && this.#take(/^\)/) !== undefined ? inner : undefined
  }

  #comparison(): Comparison | undefined {
    const selector = this.#take(SELECTOR)
    this.#spaces()
    const operator = selector === undefined ? undefined : this.#take(OPERATOR)
    if (selector === undefined || operator === undefined) return undefined
    this.#spaces()
    const values = LISTS.has(operator) ? this.#list() : this.#single()
    return values && { kind: 'comparison', selector, operator, values }
  }

  #single(): readonly string[] | undefined {
    const value = this.#value()
    return value === undefined ? undefined : [value]
  }

  #list(): readonly string[] | undefined {
    if (this.#take(/^\(/) === undefined) return undefined
    const values: string[] = []
    do {
      this.#spaces()
      const value = this.#value()
      if (value === undefined) return undefined
      values.push(value)
      this.#spaces()
    } while (this.#take(/^,/) !== undefined)
    return this.#take(/^\)/) === undefined ? undefined : values
  }

  #value(): string | undefined {
    const quoted = this.#take(QUOTED)
    if (quoted !== undefined) return quoted.slice(1, -1).replace(/\\(.)/g, '$1')
    return this.#take(BARE)
  }

  #spaces(): void {
    this.#take(/^\s+/)
  }

  #take(pattern: RegExp): string | undefined {
    const [found] = pattern.exec(this.#text.slice(this.#at)) ?? []
    if (found === undefined) return undefined
    this.#at += found.length
    return found
  }
}

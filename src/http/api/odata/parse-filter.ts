import type { Filter, Scalar } from '#database/list.ts'
import { QueryFault, type Token, tokensOf } from './lexer.ts'

/** How deep parentheses and `not` may nest, and how many conditions there may be. */
export const MAX_DEPTH = 20
export const MAX_CONDITIONS = 60
/** Values in one `in (...)`. */
export const MAX_VALUES = 200

const COMPARISONS = ['eq', 'ne', 'gt', 'ge', 'lt', 'le'] as const
const FUNCTIONS = ['startswith', 'endswith', 'contains'] as const

/**
 * Parses OData's `$filter` into data. `not` binds tighter than `and`, `and` tighter than `or`.
 *
 * @throws QueryFault naming what was expected
 */
export function parseFilter(text: string): Filter {
  const parser = new FilterParser(tokensOf(text))
  return parser.whole()
}

/** Every field that a filter names. */
export function fieldsOf(filter: Filter): readonly string[] {
  if ('field' in filter) return [filter.field]
  return filter.op === 'not' ? fieldsOf(filter.of) : filter.of.flatMap(fieldsOf)
}

class FilterParser {
  readonly #tokens: readonly Token[]
  #at = 0
  #depth = 0
  #conditions = 0

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens
  }

  whole(): Filter {
    const filter = this.#or()
    if (this.#peek().kind !== 'end') throw fault("'and', 'or' or the end is expected")
    return filter
  }

  #or(): Filter {
    return this.#chain('or', () => this.#chain('and', () => this.#unary()))
  }

  #chain(op: 'and' | 'or', operand: () => Filter): Filter {
    const of = [operand()]
    while (this.#takeWord(op)) of.push(operand())
    const [only] = of
    return of.length === 1 && only ? only : { op, of }
  }

  #unary(): Filter {
    if (this.#takeWord('not')) return this.#nested(() => ({ op: 'not', of: this.#unary() }))
    if (this.#take('(')) {
      const inner = this.#nested(() => this.#or())
      this.#expect(')')
      return inner
    }
    return this.#condition()
  }

  #condition(): Filter {
    this.#conditions++
    if (this.#conditions > MAX_CONDITIONS)
      throw fault(`at most ${MAX_CONDITIONS} conditions are read`)
    const name = this.#name()
    const call = FUNCTIONS.find((one) => one === name)
    if (call && this.#take('(')) {
      const field = this.#name()
      this.#expect(',')
      const value = this.#value()
      if (typeof value !== 'string') throw fault(`${call} compares with text`)
      this.#expect(')')
      return { op: call, field, value }
    }
    if (this.#takeWord('in')) return { op: 'in', field: name, values: this.#values() }
    const op = COMPARISONS.find((one) => this.#takeWord(one))
    if (!op) throw fault(`one of ${[...COMPARISONS, 'in'].join(', ')} is expected after a field`)
    const value = this.#value()
    if (value === null && op !== 'eq' && op !== 'ne')
      throw fault('null is compared by eq and ne only')
    return { op, field: name, value }
  }

  #values(): readonly Scalar[] {
    this.#expect('(')
    const values = [this.#value()]
    while (this.#take(',')) values.push(this.#value())
    this.#expect(')')
    if (values.length > MAX_VALUES) throw fault(`at most ${MAX_VALUES} values are compared`)
    if (values.includes(null)) throw fault("null cannot stand in 'in'")
    return values
  }

  #nested(parse: () => Filter): Filter {
    this.#depth++
    if (this.#depth > MAX_DEPTH) throw fault(`at most ${MAX_DEPTH} levels are read`)
    const inner = parse()
    this.#depth--
    return inner
  }

  #peek(): Token {
    return this.#tokens[this.#at] ?? { kind: 'end' }
  }

  #take(kind: Token['kind']): boolean {
    const found = this.#peek().kind === kind
    if (found) this.#at++
    return found
  }

  #takeWord(word: string): boolean {
    const token = this.#peek()
    const found = token.kind === 'name' && token.text === word
    if (found) this.#at++
    return found
  }

  #expect(kind: '(' | ')' | ','): void {
    if (!this.#take(kind)) throw fault(`'${kind}' is expected`)
  }

  #name(): string {
    const token = this.#peek()
    if (token.kind !== 'name') throw fault('the name of a field is expected')
    this.#at++
    return token.text
  }

  #value(): Scalar {
    const token = this.#peek()
    if (token.kind !== 'value') throw fault('a value is expected')
    this.#at++
    return token.value
  }
}

function fault(expected: string): QueryFault {
  return new QueryFault('$filter', expected)
}

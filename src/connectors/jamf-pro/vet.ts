import type { ItemId } from '#catalog/catalog.ts'
import { type Refusal, isRefusal, refuse } from '#foundation/refusal.ts'
import type { Exchange, VettedCall } from '#sharing/exchange.ts'
import { parseRsql, printRsql, selectorsOf } from './rsql.ts'

/** What a list of Jamf Pro may be asked: which item each of its selectors is, and how it is ordered. */
export interface ListRules {
  /** Item of every selector that is known. */
  readonly selectors: Readonly<Record<string, ItemId>>
  /** Always the last word of the order: without it the server orders by a name, or breaks ties by what is withheld. */
  readonly orderBy: string
  /** Items that each section can bring; a list without sections has none. */
  readonly sections?: ReadonlyMap<string, readonly ItemId[]>
}

type Vet = NonNullable<Exchange['vet']>
type Sees = Parameters<Vet>[1]

const ID = /^\d{1,10}$/
const MOST_ON_A_PAGE = 2_000
const ORDER = /^([A-Za-z][A-Za-z0-9]*(?:\.[A-Za-z][A-Za-z0-9]*){0,5})(?::(asc|desc))?$/i

/**
 * The last word on a list before it is asked for. A filter or an order that names an item which the caller may not see
 * exactly would tell it by which records come, how many, and in what order: it is refused, and so is a selector that
 * nobody classified and a filter that is not understood.
 *
 * - no section is asked for that brings nothing the caller may see; none named means all that do
 * - the order always ends with the record's own id, so that no withheld value decides it
 */
export function vetList({ selectors, orderBy, sections }: ListRules): Vet {
  return ({ path, query }, sees, came) => {
    const asked = new URLSearchParams()
    for (const [name, most] of [
      ['page', 1_000_000],
      ['page-size', MOST_ON_A_PAGE],
    ] as const) {
      const value = query.get(name)
      if (value === null) continue
      if (!ID.test(value) || Number(value) > most || (name === 'page-size' && Number(value) === 0))
        return refuse('body_malformed', { field: name, expected: `at most ${most}` })
      asked.set(name, value)
    }
    const chosen = sections && chooseSections(sections, sees, query, came)
    if (isRefusal(chosen)) return chosen
    for (const section of chosen ?? []) asked.append('section', section)
    const order = readOrder(query, came, orderBy)
    if (isRefusal(order)) return order
    const filter = readFilter(query, came)
    if (isRefusal(filter)) return filter
    const ordering = order.map(([name]) => name).filter((name) => name !== orderBy)
    for (const name of [...ordering, ...(filter ? selectorsOf(filter) : [])]) {
      const hidden = hiddenBy(name, selectors, sees)
      if (hidden) return hidden
    }
    for (const [name, way] of order) asked.append('sort', `${name}:${way}`)
    if (filter) asked.set('filter', printRsql(filter))
    return { path, query: asked }
  }
}

/** One record by its id: nothing but a number, so that no path is made of it. */
export function vetOne(sections?: ListRules['sections'], rewrite?: (path: string) => string): Vet {
  return ({ path, query }, sees, came) => {
    if (!path.split('/').some((part) => ID.test(part))) return refuse('exchange_unknown')
    const chosen = sections && chooseSections(sections, sees, query, came)
    if (isRefusal(chosen)) return chosen
    const asked = new URLSearchParams()
    for (const section of chosen ?? []) asked.append('section', section)
    return { path: rewrite?.(path) ?? path, query: asked } satisfies VettedCall
  }
}

function chooseSections(
  sections: ReadonlyMap<string, readonly ItemId[]>,
  sees: Sees,
  query: URLSearchParams,
  came: URLSearchParams,
): readonly string[] | Refusal {
  const seen = [...sections.keys()].filter((section) =>
    (sections.get(section) ?? []).some((item) => sees(item) !== 'withheld'),
  )
  const named = new Set(query.getAll('section').flatMap((names) => names.split(',')))
  // Jamf Pro's word for everything means here: everything that may come.
  const all = !came.has('section') || named.has('ALL')
  const chosen = all ? seen : seen.filter((section) => named.has(section))
  return chosen.length > 0 ? chosen : refuse('nothing_allowed', { field: 'section' })
}

function readOrder(
  query: URLSearchParams,
  came: URLSearchParams,
  orderBy: string,
): readonly (readonly [string, string])[] | Refusal {
  if (query.getAll('sort').length !== came.getAll('sort').length)
    return refuse('body_malformed', { field: 'sort' })
  const order: [string, string][] = []
  for (const text of query.getAll('sort').flatMap((sort) => sort.split(','))) {
    const [, name = '', way = 'asc'] = ORDER.exec(text.trim()) ?? []
    if (name === '') return refuse('body_malformed', { field: 'sort', expected: 'property:asc' })
    order.push([name, way.toLowerCase()])
  }
  const [, last] = order.find(([name]) => name === orderBy) ?? []
  return last === undefined ? [...order, [orderBy, 'asc']] : order
}

/** A filter that is cut or left out would let through more than was asked for. */
function readFilter(query: URLSearchParams, came: URLSearchParams) {
  const [text, ...more] = came.getAll('filter')
  if (text === undefined || text === '') return undefined
  if (more.length > 0 || query.get('filter') !== text)
    return refuse('body_malformed', {
      field: 'filter',
      expected: 'one, of 4,000 characters at most',
    })
  return parseRsql(text) ?? refuse('body_malformed', { field: 'filter', expected: 'RSQL' })
}

/** A selector's own text may be a person's, so it is not told: only the item it stands for. */
function hiddenBy(
  selector: string,
  selectors: ListRules['selectors'],
  sees: Sees,
): Refusal | undefined {
  const item = Object.hasOwn(selectors, selector) ? selectors[selector] : undefined
  if (item === undefined) return refuse('item_unclassified', { field: 'filter, sort' })
  return sees(item) === 'exact' ? undefined : refuse('item_not_in_flow', { item })
}

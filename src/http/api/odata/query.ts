import type { Filter, Order } from '#database/list.ts'
import type { CollectionField } from '../endpoint.ts'
import { QueryFault } from './lexer.ts'
import { fieldsOf, parseFilter } from './parse-filter.ts'

/** What a client asks of a collection, checked against what the collection offers. */
export interface CollectionQuery {
  readonly filter: Filter | undefined
  readonly orderBy: readonly Order[]
  readonly top: number
  readonly skip: number
  readonly count: boolean
  readonly select: ReadonlySet<string> | undefined
  readonly pageToken: string | undefined
}

/** What a collection offers. `names` are those of an item, for `$select`; undefined: any. */
export interface Offer {
  readonly fields: Readonly<Record<string, CollectionField>>
  readonly pageSize: { readonly usual: number; readonly most: number }
  readonly names: ReadonlySet<string> | undefined
}

const MAX_SKIP = 100_000
const MAX_ORDERS = 4

/**
 * Reads the `$` options of a collection. A page is never larger than the collection's largest.
 *
 * @param prefer the `Prefer` header, for `odata.maxpagesize`
 * @throws QueryFault naming the option and what was expected
 */
export function readCollectionQuery(
  query: URLSearchParams,
  prefer: string | undefined,
  offer: Offer,
): CollectionQuery {
  const options = optionsOf(query, [
    '$filter',
    '$orderby',
    '$top',
    '$skip',
    '$count',
    '$select',
    '$skiptoken',
  ])
  const preferred = /(?:^|[,;\s])odata\.maxpagesize=(\d{1,9})(?:$|[,;\s])/.exec(prefer ?? '')?.[1]
  const top = whole(options, '$top', 1) ?? offer.pageSize.usual
  const size = Math.min(top, offer.pageSize.most, Math.max(1, Number(preferred ?? top)))
  const filter = options.get('$filter')
  const skip = whole(options, '$skip', 0) ?? 0
  if (skip > MAX_SKIP) throw new QueryFault('$skip', `at most ${MAX_SKIP}; follow @odata.nextLink`)
  return {
    filter: filter === undefined ? undefined : checkedFilter(filter, offer),
    orderBy: readOrder(options.get('$orderby'), offer),
    top: size,
    skip,
    count: readCount(options.get('$count')),
    select: readSelect(options.get('$select'), offer.names),
    pageToken: options.get('$skiptoken'),
  }
}

/** The one option of a single thing. */
export function readSelectOnly(
  query: URLSearchParams,
  names: ReadonlySet<string> | undefined,
): ReadonlySet<string> | undefined {
  return readSelect(optionsOf(query, ['$select']).get('$select'), names)
}

/** @throws QueryFault for any `$` option: a change has none */
export function refuseOptions(query: URLSearchParams): void {
  optionsOf(query, [])
}

function optionsOf(query: URLSearchParams, known: readonly string[]): ReadonlyMap<string, string> {
  const options = new Map<string, string>()
  for (const [name, text] of query) {
    if (!name.startsWith('$')) continue
    if (!known.includes(name))
      throw new QueryFault(
        /^\$[A-Za-z]{1,30}$/.test(name) ? name : 'query',
        known.length === 0 ? 'no options are read here' : `one of ${known.join(', ')} is expected`,
      )
    if (options.has(name)) throw new QueryFault(name, 'it may be given once')
    options.set(name, text)
  }
  return options
}

function checkedFilter(text: string, offer: Offer): Filter {
  const filter = parseFilter(text)
  for (const field of fieldsOf(filter)) allowed('$filter', field, 'filter', offer)
  return filter
}

function readOrder(text: string | undefined, offer: Offer): readonly Order[] {
  if (text === undefined) return []
  const orders = text.split(',').map((part): Order => {
    const match = /^\s*([A-Za-z_][\w./]*)(?:\s+(asc|desc))?\s*$/.exec(part)
    if (!match) throw new QueryFault('$orderby', "fields, each with 'asc' or 'desc', are expected")
    const [, field = '', direction] = match
    allowed('$orderby', field, 'sort', offer)
    return { field, descending: direction === 'desc' }
  })
  if (orders.length > MAX_ORDERS)
    throw new QueryFault('$orderby', `at most ${MAX_ORDERS} fields are read`)
  if (new Set(orders.map((order) => order.field)).size < orders.length)
    throw new QueryFault('$orderby', 'each field may stand once')
  return orders
}

function allowed(option: string, field: string, use: 'filter' | 'sort', offer: Offer): void {
  const found = Object.hasOwn(offer.fields, field) ? offer.fields[field] : undefined
  if (found?.[use]) return
  if (found?.whyNot !== undefined) throw new QueryFault(option, `${field}: ${found.whyNot}`)
  const offered = Object.keys(offer.fields).filter((name) => offer.fields[name]?.[use])
  throw new QueryFault(
    option,
    offered.length === 0 ? 'this collection has no such option' : `one of ${offered.join(', ')}`,
  )
}

function readSelect(
  text: string | undefined,
  names: ReadonlySet<string> | undefined,
): ReadonlySet<string> | undefined {
  if (text === undefined || text.trim() === '*') return undefined
  const chosen = text.split(',').map((name) => name.trim())
  for (const name of chosen) {
    if (!/^[A-Za-z_]\w{0,127}$/.test(name) || (names && !names.has(name)))
      throw new QueryFault(
        '$select',
        names ? `names of ${[...names].join(', ')} are expected` : 'names of fields are expected',
      )
  }
  return new Set(chosen)
}

function readCount(text: string | undefined): boolean {
  if (text === undefined || text === 'false') return false
  if (text === 'true') return true
  throw new QueryFault('$count', 'true or false is expected')
}

function whole(
  options: ReadonlyMap<string, string>,
  name: string,
  least: number,
): number | undefined {
  const text = options.get(name)
  if (text === undefined) return undefined
  if (!/^\d{1,9}$/.test(text) || Number(text) < least)
    throw new QueryFault(name, `a whole number from ${least} on is expected`)
  return Number(text)
}

import { MOBILE_FIELDS } from '#catalog/jamf-fields.ts'
import { type FlatKind, type FlatRecord, flatKind } from './flat.ts'
import { COMPLIANCE, HISTORIC, type Profile } from './profile.ts'

/** One page of an inventory, with the position that is kept in the same commit as it is. */
export interface InventoryBatch {
  readonly list: InventoryList
  /** Flat records, still unminimised; one of each device. */
  readonly records: readonly FlatRecord[]
  /** Where to go on; undefined after the last page of the last list. */
  readonly next: string | undefined
}

/** One of a connection's inventories: which call lists it, by which number, with which flat form. */
export interface InventoryList {
  readonly name: 'computers' | 'mobile'
  readonly exchangeId: string
  readonly idField: 'id' | 'mobileDeviceId'
  readonly kind: FlatKind
}

/** What a call for a page came to. `tooLarge`: the answer did not fit; a smaller page is asked for. */
export type PageAnswer = { readonly page: unknown } | { readonly tooLarge: true }
export type AskPage = (exchangeId: string, query: URLSearchParams) => Promise<PageAnswer>

const PAGE_SIZE = 500
const SMALLEST_PAGE = 10

/** The inventories of a connector's profile, in the order in which they are walked through. */
export function inventoriesOf(connectorId: string): readonly InventoryList[] {
  return connectorId === HISTORIC.connectorId ? [computersOf(HISTORIC)] : LISTS
}

const LISTS: readonly InventoryList[] = [
  computersOf(COMPLIANCE),
  {
    name: 'mobile',
    exchangeId: 'jamf.mobileDetails',
    idField: 'mobileDeviceId',
    kind: flatKind(MOBILE_FIELDS, false),
  },
]

function computersOf(profile: Profile): InventoryList {
  return {
    name: 'computers',
    exchangeId: profile === HISTORIC ? 'jamf.historic.computers' : 'jamf.computers',
    idField: 'id',
    kind: flatKind(
      profile.computerFields,
      profile.items.has('device.jamfId') && profile === HISTORIC,
    ),
  }
}

/**
 * Walks through the inventories of a connection, each by the numbers of its records: the next page is what comes after
 * the last number, so a device that is added or deleted meanwhile moves no other one onto a page that was read or past one
 * that was not. Nothing more is asked for before the consumer has taken the batch and committed its position.
 *
 * @param from a position that was committed before, or undefined to begin
 * @throws Error for an answer that is no page, or one that does not go on
 */
export async function* inventoryBatches(
  ask: AskPage,
  lists: readonly InventoryList[],
  from: string | undefined,
): AsyncGenerator<InventoryBatch> {
  let { index, after } = readPosition(lists, from)
  let size = PAGE_SIZE
  for (let list = lists[index]; list; list = lists[index]) {
    const answer = await ask(list.exchangeId, queryFor(list, after, size))
    if ('tooLarge' in answer) {
      if (size <= SMALLEST_PAGE) throw new Error('the smallest page of an inventory is too large')
      size = Math.max(SMALLEST_PAGE, Math.floor(size / 2))
      continue
    }
    const page = readPage(answer.page, list, after)
    const ended = page.rows.length === 0 || page.remaining <= page.rows.length
    after = ended ? 0 : page.last
    if (ended) index++
    const next = index < lists.length ? `${lists[index]?.name}:${after}` : undefined
    yield { list, records: latestOfEach(page.rows, list), next }
  }
}

function readPosition(lists: readonly InventoryList[], from: string | undefined) {
  const [name, after = '0'] = from?.split(':') ?? []
  const index = lists.findIndex((list) => list.name === name)
  return index < 0 || !/^\d{1,10}$/.test(after)
    ? { index: 0, after: 0 }
    : { index, after: Number(after) }
}

function queryFor({ idField }: InventoryList, after: number, size: number): URLSearchParams {
  return new URLSearchParams({
    page: '0',
    'page-size': String(size),
    sort: `${idField}:asc`,
    filter: `${idField}>${after}`,
  })
}

interface Page {
  readonly rows: readonly Readonly<Record<string, unknown>>[]
  readonly last: number
  readonly remaining: number
}

/** Rows beyond `after` only: a server that overlooks the filter must not have us walk in a ring. */
function readPage(page: unknown, { idField }: InventoryList, after: number): Page {
  const { totalCount: remaining, results } = (page ?? {}) as Record<string, unknown>
  if (!Array.isArray(results) || typeof remaining !== 'number' || !(remaining >= 0))
    throw new Error('a page of the inventory has no list or no count')
  let last = after
  const rows = (results as Readonly<Record<string, unknown>>[]).filter((row) => {
    const id = Number(row?.[idField])
    if (!Number.isSafeInteger(id) || id < 0) throw new Error('a record of the inventory has no id')
    last = Math.max(last, id)
    return id > after
  })
  if (rows.length === 0 && results.length > 0) throw new Error('the inventory does not go on')
  return { rows, last, remaining }
}

/** A serial number may stand twice, on a record that was left over: the one with the higher number is the newer. */
function latestOfEach(rows: Page['rows'], { kind }: InventoryList): readonly FlatRecord[] {
  const latest = new Map<unknown, FlatRecord>()
  for (const row of rows) {
    const flat = kind.flatten(row)
    const serial = flat['hardware.serialNumber']
    latest.set(typeof serial === 'string' ? serial : Symbol('none'), flat)
  }
  return [...latest.values()]
}

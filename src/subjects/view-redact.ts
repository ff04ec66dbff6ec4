import type { Catalog, DataItem } from '#catalog/catalog.ts'
import type { HeldRecord } from '#foundation/personal-data-holder.ts'
import { isLookedUp } from '#records/record-index.ts'

/** Why something that is held is not shown. */
export type CutReason =
  | 'anotherPerson'
  | 'groupRow'
  | 'freeTextOfOthers'
  | 'secret'
  | 'rightsOfOthers'
  | 'legalClaims'
  | 'legalObligation'

export interface Cut {
  readonly item: string
  readonly reason: CutReason
}

/** Names and addresses of the person, as they are compared. */
export interface OwnNames {
  readonly whole: ReadonlySet<string>
  readonly words: ReadonlySet<string>
}

export function ownNames(names: readonly string[]): OwnNames {
  const whole = new Set(names.map(tidy).filter((name) => name !== ''))
  return { whole, words: new Set([...whole].flatMap(wordsOf)) }
}

/**
 * What of a record is the person's: of a shared device, of a group's row or of text that others wrote, only theirs
 * remains, and each thing that is cut says why. When in doubt it is cut: an officer can look at what is cut, a person
 * whose name went out to somebody else cannot take it back.
 */
export function onlyTheirs(
  record: Pick<HeldRecord, 'items' | 'cut'>,
  catalog: Catalog,
  own: OwnNames,
): { readonly items: Readonly<Record<string, unknown>>; readonly cut: readonly Cut[] } {
  const isShared = namesSomebodyElse(record.items, catalog, own)
  const items: Record<string, unknown> = {}
  const cut: Cut[] = Object.entries(record.cut ?? {}).map(([item, reason]) => ({
    item,
    reason: reason as CutReason,
  }))
  for (const [id, value] of Object.entries(record.items)) {
    const { kept, reason } = judge(catalog.items.get(id), value, own, isShared)
    if (kept !== undefined) items[id] = kept
    if (reason !== undefined) cut.push({ item: id, reason })
  }
  return { items, cut }
}

interface Judged {
  readonly kept?: unknown
  readonly reason?: CutReason
}

function judge(
  item: DataItem | undefined,
  value: unknown,
  own: OwnNames,
  isShared: boolean,
): Judged {
  // What is no item of the catalog was made by its holder for this person.
  if (!item) return { kept: value }
  if (item.secret) return { reason: 'secret' }
  if (typeof value !== 'string' || !item.personal) return { kept: value }
  if (isFreeText(item))
    return isShared || namesStranger(value, own) ? { reason: 'freeTextOfOthers' } : { kept: value }
  return item.class === 'person' ? judgeName(value, own, isShared) : { kept: value }
}

function judgeName(value: string, own: OwnNames, isShared: boolean): Judged {
  const parts = value.split(/[,;\n]/).map((part) => part.trim())
  if (parts.length > 1) {
    const mine = parts.filter((part) => isOwn(part, own))
    const kept = mine.length > 0 ? { kept: mine.join(', ') } : {}
    return mine.length === parts.length ? { kept: value } : { ...kept, reason: 'groupRow' }
  }
  if (isOwn(value, own)) return { kept: value }
  return isShared || looksLikeName(value) ? { reason: 'anotherPerson' } : { kept: value }
}

/** Whether an address or name on the record is not the person's: then others use the device too. */
function namesSomebodyElse(
  items: Readonly<Record<string, unknown>>,
  catalog: Catalog,
  own: OwnNames,
): boolean {
  return Object.entries(items).some(([id, value]) => {
    const item = catalog.items.get(id)
    if (item?.class !== 'person' || typeof value !== 'string') return false
    return isLookedUp(item) && looksLikeName(value) && !isOwn(value, own)
  })
}

/** An address, or words; not an opaque identifier. */
function looksLikeName(value: string): boolean {
  return value.includes('@') || (/\p{L}{2}/u.test(value) && !/\d{3}|^[0-9a-f-]{16,}$/i.test(value))
}

function isOwn(value: string, { whole, words }: OwnNames): boolean {
  const text = tidy(value)
  if (whole.has(text)) return true
  // Of an address the whole must be known; a name may stand in another order or with initials left out.
  if (text.includes('@')) return false
  const of = wordsOf(text)
  return of.length > 0 && of.every((word) => words.has(word))
}

function isFreeText(item: DataItem): boolean {
  return item.precisions.length === 1 && item.precisions[0] === 'exact' && !item.secret
}

const ADDRESS = /[^\s@<>"',;]+@[^\s@<>"',;]+/gu
const FULL_NAME = /\p{Lu}[\p{L}-]+(?:\s+\p{Lu}[\p{L}-]+)+/gu

/** Whether text has an address that is not the person's, or what may be another one's full name. */
function namesStranger(value: string, own: OwnNames): boolean {
  if ([...value.matchAll(ADDRESS)].some(([address]) => !own.whole.has(tidy(address)))) return true
  return [...value.matchAll(FULL_NAME)].some(
    ([name]) => !wordsOf(tidy(name)).every((word) => own.words.has(word)),
  )
}

const tidy = (text: string): string => text.normalize('NFKC').trim().toLowerCase()

function wordsOf(name: string): readonly string[] {
  return name
    .replace(/@.*$/, '')
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word.length > 1)
}

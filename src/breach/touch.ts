import type { ItemId } from '#catalog/catalog.ts'
import type { Entry } from '#ledger/entry.ts'

/**
 * How personal data was touched: `sent` to a party, `answered` by a party to the tenant's client, `seen` by a person,
 * `received` into the store; `refused` is an attempt that got nothing.
 */
export const TOUCHES = ['sent', 'answered', 'seen', 'received', 'refused'] as const
export type TouchKind = (typeof TOUCHES)[number]
/** Those by which data was in somebody's hands. */
export const DATA_TOUCHES = ['sent', 'answered', 'seen', 'received'] as const satisfies TouchKind[]

/** What one entry of a log says of one connection: names, subjects by pseudonym, items with their precision. */
export interface Touch {
  readonly entryIndex: number
  /** Entries that tell of many connections or subjects have several. */
  readonly part: number
  readonly entryId: string
  /** Milliseconds since 1970 (UTC). */
  readonly at: number
  readonly touch: TouchKind
  readonly actor: string
  readonly party: string | undefined
  readonly connection: string | undefined
  readonly grant: string | undefined
  readonly node: string | undefined
  /** SHA-256 of the policies that decided. */
  readonly policies: string | undefined
  readonly recordKind: string | undefined
  readonly subjects: readonly string[]
  readonly items: Readonly<Record<ItemId, string>>
  /** Index of the outcome that says that nothing left after all. */
  unsentIndex: number | undefined
}

/** Kinds of entries that tell of a touch; the many others do not. */
type TellingKind =
  | 'disclosure'
  | 'notice.disclosure'
  | 'read'
  | 'reveal'
  | 'account.read'
  | 'intake'
  | 'refusal'
  | 'access.refused'
  | 'outcome'

/** A covering index holds the subjects of a row, and a row of an index is at most 2,700 bytes. */
const SUBJECTS_IN_ONE_TOUCH = 200

type Data = Entry['data']
export type Placed = Entry & { readonly index: number }

/** What an outcome must know of the disclosure that it closes. */
export type Opened = (entryId: string) => readonly Touch[]

/**
 * What an entry tells of personal data; nothing for most kinds. An outcome whose disclosure is not known tells of
 * nothing, since only the disclosure names connection and subjects.
 */
export function touchesOf(entry: Placed, opened: Opened): readonly Touch[] {
  switch (entry.kind as TellingKind) {
    case 'disclosure':
      return split(entry, 'sent', [
        {
          ...names(entry.data),
          subjects: strings(entry.data.subjects),
          items: sentItems(entry.data),
        },
      ])
    case 'notice.disclosure':
      return split(entry, 'sent', [noticeGroup(entry.data)])
    case 'read':
    case 'reveal':
      return split(entry, 'seen', seenGroups(entry.data))
    case 'account.read':
      return split(entry, 'seen', [accountGroup(entry.data)])
    case 'intake':
      return split(entry, 'received', [
        {
          ...names(entry.data),
          subjects: strings(entry.data.subjects),
          items: atMostExact(entry.data.kept),
        },
      ])
    case 'refusal':
    case 'access.refused':
      return split(entry, 'refused', [{ ...names(entry.data), subjects: [], items: {} }])
    case 'outcome':
      return answered(entry, opened)
    default:
      return []
  }
}

/** The disclosure that the entry says never left, if it does. */
export function unsentBy(entry: Placed): string | undefined {
  const { of, outcome } = entry.data
  return entry.kind === 'outcome' && outcome === 'unsent' && typeof of === 'string' ? of : undefined
}

interface Group
  extends Partial<
    Pick<Touch, 'party' | 'connection' | 'grant' | 'node' | 'policies' | 'recordKind'>
  > {
  readonly subjects: readonly string[]
  readonly items: Readonly<Record<ItemId, string>>
}

function names(data: Data): Omit<Group, 'subjects' | 'items'> {
  return {
    party: text(data.party),
    connection: text(data.connection),
    grant: text(data.grant),
    node: text(data.node),
    policies: text(data.policies),
  }
}

/** Item to `[precision, count]`. */
function sentItems(data: Data): Record<ItemId, string> {
  const items: Record<ItemId, string> = {}
  for (const [item, sent] of Object.entries(object(data.items)))
    if (Array.isArray(sent) && typeof sent[0] === 'string') items[item] = sent[0]
  return items
}

/** Where the entry counts values and does not say how exact they were, they are taken to be exact. */
function atMostExact(counted: unknown): Record<ItemId, string> {
  const items: Record<ItemId, string> = {}
  for (const [item, count] of Object.entries(object(counted)))
    if (typeof count === 'number' && count > 0) items[item] = 'exact'
  return items
}

/** A notice goes to one account's address, or to the tenant's own receiver with identifiers only. */
function noticeGroup(data: Data): Group {
  const items = Object.fromEntries(strings(data.items).map((item) => [item, 'exact']))
  const recipient = text(data.recipient)
  const subjects = strings(data.items).length > 0 && recipient ? [`recipient:${recipient}`] : []
  return { ...names(data), recordKind: 'account', subjects, items }
}

function accountGroup(data: Data): Group {
  const items = Object.fromEntries(strings(data.items).map((item) => [`account.${item}`, 'exact']))
  return { ...names(data), recordKind: 'account', subjects: strings(data.accounts), items }
}

/** A look names its records as subjects by connection; nothing was seen of records that are not named. */
function seenGroups(data: Data): readonly Group[] {
  const shown = object(data.shown)
  const items: Record<ItemId, string> = {}
  for (const item of strings(shown.exact)) items[item] = 'exact'
  for (const [item, precision] of Object.entries(object(shown.masked)))
    if (typeof precision === 'string') items[item] = precision
  const records = Array.isArray(data.records) ? data.records.map(object) : []
  return records.map((one) => ({
    ...names(data),
    connection: text(one.connection),
    recordKind: text(data.kind),
    subjects: strings(one.subjects),
    items,
  }))
}

/** What came back goes to whoever made the call, of the same subjects. */
function answered(entry: Placed, opened: Opened): readonly Touch[] {
  const items = atMostExact(entry.data.received)
  const { of } = entry.data
  if (Object.keys(items).length === 0 || typeof of !== 'string') return []
  return opened(of)
    .filter(({ touch }) => touch === 'sent')
    .map((sent) => ({
      ...sent,
      entryIndex: entry.index,
      entryId: entry.id,
      at: Date.parse(entry.at),
      touch: 'answered',
      items,
      unsentIndex: undefined,
    }))
}

function split(entry: Placed, touch: TouchKind, groups: readonly Group[]): readonly Touch[] {
  const touches: Touch[] = []
  for (const group of groups) {
    const chunks = Math.max(1, Math.ceil(group.subjects.length / SUBJECTS_IN_ONE_TOUCH))
    for (let i = 0; i < chunks; i++)
      touches.push({
        entryIndex: entry.index,
        part: touches.length,
        entryId: entry.id,
        at: Date.parse(entry.at),
        touch,
        actor: entry.actor,
        party: group.party,
        connection: group.connection,
        grant: group.grant,
        node: group.node,
        policies: group.policies,
        recordKind: group.recordKind,
        subjects: group.subjects.slice(i * SUBJECTS_IN_ONE_TOUCH, (i + 1) * SUBJECTS_IN_ONE_TOUCH),
        items: group.items,
        unsentIndex: undefined,
      })
  }
  return touches
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function strings(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string' && one !== '') : []
}

function object(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {}
}

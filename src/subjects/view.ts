import type { Reader } from '#database/handles.ts'
import type { HeldRecord } from '#foundation/personal-data-holder.ts'
import { type Window, isCurrent, isWithin } from '#records/name-windows.ts'
import type { Holder, RightsParts } from './parts.ts'
import { disputedItems } from './correct.table.ts'
import { namesOf } from './request-collect.ts'
import type { RequestSubject, RightsRequest } from './request.table.ts'
import { type Link, readLinks } from './request-links.ts'
import { hiddenLooks } from './view-delays.ts'
import { heldOf } from './view-held.ts'
import { type Cut, type OwnNames, onlyTheirs, ownNames } from './view-redact.ts'
import { readSightings } from './view-sightings.ts'
import { type Look, type Shared, lookOf, sharedOf } from './view-told.ts'
import { HOLDER_WORDS } from './view-words.ts'

const PAGE = 200

/** One fact that is held about the person. Times in milliseconds since 1970. */
export interface HeldItem {
  readonly item: string
  readonly title: string
  readonly value: unknown
  /** How exactly it is kept. */
  readonly precision: string
  readonly purposes: readonly string[]
  readonly retention: string
  /** The person says that it is wrong, and its source has not sent another value yet. */
  readonly isDisputed: boolean
}

/** What one record of one room holds about the person. */
export interface HeldThing {
  readonly holder: string
  readonly kind: string
  readonly recordId: string
  readonly subjectId: string
  readonly source: string | undefined
  readonly since: number | undefined
  readonly seen: number | undefined
  readonly removed: number | undefined
  readonly items: readonly HeldItem[]
  readonly cut: readonly Cut[]
}

/** One page of everything about the person: what is held, what was shared, who looked. */
export interface ViewPage {
  readonly held: readonly HeldThing[]
  readonly shared: readonly Shared[]
  readonly looks: readonly Look[]
  /** Looks that an investigation keeps back until a date. */
  readonly laterLooks: number
}

interface Viewed {
  readonly request: RightsRequest
  readonly subject: RequestSubject
}

/**
 * Everything about the person of a request, a page at a time, each page in a transaction of its own, so that neither
 * memory nor a transaction grows with what there is. The request must be servable (`readServable`), and the log
 * followed (`followSightings`). Of a device that changed hands only the person's own time is shown.
 */
export async function* viewPages(
  parts: RightsParts,
  tenantId: string,
  viewed: Viewed,
  now: number,
  part: 'all' | 'held' | 'told' = 'all',
): AsyncGenerator<ViewPage> {
  const own = namesOwned(viewed.subject)
  let after: string | undefined
  for (;;) {
    const links = await parts.database.read(tenantId, (reader) =>
      readLinks(reader, viewed.request.requestId, { state: 'confirmed', after, limit: PAGE }),
    )
    if (links.length > 0 && part !== 'told')
      yield await parts.database.read(tenantId, (reader) => heldBy(reader, parts, links, own, now))
    if (part !== 'held') for (const link of links) yield* toldOf(parts, tenantId, link, now)
    if (links.length < PAGE) return
    after = links.at(-1)?.subjectId
  }
}

/** Names by which what is held is told from what is another person's. */
function namesOwned(subject: RequestSubject): OwnNames {
  return ownNames([
    ...namesOf(subject).map((name) => name.value),
    `${subject.firstName} ${subject.lastName}`,
  ])
}

async function heldBy(
  reader: Reader,
  parts: RightsParts,
  links: readonly Link[],
  own: OwnNames,
  now: number,
): Promise<ViewPage> {
  // What is held now is of whoever is named now.
  const current = links.filter((link) => isCurrent(link.windows))
  const disputed = await disputedItems(
    reader,
    current.map((link) => link.subjectId),
  )
  const held: HeldThing[] = []
  for (const { subjectId } of current)
    for (const holder of parts.holders)
      for (const record of await heldOf(holder, reader, subjectId))
        held.push(thingOf(parts, holder, subjectId, record, own, disputed))
  return { held: await withoutHiddenLooks(reader, held, now), shared: [], looks: [], laterLooks: 0 }
}

/** A reason for a look is told when the look is. */
async function withoutHiddenLooks(
  reader: Reader,
  held: readonly HeldThing[],
  now: number,
): Promise<readonly HeldThing[]> {
  const reasons = held.filter((thing) => thing.kind === 'revealReason')
  const hidden = await hiddenLooks(
    reader,
    reasons.map((thing) => thing.recordId),
    now,
  )
  return held.filter((thing) => thing.kind !== 'revealReason' || !hidden.has(thing.recordId))
}

function thingOf(
  { catalog }: RightsParts,
  { holder }: Holder,
  subjectId: string,
  record: HeldRecord,
  own: OwnNames,
  disputed: ReadonlySet<string>,
): HeldThing {
  const { items, cut } = onlyTheirs(record, catalog, own)
  const words = HOLDER_WORDS[holder]
  return {
    holder,
    kind: record.kind,
    recordId: record.recordId,
    subjectId,
    source: record.source,
    since: record.since,
    seen: record.seen,
    removed: record.removed,
    cut,
    items: Object.entries(items).map(([id, value]) => {
      const item = catalog.items.get(id)
      return {
        item: id,
        title: item?.title ?? id,
        value,
        precision: record.precisions?.[id] ?? 'exact',
        purposes: item?.purposes ?? words?.purposes ?? [],
        retention: item?.retention ?? words?.retention ?? '',
        isDisputed: disputed.has(`${subjectId} ${id}`),
      }
    }),
  }
}

/** What is held of one subject, and the beginning of what the log tells, in the caller's transaction. */
export async function firstPages(
  reader: Reader,
  parts: RightsParts,
  { subject }: Viewed,
  link: Link,
  now: number,
): Promise<ViewPage & { readonly hasMore: boolean }> {
  const { held } = await heldBy(reader, parts, [link], namesOwned(subject), now)
  const told = await toldPage(reader, parts, link, undefined, now)
  return { ...told.page, held, hasMore: told.full }
}

/** What the log tells of the subject, as far as it happened in the person's time. */
async function* toldOf(
  parts: RightsParts,
  tenantId: string,
  link: Link,
  now: number,
): AsyncGenerator<ViewPage> {
  let after: number | undefined
  for (;;) {
    const { page, last, full } = await parts.database.read(tenantId, (reader) =>
      toldPage(reader, parts, link, after, now),
    )
    yield page
    if (!full) return
    after = last
  }
}

async function toldPage(
  reader: Reader,
  parts: RightsParts,
  { subjectId, kind, windows }: Link,
  after: number | undefined,
  now: number,
) {
  const name = kind === 'account' ? subjectId : await commitmentOf(reader, parts, subjectId)
  const sightings = await readSightings(reader, name, { after, limit: PAGE })
  return {
    page: await tell(reader, sightings, windows, subjectId, now),
    last: sightings.at(-1)?.entry.index,
    full: sightings.length === PAGE,
  }
}

/** What an entry calls the subject; a name that nobody has once its key is gone. */
export async function commitmentOf(
  reader: Reader,
  { keys }: Pick<RightsParts, 'keys'>,
  subjectId: string,
): Promise<string> {
  return (await keys.subjectCommitments(reader, [subjectId])).get(subjectId) ?? 'erased'
}

async function tell(
  reader: Reader,
  sightings: Awaited<ReturnType<typeof readSightings>>,
  windows: readonly Window[],
  subjectId: string,
  now: number,
): Promise<ViewPage> {
  const mine = sightings.filter(({ entry }) => isWithin(windows, Date.parse(entry.at)))
  const hidden = await hiddenLooks(
    reader,
    mine.map(({ entry }) => entry.id),
    now,
  )
  const shared: Shared[] = []
  const looks: Look[] = []
  let laterLooks = 0
  for (const sighting of mine) {
    const sending = await sharedOf(reader, sighting, subjectId)
    if (sending) shared.push(sending)
    else if (hidden.has(sighting.entry.id)) laterLooks++
    else looks.push(lookOf(sighting, subjectId))
  }
  return { held: [], shared, looks, laterLooks }
}

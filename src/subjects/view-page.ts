import type { Transaction } from '#database/handles.ts'
import type { Page } from '#database/list.ts'
import type { Json } from '#foundation/canonical-json.ts'
import { type Refusal, isRefusal } from '#foundation/refusal.ts'
import { toTimestamp } from '#foundation/clock.ts'
import type { By, RightsParts } from './parts.ts'
import { recordRights } from './record-rights.ts'
import { readServable } from './requests.ts'
import { type Link, readLinks } from './request-links.ts'
import { type ViewPage, commitmentOf, firstPages } from './view.ts'
import { followSightings } from './view-sightings.ts'

/** Everything about one subject of the person; of what the log tells the first part, where there is more. */
export interface ViewedSubject extends ViewPage {
  readonly subjectId: string
  readonly kind: Link['kind']
  readonly windows: Link['windows']
  /** The log tells more than is shown here: the archive has all of it. */
  readonly hasMore: boolean
}

/**
 * One page of what is held about the person of a request, for whoever serves it. That it was looked at is an entry of
 * kind `read`, in the commit that reads: the person sees it among the looks, as every other.
 *
 * @returns the refusals of `readServable`
 */
export async function viewSubjects(
  parts: RightsParts,
  tenantId: string,
  requestId: string,
  page: { readonly after?: string | undefined; readonly top: number },
  by: By,
): Promise<Page<ViewedSubject> | Refusal> {
  await followSightings(parts, tenantId)
  return parts.database.write(tenantId, async (tx) => {
    const served = await readServable(tx, parts, requestId)
    if (isRefusal(served)) return served
    const { top, after } = page
    const found = await readLinks(tx, requestId, { state: 'confirmed', after, limit: top + 1 })
    const links = found.slice(0, top)
    const rows: ViewedSubject[] = []
    for (const link of links)
      rows.push({
        ...(await firstPages(tx, parts, served, link, by.at)),
        subjectId: link.subjectId,
        kind: link.kind,
        windows: link.windows,
      })
    await recordViewed(tx, parts, requestId, rows, by)
    const last = found.length > top ? links.at(-1) : undefined
    return { rows, next: last && [last.subjectId], count: undefined }
  })
}

async function recordViewed(
  tx: Transaction,
  parts: RightsParts,
  requestId: string,
  rows: readonly ViewedSubject[],
  by: By,
): Promise<void> {
  const groups = new Map<string, Set<string>>()
  const exact = new Set<string>()
  for (const { subjectId, kind, held } of rows) {
    const name = kind === 'account' ? subjectId : await commitmentOf(tx, parts, subjectId)
    for (const thing of held) {
      const group = groups.get(thing.source ?? thing.holder) ?? new Set()
      groups.set(thing.source ?? thing.holder, group.add(name))
      for (const one of thing.items) exact.add(one.item)
    }
  }
  const records = [...groups].map(([connection, subjects]) => ({
    connection,
    subjects: [...subjects],
  }))
  await recordRights(tx, 'read', by, {
    viewer: 'admin',
    purpose: 'subject-rights',
    request: requestId,
    kind: 'person',
    count: rows.length,
    chosenBy: ['request'],
    at: toTimestamp(by.at),
    records: records as unknown as Json,
    shown: { exact: [...exact].toSorted(), masked: {} },
  })
}

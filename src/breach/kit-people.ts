import type { ListQuery } from '#database/list.ts'
import { csvRow } from '#foundation/csv.ts'
import { type Refusal, isRefusal } from '#foundation/refusal.ts'
import type { RecordKind } from '#records/keep.ts'
import { type SealedRecord, listSealedRecords } from '#records/list-records.ts'
import type { ViewedRecord } from '#viewing/project.ts'
import type { Viewing, ViewedPage } from '#viewing/view.ts'
import type { Viewer } from '#viewing/viewer.ts'
import { packetOfTenant } from './kit-packet.ts'
import type { BreachParts } from './parts.ts'

const PAGE = 1_000
/** A larger export is taken a page at a time. */
const MOST_IN_EXPORT = 20_000

export interface KitParts extends BreachParts {
  readonly viewing: Pick<Viewing, 'listRecords'>
}

type Paging = Pick<ListQuery, 'top' | 'skip' | 'after' | 'count'>

/**
 * The tenant's own records of one kind that the incident touched, through the door for people who look: recorded, and
 * masked to what the viewer may see. Records are found by the commitments that the packet holds, so that nobody who was
 * erased meanwhile is among them.
 *
 * @returns `incident_unknown`, and the refusals of the door
 */
export async function touchedRecords(
  parts: KitParts,
  viewer: Viewer,
  given: { readonly incidentId: string; readonly kind: RecordKind; readonly paging: Paging },
  now: number,
): Promise<ViewedPage | Refusal> {
  const { kind, paging } = given
  const ids = await touchedIds(parts, viewer.tenantId, given, now)
  return isRefusal(ids) ? ids : listTouched(parts, viewer, { kind, ids, paging })
}

async function touchedIds(
  parts: KitParts,
  tenantId: string,
  { incidentId, kind }: { readonly incidentId: string; readonly kind: RecordKind },
  now: number,
): Promise<readonly string[] | Refusal> {
  const found = await packetOfTenant(parts, tenantId, incidentId, now)
  if (isRefusal(found)) return found
  return recordIds(parts, tenantId, kind, new Set(found.packet.subjects))
}

function listTouched(
  { viewing }: KitParts,
  viewer: Viewer,
  given: { readonly kind: RecordKind; readonly ids: readonly string[]; readonly paging: Paging },
): Promise<ViewedPage | Refusal> {
  const { kind, ids, paging } = given
  const filter = { op: 'in' as const, field: 'id', values: ids }
  return viewing.listRecords(viewer, { kind, query: { ...paging, filter, orderBy: [] } })
}

async function recordIds(
  { database, keys, catalog }: KitParts,
  tenantId: string,
  kind: RecordKind,
  subjects: ReadonlySet<string>,
): Promise<readonly string[]> {
  const ids: string[] = []
  const bounds = { kind, tags: 'all', mayFilter: () => true } as const
  let after: ListQuery['after']
  do {
    const page = await database.read(tenantId, async (reader) => {
      const query = { orderBy: [], top: PAGE, skip: 0, count: false, ...(after ? { after } : {}) }
      const records = await listSealedRecords(reader, { keys, catalog }, bounds, query)
      if (isRefusal(records)) throw new Error('a list without a condition was refused')
      const commitments = await keys.subjectCommitments(
        reader,
        records.rows.map((one) => one.subjectId),
      )
      const isTouched = ({ subjectId }: SealedRecord) =>
        subjects.has(commitments.get(subjectId) ?? '')
      return { ...records, touched: records.rows.filter(isTouched) }
    })
    ids.push(...page.touched.map((one) => one.recordId))
    after = page.next
  } while (after)
  return ids
}

/** Everything that the viewer may take away of the kind, page by page through the door. */
export async function exportTouched(
  parts: KitParts,
  viewer: Viewer,
  given: { readonly incidentId: string; readonly kind: RecordKind },
  now: number,
): Promise<{ readonly rows: readonly ViewedRecord[]; readonly isComplete: boolean } | Refusal> {
  const { kind } = given
  const ids = await touchedIds(parts, viewer.tenantId, given, now)
  if (isRefusal(ids)) return ids
  const rows: ViewedRecord[] = []
  let after: Paging['after']
  do {
    const paging = { top: PAGE, skip: 0, count: false, ...(after ? { after } : {}) }
    const page = await listTouched(parts, viewer, { kind, ids, paging })
    if (isRefusal(page)) return page
    rows.push(...page.rows)
    after = page.next
  } while (after && rows.length < MOST_IN_EXPORT)
  return { rows, isComplete: after === undefined }
}

/** For a spreadsheet; what it would run as a formula is kept from it. */
export function toCsv(rows: readonly ViewedRecord[]): string {
  const items = [...new Set(rows.flatMap((row) => Object.keys(row.items)))].toSorted()
  const lines = rows.map((row) => [
    row.recordId,
    row.kind,
    row.connectionId,
    ...items.map((item) => row.items[item] ?? ''),
    row.marks.map((mark) => `${mark.item}: ${mark.precision} (${mark.reason})`).join('; '),
  ])
  const head = ['id', 'kind', 'connection', ...items, 'masked']
  return [head, ...lines].map(csvRow).join('')
}

import type { ListQuery } from '#database/list.ts'
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
  const { incidentId, kind, paging } = given
  const found = await packetOfTenant(parts, viewer.tenantId, incidentId, now)
  if (isRefusal(found)) return found
  const ids = await recordIds(parts, viewer.tenantId, kind, new Set(found.packet.subjects))
  const filter = { op: 'in' as const, field: 'id', values: ids }
  return parts.viewing.listRecords(viewer, { kind, query: { ...paging, filter, orderBy: [] } })
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
  const rows: ViewedRecord[] = []
  let after: Paging['after']
  do {
    const paging = { top: PAGE, skip: 0, count: false, ...(after ? { after } : {}) }
    const page = await touchedRecords(parts, viewer, { ...given, paging }, now)
    if (isRefusal(page)) return page
    rows.push(...page.rows)
    after = page.next
  } while (after && rows.length < MOST_IN_EXPORT)
  return { rows, isComplete: after === undefined }
}

/** RFC 4180. A value that a spreadsheet would run as a formula is kept from it by an apostrophe before it. */
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
  return [head, ...lines].map((line) => `${line.map(cell).join(',')}\r\n`).join('')
}

function cell(value: string | number | boolean): string {
  const text = typeof value === 'string' && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

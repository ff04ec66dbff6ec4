import type { Catalog } from '#catalog/catalog.ts'
import type { Filter, Scalar } from '#database/list.ts'
import type { Reader } from '#database/handles.ts'
import { isUuid } from '#foundation/ids.ts'
import { isRefusal } from '#foundation/refusal.ts'
import type { Keys } from '#keys/keys.ts'
import { listRecords } from './list-records.ts'

/** Which records are meant: by their ids, by the people they are about, or by a condition. */
export type RecordScope =
  | { readonly kind: 'records'; readonly ids: readonly string[] }
  | { readonly kind: 'people'; readonly ids: readonly string[] }
  | { readonly kind: 'query'; readonly filter: Filter }

const PAGE = 500
/**
 * Ids of the records that a scope means now, each once; unknown ids are left out. People are named by the id of any
 * record about them, and stand for all records about them. A condition may name plain facts of devices only: what is
 * sealed, or who is meant, nobody can find out by asking for access.
 *
 * @throws UnknownField for a condition on anything else
 */
export async function resolveScope(
  reader: Reader,
  parts: { keys: Keys; catalog: Catalog },
  scope: RecordScope,
): Promise<readonly string[]> {
  if (scope.kind === 'query') return byCondition(reader, parts, scope.filter)
  const named = scope.kind === 'people' ? PEOPLE : 'record_id = any($2::uuid[])'
  const rows = await reader.rows<{ id: string }>(
    `select record_id as id from records where tenant_id = $1 and removed_at is null and ${named} order by record_id`,
    [reader.tenantId, scope.ids.filter(isUuid)],
  )
  return rows.map((row) => row.id)
}

const PEOPLE = `subject_id in (
  select subject_id from records where tenant_id = $1 and record_id = any($2::uuid[]))`

async function byCondition(
  reader: Reader,
  parts: { keys: Keys; catalog: Catalog },
  filter: Filter,
): Promise<readonly string[]> {
  const bounds = { kind: 'device', tags: 'all', mayFilter: isPlain } as const
  const found: string[] = []
  let after: readonly Scalar[] | undefined
  do {
    const page = await listRecords(reader, parts, bounds, {
      filter,
      orderBy: [],
      top: PAGE,
      skip: 0,
      count: false,
      ...(after ? { after } : {}),
    })
    if (isRefusal(page)) return []
    found.push(...page.rows.map((row) => row.recordId))
    after = page.next
  } while (after)
  return found
}

const isPlain = (item: { personal: boolean; secret: boolean; class: string }): boolean =>
  !item.personal && !item.secret && item.class !== 'device-identifier'

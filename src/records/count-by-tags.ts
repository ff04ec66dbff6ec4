import type { Reader } from '#database/handles.ts'

type Tags = 'all' | ReadonlySet<string>

/**
 * How many records of a kind carry a tag of `seenBy` and none of `notSeenBy`: what somebody sees more with the one
 * scope than with the other.
 */
export async function countByTags(
  reader: Reader,
  kind: 'device' | 'person',
  seenBy: Tags,
  notSeenBy: Tags,
): Promise<number> {
  const [row] = await reader.rows<{ count: number }>(
    `select count(*)::int as count from records
      where tenant_id = $1 and kind = $2 and removed_at is null
        and ($3 or scope_tags && $4::text[]) and not ($5 or scope_tags && $6::text[])`,
    [reader.tenantId, kind, ...bound(seenBy), ...bound(notSeenBy)],
  )
  return row?.count ?? 0
}

/** Whether any record carries the tag. */
export async function tagCarried(reader: Reader, tag: string): Promise<boolean> {
  const [row] = await reader.rows(
    `select 1 from records
      where tenant_id = $1 and removed_at is null and scope_tags @> array[$2]::text[] limit 1`,
    [reader.tenantId, tag],
  )
  return row !== undefined
}

function bound(tags: Tags): [all: boolean, tags: readonly string[]] {
  return tags === 'all' ? [true, []] : [false, [...tags]]
}

import type { Filter, ListQuery } from '#database/list.ts'

/** Names of the fields that a list was chosen and ordered by, for its entry; never what they were compared with. */
export function fieldsOf({ filter, orderBy }: Pick<ListQuery, 'filter' | 'orderBy'>): string[] {
  const found = new Set<string>()
  const walk = (part: Filter): void => {
    if ('of' in part) {
      for (const inner of part.op === 'not' ? [part.of] : part.of) walk(inner)
    } else found.add(part.field)
  }
  if (filter) walk(filter)
  for (const { field } of orderBy) found.add(field)
  return [...found].sort()
}

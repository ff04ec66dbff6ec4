/** The tag that every object without one carries, and that an assignment without tags sees. */
export const DEFAULT_SCOPE_TAG = 'default'

/** The most tags on an assignment, and on an object. */
export const MOST_SCOPE_TAGS = 100

/** Which tags something reaches: `all` only where that was said explicitly. */
export type TagScope = 'all' | ReadonlySet<string>

/** Whether all of `part` lies within `whole`. */
export function covers(whole: TagScope, part: TagScope): boolean {
  if (whole === 'all') return true
  return part !== 'all' && [...part].every((tag) => whole.has(tag))
}

/** Everything that either reaches. */
export function unite(scopes: readonly TagScope[]): TagScope {
  const tags = new Set<string>()
  for (const scope of scopes) {
    if (scope === 'all') return 'all'
    for (const tag of scope) tags.add(tag)
  }
  return tags
}

/** Whether a viewer of that scope sees an object with those tags: one shared tag is enough. */
export function sees(scope: TagScope, objectTags: readonly string[]): boolean {
  if (scope === 'all') return true
  return (objectTags.length === 0 ? [DEFAULT_SCOPE_TAG] : objectTags).some((tag) => scope.has(tag))
}

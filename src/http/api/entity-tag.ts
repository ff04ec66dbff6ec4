import type { z } from 'zod'
import type { Database } from '#database/handles.ts'
import { type Json, canonicalJson } from '#foundation/canonical-json.ts'
import type { Keys } from '#keys/keys.ts'

const CHARACTERS = 22

/** A weak entity tag of what stands: a hash keyed by the tenant, because what it stands for may be personal. */
export async function entityTag(
  parts: { database: Database; keys: Keys },
  tenantId: string,
  thing: object,
): Promise<string> {
  const hash = await parts.database.read(tenantId, (reader) =>
    parts.keys.blindIndex(reader, 'entity-tag'),
  )
  return `W/"${hash(canonicalJson(thing as Json)).slice(0, CHARACTERS)}"`
}

/** Whether a header such as `If-Match` names the tag, or any (`*`). Weak comparison of RFC 9110. */
export function names(header: string, tag: string): boolean {
  if (header.trim() === '*') return true
  const strong = (text: string): string => text.trim().replace(/^W\//, '')
  return header.split(',').some((one) => strong(one) === strong(tag))
}

/**
 * What of an answer leaves: only what its schema declares (what it does not know cannot pass), and of that only what
 * was selected.
 *
 * @throws ZodError when a handler answered with something else than it declares
 */
export function declared(
  schema: z.ZodType,
  answer: unknown,
  select?: ReadonlySet<string>,
): Record<string, unknown> {
  const partial = select && 'partial' in schema ? (schema as z.ZodObject).partial() : schema
  const whole = partial.parse(answer) as Record<string, unknown>
  if (!select) return whole
  return Object.fromEntries(Object.entries(whole).filter(([name]) => select.has(name)))
}

/** Names of an answer's members, where its schema is an object. */
export function memberNames(schema: z.ZodType): ReadonlySet<string> | undefined {
  return 'shape' in schema ? new Set(Object.keys((schema as z.ZodObject).shape)) : undefined
}

import { arrayLiteral } from '#database/array-literal.ts'
import { canonicalJson, type Json } from '#foundation/canonical-json.ts'
import { type Entry, MAX_ENTRY_BYTES } from './entry.ts'
import { packEntries } from './verify/bundle.ts'
import { leafHash, type TreeHash } from './verify/hash-tree.ts'

/** An entry ready to be written: its bytes, their leaf hash, and what it says on its outside. */
export interface PreparedEntry extends Pick<Entry, 'id' | 'at' | 'kind' | 'actor'> {
  /** What is hashed into the log: canonical JSON, so that anybody can make it again. */
  readonly bytes: Buffer
  readonly hash: TreeHash
}

/** @throws RangeError naming the kind of an entry that is larger than a bundle can hold */
export function prepareEntry(entry: Entry): PreparedEntry {
  return prepared(entry, canonicalJson({ v: 1, ...entry } as unknown as Json))
}

/** Everything of an entry but what its template fixes. `data` must have exactly the template's open members, or fewer. */
export type OpenPart = Pick<Entry, 'id' | 'at' | 'actor' | 'data'>

/**
 * Prepares entries of one kind whose `data` are mostly the same: the fixed members are written as canonical JSON once.
 * The bytes are those that `prepareEntry` makes.
 *
 * @param open  names of the members of `data` that each entry brings
 */
export function entryTemplate(
  kind: Entry['kind'],
  fixed: Entry['data'],
  open: readonly string[],
): (entry: OpenPart) => PreparedEntry {
  const members = [...Object.keys(fixed), ...open].sort().map((key) => ({
    key,
    label: `${canonicalJson(key)}:`,
    // Written once, here.
    value: Object.hasOwn(fixed, key) ? canonicalJson(fixed[key] ?? null) : undefined,
  }))
  const tail = `,"kind":${canonicalJson(kind)},"v":1}`
  return ({ id, at, actor, data }) => {
    let inside = ''
    for (const { key, label, value } of members) {
      const own = value === undefined && Object.hasOwn(data, key) ? data[key] : undefined
      if (value === undefined && own === undefined) continue
      const comma = inside === '' ? '' : ','
      inside += comma + label + (value ?? canonicalJson(own ?? null))
    }
    const head = `{"actor":${canonicalJson(actor)},"at":${canonicalJson(at)},"data":{`
    return prepared({ id, at, kind, actor }, `${head}${inside}},"id":${canonicalJson(id)}${tail}`)
  }
}

function prepared(labels: Omit<PreparedEntry, 'bytes' | 'hash'>, text: string): PreparedEntry {
  const { id, at, kind, actor } = labels
  const bytes = Buffer.from(text)
  if (bytes.length > MAX_ENTRY_BYTES) throw new RangeError(`an entry of kind ${kind} is too large`)
  return { id, at, kind, actor, bytes, hash: leafHash(bytes) }
}

/** Ids of a segment that is not `wide` carry times that lie no further apart. */
const NARROW_IN_MS = 2_000

/** The first 48 bits: of an ordered id its time in milliseconds, of another some number. */
function timeOf(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16)
}

/** No segment that holds the id, and is not wide, ends after this one. */
export function lastNearId(id: string): string {
  const time = Math.min(timeOf(id) + NARROW_IN_MS, 0xffff_ffff_ffff)
    .toString(16)
    .padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}-ffff-ffff-ffffffffffff`
}

/** What the SQL function `sluss_append` takes: these entries as one segment, in order. There is one at least. */
export function segmentValues(entries: readonly PreparedEntry[]): readonly unknown[] {
  const ids = entries.map((entry) => entry.id)
  const least = ids.reduce((one, other) => (other < one ? other : one))
  const greatest = ids.reduce((one, other) => (other > one ? other : one))
  return [
    arrayLiteral(ids),
    arrayLiteral(entries.map((entry) => entry.at)),
    arrayLiteral(entries.map((entry) => entry.kind)),
    arrayLiteral(entries.map((entry) => entry.actor)),
    least,
    greatest,
    timeOf(greatest) - timeOf(least) > NARROW_IN_MS,
    Buffer.from(entries.map((entry) => entry.hash).join(''), 'latin1'),
    packEntries(entries.map((entry) => entry.bytes)),
  ]
}

/** A weak hash that looks at four places of a name: enough to tell the names of one object apart. */
export function hashName(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start
  if (length === 0) return 0
  const first = bytes[start] as number
  const last = bytes[end - 1] as number
  const middle = bytes[start + (length >> 1)] as number
  const quarter = bytes[start + (length >> 2)] as number
  return (Math.imul(first + Math.imul(last, 31), 961) ^ (middle << 3) ^ (quarter << 9)) + length
}

export const NOT_FOUND = -1

/** The names of one object's members, found by their bytes. */
export class NameTable {
  private readonly names: readonly Uint8Array[]
  private readonly mask: number
  /** Field by bucket, and the next field in the same bucket. */
  private readonly buckets: Int32Array
  private readonly next: Int32Array

  constructor(names: readonly Uint8Array[]) {
    this.names = names
    const size = 2 ** Math.ceil(Math.log2(names.length * 4 + 4))
    this.mask = size - 1
    this.buckets = new Int32Array(size).fill(NOT_FOUND)
    this.next = new Int32Array(names.length).fill(NOT_FOUND)
    names.forEach((name, field) => {
      const bucket = hashName(name, 0, name.length) & this.mask
      this.next[field] = this.buckets[bucket] as number
      this.buckets[bucket] = field
    })
  }

  /** The number of the member whose name stands there; NOT_FOUND if there is none. */
  find(bytes: Uint8Array, start: number, end: number, hash: number): number {
    let field = this.buckets[hash & this.mask] as number
    while (field >= 0 && !isSame(this.names[field] as Uint8Array, bytes, start, end))
      field = this.next[field] as number
    return field
  }
}

function isSame(name: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (name.length !== end - start) return false
  for (let i = 0; i < name.length; i++) if (name[i] !== bytes[start + i]) return false
  return true
}

const MOST_PER_OBJECT = 256
const MOST_AT_ONCE = 4096

/**
 * The names of members that are in no shape, of all objects open at once: JSON.parse keeps the last of
 * members of one name, and counts them as one.
 */
export class StrangeNames {
  private readonly hashes = new Int32Array(MOST_AT_ONCE)
  private readonly starts = new Int32Array(MOST_AT_ONCE)
  private readonly ends = new Int32Array(MOST_AT_ONCE)
  /** How many are noted: what an object begins with, and goes back to when it ends. */
  size = 0

  /** Notes a name of the object whose names begin at `base`. False where it was there, or is one too many. */
  add(bytes: Uint8Array, start: number, end: number, hash: number, base: number): boolean {
    const { hashes, size } = this
    if (size === MOST_AT_ONCE || size - base === MOST_PER_OBJECT) return false
    for (let i = base; i < size; i++)
      if (hashes[i] === hash && this.isAt(i, bytes, start, end)) return false
    hashes[size] = hash
    this.starts[size] = start
    this.ends[size] = end
    this.size = size + 1
    return true
  }

  private isAt(i: number, bytes: Uint8Array, start: number, end: number): boolean {
    const from = this.starts[i] as number
    if ((this.ends[i] as number) - from !== end - start) return false
    for (let at = start; at < end; at++) if (bytes[from + at - start] !== bytes[at]) return false
    return true
  }
}

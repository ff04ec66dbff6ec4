import {
  Bounds,
  MOST_VALUES,
  PlistData,
  PlistFault,
  type PlistValue,
  timeOf,
  wholeNumber,
} from './value.ts'

const MAGIC = 'bplist00'
const TRAILER = 32
/** Times count from 2001-01-01 in this format. */
const EPOCH_IN_MS = 978_307_200_000

export function isBinary(bytes: Buffer): boolean {
  return bytes.subarray(0, MAGIC.length).toString('latin1') === MAGIC
}

interface Table {
  readonly bytes: Buffer
  readonly count: number
  readonly offsetSize: number
  readonly refSize: number
  readonly start: number
  readonly bounds: Bounds
  /** Texts are shared, so that a text that is referred to a thousand times stands in memory once. */
  readonly texts: Map<number, string>
}

/**
 * Reads a binary property list (version 00). Values are walked from the root: one that refers to itself ends at
 * the depth bound, one that is referred to very often at the bound of values.
 *
 * @throws PlistFault, or RangeError where an offset leads outside the bytes
 */
export function readBinary(bytes: Buffer): PlistValue {
  if (bytes.length < MAGIC.length + TRAILER) throw new PlistFault('too short')
  const trailer = bytes.subarray(bytes.length - TRAILER)
  const table: Table = {
    bytes,
    offsetSize: trailer.readUInt8(6),
    refSize: trailer.readUInt8(7),
    count: small(trailer.readBigUInt64BE(8)),
    start: small(trailer.readBigUInt64BE(24)),
    bounds: new Bounds(),
    texts: new Map(),
  }
  const { offsetSize, refSize, count, start } = table
  if (offsetSize < 1 || offsetSize > 6 || refSize < 1 || refSize > 6)
    throw new PlistFault('sizes that are none')
  if (start < MAGIC.length || start + count * offsetSize > bytes.length - TRAILER)
    throw new PlistFault('a table outside the bytes')
  return readObject(table, small(trailer.readBigUInt64BE(16)), 0)
}

function readObject(table: Table, index: number, depth: number): PlistValue {
  table.bounds.enter(depth)
  const at = offsetOf(table, index)
  const marker = table.bytes.readUInt8(at)
  const kind = marker >> 4
  const low = marker & 0x0f
  switch (kind) {
    case 0x0:
      if (low === 8 || low === 9) return low === 9
      throw new PlistFault('a kind of value that has no place here')
    case 0x1:
      return wholeNumber(integer(table.bytes, at + 1, 1 << low))
    case 0x2:
      if (low === 2) return table.bytes.readFloatBE(at + 1)
      if (low === 3) return table.bytes.readDoubleBE(at + 1)
      throw new PlistFault('a number of no known size')
    case 0x3:
      return timeOf(EPOCH_IN_MS + table.bytes.readDoubleBE(at + 1) * 1_000)
    case 0x4:
      return new PlistData(contentOf(table, at, low, 1).length)
    case 0x5:
    case 0x6:
      return textOf(table, index)
    case 0xa:
      return refsOf(table, contentOf(table, at, low, table.refSize)).map((ref) =>
        readObject(table, ref, depth + 1),
      )
    case 0xd:
      return readDict(table, at, low, depth)
    default:
      throw new PlistFault('a kind of value that has no place here')
  }
}

function readDict(table: Table, at: number, low: number, depth: number): PlistValue {
  const refs = refsOf(table, contentOf(table, at, low, table.refSize * 2))
  const half = refs.length / 2
  const dict = new Map<string, PlistValue>()
  for (let i = 0; i < half; i++) {
    const key = textOf(table, refs[i] ?? -1)
    if (dict.has(key)) throw new PlistFault('a key twice')
    dict.set(key, readObject(table, refs[half + i] ?? -1, depth + 1))
  }
  return dict
}

function textOf(table: Table, index: number): string {
  const known = table.texts.get(index)
  if (known !== undefined) return known
  const at = offsetOf(table, index)
  const marker = table.bytes.readUInt8(at)
  const kind = marker >> 4
  if (kind !== 0x5 && kind !== 0x6) throw new PlistFault('a key that is no text')
  const content = contentOf(table, at, marker & 0x0f, kind === 0x5 ? 1 : 2)
  const text =
    kind === 0x5 ? content.toString('latin1') : Buffer.from(content).swap16().toString('utf16le')
  table.texts.set(index, text)
  return text
}

/** The bytes of a value whose length stands in its marker, or after it where it is 15 or more. */
function contentOf({ bytes, start }: Table, at: number, low: number, width: number): Buffer {
  let from = at + 1
  let count = low
  if (low === 0x0f) {
    const size = bytes.readUInt8(from)
    if (size >> 4 !== 1 || (size & 0x0f) > 3) throw new PlistFault('a length that is none')
    count = small(integer(bytes, from + 1, 1 << (size & 0x0f)))
    from += 1 + (1 << (size & 0x0f))
  }
  const to = from + count * width
  if (to > start) throw new PlistFault('a value outside the bytes')
  return bytes.subarray(from, to)
}

function refsOf({ refSize }: Table, content: Buffer): number[] {
  if (content.length / refSize > MOST_VALUES) throw new PlistFault('too many values')
  return Array.from({ length: content.length / refSize }, (_, i) =>
    content.readUIntBE(i * refSize, refSize),
  )
}

function offsetOf({ bytes, count, start, offsetSize }: Table, index: number): number {
  if (index < 0 || index >= count) throw new PlistFault('a value that is not there')
  const offset = bytes.readUIntBE(start + index * offsetSize, offsetSize)
  if (offset < MAGIC.length || offset >= start) throw new PlistFault('a value outside the bytes')
  return offset
}

/** Whole numbers of 8 bytes are signed, smaller ones are not. */
function integer(bytes: Buffer, at: number, size: number): bigint {
  if (size <= 4) return BigInt(bytes.readUIntBE(at, size))
  if (size === 8) return bytes.readBigInt64BE(at)
  if (size === 16) return (bytes.readBigInt64BE(at) << 64n) | bytes.readBigUInt64BE(at + 8)
  throw new PlistFault('a number of no known size')
}

function small(value: bigint): number {
  if (value < 0n || value > 0xffff_ffffn) throw new PlistFault('a number out of range')
  return Number(value)
}

/** C2SP tlog-tiles entry bundle: each entry after its length as a big-endian 16-bit number. */
export function packEntries(entries: readonly Buffer[]): Buffer {
  const packed = Buffer.allocUnsafe(entries.reduce((sum, entry) => sum + 2 + entry.length, 0))
  let at = 0
  for (const entry of entries) {
    if (entry.length > 0xffff) throw new RangeError('an entry is longer than a bundle can hold')
    packed.writeUInt16BE(entry.length, at)
    entry.copy(packed, at + 2)
    at += 2 + entry.length
  }
  return packed
}

/** @throws RangeError when the bytes do not end with an entry */
export function unpackEntries(bundle: Buffer): Buffer[] {
  const entries: Buffer[] = []
  for (let at = 0; at < bundle.length; ) {
    if (at + 2 > bundle.length) throw new RangeError('the bundle ends inside a length')
    const end = at + 2 + bundle.readUInt16BE(at)
    if (end > bundle.length) throw new RangeError('the bundle ends inside an entry')
    entries.push(bundle.subarray(at + 2, end))
    at = end
  }
  return entries
}

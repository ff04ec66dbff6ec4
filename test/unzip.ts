import { inflateRawSync } from 'node:zlib'

/** The files of an archive by name, read from its central directory; sizes and places from the ZIP64 fields. */
export function unzip(archive: Buffer): ReadonlyMap<string, string> {
  const end = archive.length - 22
  if (archive.readUInt32LE(end) !== 0x06054b50) throw new Error('the archive has no end')
  const end64 = Number(archive.readBigUInt64LE(end - 20 + 8))
  const count = Number(archive.readBigUInt64LE(end64 + 32))
  let at = Number(archive.readBigUInt64LE(end64 + 48))
  const files = new Map<string, string>()
  for (let i = 0; i < count; i++) {
    const nameLength = archive.readUInt16LE(at + 28)
    const extraLength = archive.readUInt16LE(at + 30)
    const name = archive.subarray(at + 46, at + 46 + nameLength).toString()
    const extra = at + 46 + nameLength + 4
    const packed = Number(archive.readBigUInt64LE(extra + 8))
    const place = Number(archive.readBigUInt64LE(extra + 16))
    const data = place + 30 + archive.readUInt16LE(place + 26) + archive.readUInt16LE(place + 28)
    files.set(name, inflateRawSync(archive.subarray(data, data + packed)).toString())
    at += 46 + nameLength + extraLength
  }
  return files
}

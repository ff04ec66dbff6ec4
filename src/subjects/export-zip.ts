import { once } from 'node:events'
import { crc32, createDeflateRaw } from 'node:zlib'

/** One file of an archive, whose length nobody needs to know before. */
export interface ZipFile {
  readonly name: string
  readonly content: AsyncIterable<string>
}

const LOCAL = 0x04034b50
const DESCRIPTOR = 0x08074b50
const CENTRAL = 0x02014b50
const END = 0x06054b50
const END_64 = 0x06064b50
const LOCATOR_64 = 0x07064b50
const ZIP64 = 45
const DEFLATE = 8
/** Sizes follow the data; names are UTF-8. */
const FLAGS = 0x0808
/** In the place of a value that stands in the ZIP64 field. */
const ELSEWHERE = 0xffffffff
/** 1980-01-01, the zero of the format: when files were made stands in the manifest. */
const NO_DATE = 0x00210000

interface Written {
  readonly name: Buffer
  readonly crc: number
  readonly packed: number
  readonly size: number
  readonly offset: number
}

/**
 * Streams an archive in the format of PKWARE's APPNOTE 6.3, deflated, with sizes after the data and always with ZIP64
 * fields, so that no file and no archive is too large. Holds one piece at a time in memory; asks for the next one when
 * that was taken.
 */
export async function* zip(
  files: AsyncIterable<ZipFile> | Iterable<ZipFile>,
): AsyncGenerator<Buffer> {
  const written: Written[] = []
  let offset = 0
  for await (const { name, content } of files) {
    const bytes = Buffer.from(name)
    const head = localHeader(bytes)
    yield head
    const file = { name: bytes, offset, crc: 0, size: 0, packed: 0 }
    for await (const piece of deflate(content, file)) {
      file.packed += piece.length
      yield piece
    }
    const tail = descriptor(file)
    yield tail
    offset += head.length + file.packed + tail.length
    written.push(file)
  }
  const central = Buffer.concat(written.map(centralHeader))
  yield central
  yield endOf(written.length, central.length, offset)
}

/** Compresses text piece by piece, and counts what went in. */
async function* deflate(
  content: AsyncIterable<string>,
  file: { crc: number; size: number },
): AsyncGenerator<Buffer> {
  const stream = createDeflateRaw({ level: 6 })
  const fed = (async () => {
    try {
      for await (const text of content) {
        const bytes = Buffer.from(text)
        file.crc = crc32(bytes, file.crc)
        file.size += bytes.length
        if (!stream.write(bytes)) await once(stream, 'drain')
      }
      stream.end()
    } catch (fault) {
      stream.destroy(fault instanceof Error ? fault : new Error('a file of the archive failed'))
    }
  })()
  try {
    for await (const piece of stream) yield piece as Buffer
    await fed
  } finally {
    stream.destroy()
  }
}

function localHeader(name: Buffer): Buffer {
  const head = Buffer.alloc(30)
  head.writeUInt32LE(LOCAL, 0)
  head.writeUInt16LE(ZIP64, 4)
  head.writeUInt16LE(FLAGS, 6)
  head.writeUInt16LE(DEFLATE, 8)
  head.writeUInt32LE(NO_DATE, 10)
  head.writeUInt32LE(ELSEWHERE, 18)
  head.writeUInt32LE(ELSEWHERE, 22)
  head.writeUInt16LE(name.length, 26)
  const extra = zip64([0, 0])
  head.writeUInt16LE(extra.length, 28)
  return Buffer.concat([head, name, extra])
}

function descriptor({ crc, packed, size }: Omit<Written, 'name' | 'offset'>): Buffer {
  const bytes = Buffer.alloc(24)
  bytes.writeUInt32LE(DESCRIPTOR, 0)
  bytes.writeUInt32LE(crc, 4)
  bytes.writeBigUInt64LE(BigInt(packed), 8)
  bytes.writeBigUInt64LE(BigInt(size), 16)
  return bytes
}

function centralHeader({ name, crc, packed, size, offset }: Written): Buffer {
  const head = Buffer.alloc(46)
  head.writeUInt32LE(CENTRAL, 0)
  head.writeUInt16LE(ZIP64, 4)
  head.writeUInt16LE(ZIP64, 6)
  head.writeUInt16LE(FLAGS, 8)
  head.writeUInt16LE(DEFLATE, 10)
  head.writeUInt32LE(NO_DATE, 12)
  head.writeUInt32LE(crc, 16)
  head.writeUInt32LE(ELSEWHERE, 20)
  head.writeUInt32LE(ELSEWHERE, 24)
  head.writeUInt16LE(name.length, 28)
  const extra = zip64([size, packed, offset])
  head.writeUInt16LE(extra.length, 30)
  head.writeUInt32LE(ELSEWHERE, 42)
  return Buffer.concat([head, name, extra])
}

function zip64(values: readonly number[]): Buffer {
  const extra = Buffer.alloc(4 + 8 * values.length)
  extra.writeUInt16LE(1, 0)
  extra.writeUInt16LE(8 * values.length, 2)
  for (const [i, value] of values.entries()) extra.writeBigUInt64LE(BigInt(value), 4 + 8 * i)
  return extra
}

function endOf(files: number, length: number, offset: number): Buffer {
  const end = Buffer.alloc(56 + 20 + 22)
  end.writeUInt32LE(END_64, 0)
  end.writeBigUInt64LE(44n, 4)
  end.writeUInt16LE(ZIP64, 12)
  end.writeUInt16LE(ZIP64, 14)
  end.writeBigUInt64LE(BigInt(files), 24)
  end.writeBigUInt64LE(BigInt(files), 32)
  end.writeBigUInt64LE(BigInt(length), 40)
  end.writeBigUInt64LE(BigInt(offset), 48)
  end.writeUInt32LE(LOCATOR_64, 56)
  end.writeBigUInt64LE(BigInt(offset + length), 64)
  end.writeUInt32LE(1, 72)
  end.writeUInt32LE(END, 76)
  end.writeUInt16LE(0xffff, 84)
  end.writeUInt16LE(0xffff, 86)
  end.writeUInt32LE(ELSEWHERE, 88)
  end.writeUInt32LE(ELSEWHERE, 92)
  return end
}

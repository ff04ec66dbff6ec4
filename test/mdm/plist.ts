/** Writes property lists, XML and binary, for tests: what a device would send. */
export type Writable =
  | string
  | number
  | boolean
  | Date
  | Buffer
  | readonly Writable[]
  | { readonly [key: string]: Writable }

const escape = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

export function xmlPlist(value: Writable): Buffer {
  return Buffer.from(`<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
${xml(value)}
</plist>
`)
}

function xml(value: Writable): string {
  if (typeof value === 'string') return `<string>${escape(value)}</string>`
  if (typeof value === 'boolean') return value ? '<true/>' : '<false/>'
  if (typeof value === 'number')
    return Number.isInteger(value) ? `<integer>${value}</integer>` : `<real>${value}</real>`
  if (value instanceof Date) return `<date>${value.toISOString().replace(/\.\d+/, '')}</date>`
  if (Buffer.isBuffer(value)) return `<data>\n${value.toString('base64')}\n</data>`
  if (Array.isArray(value)) return `<array>${value.map(xml).join('\n')}</array>`
  return `<dict>\n${Object.entries(value)
    .map(([key, one]) => `<key>${escape(key)}</key>\n${xml(one)}`)
    .join('\n')}\n</dict>`
}

export function binaryPlist(value: Writable): Buffer {
  const objects: Buffer[] = []
  const add = (one: Writable): number => {
    const index = objects.length
    objects.push(Buffer.alloc(0))
    objects[index] = object(one, add)
    return index
  }
  const top = add(value)
  let offset = 8
  const offsets = objects.map((one) => {
    const at = offset
    offset += one.length
    return at
  })
  const table = Buffer.alloc(offsets.length * 4)
  offsets.forEach((at, i) => table.writeUInt32BE(at, i * 4))
  const trailer = Buffer.alloc(32)
  trailer.writeUInt8(4, 6)
  trailer.writeUInt8(2, 7)
  trailer.writeBigUInt64BE(BigInt(objects.length), 8)
  trailer.writeBigUInt64BE(BigInt(top), 16)
  trailer.writeBigUInt64BE(BigInt(offset), 24)
  return Buffer.concat([Buffer.from('bplist00'), ...objects, table, trailer])
}

function object(value: Writable, add: (value: Writable) => number): Buffer {
  if (typeof value === 'boolean') return Buffer.from([value ? 9 : 8])
  if (typeof value === 'string') return text(value)
  if (typeof value === 'number') {
    const bytes = Buffer.alloc(9)
    bytes.writeUInt8(Number.isInteger(value) ? 0x13 : 0x23)
    if (Number.isInteger(value)) bytes.writeBigInt64BE(BigInt(value), 1)
    else bytes.writeDoubleBE(value, 1)
    return bytes
  }
  if (value instanceof Date) {
    const bytes = Buffer.alloc(9)
    bytes.writeUInt8(0x33)
    bytes.writeDoubleBE(value.getTime() / 1000 - 978_307_200, 1)
    return bytes
  }
  if (Buffer.isBuffer(value)) return Buffer.concat([marker(0x4, value.length), value])
  if (Array.isArray(value)) return Buffer.concat([marker(0xa, value.length), refs(value.map(add))])
  const entries = Object.entries(value)
  const keys = entries.map(([key]) => add(key))
  const values = entries.map(([, one]) => add(one))
  return Buffer.concat([marker(0xd, entries.length), refs([...keys, ...values])])
}

function text(value: string): Buffer {
  if (Buffer.byteLength(value) === value.length)
    return Buffer.concat([marker(0x5, value.length), Buffer.from(value)])
  return Buffer.concat([marker(0x6, value.length), Buffer.from(value, 'utf16le').swap16()])
}

function marker(kind: number, count: number): Buffer {
  if (count < 15) return Buffer.from([(kind << 4) | count])
  const bytes = Buffer.alloc(6)
  bytes.writeUInt8((kind << 4) | 0x0f)
  bytes.writeUInt8(0x12, 1)
  bytes.writeUInt32BE(count, 2)
  return bytes
}

function refs(indexes: readonly number[]): Buffer {
  const bytes = Buffer.alloc(indexes.length * 2)
  indexes.forEach((index, i) => bytes.writeUInt16BE(index, i * 2))
  return bytes
}

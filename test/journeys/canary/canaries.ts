import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib'

/** Where a canary may be seen. Without a mark it may be seen nowhere. */
export const OUT = 1
export const IN = 2
export const KEPT = 4
export type Place = typeof OUT | typeof IN | typeof KEPT

const FORM = /cny(\d{7})x/g
const MOST = 4_000_000

/**
 * Synthetic values, each unique, and where each may be seen: one byte a value, so that millions take no memory to speak of.
 * A value is found again by its number, in texts of any size.
 */
export function createCanaries() {
  const marks = new Uint8Array(MOST)
  let made = 0
  const seen = { [OUT]: 0, [IN]: 0, [KEPT]: 0 }
  return {
    /** A new value, and the places where it may be seen. */
    make: (...places: readonly Place[]): string => {
      if (made === MOST) throw new RangeError('there are no more canaries')
      for (const place of places) marks[made] = (marks[made] ?? 0) | place
      return `cny${String(made++).padStart(7, '0')}x`
    },
    allow: (canary: string, place: Place): void => {
      const number = Number(canary.slice(3, -1))
      marks[number] = (marks[number] ?? 0) | place
    },
    may: (canary: string, place: Place): boolean =>
      ((marks[Number(canary.slice(3, -1))] ?? 0) & place) !== 0,
    /** Values in these bytes that may not be there. */
    strangers: (bytes: Buffer | string, place: Place): string[] => {
      const wrong: string[] = []
      for (const text of readings(bytes))
        for (const [canary, number] of text.matchAll(FORM)) {
          if (((marks[Number(number)] ?? 0) & place) !== 0) seen[place]++
          else wrong.push(canary)
        }
      return wrong
    },
    made: () => made,
    seen,
  }
}

export type Canaries = ReturnType<typeof createCanaries>

/** The bytes as they are, and what is in them where they are compressed, escaped, in base64 or in hexadecimal. */
function* readings(bytes: Buffer | string): Generator<string> {
  const raw = typeof bytes === 'string' ? Buffer.from(bytes) : bytes
  const plain = raw.toString('latin1')
  yield plain
  const text = unpacked(raw)
  if (text !== undefined) yield text
  const whole = text ?? plain
  if (whole.includes('%')) yield whole.replaceAll(/%([0-9a-f]{2})/gi, (_, hex) => fromHex(hex))
  if (whole.includes(String.raw`\u`))
    yield whole.replaceAll(/\\u00([0-9a-f]{2})/gi, (_, hex) => fromHex(hex))
  for (const [run] of whole.matchAll(/[A-Za-z0-9+/_-]{16,}/g)) {
    // `cny` reads `Y255`, `NueX` or `jbnl` in base64, by where it begins; in hexadecimal `636e79`.
    if (/Y255|NueX|NueT|jbn/.test(run)) yield Buffer.from(run, 'base64').toString('latin1')
    const at = run.search(/636e79/i)
    if (at >= 0) yield Buffer.from(run.slice(at), 'hex').toString('latin1')
  }
}

const fromHex = (hex: string): string => String.fromCharCode(Number.parseInt(hex, 16))

function unpacked(raw: Buffer): string | undefined {
  const start = raw.indexOf('\r\n\r\n')
  const body = start < 0 ? raw : raw.subarray(start + 4)
  for (const unpack of [gunzipSync, inflateSync, brotliDecompressSync])
    try {
      if (body.length > 2) return unpack(body).toString('latin1')
    } catch {
      // Not packed in this way.
    }
  return undefined
}

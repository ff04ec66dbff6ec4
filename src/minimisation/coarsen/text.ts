/**
 * The first characters by code point, so that none is cut in half. Not by grapheme: one grapheme can carry
 * any amount of text in combining and tag characters, and a limit that text can pass through is none.
 */
export function firstCharacters(text: string, count: number): string {
  return text.length <= count ? text : [...text.slice(0, count * 2)].slice(0, count).join('')
}

const LABEL = '[\\p{L}\\p{N}](?:[\\p{L}\\p{M}\\p{N}-]{0,61}[\\p{L}\\p{M}\\p{N}])?'
const DOMAIN = `(?:${LABEL}\\.)+\\p{L}(?:[\\p{L}\\p{M}\\p{N}-]{0,61}[\\p{L}\\p{M}\\p{N}])?`
const EMAIL = new RegExp(`^[^@\\s\\p{C}]{1,64}@(${DOMAIN})$`, 'u')
const ADDRESS = new RegExp(
  `^[a-z][a-z0-9+.-]{0,31}://(?:[^/?#@\\s\\\\]*@)?(${DOMAIN})(?::\\d{1,5})?(?:[/?#]|$)`,
  'iu',
)
const LONGEST_DOMAIN = 253

/** The domain of an e-mail address, or the host name of a URL; an IP address is not one. */
export function domainOf(text: string): string | undefined {
  const domain = EMAIL.exec(text)?.[1] ?? ADDRESS.exec(text)?.[1]
  return domain && domain.length <= LONGEST_DOMAIN ? domain.toLowerCase() : undefined
}

const TIME =
  /^(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d):(\d\d)(?:\.\d{1,9})?(?:[Zz]|([+-])(\d\d):?(\d\d)))?$/

/**
 * A date, or a date and time with its offset (RFC 3339), in UTC. A time without an offset has no day that
 * all readers agree on, so it is none; nor is a day that no calendar has.
 */
export function instantOf(text: string): string | undefined {
  const match = TIME.exec(text)
  if (!match) return undefined
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match
    .slice(1, 7)
    .map((digits) => Number(digits ?? 0))
  const date = new Date(Date.UTC(year, month - 1, day))
  const onCalendar = date.getUTCMonth() === month - 1 && date.getUTCFullYear() === year
  if (!onCalendar || hour > 23 || minute > 59 || second > 60) return undefined
  const sign = match[7] === '-' ? 1 : -1
  const offset = sign * (Number(match[8] ?? 0) * 60 + Number(match[9] ?? 0))
  date.setUTCHours(hour, minute + offset, Math.min(second, 59))
  const iso = date.toISOString()
  return /^\d{4}-/.test(iso) ? iso : undefined
}

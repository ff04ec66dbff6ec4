/**
 * The grammar of JSON (RFC 8259) over bytes that end in a zero, which stands nowhere in valid JSON, so that
 * no loop runs past the end. Each function takes the position where its part begins and answers the position
 * behind it, or DOUBT where the text is not JSON or is deeper than this engine follows.
 */
export const DOUBT = -1

/** JSON.parse knows no limit; what is deeper goes to the closures, which need no stack for it. */
export const DEEPEST = 64

export const QUOTE = 0x22
export const COMMA = 0x2c
export const COLON = 0x3a
export const OPEN_OBJECT = 0x7b
export const CLOSE_OBJECT = 0x7d
export const OPEN_ARRAY = 0x5b
export const CLOSE_ARRAY = 0x5d
export const LETTER_T = 0x74
export const LETTER_F = 0x66
const LETTER_N = 0x6e
const BACKSLASH = 0x5c
const SPACE = 0x20
const MINUS = 0x2d
const ZERO = 0x30
const NINE = 0x39

export function skipSpace(bytes: Uint8Array, start: number): number {
  let at = start
  let c = bytes[at] as number
  while (c <= SPACE && (c === SPACE || c === 0x0a || c === 0x0d || c === 0x09))
    c = bytes[++at] as number
  return at
}

/** The position of the closing quote of a text without escapes; DOUBT where there is one. */
export function endOfPlainText(bytes: Uint8Array, start: number): number {
  let at = start
  for (;;) {
    const c = bytes[at] as number
    if (c === QUOTE) return at
    if (c < SPACE || c === BACKSLASH) return DOUBT
    at++
  }
}

/** The position of the closing quote of any text. */
export function endOfText(bytes: Uint8Array, start: number): number {
  let at = start
  for (;;) {
    const c = bytes[at] as number
    if (c === QUOTE) return at
    if (c < SPACE) return DOUBT
    if (c === BACKSLASH) {
      at = skipEscape(bytes, at + 1)
      if (at < 0) return DOUBT
    } else at++
  }
}

function skipEscape(bytes: Uint8Array, at: number): number {
  switch (bytes[at] as number) {
    case QUOTE:
    case BACKSLASH:
    case 0x2f: // solidus
    case 0x62: // b
    case LETTER_F:
    case LETTER_N:
    case 0x72: // r
    case LETTER_T:
      return at + 1
    case 0x75: // u
      for (let i = 1; i <= 4; i++) if (!isHex(bytes[at + i] as number)) return DOUBT
      return at + 5
    default:
      return DOUBT
  }
}

function isHex(c: number): boolean {
  return (c >= ZERO && c <= NINE) || (c >= 0x41 && c <= 0x46) || (c >= 0x61 && c <= 0x66)
}

export function skipNumber(bytes: Uint8Array, start: number): number {
  let at = start
  if (bytes[at] === MINUS) at++
  if (bytes[at] === ZERO) at++
  else at = skipDigits(bytes, at)
  if (at >= 0 && bytes[at] === 0x2e) at = skipDigits(bytes, at + 1)
  if (at < 0) return DOUBT
  const c = bytes[at] as number
  if (c !== 0x65 && c !== 0x45) return at
  const sign = bytes[at + 1]
  return skipDigits(bytes, sign === MINUS || sign === 0x2b ? at + 2 : at + 1)
}

/** One digit at least. */
function skipDigits(bytes: Uint8Array, start: number): number {
  let at = start
  let c = bytes[at] as number
  if (c < ZERO || c > NINE) return DOUBT
  while (c >= ZERO && c <= NINE) c = bytes[++at] as number
  return at
}

export function skipTrue(bytes: Uint8Array, at: number): number {
  return bytes[at + 1] === 0x72 && bytes[at + 2] === 0x75 && bytes[at + 3] === 0x65 ? at + 4 : DOUBT
}

export function skipFalse(bytes: Uint8Array, at: number): number {
  return bytes[at + 1] === 0x61 &&
    bytes[at + 2] === 0x6c &&
    bytes[at + 3] === 0x73 &&
    bytes[at + 4] === 0x65
    ? at + 5
    : DOUBT
}

function skipNull(bytes: Uint8Array, at: number): number {
  return bytes[at + 1] === 0x75 && bytes[at + 2] === 0x6c && bytes[at + 3] === 0x6c ? at + 4 : DOUBT
}

/** Any value, checked but not read. `depth` is how many objects and arrays are open around it. */
export function skipValue(bytes: Uint8Array, at: number, depth: number): number {
  switch (bytes[at] as number) {
    case QUOTE: {
      const end = endOfText(bytes, at + 1)
      return end < 0 ? DOUBT : end + 1
    }
    case OPEN_OBJECT:
      return depth >= DEEPEST ? DOUBT : skipObject(bytes, at, depth + 1)
    case OPEN_ARRAY:
      return depth >= DEEPEST ? DOUBT : skipArray(bytes, at, depth + 1)
    case LETTER_T:
      return skipTrue(bytes, at)
    case LETTER_F:
      return skipFalse(bytes, at)
    case LETTER_N:
      return skipNull(bytes, at)
    default:
      return skipNumber(bytes, at)
  }
}

function skipObject(bytes: Uint8Array, start: number, depth: number): number {
  let at = skipSpace(bytes, start + 1)
  if (bytes[at] === CLOSE_OBJECT) return at + 1
  for (;;) {
    if (bytes[at] !== QUOTE) return DOUBT
    at = endOfText(bytes, at + 1)
    if (at < 0) return DOUBT
    at = skipSpace(bytes, at + 1)
    if (bytes[at] !== COLON) return DOUBT
    at = skipValue(bytes, skipSpace(bytes, at + 1), depth)
    if (at < 0) return DOUBT
    at = skipSpace(bytes, at)
    if (bytes[at] === CLOSE_OBJECT) return at + 1
    if (bytes[at] !== COMMA) return DOUBT
    at = skipSpace(bytes, at + 1)
  }
}

function skipArray(bytes: Uint8Array, start: number, depth: number): number {
  let at = skipSpace(bytes, start + 1)
  if (bytes[at] === CLOSE_ARRAY) return at + 1
  for (;;) {
    at = skipValue(bytes, at, depth)
    if (at < 0) return DOUBT
    at = skipSpace(bytes, at)
    if (bytes[at] === CLOSE_ARRAY) return at + 1
    if (bytes[at] !== COMMA) return DOUBT
    at = skipSpace(bytes, at + 1)
  }
}

/** Anything that JSON can say. */
export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json }

/**
 * JSON in the one form that can be hashed (RFC 8785, JCS): members sorted by UTF-16 code units,
 * no white space, numbers as ECMAScript prints them.
 *
 * @throws TypeError for what JSON cannot say: a number that is not finite, a lone surrogate, `undefined`
 */
export function canonicalJson(value: Json): string {
  if (value === null || typeof value === 'boolean') return String(value)
  if (typeof value === 'string') return canonicalString(value)
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new TypeError('a number in canonical JSON must be finite')
    return JSON.stringify(value)
  }
  if (Array.isArray(value)) return canonicalArray(value as readonly Json[])
  if (typeof value !== 'object') throw new TypeError(`canonical JSON cannot hold a ${typeof value}`)
  const object = value as { readonly [key: string]: Json }
  let members = ''
  for (const key of Object.keys(object).sort()) {
    const member = object[key]
    if (member === undefined) continue
    const comma = members === '' ? '' : ','
    members += `${comma}${canonicalString(key)}:${canonicalJson(member)}`
  }
  return `{${members}}`
}

function canonicalArray(list: readonly Json[]): string {
  let elements = ''
  for (const element of list) {
    elements += elements === '' ? canonicalJson(element) : `,${canonicalJson(element)}`
  }
  return `[${elements}]`
}

/** Text that JSON writes as it stands: no quote, backslash or control character, and nothing beyond ASCII. */
const PLAIN = /^[ !#-[\]-~]*$/

function canonicalString(text: string): string {
  if (PLAIN.test(text)) return `"${text}"`
  if (!text.isWellFormed())
    throw new TypeError('text in canonical JSON must be well-formed Unicode')
  return JSON.stringify(text)
}

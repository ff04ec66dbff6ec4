import { parsedJson } from '#foundation/json.ts'
import { type Refusal, refuse } from '#foundation/refusal.ts'
import type { Credentials } from '#sharing/exchange.ts'

const LARGEST_FILE = 16 * 1024
const LONGEST_TOKEN = 4_096

/** What Sluss keeps, sealed, of a content token. */
export interface ContentToken extends Credentials {
  /** The whole file as Apple made it: it is what calls present. */
  readonly content_token: string
  readonly org_name: string
  /** RFC 3339 UTC. */
  readonly expires_at: string
}

/**
 * Reads the `*.vpptoken` file of Apple's portal: base64 around JSON with `expDate`, `orgName` and `token`.
 *
 * @returns `token_file_invalid` when it is no such file; nothing of it is quoted
 */
export function readTokenFile(file: Buffer): ContentToken | Refusal {
  const invalid = (field: string) => refuse('token_file_invalid', { field })
  if (file.length > LARGEST_FILE) return invalid('size')
  const text = file.toString('latin1').trim()
  if (text.length > LONGEST_TOKEN || !/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return invalid('base64')
  const read = parsedJson(Buffer.from(text, 'base64'))
  if (typeof read !== 'object' || read === null) return invalid('json')
  const { token, expDate, orgName } = read as Readonly<Record<string, unknown>>
  if (typeof token !== 'string' || token === '') return invalid('token')
  if (typeof orgName !== 'string' || orgName.length > 200) return invalid('orgName')
  const end = typeof expDate === 'string' ? timeOf(expDate) : undefined
  if (end === undefined) return invalid('expDate')
  return { content_token: text, org_name: orgName, expires_at: new Date(end).toISOString() }
}

/** Apple writes `2030-11-08T22:33:22+0000`: an offset without its colon. Milliseconds since 1970. */
export function timeOf(text: string): number | undefined {
  const found = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.\d+)?(?:Z|([+-]\d{2}):?(\d{2}))$/.exec(
    text,
  )
  if (!found) return undefined
  const [, local, hours, minutes] = found
  const at = Date.parse(`${local}${hours === undefined ? 'Z' : `${hours}:${minutes}`}`)
  return Number.isNaN(at) ? undefined : at
}

/**
 * A token of Sluss in the dress of Apple's: clients read the file before they use it, and present it whole.
 *
 * @param expiresAt milliseconds since 1970
 */
export function dressClientToken(secret: string, expiresAt: number | undefined): string {
  const end = new Date(expiresAt ?? Date.UTC(2099, 0, 1)).toISOString().slice(0, 19)
  return Buffer.from(
    JSON.stringify({ expDate: `${end}+0000`, orgName: 'Sluss', token: secret }),
  ).toString('base64')
}

import { X509Certificate, createPrivateKey } from 'node:crypto'
import type { PartnerAuth } from '#catalog/partner-description.ts'
import { type Refusal, refuse } from '#foundation/refusal.ts'
import { webhookKey } from '#foundation/standard-webhooks.ts'
import type { Credentials } from '#sharing/exchange.ts'

const LARGEST_FILE = 64 * 1024
const PRINTABLE = /^[\x21-\x7e]{1,2000}$/
/** RFC 6749 appendix A: an id or secret may hold spaces. */
const VISIBLE = /^[\x20-\x7e]{1,2000}$/

type Check = (value: string) => boolean

const CHECKS: Readonly<Record<string, Check>> = {
  token: (value) => PRINTABLE.test(value),
  secret: (value) => webhookKey(value) !== undefined,
  client_id: (value) => VISIBLE.test(value),
  client_secret: (value) => VISIBLE.test(value),
  issuer: (value) => PRINTABLE.test(value),
  subject: (value) => PRINTABLE.test(value),
  private_key_id: (value) => /^[\w-]{1,100}$/.test(value),
  private_key: isPrivateKey,
  certificate: isCertificate,
}

/** What each way of signing in needs; a name with a question mark may be left out. */
function needed(auth: PartnerAuth): readonly string[] {
  switch (auth.kind) {
    case 'standardWebhooks':
      return ['secret']
    case 'bearerToken':
      return ['token']
    case 'mutualTls':
      return ['certificate', 'private_key']
    case 'jwtBearer':
      return ['issuer', 'private_key', 'private_key_id', 'subject?']
    case 'clientCredentials':
      return auth.clientAuthentication === 'tls'
        ? ['client_id', 'certificate', 'private_key']
        : ['client_id', 'client_secret']
  }
}

/**
 * Reads the JSON file with the credentials of a described party.
 *
 * @returns `token_file_invalid` naming the member that is missing, unknown or not what it should be, and quoting none
 */
export function readPartnerCredentials(auth: PartnerAuth, file: Buffer): Credentials | Refusal {
  const invalid = (field: string) => refuse('token_file_invalid', { field })
  if (file.length > LARGEST_FILE) return invalid('size')
  let read: unknown
  try {
    read = JSON.parse(file.toString())
  } catch {
    // What does not parse may hold a secret: nothing of it is quoted.
    return invalid('json')
  }
  if (typeof read !== 'object' || read === null || Array.isArray(read)) return invalid('json')
  const members = read as Record<string, unknown>
  const names = needed(auth)
  const unknown = Object.keys(members).some(
    (name) => !names.some((one) => one.replace('?', '') === name),
  )
  if (unknown) return refuse('token_file_invalid', { expected: names })
  const credentials: Record<string, string> = {}
  for (const name of names) {
    const member = name.replace('?', '')
    const value = members[member]
    if (value === undefined && name.endsWith('?')) continue
    if (typeof value !== 'string' || !CHECKS[member]?.(value)) return invalid(member)
    credentials[member] = value
  }
  return credentials.certificate !== undefined && !belong(credentials)
    ? invalid('private_key')
    : credentials
}

function isPrivateKey(pem: string): boolean {
  try {
    const { asymmetricKeyType, asymmetricKeyDetails } = createPrivateKey(pem)
    if (asymmetricKeyType === 'rsa') return (asymmetricKeyDetails?.modulusLength ?? 0) >= 2_048
    return asymmetricKeyType === 'ec' || asymmetricKeyType === 'ed25519'
  } catch {
    return false
  }
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).subject !== ''
  } catch {
    return false
  }
}

function belong({ certificate = '', private_key = '' }: Credentials): boolean {
  return new X509Certificate(certificate).checkPrivateKey(createPrivateKey(private_key))
}

import { createPrivateKey } from 'node:crypto'
import { SignJWT } from 'jose'
import { type Refusal, refuse } from '#foundation/refusal.ts'

/** Where Google hands out access tokens. A key file that names another place is not followed there. */
export const GOOGLE_TOKEN_ENDPOINTS: readonly string[] = ['https://oauth2.googleapis.com/token']
export const SCOPE = 'https://www.googleapis.com/auth/androidmanagement'

const LARGEST_FILE = 64 * 1024
const TOKEN_LIFE_IN_S = 3_600

/** What Sluss keeps, sealed, of a service account's key file. */
export interface ServiceAccount {
  readonly client_email: string
  readonly private_key: string
  readonly private_key_id: string
  readonly token_uri: string
}

/**
 * Reads the JSON key file of a Google service account.
 *
 * @returns `token_file_invalid` when it is not one, or its key is no RSA key of 2048 bits or more;
 *   `token_file_foreign` when its token endpoint is not in the list
 */
export function readKeyFile(
  file: Buffer | string,
  tokenEndpoints: readonly string[] = GOOGLE_TOKEN_ENDPOINTS,
): ServiceAccount | Refusal {
  const invalid = (field: string) => refuse('token_file_invalid', { field })
  if (file.length > LARGEST_FILE) return invalid('size')
  let read: Record<string, unknown>
  try {
    read = JSON.parse(file.toString()) as Record<string, unknown>
  } catch {
    // What does not parse may hold a key: nothing of it is quoted.
    return invalid('json')
  }
  if (typeof read !== 'object' || read?.type !== 'service_account') return invalid('type')
  const { client_email, private_key, private_key_id, token_uri } = read
  if (typeof client_email !== 'string' || !/^[^\s@]+@[^\s@]+$/.test(client_email))
    return invalid('client_email')
  if (typeof private_key !== 'string' || !isRsa(private_key)) return invalid('private_key')
  if (typeof private_key_id !== 'string' || !/^[\w-]{1,100}$/.test(private_key_id))
    return invalid('private_key_id')
  if (typeof token_uri !== 'string') return invalid('token_uri')
  if (!tokenEndpoints.includes(token_uri))
    return refuse('token_file_foreign', { field: 'token_uri' })
  return { client_email, private_key, private_key_id, token_uri }
}

/** The signed request for an access token (RFC 7523), good for an hour. */
export function signAssertion(account: ServiceAccount, seconds: number): Promise<string> {
  const at = Math.floor(seconds)
  return new SignJWT({ scope: SCOPE })
    .setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid: account.private_key_id })
    .setIssuer(account.client_email)
    .setAudience(account.token_uri)
    .setIssuedAt(at)
    .setExpirationTime(at + TOKEN_LIFE_IN_S)
    .sign(createPrivateKey(account.private_key))
}

function isRsa(pem: string): boolean {
  try {
    const { asymmetricKeyType, asymmetricKeyDetails } = createPrivateKey(pem)
    return asymmetricKeyType === 'rsa' && (asymmetricKeyDetails?.modulusLength ?? 0) >= 2_048
  } catch {
    return false
  }
}

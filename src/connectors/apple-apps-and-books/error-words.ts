import { asObject, parsedJson } from '#foundation/json.ts'

/** Apple's error numbers as words: protocols facts, apple_vpp.errorNumbers. */
export const ERROR_WORDS: Readonly<Record<number, string>> = {
  9600: 'MISSING_ARGUMENT',
  9601: 'LOGIN_REQUIRED',
  9602: 'INVALID_ARGUMENT',
  9603: 'INTERNAL_ERROR',
  9604: 'RESULT_NOT_FOUND',
  9605: 'STOREFRONT_INCORRECT',
  9606: 'TOKEN_CONSTRUCTION',
  9607: 'LICENCE_IRREVOCABLE',
  9609: 'USER_NOT_FOUND',
  9610: 'LICENCE_NOT_FOUND',
  9611: 'ADMIN_NOT_FOUND',
  9616: 'ALREADY_ASSIGNED',
  9618: 'USER_RETIRED',
  9619: 'LICENCE_NOT_ASSOCIATED',
  9620: 'USER_DELETED',
  9621: 'TOKEN_EXPIRED',
  9622: 'INVALID_TOKEN',
  9623: 'INVALID_PUSH_TOKEN',
  9624: 'REFUNDED',
  9625: 'TOKEN_REVOKED',
  9626: 'ASSIGNED_TO_ANOTHER_USER',
  9628: 'NOT_DEVICE_ASSIGNABLE',
  9630: 'TOO_MANY_ALREADY_ASSIGNED',
  9726: 'METHOD_NOT_SUPPORTED',
}

/**
 * Not among the facts, but what Apple answers when an organisation makes too many requests, and what clients such as
 * Fleet back off on (https://developer.apple.com/documentation/devicemanagement/handling-error-responses).
 */
const TOO_MANY = 9646

/** The word for a number; undefined for one that is not documented. */
export function wordOf(number: number): string | undefined {
  return number === TOO_MANY ? 'TOO_MANY_REQUESTS' : ERROR_WORDS[number]
}

/** Every word that may stand in an answer. */
export const ALL_WORDS: readonly string[] = [...Object.values(ERROR_WORDS), 'TOO_MANY_REQUESTS']

/** The number for a word; that of an internal error for any other. */
export function numberOf(word: string): number {
  if (word === 'TOO_MANY_REQUESTS') return TOO_MANY
  const found = Object.entries(ERROR_WORDS).find(([, known]) => known === word)
  return found ? Number(found[0]) : 9603
}

/** The token is of no use any more: nothing will work until there is another. */
export const TOKEN_ERRORS: ReadonlySet<number> = new Set([9601, 9621, 9622, 9625])

const NOT_FOUND = [9604, 9609, 9610, 9611]
const CONFLICT = [9616, 9618, 9619, 9620, 9626]

/** The status that an error has where Apple answers it with 200. */
export function statusOfError(number: number): number {
  if (TOKEN_ERRORS.has(number)) return 401
  if (NOT_FOUND.includes(number)) return 404
  if (CONFLICT.includes(number)) return 409
  if (number === 9603) return 500
  if (number === TOO_MANY) return 429
  return number === 9726 ? 405 : 400
}

/** What an answer says went wrong, whatever its status: `errorNumber`, or `status: -1` of the legacy services. */
export function errorNumberOf(body: Buffer): number | undefined {
  // What is no JSON is for the projection to notice.
  const read = asObject(parsedJson(body))
  if (!read) return undefined
  const { errorNumber, errorMessage, status } = read
  if (typeof errorNumber === 'number' && errorNumber !== 0) return errorNumber
  return status === -1 || (typeof errorMessage === 'string' && errorMessage !== '') ? 0 : undefined
}

import { matchesScim } from './scim-match.ts'
import { type ScimError, isScimError, scimError } from './scim-error.ts'
import { parsePath, type ScimPath } from './scim-filter.ts'

export const USER_SCHEMA = 'urn:ietf:params:scim:schemas:core:2.0:User'
export const PATCH_SCHEMA = 'urn:ietf:params:scim:api:messages:2.0:PatchOp'

export interface ScimMail {
  readonly value: string
  readonly type?: string
  readonly primary?: boolean
}

/** All that is kept of a person whom the directory tells of. */
export interface ScimUser {
  readonly userName: string
  readonly externalId?: string
  readonly active: boolean
  readonly emails: readonly ScimMail[]
}

/** A user as it is to be, and the names of attributes that came and are not kept. */
export interface ReadUser {
  readonly user: ScimUser
  readonly notKept: readonly string[]
}

export interface PatchOperation {
  readonly op: string
  readonly path?: string | undefined
  readonly value?: unknown
}

const MOST_MAILS = 20
const LONGEST = 512
/** Of the protocol itself: no attributes of the person. */
const ENVELOPE = new Set(['schemas', 'id', 'meta', 'groups'])

/** Reads a user that was sent whole (POST, PUT). Attributes in any case; `active` is true where it is left out. */
export function readUser(body: unknown): ReadUser | ScimError {
  const start: ScimUser = { userName: '', active: true, emails: [] }
  const read = assignAll(start, body, 'replace')
  if (isScimError(read)) return read
  if (read.user.userName === '') return scimError(400, 'userName is required', 'invalidValue')
  return read
}

/**
 * Applies the operations of a PATCH in order; none counts where one fails. As Entra ID really sends them, too: `Add` and
 * `Replace` with a capital, `"False"` for a boolean, a value without a path whose keys are paths, a replacement of one
 * mail address that is not there yet.
 */
export function patchUser(
  user: ScimUser,
  operations: readonly PatchOperation[],
): ReadUser | ScimError {
  const notKept: string[] = []
  let now = user
  for (const operation of operations) {
    const op = operation.op.toLowerCase()
    if (!isPatchOp(op)) return scimError(400, 'op is add, replace or remove', 'invalidSyntax')
    const read =
      operation.path === undefined || operation.path === ''
        ? op === 'remove'
          ? scimError(400, 'remove needs a path', 'noTarget')
          : assignAll(now, operation.value, op)
        : assign(now, operation.path, operation.value, op)
    if (isScimError(read)) return read
    now = read.user
    notKept.push(...read.notKept)
  }
  return now.userName === ''
    ? scimError(400, 'userName is required', 'invalidValue')
    : { user: now, notKept }
}

type PatchOp = 'add' | 'replace' | 'remove'
const isPatchOp = (op: string): op is PatchOp => ['add', 'replace', 'remove'].includes(op)

function assignAll(user: ScimUser, value: unknown, op: PatchOp): ReadUser | ScimError {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return scimError(400, 'an object of attributes is expected', 'invalidSyntax')
  const notKept: string[] = []
  let now = user
  for (const [name, one] of Object.entries(value)) {
    if (ENVELOPE.has(name.toLowerCase())) continue
    const read = assign(now, name, one, op)
    if (isScimError(read)) return read
    now = read.user
    notKept.push(...read.notKept)
  }
  return { user: now, notKept }
}

function assign(user: ScimUser, text: string, value: unknown, op: PatchOp): ReadUser | ScimError {
  const path = parsePath(text)
  if (isScimError(path)) return path
  const kept = (change: Partial<ScimUser> | ScimError): ReadUser | ScimError =>
    isScimError(change) ? change : { user: { ...user, ...change }, notKept: [] }
  switch (path.attribute) {
    case 'username':
      return kept(op === 'remove' ? required('userName') : textOf('userName', value, 1))
    case 'externalid': {
      if (op !== 'remove' && value !== null) return kept(textOf('externalId', value))
      const { externalId: _, ...rest } = user
      return { user: rest, notKept: [] }
    }
    case 'active':
      return kept(op === 'remove' ? required('active') : booleanOf(value))
    case 'emails':
      return kept(assignMails(user.emails, path, value, op))
    default:
      return { user, notKept: [nameOfNotKept(path, value)] }
  }
}

/** Nothing but the name of a known shape: a name is made by whoever sends, and could hold anything. */
function nameOfNotKept({ attribute }: ScimPath, _: unknown): string {
  return NAMES_NOT_KEPT.has(attribute)
    ? attribute
    : attribute.startsWith('urn:')
      ? 'extension'
      : 'other'
}

/** The attributes of RFC 7643 section 4.1 that are not kept. */
const NAMES_NOT_KEPT = new Set(
  `name displayname nickname profileurl title usertype preferredlanguage locale timezone password phonenumbers ims
   photos addresses entitlements roles x509certificates`.split(/\s+/),
)

const required = (name: string): ScimError =>
  scimError(400, `${name} cannot be removed`, 'mutability')

function textOf(
  name: 'userName' | 'externalId',
  value: unknown,
  least = 0,
): Partial<ScimUser> | ScimError {
  // Entra ID sends one value as a list of one now and then.
  const one = Array.isArray(value) && value.length === 1 ? (value[0] as unknown) : value
  if (typeof one !== 'string' || one.length < least || one.length > LONGEST)
    return scimError(400, `${name} is a text of at most ${LONGEST} characters`, 'invalidValue')
  return { [name]: one }
}

function booleanOf(value: unknown): Partial<ScimUser> | ScimError {
  const one = Array.isArray(value) && value.length === 1 ? (value[0] as unknown) : value
  if (typeof one === 'boolean') return { active: one }
  if (typeof one === 'string' && /^(?:true|false)$/i.test(one))
    return { active: one.toLowerCase() === 'true' }
  return scimError(400, 'active is true or false', 'invalidValue')
}

function assignMails(
  mails: readonly ScimMail[],
  { where, sub }: ScimPath,
  value: unknown,
  op: PatchOp,
): Partial<ScimUser> | ScimError {
  const fits = (mail: ScimMail): boolean => where === undefined || matchesScim(where, { ...mail })
  if (op === 'remove') {
    if (where === undefined && sub === undefined) return { emails: [] }
    return { emails: mails.filter((mail) => !fits(mail)) }
  }
  if (where === undefined && sub === undefined) {
    const read = mailsOf(value)
    if (isScimError(read)) return read
    return limited(
      op === 'add'
        ? [...mails.filter((m) => !read.some((r) => r.value === m.value)), ...read]
        : read,
    )
  }
  const change = sub === undefined ? value : { [sub]: value }
  const changed = mails.map((mail) => (fits(mail) ? { ...mail, ...objectOf(change) } : mail))
  if (mails.some(fits)) return checked(changed)
  // A value that is not there yet is made, with what the path says of it.
  return checked([...mails, { ...impliedBy(where), ...objectOf(change) }])
}

function impliedBy(where: ScimPath['where']): Record<string, unknown> {
  if (where?.op === 'eq') return { [where.path]: where.value }
  return where?.op === 'and' ? { ...impliedBy(where.of[0]), ...impliedBy(where.of[1]) } : {}
}

function checked(mails: readonly unknown[]): Partial<ScimUser> | ScimError {
  const read = mailsOf(mails)
  return isScimError(read) ? read : limited(read)
}

function limited(emails: readonly ScimMail[]): Partial<ScimUser> | ScimError {
  return emails.length > MOST_MAILS
    ? scimError(400, `at most ${MOST_MAILS} mail addresses`, 'invalidValue')
    : { emails }
}

function mailsOf(value: unknown): readonly ScimMail[] | ScimError {
  const list: unknown[] = Array.isArray(value) ? value : value === null ? [] : [value]
  const mails: ScimMail[] = []
  for (const one of list) {
    const {
      value: address,
      type,
      primary,
    } = typeof one === 'string' ? objectOf({ value: one }) : objectOf(one)
    if (typeof address !== 'string' || address === '' || address.length > LONGEST)
      return scimError(400, 'a mail address has a value', 'invalidValue')
    mails.push({
      value: address,
      ...(typeof type === 'string' && type.length <= 64 ? { type } : {}),
      ...(primary === true || primary === 'true' || primary === 'True' ? { primary: true } : {}),
    })
  }
  return mails
}

function objectOf(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return {}
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name.toLowerCase(), one]))
}

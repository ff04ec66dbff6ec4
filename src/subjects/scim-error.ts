/** `scimType` of RFC 7644 section 3.12, where it has one for the case. */
export type ScimType =
  | 'invalidFilter'
  | 'tooMany'
  | 'uniqueness'
  | 'mutability'
  | 'invalidSyntax'
  | 'invalidPath'
  | 'noTarget'
  | 'invalidValue'
  | 'sensitive'

/** A no of the protocol. `detail` says what was expected, never a value that came. */
export interface ScimError {
  readonly status: 400 | 401 | 403 | 404 | 409 | 412 | 413 | 429 | 503
  readonly scimType?: ScimType
  readonly detail: string
}

export function scimError(
  status: ScimError['status'],
  detail: string,
  scimType?: ScimType,
): ScimError {
  return Object.freeze({ status, detail, ...(scimType ? { scimType } : {}) })
}

export function isScimError(value: unknown): value is ScimError {
  return typeof value === 'object' && value !== null && 'status' in value && 'detail' in value
}

export const NOT_THERE = scimError(404, 'there is no such resource')
export const CHANGED = scimError(412, 'it was changed meanwhile; read it again')

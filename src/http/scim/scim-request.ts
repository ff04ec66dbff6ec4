import type { Context } from 'hono'
import { type ScimError, isScimError, scimError } from '#subjects/scim-error.ts'
import type { ScimQuery } from '#subjects/scim-list.ts'

const LARGEST_BODY = 1024 * 1024

/** The body as JSON, or why it is none. */
export async function bodyOf(context: Context): Promise<unknown> {
  const type = context.req.header('content-type') ?? ''
  if (!/^application\/(?:scim\+)?json\b/i.test(type))
    return scimError(400, 'the content type is application/scim+json', 'invalidSyntax')
  if (Number(context.req.header('content-length') ?? 0) > LARGEST_BODY)
    return scimError(413, 'the body is larger than allowed')
  const text = await context.req.text()
  if (text.length > LARGEST_BODY) return scimError(413, 'the body is larger than allowed')
  try {
    return JSON.parse(text) as unknown
  } catch {
    return scimError(400, 'the body is no JSON', 'invalidSyntax')
  }
}

/** What a list is asked for. */
export function queryOf(context: Context): ScimQuery | ScimError {
  const { filter, startIndex, count } = context.req.query()
  const whole = (text: string | undefined): number | undefined | ScimError =>
    text === undefined
      ? undefined
      : /^-?\d{1,9}$/.test(text)
        ? Number(text)
        : scimError(400, 'startIndex and count are whole numbers', 'invalidValue')
  const from = whole(startIndex)
  const most = whole(count)
  if (isScimError(from)) return from
  return isScimError(most) ? most : { filter, startIndex: from, count: most }
}

/** Versions of which one must stand; undefined for any. What is no version of ours fits nothing. */
export function ifMatchOf(context: Context): readonly number[] | undefined {
  const header = context.req.header('if-match')
  if (header === undefined || header.trim() === '*') return undefined
  return header.split(',').map((one) => Number(/^\s*(?:W\/)?"(\d{1,15})"\s*$/.exec(one)?.[1] ?? -1))
}

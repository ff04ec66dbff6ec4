import type { Context } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'

/** An error in the shape that Microsoft Graph gives it. What it says carries identifiers, never values. */
export function problem(
  context: Context,
  status: ContentfulStatusCode,
  code: string,
  message: string,
  requestId: string,
): Response {
  return context.json(
    { error: { code, message, innerError: { 'request-id': requestId } } },
    status,
    { 'request-id': requestId },
  )
}

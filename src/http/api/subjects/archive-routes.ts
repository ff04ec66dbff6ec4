import { Readable } from 'node:stream'
import { Hono } from 'hono'
import { newId } from '#foundation/ids.ts'
import { isRefusal } from '#foundation/refusal.ts'
import { openArchive } from '#subjects/export.ts'
import type { RightsParts } from '#subjects/parts.ts'
import { problem } from '../../problem.ts'

/**
 * `/rights/archive/<link>`: everything about a person as one stream, for whoever has the link. A link that was never
 * made and one whose time is over look the same.
 */
export function archiveRoutes(rights: RightsParts, now: () => number): Hono {
  const routes = new Hono()
  routes.get('/rights/archive/:link', async (context) => {
    const opened = await openArchive(rights, context.req.param('link'), now())
    if (isRefusal(opened)) {
      const message = 'the link is unknown, or its time is over'
      return problem(context, 404, 'ResourceNotFound', message, newId())
    }
    const stream = Readable.toWeb(
      Readable.from(opened.bytes, { objectMode: false, highWaterMark: 65_536 }),
    )
    return new Response(stream as unknown as ReadableStream, {
      headers: {
        'content-type': 'application/zip',
        'content-disposition': `attachment; filename="${opened.name}"`,
        'cache-control': 'no-store',
        'referrer-policy': 'no-referrer',
        'x-content-type-options': 'nosniff',
      },
    })
  })
  return routes
}

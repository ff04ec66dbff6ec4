import type { IncomingMessage } from 'node:http'

/** The exact bytes of a request, as far as Node tells them: what tests hunt in. */
export function bytesAsReceived(request: IncomingMessage, body: Buffer): Buffer {
  const lines = [`${request.method} ${request.url} HTTP/${request.httpVersion}`]
  for (let i = 0; i < request.rawHeaders.length; i += 2)
    lines.push(`${request.rawHeaders[i]}: ${request.rawHeaders[i + 1]}`)
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), body])
}

/** The body where it says that it is JSON and is an object; undefined otherwise. */
export function jsonObject(
  request: IncomingMessage,
  body: Buffer,
): Record<string, unknown> | undefined {
  if (!/^application\/json\s*(;|$)/i.test(request.headers['content-type'] ?? '')) return undefined
  try {
    const value: unknown = JSON.parse(body.toString())
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}

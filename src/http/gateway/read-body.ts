import type { IncomingMessage } from 'node:http'
import { promisify } from 'node:util'
import { brotliDecompress, gunzip, inflate } from 'node:zlib'
import { type Refusal, refuse } from '#foundation/refusal.ts'

/** Far above any call of the protocols; a body beyond it is refused before it is held in memory. */
export const LARGEST_BODY = 8 * 1024 * 1024

const DECODERS = {
  gzip: promisify(gunzip),
  deflate: promisify(inflate),
  br: promisify(brotliDecompress),
}

/** Reads a request body within bounds, decoded. What a client compressed is looked at like anything else. */
export async function readBody(request: IncomingMessage): Promise<Buffer | Refusal> {
  const announced = Number(request.headers['content-length'] ?? 0)
  if (announced > LARGEST_BODY) return tooLarge(announced)
  const parts: Buffer[] = []
  let size = 0
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length
    if (size > LARGEST_BODY) return tooLarge(size)
    parts.push(part)
  }
  const [only] = parts
  const body = parts.length === 1 && only ? only : Buffer.concat(parts)
  const encoding = (request.headers['content-encoding'] ?? 'identity').trim().toLowerCase()
  if (encoding === 'identity' || body.length === 0) return body
  const decode = Object.hasOwn(DECODERS, encoding)
    ? DECODERS[encoding as keyof typeof DECODERS]
    : undefined
  if (!decode) return refuse('encoding_unsupported', { expected: ['gzip', 'deflate', 'br'] })
  try {
    return await decode(body, { maxOutputLength: LARGEST_BODY })
  } catch (fault) {
    return (fault as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE'
      ? tooLarge(LARGEST_BODY + 1)
      : refuse('body_malformed', { expected: encoding })
  }
}

function tooLarge(came: number): Refusal {
  return refuse('body_too_large', { expected: LARGEST_BODY, came })
}

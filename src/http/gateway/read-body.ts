import type { IncomingMessage } from 'node:http'
import { promisify } from 'node:util'
import { brotliDecompress, gunzip, inflate } from 'node:zlib'
import { type Refusal, isRefusal, refuse } from '#foundation/refusal.ts'

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
  const body = await collect(request)
  if (isRefusal(body)) return body
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

/** By events: iterating a stream costs several times as much, and this is the data path. */
function collect(request: IncomingMessage): Promise<Buffer | Refusal> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = []
    let size = 0
    request.on('data', (part: Buffer) => {
      size += part.length
      if (size > LARGEST_BODY) resolve(tooLarge(size))
      else parts.push(part)
    })
    request.once('end', () => {
      const [only] = parts
      resolve(parts.length === 1 && only ? only : Buffer.concat(parts))
    })
    request.once('error', reject)
  })
}

function tooLarge(came: number): Refusal {
  return refuse('body_too_large', { expected: LARGEST_BODY, came })
}

import type { ServerResponse } from 'node:http'
import { gzipSync } from 'node:zlib'

/** What a stand-in answers. A body that is a text goes as it is. */
export interface JsonAnswer {
  readonly status: number
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** Sends an answer in JSON, or spoils it in the way that a fault says; other kinds of fault change nothing here. */
export function sendAnswer(
  response: ServerResponse,
  answer: JsonAnswer,
  fault: string | undefined,
  type = 'application/json',
): void {
  if (fault === 'hang') return
  if (fault === 'close' || fault === 'lose-answer') {
    response.socket?.destroy()
    return
  }
  const text = typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body ?? {})
  const plain = Buffer.from(fault === 'malformed' ? text.slice(0, -1) : text)
  const bytes = fault === 'gzip' ? gzipSync(plain) : plain
  response.writeHead(answer.status, {
    'content-type': type,
    'content-length': bytes.length,
    ...(fault === 'gzip' ? { 'content-encoding': 'gzip' } : {}),
    ...answer.headers,
  })
  if (fault === 'close-mid-body') {
    response.write(bytes.subarray(0, Math.floor(bytes.length / 2)), () =>
      response.socket?.destroy(),
    )
    return
  }
  response.end(bytes)
}

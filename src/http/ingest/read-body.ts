import type { Readable } from 'node:stream'
import type { HttpBindings } from '@hono/node-server'
import type { Context } from 'hono'
import { type Refusal, refuse } from '#foundation/refusal.ts'
import type { Claim } from './memory-budget.ts'

/**
 * Reads the body of a request within a bound. One that is announced or found to be larger is not read any further.
 *
 * @returns `encoding_unsupported`, `body_too_large`, or `too_many_requests` where all requests together hold too much
 * @throws Error when the sender went away before the end
 */
export async function readBody(
  context: Context,
  largest: number,
  memory: Claim,
): Promise<Buffer | Refusal> {
  if ((context.req.header('content-encoding') ?? 'identity') !== 'identity')
    return refuse('encoding_unsupported', { expected: 'identity' })
  const tooLarge = refuse('body_too_large', { expected: largest })
  if (Number(context.req.header('content-length') ?? 0) > largest) return tooLarge
  const chunks: Uint8Array[] = []
  let size = 0
  const take = (chunk: Uint8Array): Refusal | undefined => {
    size += chunk.byteLength
    if (size > largest) return tooLarge
    if (!memory.add(chunk.byteLength)) return refuse('too_many_requests')
    chunks.push(chunk)
    return undefined
  }
  const { incoming } = (context.env ?? {}) as Partial<HttpBindings>
  // A request that does not come from a server has its body in the form of the web.
  const refusal = incoming
    ? await fromNode(incoming, take)
    : await fromWeb(context.req.raw.body, take)
  return refusal ?? Buffer.concat(chunks)
}

type Take = (chunk: Uint8Array) => Refusal | undefined

/** A body of the web costs as much as the rest of the request: the server's own stream is read where there is one. */
function fromNode(incoming: Readable, take: Take): Promise<Refusal | undefined> {
  return new Promise((resolve, reject) => {
    const done = (refusal?: Refusal): void => {
      incoming.off('data', onData).off('end', onEnd).off('error', onLost).off('close', onLost)
      // What is left is drained by the server, once it has answered.
      if (refusal) incoming.pause()
      resolve(refusal)
    }
    const onData = (chunk: Uint8Array): void => {
      const refusal = take(chunk)
      if (refusal) done(refusal)
    }
    const onLost = (): void => reject(new Error('the sender went away'))
    const onEnd = (): void => done()
    incoming.on('data', onData).once('end', onEnd).once('error', onLost).once('close', onLost)
  })
}

async function fromWeb(
  body: ReadableStream<Uint8Array> | null,
  take: Take,
): Promise<Refusal | undefined> {
  for await (const chunk of body ?? []) {
    const refusal = take(chunk)
    if (refusal) return refusal
  }
  return undefined
}

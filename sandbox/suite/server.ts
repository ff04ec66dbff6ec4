import { type IncomingMessage, type ServerResponse, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Webhook } from 'standardwebhooks'
import { request } from 'undici'
import { bytesAsReceived, jsonObject } from '../http-message.ts'
import { sendAnswer } from '../send-answer.ts'

/**
 * A stand-in for the team of a larger suite that shares customers, for samples and tests; it is nobody's service. It
 * takes only what is signed with its secret and of this time, knows a message by its id, and misbehaves on command.
 */
export interface SandboxSuite {
  readonly url: string
  /** Every request as it came, refused or not. */
  readonly received: { readonly status: number; readonly bytes: Buffer }[]
  /** Messages it took, each once. */
  readonly messages: SuiteMessage[]
  /** The next requests meet these faults, one each. */
  inject(...faults: (SuiteFault | number)[]): void
  /** Tells customers of an incident and says so to the installation, signed. Answers status and body. */
  acknowledge(
    to: string,
    secret: string,
    incidentId: string,
    customerIds: readonly string[],
    over?: { readonly toldAt?: number; readonly id?: string },
  ): Promise<{ readonly status: number; readonly body: unknown }>
  /** Says anything else, signed. */
  write(
    to: string,
    secret: string,
    message: unknown,
    id?: string,
  ): Promise<{ readonly status: number; readonly body: unknown }>
  stop(): Promise<void>
}

export interface SuiteMessage {
  readonly id: string
  readonly incidentId: string
  readonly customerIds: readonly string[]
}

export type SuiteFault = 'hang' | 'close' | 'lose-answer'

const TYPES: ReadonlySet<unknown> = new Set(['incident.declared', 'incident.recipient'])

export async function startSandboxSuite(options: {
  /** `whsec_…`: with what the installation signs. May be set later, since the installation makes it. */
  secret?: string
  readonly now: () => number
}): Promise<SandboxSuite & { secret: string | undefined }> {
  const faults: (SuiteFault | number)[] = []
  const state = { secret: options.secret }
  const received: SandboxSuite['received'] = []
  const messages: SuiteMessage[] = []
  let counter = 0
  const take = (headers: IncomingMessage['headers'], body: Buffer, json: unknown): number => {
    const verifier = state.secret === undefined ? undefined : new Webhook(state.secret)
    try {
      // The library compares with the time of this machine: the time of the message is checked here.
      const at = Number(headers['webhook-timestamp'])
      if (!verifier || Math.abs(options.now() / 1000 - at) > 300) return 401
      const id = String(headers['webhook-id'])
      const signature = verifier.sign(id, new Date(at * 1000), body.toString())
      if (!String(headers['webhook-signature']).split(' ').includes(signature)) return 401
      const { type, data } = (json ?? {}) as { type?: unknown; data?: Record<string, unknown> }
      if (!TYPES.has(type) || typeof data?.incidentId !== 'string') return 400
      if (messages.some((one) => one.id === id)) return 200
      const { incidentId, customerIds = [] } = data
      messages.push({ id, incidentId, customerIds: customerIds as string[] })
      return 202
    } catch {
      return 401
    }
  }
  const answer = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = []
    for await (const chunk of incoming) chunks.push(chunk as Buffer)
    const body = Buffer.concat(chunks)
    const fault = faults.shift()
    const isLost = fault === 'lose-answer' || fault === undefined
    const ok = incoming.method === 'POST' && incoming.url === '/incidents'
    const status =
      typeof fault === 'number'
        ? fault
        : !ok
          ? 404
          : isLost
            ? take(incoming.headers, body, jsonObject(incoming, body))
            : 0
    received.push({ status, bytes: bytesAsReceived(incoming, body) })
    sendAnswer(response, { status: status || 500 }, typeof fault === 'string' ? fault : undefined)
  }
  const server = createServer((incoming, response) => {
    void answer(incoming, response).catch(() => response.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const write: SandboxSuite['write'] = async (to, secret, message, id = `sandbox-${++counter}`) => {
    const body = JSON.stringify(message)
    const at = new Date(options.now())
    const { statusCode, body: came } = await request(to, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'webhook-id': id,
        'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
        'webhook-signature': new Webhook(secret).sign(id, at, body),
      },
      body,
    })
    return { status: statusCode, body: await came.json() }
  }
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/incidents`,
    received,
    messages,
    get secret() {
      return state.secret
    },
    set secret(given) {
      state.secret = given
    },
    inject: (...more) => {
      faults.push(...more)
    },
    write,
    acknowledge: (to, secret, incidentId, customerIds, { toldAt = options.now(), id } = {}) => {
      const toldDateTime = new Date(toldAt).toISOString()
      const customers = customerIds.map((customerId) => ({ customerId, toldDateTime }))
      const data = { incidentId, customers }
      return write(to, secret, { type: 'incident.acknowledged', data }, id)
    },
    stop: async () => {
      server.closeAllConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

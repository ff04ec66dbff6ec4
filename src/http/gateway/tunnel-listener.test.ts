import assert from 'node:assert/strict'
import { request } from 'node:http'
import { type AddressInfo, type Server, type Socket, connect, createServer } from 'node:net'
import { after, before, describe, it } from 'node:test'
import type { Database, Transaction } from '#database/handles.ts'
import { systemClock } from '#foundation/clock.ts'
import { silentLog } from '#foundation/log.ts'
import { type Refusal, refuse } from '#foundation/refusal.ts'
import type { Connector } from '#sharing/exchange.ts'
import type { OpenGate } from '#sharing/gate.ts'
import type { Shared } from '#sharing/share.ts'
import { type TunnelParts, listenTunnel } from './tunnel-listener.ts'

const TOKEN = 'token'

describe('the gateway of tunnels', () => {
  let upstream: Server
  let port: number
  before(async () => {
    upstream = createServer((socket) => socket.on('error', () => {}))
    await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve))
    port = (upstream.address() as AddressInfo).port
  })
  after(() => upstream.close())

  /** A gateway whose door out answers when `release` is called. */
  const gateway = async () => {
    const opened = new Map<string, Socket>()
    const waiting: (() => void)[] = []
    const recorded: string[] = []
    const refused: string[] = []
    const tx = {
      tenantId: 'one',
      change: async (text: string) => recorded.push(text.trim().split(' ')[0] ?? ''),
      rows: async (text: string) => {
        recorded.push(text.trim().split(' ')[0] ?? '')
        return []
      },
    } as unknown as Transaction
    const sharing = {
      gate: { now: () => 0, open: async () => ({}) as OpenGate },
      refuse: async (_: unknown, refusal: Refusal) => {
        refused.push(refusal.refused)
        return refusal
      },
      share: async ({ call }: { call: { query: URLSearchParams } }): Promise<Shared> => {
        await new Promise<void>((resolve) => waiting.push(resolve))
        const socket = connect({ host: '127.0.0.1', port })
        await new Promise<void>((resolve) => socket.once('connect', () => resolve()))
        opened.set(call.query.get('id') ?? '', socket)
        const raw = { status: 200, headers: {}, body: Buffer.alloc(0) }
        const admitted = { response: raw, received: {}, withheld: {}, unknown: 0 }
        return { entryId: 'entry', raw, admitted }
      },
    }
    const listener = await listenTunnel({
      tenantId: 'one',
      connectionId: 'tunnel',
      connector: {
        exchanges: [{}],
        refusalResponse: ({ refused: code }: Refusal) => ({
          status: 403,
          headers: { 'sluss-refusal': code },
          body: Buffer.alloc(0),
        }),
      } as unknown as Connector,
      sharing: sharing as unknown as TunnelParts['sharing'],
      database: {
        nodeId: 'node',
        write: async <Result>(_: string, work: (handle: Transaction) => Promise<Result>) =>
          work(tx),
      } as unknown as Database,
      lease: { held: () => true },
      clock: systemClock,
      clients: () => ({ token: TOKEN, fingerprint: undefined }),
      destinations: new Set([`127.0.0.1:${port}`]),
      take: (id) => opened.get(id),
      host: '127.0.0.1',
      port: 0,
      log: silentLog,
    })
    return { listener, waiting, opened, recorded, refused }
  }
  const ask = (to: number): Promise<{ status: number; socket: Socket } | 'gone'> =>
    new Promise((resolve) => {
      const call = request({
        host: '127.0.0.1',
        port: to,
        method: 'CONNECT',
        path: `127.0.0.1:${port}`,
        headers: { 'proxy-authorization': `Bearer ${TOKEN}` },
      })
      call.once('connect', ({ statusCode = 0 }, socket: Socket) => {
        socket.on('error', () => {})
        resolve({ status: statusCode, socket })
      })
      call.once('error', () => resolve('gone'))
      call.end()
    })
  const until = async (met: () => boolean): Promise<void> => {
    while (!met()) await new Promise((resolve) => setImmediate(resolve))
  }

  it('P5 a tunnel that is being opened when the node stops does not outlive it', async () => {
    const { listener, waiting, opened, recorded } = await gateway()
    const asked = ask(listener.port)
    await until(() => waiting.length === 1)
    const closed = listener.close()
    waiting[0]?.()
    await closed
    assert.deepEqual(
      [...opened.values()].map((socket) => socket.destroyed),
      [true],
    )
    assert.deepEqual(recorded, ['insert', 'delete'], 'it was recorded, and so was its end')
    await asked
  })

  it('opens no more than it may, however many ask at the same time', async () => {
    const { listener, waiting, refused } = await gateway()
    const asked = Array.from({ length: 70 }, () => ask(listener.port))
    await until(() => waiting.length + refused.length === 70)
    assert.equal(waiting.length, 64)
    assert.deepEqual(new Set(refused), new Set([refuse('limit_reached').refused]))
    for (const release of waiting) release()
    const statuses = (await Promise.all(asked)).map((one) => (one === 'gone' ? 0 : one.status))
    assert.equal(statuses.filter((status) => status === 200).length, 64)
    await listener.close()
  })
})

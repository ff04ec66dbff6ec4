import assert from 'node:assert/strict'
import { type AddressInfo, type Socket, createServer } from 'node:net'
import { after, afterEach, describe, it } from 'node:test'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { systemClock } from '#foundation/clock.ts'
import { type IncomingResponse, TransportFault } from '#sharing/exchange.ts'
import { type TransportOptions, createTransport } from './transport.ts'

/** Raw sockets, so that a party can be as wrong as it likes. */
type Answer = (socket: Socket) => void

describe('transport', () => {
  let answer: Answer = () => undefined
  let connections = 0
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    connections++
    sockets.add(socket)
    socket.on('error', () => undefined)
    // Headers and body may come apart; the body of every call here is `{}`.
    socket.on('data', (part) => {
      if (part.toString().endsWith('{}')) answer(socket)
    })
  })
  const closers: (() => Promise<void>)[] = []
  afterEach(async () => {
    for (const socket of sockets) socket.destroy()
    sockets.clear()
    await Promise.all(closers.splice(0).map((close) => close()))
  })
  after(() => server.close())

  const origin = async (): Promise<string> => {
    if (!server.listening) await new Promise<void>((up) => server.listen(0, '127.0.0.1', up))
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }
  const open = (options: TransportOptions = {}): ReturnType<typeof createTransport>['send'] => {
    const transport = createTransport(systemClock, options)
    closers.push(transport.close)
    return transport.send
  }
  const call = { method: 'POST', target: '/x?y=1', headers: { a: 'b' }, body: '{}' } as const
  const send = async (party: Answer, options?: TransportOptions): Promise<IncomingResponse> => {
    answer = party
    return open(options)({ origin: await origin(), ...call })
  }
  const head = (...lines: string[]): string => `HTTP/1.1 200 OK\r\n${lines.join('\r\n')}\r\n\r\n`
  const whole = (body: Buffer | string, ...lines: string[]): Answer => {
    const bytes = Buffer.from(body)
    return (socket) => {
      socket.write(
        Buffer.concat([Buffer.from(head(`content-length: ${bytes.length}`, ...lines)), bytes]),
      )
    }
  }
  const failsWith = async (
    code: string,
    sent: boolean,
    party: Answer,
    options?: TransportOptions,
  ): Promise<void> => {
    await assert.rejects(send(party, options), (fault) => {
      assert.ok(fault instanceof TransportFault, String(fault))
      assert.deepEqual({ code: fault.code, sent: fault.sent }, { code, sent })
      return true
    })
  }

  it('answers status, headers with one value each, and the body, over connections that stay open', async () => {
    answer = whole('{"a":1}', 'X-Two: 1', 'x-two: 2', 'Retry-After: 3')
    const transport = open()
    const before = connections
    for (let i = 0; i < 10; i++) {
      const { status, headers, body } = await transport({ origin: await origin(), ...call })
      assert.equal(status, 200)
      assert.equal(headers['x-two'], '1, 2')
      assert.equal(headers['retry-after'], '3')
      assert.equal(body.toString(), '{"a":1}')
    }
    // The next call may come before the last one has let go of its connection.
    assert.ok(connections - before <= 2)
  })

  it('joins a body that comes in pieces, and takes an interim answer for none', async () => {
    const { status, body } = await send((socket) => {
      socket.write('HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n')
      socket.write(`${head('transfer-encoding: chunked')}2\r\nab\r\n`)
      setTimeout(() => socket.write('2\r\ncd\r\n0\r\n\r\n'), 10)
    })
    assert.equal(status, 200)
    assert.equal(body.toString(), 'abcd')
  })

  it('understands an encoding nobody asked for, and no more of it than the bound', async () => {
    for (const [name, bytes] of [
      ['gzip', gzipSync('hello')],
      ['BR', brotliCompressSync('hello')],
    ] as const) {
      const answered = await send(whole(bytes, `content-encoding: ${name}`))
      assert.equal(answered.body.toString(), 'hello')
    }
    const bomb = gzipSync(Buffer.alloc(1_000_000))
    await failsWith('response_too_large', true, whole(bomb, 'content-encoding: gzip'), {
      largestBody: 10_000,
    })
    await failsWith('response_malformed', true, whole('no gzip', 'content-encoding: gzip'))
    await failsWith('response_malformed', true, whole('x', 'content-encoding: zstd'))
  })

  it('is certain that nothing left only while there was no connection', async () => {
    const closed = createServer()
    await new Promise<void>((up) => closed.listen(0, '127.0.0.1', up))
    const { port } = closed.address() as AddressInfo
    await new Promise((done) => closed.close(done))
    await assert.rejects(
      open()({ origin: `http://127.0.0.1:${port}`, ...call }),
      (fault) => fault instanceof TransportFault && fault.code === 'connect_failed' && !fault.sent,
    )
    await failsWith('closed_early', true, (socket) => socket.destroy())
    await failsWith('closed_early', true, (socket) => socket.end(`${head('content-length: 9')}abc`))
    await failsWith('response_malformed', true, (socket) => socket.write('no HTTP at all\r\n\r\n'))
  })

  it('bounds every wait and every size', async () => {
    await failsWith('timeout', true, () => undefined, { headersMs: 50 })
    await failsWith('timeout', true, (socket) => socket.write(`${head('content-length: 9')}abc`), {
      bodyMs: 50,
    })
    await failsWith(
      'timeout',
      true,
      (socket) => {
        socket.write(head('transfer-encoding: chunked'))
        const drip = setInterval(() => socket.write('1\r\na\r\n'), 10)
        socket.on('close', () => clearInterval(drip))
      },
      { wholeMs: 60 },
    )
    await failsWith('response_too_large', true, whole('a'.repeat(101)), { largestBody: 100 })
  })
})

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import OAuth from 'oauth-1.0a'
import { manifestOf } from '#catalog/manifest.ts'
import { shippedCatalog } from '#catalog/shipped.ts'
import { itemsOf } from '#catalog/shape.ts'
import { systemClock } from '#foundation/clock.ts'
import { isRefusal } from '#foundation/refusal.ts'
import type { Exchange, PartyCall, SessionStore } from '#sharing/exchange.ts'
import { makeTokenFile } from '../../../sandbox/apple/token-file.ts'
import { type SandboxApple, startSandboxApple } from '../../../sandbox/apple/server.ts'
import { createTransport } from '../transport.ts'
import { appleDeviceEnrollment } from './client.ts'
import { EXCHANGES } from './exchanges.ts'
import { percentEncode, signSession, verifySession } from './sign.ts'
import { type Position, deviceBatches } from './source.ts'
import { makeTokenKeyPair, readTokenFile } from './token-file.ts'

const secrets = {
  consumer_key: 'CK_1',
  consumer_secret: 'CS_ä&=',
  access_token: 'AT_1',
  access_secret: 'AS_%',
}
const url = 'http://127.0.0.1:9/session'

describe('sign', () => {
  const library = new OAuth({
    consumer: { key: secrets.consumer_key, secret: secrets.consumer_secret },
    signature_method: 'HMAC-SHA1',
    hash_function: (text, key) => createHmac('sha1', key).update(text).digest('base64'),
  })

  it('signs what an independent library signs', () => {
    const header = signSession(secrets, url, 1_900_000_000, 'nonce-1')
    const data = {
      oauth_consumer_key: 'CK_1',
      oauth_token: 'AT_1',
      oauth_nonce: 'nonce-1',
      oauth_timestamp: 1_900_000_000,
      oauth_signature_method: 'HMAC-SHA1',
      oauth_version: '1.0',
    }
    const expected = library.getSignature({ url, method: 'GET' }, secrets.access_secret, data)
    assert.ok(header.includes(`oauth_signature="${percentEncode(expected)}"`))
  })

  it('believes what an independent library signed, with and without a realm', () => {
    const data = library.authorize(
      { url, method: 'GET' },
      { key: secrets.access_token, secret: secrets.access_secret },
    )
    const { Authorization: header } = library.toHeader(data)
    const seconds = Number(data.oauth_timestamp)
    assert.deepEqual(
      verifySession(secrets, { header, urls: ['http://other/session', url], seconds }),
      { nonce: data.oauth_nonce },
    )
    const realm = header.replace('OAuth ', 'OAuth realm="ADM", ')
    assert.deepEqual(verifySession(secrets, { header: realm, urls: [url], seconds }), {
      nonce: data.oauth_nonce,
    })
  })

  const header = signSession(secrets, url, 1_000)
  const cases: [string, string | undefined, string][] = [
    ['no header', undefined, 'MISSING_PARAMETER'],
    ['a bearer token', 'Bearer x', 'MISSING_PARAMETER'],
    ['an unknown parameter', `${header}, oauth_extra="1"`, 'UNSUPPORTED_PARAMETER'],
    ['a parameter twice', `${header}, oauth_nonce="1"`, 'DUPLICATED_PARAMETER'],
    ['another method', header.replace('HMAC-SHA1', 'PLAINTEXT'), 'UNSUPPORTED_SIGNATURE_METHOD'],
    ['another consumer', header.replace('CK_1', 'CK_2'), 'INVALID_CONSUMER_KEY'],
    ['another token', header.replace('AT_1', 'AT_2'), 'INVALID_TOKEN'],
    ['a changed nonce', header.replace(/oauth_nonce="./, 'oauth_nonce="_'), 'INVALID_SIGNATURE'],
    ['an undecodable value', header.replace('CK_1', '%zz'), 'MISSING_PARAMETER'],
  ]
  for (const [name, came, code] of cases) {
    it(`refuses ${name}`, () => {
      const answer = verifySession(secrets, { header: came, urls: [url], seconds: 1_000 })
      assert.equal('code' in answer && answer.code, code)
    })
  }
  it('refuses a signature from another time', () => {
    const answer = verifySession(secrets, { header, urls: [url], seconds: 1_301 })
    assert.equal('code' in answer && answer.code, 'INVALID_NONCE')
  })
})

describe('exchanges', () => {
  const facts = JSON.parse(
    readFileSync(join(import.meta.dirname, '../../../test/facts/apple-dep.json'), 'utf8'),
  ) as {
    endpoints: { method: string | string[]; path: string; sync?: string }[]
  }
  it('know every endpoint of the facts and no other', () => {
    const wanted = facts.endpoints.flatMap(({ method, path, sync }) =>
      [path, sync]
        .filter((one) => one !== undefined)
        .flatMap((one) => [method].flat().map((verb) => `${verb} ${one.split('?')[0]}`)),
    )
    const known = EXCHANGES.flatMap((exchange) =>
      exchange.methods.map((method) => `${method} ${exchange.path}`),
    )
    assert.deepEqual(known.toSorted(), wanted.toSorted())
  })
  it('P4 classify every place: each item is in the catalog and in the manifest of its direction', () => {
    for (const exchange of EXCHANGES) {
      const outbound = new Set(manifestOf(shippedCatalog, exchange.outbound).items)
      const inbound = new Set(manifestOf(shippedCatalog, exchange.inbound).items)
      const sent = [
        ...(exchange.request ? itemsOf(exchange.request) : []),
        ...Object.values(exchange.query).flatMap(itemsOf),
      ]
      for (const item of sent) assert.ok(outbound.has(item), `${exchange.id} sends ${item}`)
      for (const item of exchange.response ? itemsOf(exchange.response) : [])
        assert.ok(inbound.has(item), `${exchange.id} answers ${item}`)
      for (const item of exchange.essential)
        assert.ok(sent.includes(item), `${exchange.id} needs ${item}`)
    }
  })
})

describe('client', () => {
  let sandbox: SandboxApple
  const transport = createTransport(systemClock, { headersMs: 400, bodyMs: 400, connectMs: 400 })
  const connector = appleDeviceEnrollment(() => Date.now() / 1000)
  before(async () => {
    sandbox = await startSandboxApple({ devices: 30, rotateEvery: 3 })
  })
  after(async () => {
    await transport.close()
    await sandbox.stop()
  })

  const memorySession = (): SessionStore => {
    let token: string | undefined
    return {
      get: async () => token,
      replace: async (previous, next) => {
        if (token === previous) token = next
      },
    }
  }
  const exchange = (id: string): Exchange =>
    EXCHANGES.find((one) => one.id === `apple.dep.${id}`) ?? assert.fail(id)
  const call = (
    id: string,
    body: unknown,
    rest: Partial<PartyCall> & { target?: string } = {},
  ): PartyCall => {
    const found = exchange(id)
    return {
      origin: sandbox.origin,
      credentials: { ...sandbox.token },
      request: {
        exchange: found,
        method: found.methods[0] ?? 'GET',
        target: rest.target ?? found.path,
        body: body === undefined ? undefined : JSON.stringify(body),
      },
      session: memorySession(),
      transport: transport.send,
      ...rest,
    }
  }

  it('opens a session, keeps it, and follows every rotation', async () => {
    const session = memorySession()
    const before = sandbox.received.length
    for (let i = 0; i < 8; i++) {
      const result = await connector.send(call('account', undefined, { session }))
      assert.equal(result.outcome, 'delivered')
    }
    const seen = sandbox.received.slice(before).map((one) => one.target)
    assert.equal(seen.filter((target) => target === '/session').length, 1)
  })

  it('opens a new session when the old one is gone, and gives up after one more try', async () => {
    const session = memorySession()
    await connector.send(call('account', undefined, { session }))
    sandbox.endSessions()
    const again = await connector.send(call('account', undefined, { session }))
    assert.deepEqual([again.outcome, again.attempts], ['delivered', 2])
    const gone = { kind: 'answer', answer: { status: 401, body: 'UNAUTHORIZED' } } as const
    sandbox.inject('/account', gone, gone, gone)
    const refused = await connector.send(call('account', undefined, { session }))
    assert.deepEqual([refused.outcome, refused.attempts], ['rejected', 2])
    sandbox.inject('/account', { kind: 'answer', answer: { status: 403, body: '"FORBIDDEN"' } })
    await connector.send(call('account', undefined, { session }))
    sandbox.inject('/account', { kind: 'answer', answer: { status: 403, body: 'FORBIDDEN' } })
    assert.equal((await connector.send(call('account', undefined, { session }))).attempts, 2)
  })

  it('is told when its credentials are wrong, and sends nothing with them', async () => {
    const before = sandbox.received.length
    const result = await connector.send(
      call('account', undefined, { credentials: { ...sandbox.token, access_secret: 'wrong' } }),
    )
    assert.equal(result.outcome, 'rejected')
    assert.deepEqual(
      sandbox.received.slice(before).map((one) => one.target),
      ['/session'],
    )
  })

  for (const [kind, outcome, code] of [
    ['hang', 'unknown', 'timeout'],
    ['close', 'unknown', 'closed_early'],
    ['close-mid-body', 'unknown', 'closed_early'],
  ] as const) {
    it(`P3 does not claim to know what became of a call when Apple answers with ${kind}, and does not send it again`, async () => {
      const before = sandbox.received.length
      sandbox.inject('/devices', { kind })
      const result = await connector.send(call('deviceDetails', { devices: ['SYN0000001'] }))
      assert.deepEqual([result.outcome, 'code' in result && result.code], [outcome, code])
      assert.equal(
        sandbox.received.slice(before).filter((one) => one.target === '/devices').length,
        1,
      )
    })
  }
  it('P3 knows that nothing left when nobody listens', async () => {
    const session = memorySession()
    await session.replace(undefined, 'ses')
    const result = await connector.send(
      call('account', undefined, { origin: 'http://127.0.0.1:1', session }),
    )
    assert.deepEqual(
      [result.outcome, 'code' in result && result.code],
      ['unsent', 'connect_failed'],
    )
  })
  it('hands 429 and 500 back as they came', async () => {
    sandbox.inject('/account', {
      kind: 'answer',
      answer: { status: 429, body: 'TOO_MANY_REQUESTS', headers: { 'retry-after': '7' } },
    })
    const limited = await connector.send(call('account', undefined))
    assert.ok(
      'response' in limited &&
        limited.response.status === 429 &&
        limited.response.headers['retry-after'] === '7',
    )
    sandbox.inject('/account', { kind: 'answer', answer: { status: 500, body: 'x' } })
    const broken = await connector.send(call('account', undefined))
    assert.equal(broken.outcome, 'rejected')
  })
  it('understands an answer in an encoding it did not ask for, and refuses what is no HTTP', async () => {
    sandbox.inject('/account', { kind: 'gzip' })
    const zipped = await connector.send(call('account', undefined))
    assert.ok('response' in zipped && zipped.response.body.includes('Sandbox server'))
    const garbage = createServer((socket) => socket.end('this is not HTTP\r\n\r\n'))
    await new Promise<void>((resolve) => garbage.listen(0, '127.0.0.1', resolve))
    const address = garbage.address()
    const session = memorySession()
    await session.replace(undefined, 'ses')
    const result = await connector.send(
      call('account', undefined, {
        origin: `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`,
        session,
      }),
    )
    assert.equal(result.outcome, 'unknown')
    garbage.close()
  })

  it('walks through all devices by cursor, then only what changed', async () => {
    const session = memorySession()
    const ask = async (id: string, body: object) => {
      const result = await connector.send({ ...call(id.slice('apple.dep.'.length), body), session })
      assert.ok('response' in result)
      const text = result.response.body.toString()
      return result.response.status === 200 ? { page: JSON.parse(text) as unknown } : { code: text }
    }
    const walk = async (start: Position) => {
      const seen: { phase: string; records: readonly unknown[] }[] = []
      let cursor = start.cursor
      for await (const batch of deviceBatches(ask, start)) {
        seen.push(batch)
        cursor = batch.cursor
      }
      return { seen, cursor }
    }
    const first = await walk({ phase: 'fetch', cursor: undefined })
    assert.deepEqual(
      first.seen.map((batch) => [batch.phase, batch.records.length]),
      [
        ['fetch', 30],
        ['sync', 0],
      ],
    )
    sandbox.service.operate('SYN0000004', 'modified')
    sandbox.service.operate('SYN0000004', 'deleted')
    const second = await walk({ phase: 'sync', cursor: first.cursor })
    assert.equal(second.seen.length, 1)
    assert.deepEqual(
      second.seen[0]?.records.map((one) => (one as { op_type: string }).op_type),
      ['deleted'],
    )
    const exhausted = await walk({ phase: 'fetch', cursor: first.cursor })
    assert.equal(exhausted.seen[0]?.phase, 'sync')
    const again = await walk({ phase: 'sync', cursor: 'nonsense' })
    assert.equal(again.seen[0]?.records.length, 30)
  })
})

describe('token file', () => {
  const now = Date.parse('2030-01-01T00:00:00Z')
  it('reads what the portal makes for the key, and refuses the rest', async () => {
    const keys = await makeTokenKeyPair(now)
    const other = await makeTokenKeyPair(now)
    const file = makeTokenFile(secrets, keys.certificate, '2031-01-01T00:00:00Z')
    const token = readTokenFile(file, keys, now)
    assert.deepEqual(token, { ...secrets, expiresAt: Date.parse('2031-01-01T00:00:00Z') })
    const refusal = (bytes: Buffer, pair = keys, at = now) => {
      const answer = readTokenFile(bytes, pair, at)
      return isRefusal(answer) ? answer.refused : 'none'
    }
    assert.equal(refusal(file, other), 'token_file_foreign')
    assert.equal(refusal(file, keys, Date.parse('2031-01-01T00:00:00Z')), 'token_file_expired')
    assert.equal(refusal(Buffer.from('hello')), 'token_file_invalid')
    assert.equal(refusal(file.subarray(0, file.length / 2)), 'token_file_invalid')
    assert.equal(refusal(Buffer.alloc(70_000)), 'token_file_invalid')
    const openssl = spawnSync('openssl', ['version'])
    if (openssl.status !== 0) {
      console.log('the check against openssl is left out: the program is not installed')
      return
    }
    const folder = mkdtempSync(join(tmpdir(), 'sluss-p7m-'))
    writeFileSync(join(folder, 'cert.pem'), keys.certificate)
    writeFileSync(
      join(folder, 'message'),
      `Content-Type: text/plain\r\n\r\n-----BEGIN MESSAGE-----\n${JSON.stringify({ ...secrets, access_token_expiry: '2031-01-01T00:00:00Z' })}\n-----END MESSAGE-----\n`,
    )
    for (const cipher of ['-des3', '-aes256']) {
      const made = spawnSync('openssl', [
        'smime',
        '-encrypt',
        '-stream',
        cipher,
        '-in',
        join(folder, 'message'),
        join(folder, 'cert.pem'),
      ])
      assert.equal(made.status, 0)
      assert.deepEqual(readTokenFile(made.stdout, keys, now), token, cipher)
    }
    rmSync(folder, { recursive: true })
  })
})

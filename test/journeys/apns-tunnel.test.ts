import assert from 'node:assert/strict'
import { request } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import type { Socket } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import { withdrawConsent } from '#agreements/consent.ts'
import { recordTunnel } from '#connections/push-tunnel.ts'
import { newId } from '#foundation/ids.ts'
import { TOPIC } from '../../sandbox/apns/certificates.ts'
import { TUNNEL_CONNECTION, TUNNEL_FLOWS, agreeToPush } from '../../sandbox/apns/connect.ts'
import { type PushNode, TENANT, startPushNode } from './apns-node.ts'

const TOKEN = 'ab'.repeat(32)
const MAGIC = 'UNSEEN-CANARY'

describe('the tunnel of an MDM that keeps its own push certificate', () => {
  let t: PushNode
  before(async () => {
    t = await startPushNode({ agreed: false })
  })
  after(() => t.stop())

  const basic = (token: string) => `Basic ${Buffer.from(`mdm:${token}`).toString('base64')}`
  /** CONNECT as Go's HTTPS_PROXY=http://mdm:<token>@host does it. */
  const tunnel = (
    to = `127.0.0.1:${t.apns.port}`,
    authorization: string | undefined = basic(t.tokens.tunnel),
  ): Promise<{ status: number; refusal: unknown; socket: Socket }> =>
    new Promise((resolve, reject) => {
      const call = request({
        host: '127.0.0.1',
        port: t.tunnel.port,
        method: 'CONNECT',
        path: to,
        headers: authorization === '' ? {} : { 'proxy-authorization': authorization },
      })
      call.once('connect', (response, socket: Socket) => {
        socket.on('error', () => {})
        resolve({
          status: response.statusCode ?? 0,
          refusal: response.headers['sluss-refusal'],
          socket,
        })
      })
      call.once('error', reject)
      call.end()
    })
  /** A push of the MDM itself, with its own certificate, encrypted for the push service. */
  const pushThrough = async (socket: Socket): Promise<number> => {
    const { certificate: cert, privateKey: key } = t.apns.authority.pushCertificate()
    const session = connectHttp2(t.apns.origin, {
      createConnection: () =>
        connectTls({ socket, ca: t.apns.authority.ca, cert, key, ALPNProtocols: ['h2'] }),
    })
    session.on('error', () => {})
    return new Promise((resolve, reject) => {
      const stream = session.request({ ':method': 'POST', ':path': `/3/device/${TOKEN}` })
      stream.on('response', (headers) => resolve(Number(headers[':status'])))
      stream.once('error', reject)
      stream.end(JSON.stringify({ mdm: MAGIC }))
    })
  }

  it('P2 opens nothing while nothing is agreed, and consent to pushes is none to the tunnel', async () => {
    assert.equal((await tunnel()).refusal, 'feature_off')
    await agreeToPush(t.node, TENANT, ['apple-mdm-push'])
    assert.equal((await tunnel()).refusal, 'feature_off')
    assert.equal(t.apns.connections().opened, 0)
  })

  it('leads an authenticated client to the push service, and nobody anywhere else', async () => {
    await agreeToPush(t.node, TENANT, ['apple-push-tunnel'])
    assert.deepEqual((await tunnel(undefined, '')).status, 407)
    assert.deepEqual((await tunnel(undefined, basic('wrong'))).status, 407)
    assert.deepEqual((await tunnel(undefined, basic(t.tokens.push))).status, 407)
    for (const elsewhere of ['example.org:443', '127.0.0.1:1', `localhost:${t.apns.port}`]) {
      const { status, refusal } = await tunnel(elsewhere)
      assert.deepEqual([status, refusal], [403, 'tunnel_destination'])
    }
    const { status, socket } = await tunnel()
    assert.equal(status, 200)
    assert.equal(await pushThrough(socket), 200)
    assert.equal(t.apns.received.at(-1)?.headers['apns-topic'] ?? TOPIC, TOPIC)
    socket.destroy()
  })

  it('P3 has its entry before it is open, then time, size and destination, and says plainly that it saw nothing', async () => {
    const { socket } = await tunnel()
    const opened = (await t.entries()).filter(({ data }) => data.exchange === 'apple.apns.tunnel')
    const entry = opened.at(-1) ?? assert.fail('no entry')
    assert.equal(entry.kind, 'disclosure')
    assert.deepEqual((entry.data.items as Record<string, unknown>)['protocol.tunnelUnseen'], [
      'exact',
      1,
    ])
    await pushThrough(socket)
    socket.destroy()
    const closed = await until(async () =>
      (await t.entries()).find(
        ({ kind, data }) => kind === 'tunnel.closed' && data.of === entry.id,
      ),
    )
    const { content, destination, sent, received, milliseconds, reason } = closed.data
    assert.deepEqual(
      [content, destination, reason],
      ['unseen', `127.0.0.1:${t.apns.port}`, 'closed'],
    )
    assert.ok(Number(sent) > 1_000 && Number(received) > 500 && Number(milliseconds) >= 0)
    const text = JSON.stringify(await t.entries())
    assert.ok(!text.includes(MAGIC) && !text.includes(TOKEN))
  })

  it('P3 a node that died leaves no tunnel without an end: its sizes are unknown', async () => {
    const tunnelId = newId()
    const entryId = newId()
    await t.node.database.write(TENANT, (tx) =>
      recordTunnel(tx, {
        tunnelId,
        connectionId: TUNNEL_CONNECTION,
        entryId,
        destination: 'api.push.apple.com:443',
        nodeId: 'gone',
        openedAt: t.by().at,
      }),
    )
    const { recoverTunnels } = await import('#connections/push-tunnel.ts')
    assert.equal(await recoverTunnels(t.node.database, ['gone'], t.by().at), 1)
    assert.equal(await recoverTunnels(t.node.database, ['gone'], t.by().at), 0)
    const end = (await t.entries()).find(({ data }) => data.of === entryId)
    assert.deepEqual([end?.data.reason, end?.data.sent], ['node_died', null])
  })

  it('P5 closes a running tunnel within a second of a withdrawal, and opens no other', async () => {
    const { socket } = await tunnel()
    assert.equal(await pushThrough(socket), 200)
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
    const began = performance.now()
    await t.node.database.write(TENANT, (tx) => withdrawConsent(tx, TUNNEL_FLOWS[0] ?? '', t.by()))
    await closed
    const took = performance.now() - began
    assert.ok(took < 1_000, `${took} ms`)
    const again = await tunnel()
    assert.deepEqual([again.status, again.refusal], [403, 'consent_withdrawn'])
    const end = await until(async () =>
      (await t.entries()).find(
        ({ kind, data }) => kind === 'tunnel.closed' && data.reason === 'consent_withdrawn',
      ),
    )
    assert.ok(Number(end.data.sent) > 0)
  })
})

async function until<Thing>(find: () => Promise<Thing | undefined>): Promise<Thing> {
  for (let i = 0; i < 100; i++) {
    const found = await find()
    if (found !== undefined) return found
    await pause(20)
  }
  assert.fail('it never came')
}

import apn from '@parse/node-apn'
import { X509Certificate } from 'node:crypto'
import { applePush } from '#connectors/apple-push/client.ts'
import { PUSH } from '#connectors/apple-push/exchanges.ts'
import { createWire } from '#connectors/apple-push/wire.ts'
import { systemClock } from '#foundation/clock.ts'
import { isRefusal } from '#foundation/refusal.ts'
import { TOPIC } from '../sandbox/apns/certificates.ts'
import { PUSH_CONNECTION } from '../sandbox/apns/connect.ts'
import { TENANT, startPushNode } from '../test/journeys/apns-node.ts'
import { rate } from './rate.ts'
import { type BenchResult, printResults, spread } from './result.ts'

const ROUNDS = 5
const ROUND_IN_MS = 2_000
const DEVICES = 2_000
/** Pushes at once, the same for both: node-apn has no limit of its own, so the loop that asks sets it. */
const AT_ONCE = 500

/**
 * Pushes per second over one HTTP/2 connection, with consent, a durable entry before each and its outcome after it,
 * against node-apn, which has none of them. Both push to the same stand-in, in the same process, to the same devices,
 * as many at once, in turn.
 */
export async function run(): Promise<BenchResult[]> {
  const t = await startPushNode({ apns: { forgetful: true }, push: { answerMs: 20_000 } })
  const { certificate, privateKey } = t.apns.authority.pushCertificate()
  const provider = new apn.Provider({
    address: '127.0.0.1',
    port: t.apns.port,
    ca: t.apns.authority.ca,
    cert: certificate,
    key: privateKey,
  } as unknown as apn.ProviderOptions)
  const note = new apn.Notification()
  Object.assign(note, { mdm: 'MAGIC', topic: TOPIC, pushType: 'mdm' })
  const theirs = async (token: string): Promise<void> => {
    const { sent } = await provider.send(note, token)
    if (sent.length !== 1) throw new Error('node-apn could not push')
  }
  const body = Buffer.from(JSON.stringify({ mdm: 'MAGIC' }))
  const ours = async (token: string): Promise<void> => {
    const shared = await t.node.sharing.share({
      tenantId: TENANT,
      connectionId: PUSH_CONNECTION,
      exchange: PUSH,
      call: { method: 'POST', parameters: { token }, query: new URLSearchParams(), body },
      actor: 'job:bench',
    })
    if (isRefusal(shared) || 'failed' in shared || shared.admitted.response.status !== 200)
      throw new Error(`a push failed: ${JSON.stringify(shared).slice(0, 300)}`)
  }
  const wire = createWire(systemClock, { ca: t.apns.authority.ca })
  const bare = bareClient(applePush(wire.send, systemClock.elapsed), t.apns.origin, {
    certificate,
    privateKey,
    fingerprint: new X509Certificate(certificate).fingerprint256,
    topic: TOPIC,
  })
  const rounds: { ours: number; bare: number; theirs: number }[] = []
  try {
    // Each device is named in the ledger once, which makes its key: that is not what is measured.
    let named = 0
    const name = async (): Promise<void> => {
      while (named < DEVICES) await ours(tokenOf(named++))
    }
    await Promise.all([name(), name(), name(), name()])
    const before = t.apns.taken()
    let asked = 0
    const measure = (push: typeof ours) =>
      rate(AT_ONCE, ROUND_IN_MS, (turn) => {
        asked++
        return push(tokenOf(turn % DEVICES))
      })
    for (let round = -1; round < ROUNDS; round++) {
      const measured = {
        theirs: await measure(theirs),
        ours: await measure(ours),
        bare: await measure(bare),
      }
      if (round >= 0) rounds.push(measured)
    }
    // No push may have been saved by taking the place of one that waited.
    if (t.apns.taken() - before !== asked)
      throw new Error(`${asked} pushes were asked for, ${t.apns.taken() - before} arrived`)
  } finally {
    await provider.shutdown()
    await wire.close()
    await t.stop()
  }
  const reference = `@parse/node-apn, ${AT_ONCE} pushes at once on one connection each, without consent or ledger`
  const line = (name: string, of: 'ours' | 'bare', bar?: number): BenchResult => ({
    name,
    unit: 'pushes/s',
    ours: spread(rounds.map((round) => round[of])),
    reference,
    ratio: spread(rounds.map((round) => round[of] / round.theirs)),
    ...(bar === undefined ? {} : { bar }),
  })
  return [
    line('pushes with consent and ledger', 'ours', 1),
    line('the connection alone, without them', 'bare'),
  ]
}

function bareClient(
  connector: ReturnType<typeof applePush>,
  origin: string,
  credentials: Readonly<Record<string, string>>,
) {
  const session = { get: async () => undefined, replace: async () => {} }
  return async (token: string): Promise<void> => {
    const { outcome } = await connector.send({
      origin,
      credentials,
      request: {
        exchange: PUSH,
        method: 'POST',
        target: `/3/device/${token}`,
        body: '{"mdm":"MAGIC"}',
      },
      session,
      transport: () => Promise.reject(new Error('pushes go over HTTP/2')),
    })
    if (outcome !== 'delivered') throw new Error(`a push was ${outcome}`)
  }
}

const tokenOf = (i: number): string => i.toString(16).padStart(64, '0')

if (import.meta.main) {
  printResults(await run())
  process.exit(0)
}

import nodemailer from 'nodemailer'
import { deliverNotices } from '#breach/notice-delivery.ts'
import { sendDue } from '#notify/send-due.ts'
import {
  addTenants,
  approved,
  breachParts,
  declared,
  notifyParts,
  text,
} from '../test/journeys/incidents/notice-world.ts'
import { type NoticeTest, startNoticeTest } from '../test/journeys/notices/organisations.ts'
import { type BenchResult, printResults, spread } from './result.ts'

const ROUNDS = 5
const TENANTS = 200
/** Mails at once, the same for both: as many tenants as `notify` sends for at a time. */
const AT_ONCE = 4

/**
 * Notices per second to a local SMTP sink, each of another tenant, with copy, words, entries before and after, and
 * awareness, against bare nodemailer with the same settings: a connection for each mail, so that what became of it is
 * clear, and as many at once. Sink, sender and database are on the same machine, in turn.
 */
export async function run(): Promise<BenchResult[]> {
  const t = await startNoticeTest()
  const tenants = Array.from({ length: TENANTS }, (_, i) => `b${i}`)
  const rounds: { whole: number; sending: number; theirs: number }[] = []
  try {
    await addTenants(t, tenants)
    for (let round = -1; round < ROUNDS; round++) {
      const theirs = await bare(t)
      const incident = await declared(t, tenants)
      await approved(t, incident)
      t.mail.received.length = 0
      const began = performance.now()
      await deliverNotices(breachParts(t), t.clock.now())
      const told = performance.now()
      await sendDue(notifyParts(t), t.clock.now())
      const ended = performance.now()
      if (t.mail.received.length !== TENANTS)
        throw new Error(`${TENANTS} notices were due, ${t.mail.received.length} arrived`)
      const whole = perSecond(ended - began)
      if (round >= 0) rounds.push({ whole, sending: perSecond(ended - told), theirs })
    }
  } finally {
    await t.stop()
  }
  const line = (name: string, of: 'whole' | 'sending', bar?: number): BenchResult => ({
    name,
    unit: 'notices/s',
    ours: spread(rounds.map((round) => round[of])),
    reference: `bare nodemailer, ${AT_ONCE} at once, a connection for each mail, without ledger or database`,
    ratio: spread(rounds.map((round) => round[of] / round.theirs)),
    ...(bar === undefined ? {} : { bar }),
  })
  return [
    line('notices of an incident, from approval to the relay', 'whole', 0.7),
    line('the sending alone', 'sending'),
  ]
}

const perSecond = (ms: number): number => TENANTS / (ms / 1_000)

async function bare(t: NoticeTest): Promise<number> {
  const words = Object.values(text('en')).join('\n\n')
  let next = 0
  const began = performance.now()
  const worker = async (): Promise<void> => {
    for (let i = next++; i < TENANTS; i = next++) {
      const transport = nodemailer.createTransport({
        host: '127.0.0.1',
        port: t.mail.port,
        ignoreTLS: true,
        disableFileAccess: true,
        disableUrlAccess: true,
      })
      await transport.sendMail({
        from: 'notices@sluss.example.org',
        to: `privacy@b${i}.example.org`,
        subject: 'Security incident',
        text: words.repeat(3),
        html: `<p>${words.repeat(3)}</p>`,
      })
      transport.close()
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  return perSecond(performance.now() - began)
}

if (import.meta.main) {
  printResults(await run())
  process.exit(0)
}

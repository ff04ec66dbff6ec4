import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { request } from 'undici'
import { startSandboxApns } from '../../sandbox/apns/server.ts'
import { startSandboxAppleApps } from '../../sandbox/apple-apps/server.ts'
import { startSandboxApple } from '../../sandbox/apple/server.ts'
import { startSandboxPubSub } from '../../sandbox/google/pubsub.ts'
import { startSandboxGoogle } from '../../sandbox/google/server.ts'
import { startSandboxJamf } from '../../sandbox/jamf/server.ts'
import { startSandboxPartner } from '../../sandbox/partner/server.ts'

const MISBEHAVIOURS = [
  'slow',
  'half answers',
  'wrong types',
  'huge pages',
  'duplicated events',
  'reordered events',
  'clock skew',
  'revoked credentials',
] as const
type Misbehaviour = (typeof MISBEHAVIOURS)[number]

/** A member of the stand-in by which it is told to misbehave so, or why there is nothing to misbehave with. */
type Row = Readonly<Record<Misbehaviour, readonly [by: string] | { readonly not: string }>>

const NO_EVENTS = { not: 'this service of the party sends no events' }
const TESTS_SEND = {
  not: 'events of a described party are sent, in any number and order, by the test',
}
const NO_PAGES = { not: 'it answers with no body but a reason' }
const PUSHES = { not: 'it only pushes, and answers nothing but its keys' }
const BY_INJECT: Pick<Row, 'slow' | 'half answers' | 'wrong types' | 'huge pages'> = {
  slow: ['inject'],
  'half answers': ['inject'],
  'wrong types': ['inject'],
  'huge pages': ['inject'],
}

/** A clock of its own: every stand-in judges and dates by the one that it is given. */
const now = (): number => Date.parse('2030-01-01T01:00:00Z')
const secret = `whsec_${Buffer.alloc(32).toString('base64')}`

const SANDBOXES: Readonly<
  Record<string, { start(): Promise<{ stop(): Promise<void> }>; row: Row }>
> = {
  'Apple Device Enrollment': {
    start: () => startSandboxApple({ devices: 2, now }),
    row: {
      ...BY_INJECT,
      'duplicated events': NO_EVENTS,
      'reordered events': NO_EVENTS,
      'clock skew': ['now'],
      'revoked credentials': ['endSessions'],
    },
  },
  'Apple push': {
    start: () => startSandboxApns({ now }),
    row: {
      slow: ['next'],
      'half answers': ['next'],
      'wrong types': ['next'],
      'huge pages': NO_PAGES,
      'duplicated events': NO_EVENTS,
      'reordered events': NO_EVENTS,
      'clock skew': ['now'],
      'revoked credentials': ['next'],
    },
  },
  'Apple Apps and Books': {
    start: () => startSandboxAppleApps({ now }),
    row: {
      ...BY_INJECT,
      'duplicated events': ['notify'],
      'reordered events': ['notify'],
      'clock skew': ['now'],
      'revoked credentials': ['revokeToken'],
    },
  },
  'Google Android Management': {
    start: () => startSandboxGoogle({ now }),
    row: {
      ...BY_INJECT,
      'duplicated events': { not: 'Pub/Sub sends its events' },
      'reordered events': { not: 'Pub/Sub sends its events' },
      'clock skew': ['now'],
      'revoked credentials': ['revokeKey'],
    },
  },
  'Google Pub/Sub': {
    start: () => startSandboxPubSub({ endpoint: () => '', email: 'a@example.org', now }),
    row: {
      slow: ['push'],
      'half answers': PUSHES,
      'wrong types': ['message'],
      'huge pages': ['message'],
      'duplicated events': ['push'],
      'reordered events': ['push'],
      'clock skew': ['now'],
      'revoked credentials': ['rotate'],
    },
  },
  'Jamf Pro': {
    start: () => startSandboxJamf({ now }),
    row: {
      ...BY_INJECT,
      'duplicated events': {
        not: '`sendWebhooks` of `sandbox/jamf/webhooks.ts` sends what it is given',
      },
      'reordered events': {
        not: '`sendWebhooks` of `sandbox/jamf/webhooks.ts` sends what it is given',
      },
      'clock skew': ['now'],
      'revoked credentials': ['revokeClient'],
    },
  },
  'a described partner': {
    start: () => startSandboxPartner({ signIn: { kind: 'standardWebhooks', secret }, now }),
    row: {
      ...BY_INJECT,
      'duplicated events': TESTS_SEND,
      'reordered events': TESTS_SEND,
      'clock skew': ['now'],
      'revoked credentials': ['revoke'],
    },
  },
}

interface Injected {
  readonly origin: string
  inject(
    path: string,
    fault:
      | { kind: 'answer'; answer: { status: number; body: unknown } }
      | { kind: 'hang' | 'close' | 'close-mid-body' | 'malformed' | 'gzip' },
  ): void
}

describe('every stand-in can misbehave on command', () => {
  for (const [name, { start, row }] of Object.entries(SANDBOXES))
    it(`${name}: in each way that makes sense, and says why not in the others`, async () => {
      const standIn = await start()
      try {
        for (const misbehaviour of MISBEHAVIOURS) {
          const how = row[misbehaviour]
          if ('not' in how) assert.ok(how.not.length > 20, misbehaviour)
          else if (how[0] !== 'now')
            assert.equal(
              typeof Reflect.get(standIn, how[0]),
              'function',
              `${misbehaviour}: ${how[0]}`,
            )
        }
        if ('inject' in standIn) await misbehaves(standIn as unknown as Injected)
      } finally {
        await standIn.stop()
      }
    })
})

/** What was injected is what a caller meets, whoever it is; each once, in order. */
async function misbehaves({ origin, inject }: Injected): Promise<void> {
  const ask = (patience = 5_000) =>
    request(`${origin}/any`, { headersTimeout: patience, bodyTimeout: patience })
  inject('/any', { kind: 'hang' })
  await assert.rejects(ask(50), 'slow: without end')
  for (const kind of ['close', 'close-mid-body'] as const) {
    inject('/any', { kind })
    await assert.rejects(async () => (await ask()).body.text(), kind)
  }
  const rows = Array.from({ length: 50_000 }, (_, i) => ({ id: [i], name: { wrong: true } }))
  inject('/any', { kind: 'answer', answer: { status: 200, body: { devices: rows } } })
  const huge = await (await ask()).body.text()
  assert.ok(huge.length > 1_000_000 && huge.includes('"id":[49999]'))
  inject('/any', { kind: 'malformed' })
  const half = await ask()
  const text = await half.body.text()
  assert.throws(() => JSON.parse(text))
}

import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { GIVE_UP_AFTER_IN_MS, nextAttempt } from './back-off.ts'
import { PRIVATE_ADDRESS, isPrivateAddress, publicLookup } from './channels/private-address.ts'
import { whyNotReceiver } from './channels/webhook.ts'
import { checkedAbout } from './notice.ts'
import { LANGUAGES, asHtml, asText, renderNotice } from './render.ts'
import { TEMPLATES, type TemplateId, type Words } from './template.ts'

const ids = Object.keys(TEMPLATES) as TemplateId[]

/** Everything that is wrong with the words of two languages. */
function complaints(
  languages: Readonly<Record<string, { words: Readonly<Record<string, Words>> }>>,
): string[] {
  const placeholders = (words: Words | undefined): string =>
    Object.entries(words ?? {})
      .flatMap(([part, text]) =>
        [...text.matchAll(/\{\w+\}/g)].map((match) => `${part}${match[0]}`),
      )
      .sort()
      .join()
  return ids.flatMap((id) =>
    Object.entries(languages).flatMap(([language, { words }]) => {
      const own = words[id]
      if (!own) return [`${language} lacks ${id}`]
      const text = Object.values(own).join(' ')
      return [
        ...(/http|www\.|:\/\//i.test(text) ? [`${language} ${id} holds a link`] : []),
        ...(placeholders(own) === placeholders(languages.en?.words[id])
          ? []
          : [`${language} ${id} has other placeholders`]),
        ...(own.subject && own.what && own.todo ? [] : [`${language} ${id} is not complete`]),
      ]
    }),
  )
}

describe('the words of notices', () => {
  it('are there in English and Swedish with the same placeholders, and hold no link', () => {
    assert.deepEqual(complaints(LANGUAGES), [])
    assert.deepEqual(Object.keys(LANGUAGES.sv.words).sort(), ids.toSorted())
  })

  it('would be found wanting if a word, a placeholder or a link went astray', () => {
    const { 'support.denied': _, ...missing } = LANGUAGES.sv.words
    const requested = LANGUAGES.sv.words['support.requested']
    const wrong: Record<string, Words>[] = [
      missing,
      { ...LANGUAGES.sv.words, 'support.requested': { ...requested, until: 'Snart.' } },
      { ...LANGUAGES.sv.words, 'support.requested': { ...requested, todo: 'https://x.example' } },
      { ...LANGUAGES.sv.words, 'support.requested': { ...requested, what: '' } },
    ]
    for (const words of wrong)
      assert.notDeepEqual(complaints({ en: LANGUAGES.en, sv: { words } }), [])
  })

  it('say a time with its zone, by the clock of that zone, in the language of the reader', () => {
    const about = { until: '2030-07-01T12:30:00Z', requestId: randomUUID() }
    const notice = { template: 'support.requested' as const, about, tenantId: 'acme' }
    assert.match(asText(renderNotice(notice, 'en', 'UTC')), /1 July 2030 at 12:30 \(UTC\)/)
    assert.match(
      asText(renderNotice(notice, 'sv', 'Europe/Stockholm')),
      /1 juli 2030 kl\. 14:30 \(Europe\/Stockholm\)/,
    )
  })

  it('hold no link in either form, whatever the notice is about', () => {
    for (const template of ids) {
      for (const language of ['en', 'sv'] as const) {
        const about = { until: '2030-07-01T12:30:00Z', requestId: randomUUID() }
        const rendered = renderNotice({ template, about, tenantId: 'acme' }, language, 'UTC')
        const both = `${asText(rendered)}${asHtml(rendered, language)}`
        assert.doesNotMatch(both, /http|href|src=|<img|<script|\{|undefined/i, template)
      }
    }
  })

  it('cannot carry markup into the mail', () => {
    const rendered = renderNotice(
      { template: 'support.denied', about: { requestId: '<b>' }, tenantId: 'acme' },
      'en',
      'UTC',
    )
    assert.match(asHtml(rendered, 'en'), /&lt;b&gt;/)
  })
})

describe('what a notice is about', () => {
  it('is identifiers, times, counts and codes', () => {
    const about = { requestId: randomUUID(), tenantId: 'acme', until: 1_893_499_200_000, count: 3 }
    assert.deepEqual(checkedAbout(about), { ...about, until: '2030-01-01T12:00:00.000Z' })
    assert.deepEqual(checkedAbout({ kind: 'emergency' }), { kind: 'emergency' })
  })

  it('P11 is never a name, an address or a text', () => {
    for (const about of [
      { askerId: 'alva@example.org' },
      { askerName: 'Alva Example' },
      { reason: 'the phone of Alva is lost' },
      { requestId: 'Alva Example' },
      { phone: '+46701740605' },
      { until: 'tomorrow' },
      { 'to\r\nbcc': 'x' },
      { count: 1.5 },
    ])
      assert.throws(() => checkedAbout(about as never), RangeError, JSON.stringify(about))
  })
})

describe('the back-off', () => {
  it('waits a minute, then twice as long each time, six hours at most, three days in all', () => {
    const waits: number[] = []
    let now = 0
    for (let attempts = 1; ; attempts++) {
      const next = nextAttempt(attempts, 0, now)
      if (next === undefined) break
      waits.push((next - now) / 60_000)
      now = next
    }
    assert.deepEqual(waits.slice(0, 10), [1, 2, 4, 8, 16, 32, 64, 128, 256, 360])
    assert.ok(waits.slice(10).every((wait) => wait === 360))
    assert.ok(now <= GIVE_UP_AFTER_IN_MS && now > GIVE_UP_AFTER_IN_MS - 6 * 3_600_000)
  })
})

describe('the address of a receiver', () => {
  const closed = { allowHttp: false, allowPrivateAddresses: false }

  it('is public and https, with nothing hidden in it', () => {
    assert.equal(whyNotReceiver('https://hooks.example.org/sluss?x=1', closed), undefined)
    for (const address of [
      'http://hooks.example.org/',
      'https://user:secret@hooks.example.org/',
      'https://127.0.0.1/',
      'https://2130706433/',
      'https://0x7f.1/',
      'https://0177.0.0.1/',
      'https://[::1]/',
      'https://[::ffff:10.0.0.1]/',
      'https://[fd00::1]/',
      'https://169.254.169.254/latest/meta-data',
      'https://localhost/',
      'https://db.localhost/',
      'https://intranet/',
      'file:///etc/passwd',
      'gopher://hooks.example.org/',
      'hooks.example.org',
      '',
    ])
      assert.notEqual(whyNotReceiver(address, closed), undefined, address)
  })

  it('is private in every special range, and only there', () => {
    for (const address of [
      '8.8.8.8',
      '193.0.6.139',
      '2a00:1450:4001::5e',
      '172.32.0.1',
      '100.128.0.1',
    ])
      assert.equal(isPrivateAddress(address), false, address)
    for (const address of [
      '10.1.2.3',
      '172.31.255.255',
      '192.168.0.1',
      '100.64.0.1',
      '0.0.0.0',
      '::',
      'fe80::1%eth0',
      '64:ff9b::a00:1',
      '2002:a00:1::',
      'ff02::1',
      'nonsense',
    ])
      assert.equal(isPrivateAddress(address), true, address)
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 24 - 1 }), (rest) => {
        const tail = [rest >> 16, (rest >> 8) & 255, rest & 255].join('.')
        return isPrivateAddress(`10.${tail}`) && isPrivateAddress(`::ffff:127.${tail}`)
      }),
    )
  })

  it('is looked at again when its name is looked up: a public name may lead to a private address', async () => {
    for (const all of [true, false]) {
      const code = await new Promise((resolve) => {
        publicLookup('localhost', { all }, (fault) => resolve(fault?.code))
      })
      assert.equal(code, PRIVATE_ADDRESS)
    }
  })
})

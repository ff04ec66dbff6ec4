import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { isRefusal } from '#foundation/refusal.ts'
import { openNote, parseVerifierKey } from '#ledger/verify/note.ts'
import { makeArchiveLink, openArchive, removeEndedLinks } from '#subjects/export.ts'
import { changeRequest } from '#subjects/requests.ts'
import { onlyTheirs, ownNames } from '#subjects/view-redact.ts'
import type { Cut } from '#subjects/view-redact.ts'
import { ACME, MAIL, NAME, type RightsWorld, SERIAL, rightsWorld } from '../../rights.ts'
import { unzip } from '../../unzip.ts'

const DAY = 86_400_000
const OTHERS = ['bo.berg@', 'Bo Berg', 'BOSDEVICE', 'cilla@']

let w: RightsWorld
before(async () => {
  w = await rightsWorld()
  const mine = { [MAIL]: 'anna.ask@example.org', [NAME]: 'Anna Ask' }
  await w.keep(ACME, [
    {
      ...mine,
      [SERIAL]: 'ANNAS1',
      'device.model': 'Phone',
      'device.adminNotes': 'likes <b>blue</b>',
    },
    { ...mine, [SERIAL]: 'ANNAS2', 'device.adminNotes': 'handed over by Bo Berg in May' },
    {
      ...mine,
      [SERIAL]: 'SHARED',
      'person.managedAppleIdUpn': 'bo.berg@example.org',
      'device.adminNotes': 'a note',
    },
    {
      ...mine,
      [SERIAL]: 'CLASS',
      'school.classStudents': 'anna.ask@example.org, bo.berg@example.org, cilla@example.org',
    },
    { [SERIAL]: 'BOSDEVICE', [MAIL]: 'bo.berg@example.org', [NAME]: 'Bo Berg' },
  ])
  await w.tell(ACME, 'disclosure', ['ANNAS1', 'BOSDEVICE'])
  await w.tell(ACME, 'read', ['BOSDEVICE', 'ANNAS1'])
  await w.sequencer.settled()
})
after(() => w.stop())

async function fetchArchive(token: string, now = w.clock.now()) {
  const opened = await openArchive(w.parts, token, now)
  if (isRefusal(opened)) return opened.refused
  const pieces: Buffer[] = []
  for await (const piece of opened.bytes) pieces.push(piece)
  return unzip(Buffer.concat(pieces))
}

async function linkFor(id: string, redactions: readonly Cut[] = [], days = 7): Promise<string> {
  const link = await w.parts.database.write(ACME, (tx) =>
    makeArchiveLink(tx, w.parts, id, { days, redactions }, w.by()),
  )
  assert.ok(!isRefusal(link))
  return link.token
}

const anna = () =>
  w.ask(ACME, { firstName: 'Anna', lastName: 'Ask', email: 'anna.ask@example.org' }, 'export')

describe('the archive of what is held about a person (Art. 15(3), 20)', () => {
  it('holds everything of theirs in JSON, CSV and a document, and nothing of anybody else', async () => {
    const files = await fetchArchive(await linkFor(await anna()))
    assert.ok(typeof files !== 'string', String(files))
    assert.deepEqual(
      [...files.keys()],
      ['document.html', 'data.json', 'data.schema.json', 'data.csv', 'manifest.txt'],
    )
    for (const [name, text] of files)
      for (const canary of OTHERS) assert.ok(!text.includes(canary), `${canary} in ${name}`)
    for (const serial of ['ANNAS1', 'ANNAS2', 'SHARED', 'CLASS'])
      for (const name of ['document.html', 'data.json', 'data.csv'])
        assert.ok(files.get(name)?.includes(serial), `${serial} not in ${name}`)
    const data = JSON.parse(files.get('data.json') ?? '')
    const ofType = (type: string) =>
      data.entries.filter((one: { type: string }) => one.type === type)
    assert.equal(ofType('shared').length, 1)
    assert.equal(ofType('look').length, 1)
    const reasons = ofType('held').flatMap((one: { leftOut: Cut[] }) =>
      one.leftOut.map((cut) => cut.reason),
    )
    assert.deepEqual([...new Set(reasons)].toSorted(), [
      'anotherPerson',
      'freeTextOfOthers',
      'groupRow',
    ])
    assert.ok(!files.get('document.html')?.includes('<b>blue'), 'a value is never markup')
  })

  it('would be caught with another person\u2019s name in it', () => {
    const record = { items: { [MAIL]: 'bo.berg@example.org' } }
    const shown = onlyTheirs(record, w.parts.catalog, ownNames(['bo.berg@example.org']))
    assert.ok(OTHERS.some((canary) => JSON.stringify(shown.items).includes(canary)))
  })

  it('is signed: each file by its hash, in a note that a ledger key opens', async () => {
    const files = await fetchArchive(await linkFor(await anna()))
    assert.ok(typeof files !== 'string')
    const note = files.get('manifest.txt') ?? ''
    const line = /^verifier (.*)$/m.exec(note)?.[1] ?? ''
    const text = openNote(note, parseVerifierKey(line))
    assert.ok(text?.startsWith('sluss.example/rights/acme\n'))
    for (const [name, content] of files) {
      if (name === 'manifest.txt') continue
      const hash = createHash('sha256').update(content).digest('hex')
      assert.ok(text?.includes(`${hash}  ${name}\n`), name)
    }
    assert.equal(openNote(note.replace('request', 'requesT'), parseVerifierKey(line)), undefined)
    const [, entry] = /^entry (.*)$/m.exec(note) ?? []
    const found = await w.test.ownerQuery(
      'select 1 from ledger_segments where $1::uuid = any(entry_ids)',
      [entry],
    )
    assert.equal(found.length, 1, 'that it was fetched is in the log')
  })

  it('leaves out of a redacted copy what it is told to, each with the reason', async () => {
    const files = await fetchArchive(
      await linkFor(await anna(), [{ item: 'device.model', reason: 'legalClaims' }]),
    )
    assert.ok(typeof files !== 'string')
    assert.ok(!files.get('data.csv')?.includes('Phone'))
    assert.match(files.get('data.csv') ?? '', /leftOut,[^\n]*device\.model,[^\n]*,legalClaims/)
  })

  it('is in the person\u2019s language', async () => {
    const id = await anna()
    await w.parts.database.write(ACME, (tx) =>
      tx.change(
        `update rights_requests set language = 'sv' where tenant_id = $1 and request_id = $2`,
        [ACME, id],
      ),
    )
    const files = await fetchArchive(await linkFor(id))
    assert.ok(typeof files !== 'string')
    assert.match(
      files.get('dokument.html') ?? '',
      /<html lang="sv">.*Vad din organisation har om dig/s,
    )
  })

  it('has a link that ends by itself, cannot be guessed, and dies with the request', async () => {
    const id = await anna()
    const token = await linkFor(id, [], 1)
    assert.equal(await fetchArchive(token, w.clock.now() + DAY), 'export_link_over')
    assert.equal(
      await fetchArchive(`${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`),
      'export_link_over',
    )
    assert.equal(await fetchArchive(token.replace('acme', 'beta')), 'export_link_over', 'P9')
    assert.equal(await fetchArchive(''), 'export_link_over')
    const [kept] = await w.test.ownerQuery<{ text: string }>(
      'select string_agg(l::text, $1) as text from rights_export_links l',
      [' '],
    )
    assert.ok(!kept?.text.includes(token.split('.')[1] ?? ''), 'the link itself is not kept')
    await w.parts.database.write(ACME, (tx) => changeRequest(tx, id, { do: 'withdraw' }, w.by()))
    assert.equal(await fetchArchive(token), 'step_state')
    const gone = await w.parts.database.write(ACME, (tx) =>
      removeEndedLinks(tx, w.clock.now() + 2 * DAY),
    )
    assert.ok(gone >= 1)
  })
})

import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { isRefusal } from '#foundation/refusal.ts'
import { changeRequest, decideSubject, openRequest, readServable } from '#subjects/requests.ts'
import { collect } from '#subjects/request-collect.ts'
import { followCorrections, openCorrection } from '#subjects/correct.ts'
import { correctionsOf } from '#subjects/correct.table.ts'
import { delayLook } from '#subjects/view-delays.ts'
import { ACME, BETA, MAIL, NAME, type RightsWorld, SERIAL, rightsWorld } from '../../rights.ts'

const DAY = 86_400_000
const MODEL = 'device.model'

let w: RightsWorld
before(async () => {
  w = await rightsWorld()
})
after(() => w.stop())

const refusedAs = (value: unknown): string | undefined =>
  isRefusal(value) ? value.refused : undefined
const valuesOf = (view: Awaited<ReturnType<RightsWorld['view']>>, item: string) =>
  view.held.flatMap((thing) =>
    thing.items.filter((one) => one.item === item).map((one) => one.value),
  )

describe('a person asks what is held about them (Art. 15)', () => {
  it('gets every device and account, with source, purpose, precision and retention of each item', async () => {
    await w.keep(ACME, [
      { [SERIAL]: 'ANNA1', [MAIL]: 'anna.ask@example.org', [MODEL]: 'Phone' },
      { [SERIAL]: 'ANNA2', [MAIL]: 'anna.ask@example.org', [MODEL]: 'Pad' },
      { [SERIAL]: 'BO1', [MAIL]: 'bo.berg@example.org', [MODEL]: 'Phone' },
    ])
    const view = await w.view(
      ACME,
      await w
        .ask(ACME, { email: 'Anna.Ask@example.org' })
        .catch(() => w.ask(ACME, { email: 'anna.ask@example.org' })),
    )
    assert.deepEqual(valuesOf(view, SERIAL).toSorted(), ['ANNA1', 'ANNA2'])
    for (const item of view.held
      .flatMap((thing) => thing.items)
      .filter((one) => one.item === SERIAL)) {
      assert.equal(item.precision, 'exact')
      assert.notEqual(item.purposes.length, 0)
      assert.notEqual(item.retention, '')
    }
    assert.ok(
      view.held
        .filter((thing) => thing.holder === 'records')
        .every((thing) => thing.source === 'mdm'),
    )
  })

  it('P9 finds nothing of another tenant, where somebody has the same address', async () => {
    await w.keep(BETA, [{ [SERIAL]: 'BETA1', [MAIL]: 'anna.ask@example.org' }])
    const view = await w.view(ACME, await w.ask(ACME, { email: 'anna.ask@example.org' }))
    assert.ok(!valuesOf(view, SERIAL).includes('BETA1'))
  })

  it('is told nothing, and nothing is looked up, before it is known who asks', async () => {
    const asked = {
      type: 'access',
      cameBy: 'api',
      owner: w.officer.accountId,
      language: 'en',
      subject: { firstName: 'An', lastName: 'Impostor', email: 'anna.ask@example.org', names: [] },
    } as const
    const id = await w.parts.database.write(ACME, (tx) => openRequest(tx, w.parts, asked, w.by()))
    assert.ok(!isRefusal(id))
    await collect(w.parts, ACME, id, w.by())
    const [links] = await w.test.ownerQuery<{ count: number }>(
      'select count(*)::int as count from rights_links where request_id = $1',
      [id],
    )
    assert.equal(links?.count, 0)
    const shown = await w.parts.database.read(ACME, (reader) => readServable(reader, w.parts, id))
    assert.equal(refusedAs(shown), 'identity_not_shown')
    await w.parts.database.write(ACME, (tx) =>
      changeRequest(tx, id, { do: 'refuse', reason: 'identityNotShown' }, w.by()),
    )
    const later = await w.parts.database.read(ACME, (reader) => readServable(reader, w.parts, id))
    assert.equal(refusedAs(later), 'step_state')
  })
})

describe('two people with one mail address', () => {
  it('are held apart by a decision, and nothing is shown before it', async () => {
    await w.keep(ACME, [
      { [SERIAL]: 'DESK1', [MAIL]: 'desk@example.org', [NAME]: 'Cilla Carl' },
      { [SERIAL]: 'DESK2', [MAIL]: 'desk@example.org', [NAME]: 'Dan Dahl' },
    ])
    const id = await w.ask(ACME, {
      firstName: 'Cilla',
      lastName: 'Carl',
      email: 'desk@example.org',
    })
    const shown = await w.parts.database.read(ACME, (reader) => readServable(reader, w.parts, id))
    assert.equal(refusedAs(shown), 'identity_ambiguous')
    const early = await w.parts.database.write(ACME, (tx) =>
      changeRequest(tx, id, { do: 'complete', outcome: 'fulfilled' }, w.by()),
    )
    assert.equal(refusedAs(early), 'identity_ambiguous')
    for (const [serial, isTheirs] of [
      ['DESK1', true],
      ['DESK2', false],
    ] as const) {
      const subjectId = await w.subjectOf(ACME, serial)
      const done = await w.parts.database.write(ACME, (tx) =>
        decideSubject(tx, id, { subjectId, isTheirs }, w.by()),
      )
      assert.equal(done, true)
    }
    assert.deepEqual(valuesOf(await w.view(ACME, id), SERIAL), ['DESK1'])
    await w.parts.database.write(ACME, (tx) => changeRequest(tx, id, { do: 'runAgain' }, w.by()))
    await collect(w.parts, ACME, id, w.by())
    assert.deepEqual(
      valuesOf(await w.view(ACME, id), SERIAL),
      ['DESK1'],
      'a decision outlives another run',
    )
  })
})

describe('a person who was renamed', () => {
  it('is found by the old name and the new one', async () => {
    await w.keep(ACME, [
      { [SERIAL]: 'EVA1', [MAIL]: 'eva.ek@example.org', [NAME]: 'Eva Ek' },
      { [SERIAL]: 'EVA2', [MAIL]: 'eva.fors@example.org', [NAME]: 'Eva Fors' },
    ])
    const names = [{ value: 'eva.ek@example.org' }, { value: 'Eva Ek' }, { value: 'Eva Fors' }]
    const view = await w.view(ACME, await w.ask(ACME, { email: 'eva.fors@example.org', names }))
    assert.deepEqual(valuesOf(view, SERIAL).toSorted(), ['EVA1', 'EVA2'])
  })
})

describe('a device that changed hands', () => {
  it('shows each of its people their own time only', async () => {
    const first = { [SERIAL]: 'HAND1', [MAIL]: 'gun@example.org', [MODEL]: 'Phone' }
    await w.keep(ACME, [first])
    w.clock.advance(DAY)
    const duringGun = await w.tell(ACME, 'disclosure', ['HAND1'])
    w.clock.advance(DAY)
    await w.keep(ACME, [{ ...first, [MAIL]: 'hans@example.org' }])
    w.clock.advance(DAY)
    const duringHans = await w.tell(ACME, 'disclosure', ['HAND1'])
    const lookAtHans = await w.tell(ACME, 'read', ['HAND1'])
    const gun = await w.view(ACME, await w.ask(ACME, { email: 'gun@example.org' }))
    const hans = await w.view(ACME, await w.ask(ACME, { email: 'hans@example.org' }))
    assert.deepEqual(
      gun.shared.map((one) => one.entryId),
      [duringGun],
    )
    assert.deepEqual(gun.looks, [])
    assert.deepEqual(valuesOf(gun, MAIL), [], 'what is held now is the other one\u2019s')
    assert.deepEqual(
      hans.shared.map((one) => one.entryId),
      [duringHans],
    )
    assert.deepEqual(
      hans.looks.map((one) => one.entryId),
      [lookAtHans],
    )
    assert.deepEqual(valuesOf(hans, MAIL), ['hans@example.org'])
    assert.ok(!JSON.stringify(hans).includes('gun@'))
  })
})

describe('P8 who looked', () => {
  it('is shown, later where an investigation asks for it, and then by itself', async () => {
    await w.keep(ACME, [{ [SERIAL]: 'IDA1', [MAIL]: 'ida@example.org' }])
    const look = await w.tell(ACME, 'read', ['IDA1'])
    await w.sequencer.settled()
    const id = await w.ask(ACME, { email: 'ida@example.org' })
    assert.deepEqual(
      (await w.view(ACME, id)).looks.map((one) => one.entryId),
      [look],
    )
    const delay = (days: number) =>
      w.parts.database.write(ACME, (tx) => delayLook(tx, look, w.clock.now() + days * DAY, w.by()))
    assert.equal(refusedAs(await delay(31)), 'look_delay_too_long')
    assert.equal(await delay(20), true)
    const hidden = await w.view(ACME, id)
    assert.deepEqual([hidden.looks.length, hidden.laterLooks], [0, 1])
    assert.equal(await delay(25), true)
    w.clock.advance(20 * DAY)
    const shown = await w.view(ACME, id)
    assert.deepEqual(
      [shown.looks.length, shown.laterLooks],
      [1, 0],
      'a date that was set never moves out',
    )
    w.clock.advance(-20 * DAY)
  })

  it('is not kept back by the one who looked', async () => {
    const look = await w.tell(ACME, 'read', ['IDA1'], { actor: w.officer.actor })
    await w.sequencer.settled()
    const own = await w.parts.database.write(ACME, (tx) =>
      delayLook(tx, look, w.clock.now() + DAY, w.by()),
    )
    assert.equal(refusedAs(own), 'look_delay_own')
  })
})

describe('a value that is wrong (Art. 16)', () => {
  it('is disputed until its source sends the right one, and then every party that really got it owes a correction', async () => {
    const held = { [SERIAL]: 'JON1', [MAIL]: 'jon@example.org', [MODEL]: 'Wrong' }
    await w.keep(ACME, [held])
    const about = { data: { items: { [MODEL]: ['exact', 1] } } } as const
    await w.tell(ACME, 'disclosure', ['JON1'], about)
    const unsent = await w.tell(ACME, 'disclosure', ['JON1'], {
      data: { ...about.data, party: 'google' },
    })
    await w.append(ACME, 'outcome', { of: unsent, outcome: 'unsent' })
    const id = await w.ask(ACME, { email: 'jon@example.org' }, 'correct')
    await w.view(ACME, id)
    const subjectId = await w.subjectOf(ACME, 'JON1')
    const wanted = { subjectId, item: MODEL, value: 'Right' }
    const made = await w.parts.database.write(ACME, (tx) =>
      openCorrection(tx, w.parts, id, wanted, w.by()),
    )
    assert.ok(!isRefusal(made), refusedAs(made))
    const again = await w.parts.database.write(ACME, (tx) =>
      openCorrection(tx, w.parts, id, wanted, w.by()),
    )
    assert.equal(refusedAs(again), 'step_state')
    const disputed = (await w.view(ACME, id)).held.flatMap((thing) =>
      thing.items.filter((one) => one.isDisputed),
    )
    assert.deepEqual(
      disputed.map((one) => [one.item, one.value]),
      [[MODEL, 'Wrong']],
    )
    assert.equal(
      await w.parts.database.write(ACME, (tx) => followCorrections(tx, w.parts, w.by())),
      0,
    )
    await w.keep(ACME, [{ ...held, [MODEL]: 'Right' }])
    assert.equal(
      await w.parts.database.write(ACME, (tx) => followCorrections(tx, w.parts, w.by())),
      1,
    )
    const [correction] = await w.parts.database.read(ACME, (reader) => correctionsOf(reader, id))
    assert.equal(correction?.state, 'corrected')
    const owed = await w.test.ownerQuery<{ party_id: string }>(
      'select party_id from obligations where obligation_id = any($1)',
      [correction?.obligations],
    )
    assert.deepEqual(
      owed.map((row) => row.party_id),
      ['apple'],
    )
  })

  it('is corrected here at once where it was entered here, and what it was stays as history', async () => {
    const id = await w.ask(ACME, { email: 'officer@acme.example.org' }, 'correct')
    const wanted = {
      subjectId: w.officer.accountId,
      item: 'account.displayName',
      value: 'Karin Officer',
    }
    const made = await w.parts.database.write(ACME, (tx) =>
      openCorrection(tx, w.parts, id, wanted, w.by()),
    )
    assert.ok(!isRefusal(made), refusedAs(made))
    assert.deepEqual(valuesOf(await w.view(ACME, id), 'account.displayName'), ['Karin Officer'])
    const [kept] = await w.parts.database.read(ACME, (reader) => correctionsOf(reader, id))
    assert.deepEqual([kept?.route, kept?.state], ['here', 'corrected'])
  })
})

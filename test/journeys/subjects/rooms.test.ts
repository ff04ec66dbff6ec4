import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { createAccount } from '#access/account-updates.ts'
import { recordContract } from '#agreements/party.ts'
import { isRefusal } from '#foundation/refusal.ts'
import { openCorrection } from '#subjects/correct.ts'
import { changeRequest, readRequest } from '#subjects/requests.ts'
import { createScimUser } from '#subjects/scim-users.ts'
import { isScimError } from '#subjects/scim-error.ts'
import { viewSubjects } from '#subjects/view-page.ts'
import { openCase } from '#support/case.ts'
import { keepReason } from '#viewing/reveal-reasons.ts'
import { subjectRightsJob } from '../../../src/node/subject-rights.ts'
import { ACME, MAIL, type RightsWorld, SERIAL, rightsWorld } from '../../rights.ts'

const CANARY = 'somebody-else'

let w: RightsWorld
before(async () => {
  w = await rightsWorld()
})
after(() => w.stop())

/** One of everything that rooms keep about a person, under a mail address; text of others carries the canary. */
async function leaveTraces(mail: string, serial: string): Promise<void> {
  const { database, keys, accounts, catalog } = w.parts
  await w.keep(ACME, [{ [SERIAL]: serial, [MAIL]: mail }])
  const subjectId = await w.subjectOf(ACME, serial)
  await database.write(ACME, async (tx) => {
    const account = await createAccount(
      tx,
      accounts,
      { kind: 'person', displayName: mail, mail },
      w.by(),
    )
    assert.ok(!isRefusal(account))
    const by = { actor: `admin:${account}`, at: w.clock.now() }
    const document = {
      partyId: 'apple',
      documentHash: 'a'.repeat(64),
      purposes: ['device-management'],
      from: by.at,
    }
    await recordContract(tx, document, by)
    const principal = {
      tenantId: ACME,
      accountId: account,
      kind: 'person',
      groups: [],
      personMarks: [],
      language: 'en',
      authenticatedAt: 0,
      methods: [],
    } as const
    await openCase(tx, { keys }, { reference: CANARY, title: CANARY }, { principal, now: by.at })
    await keepReason(tx, keys, randomUUID(), subjectId, 'compared with the order')
    const notice = randomUUID()
    await tx.change(
      `insert into notices (tenant_id, notice_id, template, audiences, about, queued_at, due_at)
       values ($1, $2, 'notice.test', '{account}', '{}', now(), now())`,
      [ACME, notice],
    )
    await tx.change(
      `insert into notice_sends (tenant_id, notice_id, recipient, channel, state, first_at, next_attempt_at)
       values ($1, $2, $3, 'mail', 'sent', now(), now())`,
      [ACME, notice, account],
    )
    await tx.change(
      'insert into party_names (tenant_id, party_id, item_id, name, subject_id, sealed) values ($1, $2, $3, $4, $5, $6)',
      [
        ACME,
        'apple',
        'person.intuneUserIdGuid',
        `name-of-${serial}`,
        subjectId,
        Buffer.from('sealed'),
      ],
    )
    const user = await createScimUser(
      tx,
      { keys, catalog },
      { userName: mail, emails: [{ value: mail }] },
      by,
    )
    assert.ok(!isScimError(user))
  })
}

describe('what every room holds about a person', () => {
  it('is told, of each room and of nobody else', async () => {
    await leaveTraces('rut@example.org', 'RUT1')
    await leaveTraces('sam@example.org', 'SAM1')
    const view = await w.view(ACME, await w.ask(ACME, { email: 'rut@example.org' }))
    const kinds = new Set(view.held.map((thing) => `${thing.holder}/${thing.kind}`))
    for (const kind of [
      'records/device',
      'access/account',
      'agreements/contract',
      'support/supportCase',
      'viewing/revealReason',
      'notify/notice',
      'sharing/partyName',
      'directory/directoryUser',
      'subjects/rightsRequest',
    ])
      assert.ok(kinds.has(kind), kind)
    const text = JSON.stringify(view)
    for (const canary of ['sam@', 'SAM1', CANARY]) assert.ok(!text.includes(canary), canary)
  })

  it('P8 is shown a page at a time to whoever serves the request, and each page is a look that the person sees', async () => {
    const serials = ['T1', 'T2', 'T3', 'T4', 'T5']
    await w.keep(
      ACME,
      serials.map((serial) => ({ [SERIAL]: serial, [MAIL]: 'tea@example.org' })),
    )
    const id = await w.ask(ACME, { email: 'tea@example.org' })
    const seen: string[] = []
    let after: string | undefined
    let pages = 0
    do {
      const page = await viewSubjects(w.parts, ACME, id, { after, top: 2 }, w.by())
      assert.ok(!isRefusal(page))
      pages++
      for (const row of page.rows)
        for (const thing of row.held)
          for (const one of thing.items) if (one.item === SERIAL) seen.push(String(one.value))
      after = page.next?.[0] as string | undefined
    } while (after !== undefined)
    assert.deepEqual([seen.toSorted(), pages], [serials, 3])
    const { looks } = await w.view(ACME, id)
    assert.equal(looks.length, 5, 'each device was looked at once')
    assert.ok(
      looks.every((look) => look.by === w.officer.actor && look.purpose === 'subject-rights'),
    )
  })

  it('P11 is nothing once the key is destroyed, though rows may wait; what the request said goes a year later', async () => {
    await w.keep(ACME, [{ [SERIAL]: 'UNO1', [MAIL]: 'uno@example.org', 'device.model': 'Phone' }])
    const id = await w.ask(ACME, { email: 'uno@example.org' })
    const subjectId = await w.subjectOf(ACME, 'UNO1')
    const { database, keys } = w.parts
    const wanted = { subjectId, item: 'device.model', value: 'Pad' }
    const opened = await database.write(ACME, (tx) =>
      openCorrection(tx, w.parts, id, wanted, w.by()),
    )
    assert.ok(!isRefusal(opened))
    await database.write(ACME, (tx) => keys.destroySubjectKey(tx, subjectId))
    const view = await w.view(ACME, id)
    assert.deepEqual(
      view.held.filter((thing) => thing.holder === 'records'),
      [],
    )
    const job = subjectRightsJob(
      w.parts,
      () => w.clock.now(),
      async () => {},
    )
    await job.run({} as never)
    const change = { do: 'complete', outcome: 'fulfilled' } as const
    await database.write(ACME, (tx) => changeRequest(tx, id, change, w.by()))
    const email = async () =>
      (await database.read(ACME, (reader) => readRequest(reader, w.parts, id)))?.subject.email
    assert.equal(await email(), 'uno@example.org')
    w.clock.advance(366 * 86_400_000)
    await job.run({} as never)
    assert.equal(await email(), '')
  })
})

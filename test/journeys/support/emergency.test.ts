import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { useGrant } from '#access/grants.ts'
import { countSealed, opensSealed } from '#ledger/verify/sealed.ts'
import {
  ACME,
  HOUR,
  ITEMS,
  type Person,
  REASON,
  START,
  type SupportBench,
  approveAs,
  code,
  grantOf,
  must,
  supportBench,
} from '../../support-access.ts'
import { accessReport } from '#support/access-report.ts'
import type { Wanted } from '#support/support.ts'

const DAY = 24 * HOUR

describe('emergency access', () => {
  let bench: SupportBench
  let asker: Person
  let second: Person
  let third: Person
  let officer: Person
  let caseId: string
  before(async () => {
    bench = await supportBench()
    asker = await bench.person('erin')
    second = await bench.person('maja')
    third = await bench.person('omar')
    officer = await bench.person('anna', ACME)
    caseId = must(
      await bench.support.openCase(ACME, { reference: 'INC-3', title: 'Outage' }, as(officer)),
    )
  })
  after(() => bench?.stop())
  const as = (person: Person, now = START) => ({ principal: person.principal, now })
  const wanted = (change: Partial<Wanted> = {}): Wanted => ({
    caseId,
    scope: { kind: 'records', ids: bench.records.slice(0, 1) },
    items: ITEMS,
    purpose: 'remote-assistance',
    reason: REASON,
    ...change,
  })
  const ask = (now = START) => bench.support.askEmergency(ACME, wanted(), as(asker, now))
  const about = async (kind: string) => (await bench.entries()).filter((one) => one.kind === kind)

  it('needs a second person, tells the customer in the same commit, and is short', async () => {
    assert.equal(
      code(await bench.support.askEmergency(ACME, wanted({ durationMs: HOUR + 1 }), as(asker))),
      'duration_too_long',
    )
    const emergencyId = must(await ask())
    assert.equal(
      code(await bench.support.openEmergency(ACME, emergencyId, as(asker))),
      'emergency_not_allowed',
    )
    const twin = await bench.person('erin', undefined, ['mark-erin'])
    assert.equal(
      code(await bench.support.openEmergency(ACME, emergencyId, as(twin))),
      'emergency_not_allowed',
    )
    assert.equal(
      code(await bench.support.openEmergency(ACME, emergencyId, as(officer))),
      'wrong_realm',
    )
    bench.notices.length = 0
    const grantId = must(await bench.support.openEmergency(ACME, emergencyId, as(second)))
    assert.deepEqual(
      bench.notices.map((notice) => `${notice.template} ${notice.audience}`).sort(),
      ['emergency.opened approvers', 'emergency.opened privacyContact'],
    )
    const grant = await grantOf(bench, grantId)
    assert.deepEqual([grant.kind, grant.endsAt], ['emergency', START + HOUR])
    assert.equal((await about('emergency.opened')).length, 1)
    const used = (now: number) =>
      bench.database.write(ACME, (tx) => useGrant(tx, grantId, asker.principal.accountId, now))
    assert.equal(code(await used(START + 1)), 'ok')
    assert.equal(code(await used(START + HOUR)), 'grant_ended')
  })

  it('the review is forced: by a third operator and by the tenant, before this person asks again', async () => {
    const report = await bench.database.read(ACME, (reader) =>
      accessReport(reader, bench.parts, START),
    )
    const [open] = report.emergenciesNotReviewed
    assert.ok(open)
    assert.equal(code(await ask()), 'review_outstanding')
    assert.equal(code(await bench.support.ask(ACME, wanted(), as(asker))), 'review_outstanding')
    const twin = await bench.person('erin', undefined, ['mark-erin'])
    assert.equal(
      code(await bench.support.askEmergency(ACME, wanted(), as(twin))),
      'review_outstanding',
    )
    const review = (person: Person) =>
      bench.support.reviewEmergency(ACME, open.emergencyId, 'justified', as(person, START + 2))
    assert.equal(code(await review(asker)), 'self_approval')
    assert.equal(code(await review(second)), 'self_approval')
    must(await review(third))
    assert.equal(code(await ask()), 'review_outstanding')
    assert.equal(code(await review(third)), 'request_state')
    must(await review(officer))
    must(await ask(START + 3))
    const [sealed] = await about('sealed')
    const [opened] = await about('sealed.opened')
    assert.ok(sealed && opened && opensSealed(sealed, opened))
    assert.doesNotMatch(String(sealed.json), /device\.model/)
    assert.match(String(opened.data['text']), /device\.model/)
  })

  it('of two that were asked for before the first was opened, one is opened', async () => {
    const asked = [must(await ask(START + 10)), must(await ask(START + 10))]
    const node = await bench.secondNode()
    const answers = await Promise.all([
      bench.support.openEmergency(ACME, asked[0] ?? '', as(second, START + 11)),
      node.support.openEmergency(ACME, asked[1] ?? '', as(third, START + 11)),
    ])
    assert.deepEqual(answers.map(code).sort(), ['ok', 'review_outstanding'])
  })

  it('dies when nobody opens it within 15 minutes', async () => {
    const other = await bench.person('nils')
    const id = must(await bench.support.askEmergency(ACME, wanted(), as(other)))
    const late = await bench.support.openEmergency(ACME, id, as(second, START + 15 * 60_000))
    assert.equal(code(late), 'request_expired')
  })

  it('P8 sealed entries are counted from the ledger alone, and open by themselves at their date', async () => {
    const seal = (cls: 'legalHold' | 'automation', days: number) =>
      bench.support.seal(
        ACME,
        { class: cls, text: `order ${cls} ${days}`, opensAt: START + days * DAY },
        as(second),
      )
    must(await seal('legalHold', 90))
    must(await seal('automation', 5))
    assert.equal(code(await seal('legalHold', 731)), 'query_invalid')
    assert.equal(code(await seal('legalHold', 0)), 'query_invalid')
    const counted = countSealed(await bench.entries())
    assert.equal(counted.sealed['legalHold'], 1)
    assert.equal(counted.latestOpening, new Date(START + 90 * DAY).toISOString())
    const { sealed } = await bench.database.read(ACME, (reader) =>
      accessReport(reader, bench.parts, START),
    )
    assert.deepEqual(
      Object.fromEntries(sealed.map((one) => [one.class, one.count])),
      counted.sealed,
    )
    const [row] = await bench.test.ownerQuery<{ found: number }>(
      `select count(*)::int as found from sealed_entries s where encode(s.sealed, 'escape') like '%order%'`,
    )
    assert.equal(row?.found, 0)
    await bench.support.sweep(START + 5 * DAY)
    await bench.support.sweep(START + 5 * DAY)
    const opened = (await about('sealed.opened')).filter(
      (one) => one.data['class'] === 'automation',
    )
    assert.equal(opened.length, 1)
    assert.equal(opened[0]?.data['text'], 'order automation 5')
    assert.equal(countSealed(await bench.entries()).sealed['automation'], undefined)
  })

  it('a text that is not the sealed one does not open the seal', async () => {
    const [sealed] = await about('sealed')
    const [opened] = await about('sealed.opened')
    assert.ok(sealed && opened && opensSealed(sealed, opened))
    const other = { ...opened, data: { ...opened.data, text: `${String(opened.data['text'])} ` } }
    assert.equal(opensSealed(sealed, other), false)
    assert.equal(countSealed([sealed, other]).sealed['emergency'], 1)
    await assert.rejects(
      bench.test.ownerQuery(
        `set sluss.tenant_id = '${ACME}'; update sealed_entries set opens_at = opens_at + interval '1 day'`,
      ),
      /can only be opened/,
    )
  })

  it('the report says who can read now, who could, and what lapsed, with or without a sweep', async () => {
    const engineer = await bench.person('ines')
    must(await bench.support.changeSettings({ starts: 'firstUse', lapseHours: 1 }, as(officer)))
    const granted = async (): Promise<string> => {
      const requestId = must(await bench.support.ask(ACME, wanted(), as(engineer)))
      must(await bench.support.providerApprove(ACME, requestId, as(third)))
      return must(await approveAs(bench.support, officer, requestId, START))
    }
    const used = await granted()
    const unused = await granted()
    await bench.database.write(ACME, (tx) =>
      useGrant(tx, used, engineer.principal.accountId, START),
    )
    const at = (now: number) =>
      bench.database.read(ACME, (reader) => accessReport(reader, bench.parts, now))
    const ids = (grants: readonly { grantId: string }[]) => grants.map((grant) => grant.grantId)
    const now = await at(START)
    assert.ok(ids(now.canReadNow).includes(used) && ids(now.couldRead).includes(unused))
    const later = await at(START + HOUR)
    assert.ok(ids(later.lapsedUnused).includes(unused) && !ids(later.couldRead).includes(unused))
    const last = await at(START + 5 * HOUR)
    assert.ok(!ids(last.canReadNow).includes(used))
  })
})

import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import { grantState, useGrant } from '#access/grants.ts'
import { removeSigningKey } from '#access/signing-keys.ts'
import { isRefusal } from '#foundation/refusal.ts'
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
  signed,
  supportBench,
} from '../../test/support-access.ts'
import { readRequest } from './request.table.ts'
import { stateOf } from './request.ts'
import type { Wanted } from './support.ts'

const DEVICE = 'remote-assistance'

describe('support access', () => {
  let bench: SupportBench
  let asker: Person
  let manager: Person
  let approver: Person
  let caseId: string

  before(async () => {
    bench = await supportBench()
    asker = await bench.person('erin')
    manager = await bench.person('maja')
    approver = await bench.person('anna', ACME)
  })
  after(() => bench?.stop())
  beforeEach(async () => {
    bench.lost.clear()
    bench.notices.length = 0
    const by = { principal: approver.principal, now: START }
    caseId = must(await bench.support.openCase(ACME, { reference: 'INC-1', title: 'Phones' }, by))
    must(
      await bench.support.changeSettings(
        { starts: 'approval', answerHours: 12, lapseHours: 24 },
        by,
      ),
    )
  })

  const wanted = (change: Partial<Wanted> = {}): Wanted => ({
    caseId,
    scope: { kind: 'records', ids: bench.records.slice(0, 3) },
    items: ITEMS,
    purpose: DEVICE,
    reason: REASON,
    ...change,
  })
  const as = (person: Person, now = START) => ({ principal: person.principal, now })
  const ask = async (change: Partial<Wanted> = {}, now = START): Promise<string> =>
    must(await bench.support.ask(ACME, wanted(change), as(asker, now)))
  /** Asked, and approved by the operator. */
  const waiting = async (change: Partial<Wanted> = {}, now = START): Promise<string> => {
    const requestId = await ask(change, now)
    must(await bench.support.providerApprove(ACME, requestId, as(manager, now)))
    return requestId
  }
  const granted = async (change: Partial<Wanted> = {}, now = START): Promise<string> =>
    must(await approveAs(bench.support, approver, await waiting(change, now), now))
  const use = (grantId: string, now: number, person = asker) =>
    bench.database.write(ACME, (tx) => useGrant(tx, grantId, person.principal.accountId, now))
  const stateAt = (requestId: string, now: number) =>
    bench.database.read(ACME, async (reader) => {
      const request = await readRequest(reader, bench.keys, requestId)
      return request && stateOf(request, undefined, now)
    })

  describe('asking', () => {
    it('P7 gives nothing by itself, nor by the approval of the operator alone', async () => {
      const requestId = await waiting()
      const request = await bench.database.read(ACME, (reader) =>
        readRequest(reader, bench.keys, requestId),
      )
      assert.equal(request?.recordedState, 'providerApproved')
      assert.equal(code(await use(request.grantId, START)), 'grant_missing')
    })
    for (const [name, change, refused] of [
      ['a reason of blanks', { reason: `a${' '.repeat(40)}b` }, 'reason_too_thin'],
      [
        'a reason of one word over and over',
        { reason: 'test test test test test test' },
        'reason_too_thin',
      ],
      ['a reason of one letter', { reason: 'x'.repeat(60) }, 'reason_too_thin'],
      ['a reason shorter than 20 characters', { reason: 'see the phone now' }, 'reason_too_thin'],
      ['more than 8 hours', { durationMs: 8 * HOUR + 1 }, 'duration_too_long'],
      ['no time at all', { durationMs: 0 }, 'duration_too_long'],
      ['an item nobody knows', { items: ['device.shoeSize'] }, 'item_unclassified'],
      ['an item that is never collected', { items: ['never.textMessages'] }, 'item_never'],
      ['no item', { items: [] }, 'nothing_allowed'],
      ['a purpose nobody declared', { purpose: 'curiosity' }, 'purpose_undeclared'],
      ['marketing', { purpose: 'marketing' }, 'purpose_forbidden'],
      [
        'a case that is not there',
        { caseId: '00000000-0000-4000-8000-000000000000' },
        'case_unknown',
      ],
    ] as const satisfies readonly (readonly [string, Partial<Wanted>, string])[]) {
      it(`refuses ${name}`, async () => {
        const answer = await bench.support.ask(ACME, wanted(change), as(asker))
        assert.equal(code(answer), refused)
      })
    }
    it('takes 4 hours when nothing is said', async () => {
      const grant = await grantOf(bench, await granted())
      assert.equal(grant.durationMs, 4 * HOUR)
    })
    it('is for the operator only, and for who holds the role', async () => {
      assert.equal(code(await bench.support.ask(ACME, wanted(), as(approver))), 'wrong_realm')
      bench.lost.add(`${asker.principal.accountId} Support access/Request`)
      assert.equal(code(await bench.support.ask(ACME, wanted(), as(asker))), 'role_missing')
      assert.equal((await bench.entries()).at(-1)?.kind, 'access.refused')
      assert.equal(code(await bench.support.ask('nobody', wanted(), as(manager))), 'tenant_unknown')
    })
    it('keeps words sealed: no row and no entry has the reason', async () => {
      await ask()
      const [row] = await bench.test.ownerQuery<{ found: number }>(
        `select count(*)::int as found from support_requests r where r::text like '%error 1204%'
           or encode(r.reason, 'escape') like '%error 1204%'`,
      )
      assert.equal(row?.found, 0)
      for (const entry of await bench.entries()) assert.doesNotMatch(entry.json, /error 1204/)
    })
  })

  describe('approving', () => {
    it('P7 waits for the operator to approve first', async () => {
      const answer = await approveAs(bench.support, approver, await ask(), START)
      assert.equal(code(answer), 'request_state')
    })
    it('P7 the asker never approves, for the operator or for the customer', async () => {
      const requestId = await ask()
      const own = await bench.support.providerApprove(ACME, requestId, as(asker))
      assert.equal(code(own), 'self_approval')
      must(await bench.support.providerApprove(ACME, requestId, as(manager)))
      const refused = (await bench.entries()).filter((entry) => entry.kind === 'access.refused')
      assert.equal(refused.at(-1)?.data['reason'], 'self_approval')
    })
    it('fault: self-approval through a second account of the same person is refused on both sides', async () => {
      const second = await bench.person('erin', undefined, ['mark-other', 'mark-erin'])
      const inside = await bench.person('erin', ACME, ['mark-erin'])
      const requestId = await ask()
      const own = await bench.support.providerApprove(ACME, requestId, as(second))
      assert.equal(code(own), 'self_approval')
      must(await bench.support.providerApprove(ACME, requestId, as(manager)))
      assert.equal(code(await approveAs(bench.support, inside, requestId, START)), 'self_approval')
      const both = await bench.person('maja', ACME, ['mark-maja'])
      assert.equal(code(await approveAs(bench.support, both, requestId, START)), 'self_approval')
      must(await approveAs(bench.support, approver, requestId, START))
    })
    it('fault: an approver who lost the role approves nothing, by whichever client', async () => {
      const requestId = await waiting()
      bench.lost.add(`${approver.principal.accountId} Support requests/Approve`)
      const answer = await approveAs(bench.support, approver, requestId, START)
      assert.equal(code(answer), 'approver_missing')
      bench.lost.clear()
      must(await approveAs(bench.support, approver, requestId, START))
    })
    it('fault: of two approvals at once on two nodes exactly one counts', async () => {
      const node = await bench.secondNode()
      const colleague = await bench.person('bo', ACME)
      for (let round = 0; round < 5; round++) {
        const requestId = await waiting()
        const answers = await Promise.all([
          approveAs(bench.support, approver, requestId, START),
          approveAs(node.support, colleague, requestId, START),
        ])
        assert.deepEqual(answers.map(code).sort(), ['ok', 'request_state'])
        const approvals = (await bench.entries()).filter(
          (entry) => entry.kind === 'support.approved' && entry.data['request'] === requestId,
        )
        assert.equal(approvals.length, 1)
      }
    })
    it("fault: a request that nobody answers dies after 12 hours, or the tenant's own time", async () => {
      const requestId = await waiting()
      assert.equal(await stateAt(requestId, START + 12 * HOUR - 1), 'providerApproved')
      assert.equal(await stateAt(requestId, START + 12 * HOUR), 'expired')
      const late = await approveAs(bench.support, approver, requestId, START + 12 * HOUR)
      assert.equal(code(late), 'request_expired')
      must(await bench.support.changeSettings({ answerHours: 1 }, as(approver)))
      assert.equal(await stateAt(await waiting(), START + HOUR), 'expired')
      for (const answerHours of [0, 97, 1.5])
        assert.equal(
          code(await bench.support.changeSettings({ answerHours }, as(approver))),
          'query_invalid',
        )
    })
    it('P7 narrows and never widens', async () => {
      const requestId = await waiting({ durationMs: 2 * HOUR })
      for (const wider of [
        { items: [...ITEMS, 'device.imei'] },
        { records: [bench.records[4] ?? ''] },
        { durationMs: 2 * HOUR + 1 },
        { precision: 'exact' as const },
        { items: [] },
      ])
        assert.equal(
          code(await approveAs(bench.support, approver, requestId, START, wider)),
          'request_wider',
        )
      const narrowing = {
        items: [ITEMS[1]],
        records: bench.records.slice(1, 2),
        durationMs: HOUR,
      }
      const grant = await grantOf(
        bench,
        must(await approveAs(bench.support, approver, requestId, START, narrowing)),
      )
      assert.deepEqual([...grant.items], narrowing.items)
      assert.deepEqual(grant.records, narrowing.records)
      assert.equal(grant.endsAt, START + HOUR)
    })
    it('freezes a query into the records that the approver saw', async () => {
      const filter = { op: 'eq' as const, field: 'kind', value: 'device' }
      const requestId = await waiting({ scope: { kind: 'query', filter } })
      const offer = must(await bench.support.textToSign(requestId, {}, as(approver)))
      const later = '99999999-0000-4000-8000-000000000000'
      bench.records.push(later)
      const { records, text } = offer
      const approval = { records, text, signature: signed(approver, text) }
      const grant = await grantOf(
        bench,
        must(await bench.support.approve(requestId, approval, as(approver))),
      )
      bench.records.splice(bench.records.indexOf(later), 1)
      assert.deepEqual(grant.records, records)
      assert.ok(!grant.records.includes(later))
    })
    it('refuses a signature over anything else, of another key, or of a removed one', async () => {
      const requestId = await waiting()
      const { text, records } = must(await bench.support.textToSign(requestId, {}, as(approver)))
      const colleague = await bench.person('bo', ACME)
      const send = (signature: ReturnType<typeof signed>, body = text) =>
        bench.support.approve(requestId, { text: body, records, signature }, as(approver))
      assert.equal(code(await send(signed(approver, `${text} `))), 'approval_signature')
      assert.equal(code(await send(signed(colleague, text))), 'approval_signature')
      const forged = { ...signed(colleague, text), keyId: approver.keyId }
      assert.equal(code(await send(forged)), 'approval_signature')
      const other = text.replace(`"durationMs":${4 * HOUR}`, `"durationMs":${8 * HOUR}`)
      assert.notEqual(other, text)
      assert.equal(code(await send(signed(approver, other), other)), 'precondition_failed')
      must(await send(signed(approver, text)))
      const removed = await bench.person('rut', ACME)
      const second = await waiting()
      await bench.database.write(ACME, (tx) =>
        removeSigningKey(tx, removed.principal.accountId, removed.keyId, {
          actor: 'admin:x',
          at: START,
        }),
      )
      const answer = await approveAs(bench.support, removed, second, START)
      assert.equal(code(answer), 'approval_signature')
    })
    it('knows that the customer was told, and still takes the answer', async () => {
      const requestId = await waiting()
      assert.equal(await bench.support.notified(ACME, requestId, START), true)
      assert.equal(await bench.support.notified(ACME, requestId, START), false)
      assert.equal(await stateAt(requestId, START), 'customerNotified')
      must(await approveAs(bench.support, approver, requestId, START))
    })
    it('refuses a signature that was used before', async () => {
      const first = await waiting()
      const second = await waiting()
      const { text, records } = must(await bench.support.textToSign(first, {}, as(approver)))
      const signature = signed(approver, text)
      must(await bench.support.approve(first, { text, records, signature }, as(approver)))
      const again = await bench.support.approve(second, { text, records, signature }, as(approver))
      assert.equal(code(again), 'approval_replayed')
    })
  })

  describe('time', () => {
    it('fault: the clock of an access starts at the approval, not at the request', async () => {
      const requestId = await waiting({ durationMs: 2 * HOUR })
      const at = START + 11 * HOUR
      const grant = await grantOf(
        bench,
        must(await approveAs(bench.support, approver, requestId, at)),
      )
      assert.equal(grant.endsAt, at + 2 * HOUR)
      assert.equal(code(await use(grant.grantId, at + 2 * HOUR - 1)), 'ok')
      assert.equal(code(await use(grant.grantId, at + 2 * HOUR)), 'grant_ended')
    })
    it('starts at first use where the tenant chose so, once', async () => {
      must(await bench.support.changeSettings({ starts: 'firstUse' }, as(approver)))
      const grantId = await granted({ durationMs: HOUR })
      assert.equal(grantState(await grantOf(bench, grantId), START + 20 * HOUR), 'notStarted')
      const first = await Promise.all(
        Array.from({ length: 4 }, () => use(grantId, START + 20 * HOUR)),
      )
      assert.deepEqual(first.map(code), ['ok', 'ok', 'ok', 'ok'])
      const starts = (await bench.entries()).filter(
        (entry) => entry.kind === 'grant.started' && entry.data['grant'] === grantId,
      )
      assert.equal(starts.length, 1)
      assert.equal(code(await use(grantId, START + 21 * HOUR)), 'grant_ended')
    })
    it('fault: an approval that nobody uses does not live for ever', async () => {
      must(await bench.support.changeSettings({ starts: 'firstUse' }, as(approver)))
      const grantId = await granted()
      assert.equal(code(await use(grantId, START + 24 * HOUR)), 'grant_lapsed')
      assert.equal(
        code(await use(grantId, START + 23 * HOUR)),
        'grant_lapsed',
        'the clock went back',
      )
    })
    it('P7 a clock that is set back gives no time back', async () => {
      const grantId = await granted({ durationMs: HOUR })
      assert.equal(code(await use(grantId, START + 10)), 'ok')
      assert.equal(code(await use(grantId, START + HOUR)), 'grant_ended')
      assert.equal(code(await use(grantId, START + 20)), 'grant_ended')
      const requestId = await waiting()
      await bench.support.sweep(START + 12 * HOUR)
      assert.equal(
        code(await approveAs(bench.support, approver, requestId, START)),
        'request_expired',
      )
    })
    it('fault: nothing goes beyond the hard maximum, not even by hand in the database', async () => {
      const grantId = await granted({ durationMs: 8 * HOUR })
      for (const change of [
        `duration_ms = 36000000`,
        `ends_at = ends_at + interval '1 hour'`,
        `records = records || '{x}'`,
        `items = items || '{device.imei}'`,
        `precision = 'exact'`,
      ])
        await assert.rejects(
          bench.test.ownerQuery(
            `set sluss.tenant_id = '${ACME}'; update access_grants set ${change} where grant_id = '${grantId}'`,
          ),
          /cannot be widened or extended|violates check/,
          change,
        )
    })
    it('fault: an extension is a new request; nothing extends in place', async () => {
      const grantId = await granted({ durationMs: HOUR })
      must(await use(grantId, START))
      const before = await grantOf(bench, grantId)
      const second = await granted({ durationMs: HOUR }, START + HOUR / 2)
      assert.notEqual(second, grantId)
      assert.equal((await grantOf(bench, grantId)).endsAt, before.endsAt)
      assert.equal(code(await use(grantId, START + HOUR)), 'grant_ended')
      assert.equal(code(await use(second, START + HOUR)), 'ok')
    })
  })

  describe('ending', () => {
    it('P7 either side ends an access early, and others cannot', async () => {
      const first = await granted()
      assert.equal(code(await bench.support.endGrant(ACME, first, as(manager))), 'grant_missing')
      must(await bench.support.endGrant(ACME, first, as(approver, START + 1)))
      assert.equal(code(await use(first, START + 2)), 'grant_ended')
      const second = await granted()
      must(await bench.support.endGrant(ACME, second, as(asker, START + 1)))
      assert.equal(code(await use(second, START + 2)), 'grant_ended')
      assert.equal(code(await bench.support.endGrant(ACME, second, as(asker))), 'grant_ended')
    })
    it('P5 an end is known on the other node within a second', async () => {
      const node = await bench.secondNode()
      const grantId = await granted()
      const told = Promise.withResolvers<number>()
      const stop = await node.database.listen('sluss_facts', (payload) => {
        if (payload === ACME) told.resolve(performance.now())
      })
      const began = performance.now()
      must(await bench.support.endGrant(ACME, grantId, as(approver)))
      assert.ok((await told.promise) - began < 1_000)
      const answer = await node.database.write(ACME, (tx) =>
        useGrant(tx, grantId, asker.principal.accountId, START),
      )
      assert.equal(code(answer), 'grant_ended')
      await stop()
    })
    it('fault: no grant outlives its case, and what still waits is cancelled', async () => {
      const grantId = await granted()
      const requestId = await waiting()
      must(await bench.support.closeCase(ACME, caseId, as(approver, START + 5)))
      assert.equal(code(await use(grantId, START + 6)), 'grant_ended')
      assert.equal(await stateAt(requestId, START + 6), 'cancelled')
      assert.equal((await grantOf(bench, grantId)).endReason, 'caseClosed')
      assert.equal(code(await bench.support.ask(ACME, wanted(), as(asker))), 'case_closed')
    })
    it('fault: history stays readable after everything is over, and no row can be deleted', async () => {
      const requestId = await waiting()
      const grantId = must(await approveAs(bench.support, approver, requestId, START))
      await bench.support.sweep(START + 400 * 24 * HOUR)
      const request = await bench.database.read(ACME, (reader) =>
        readRequest(reader, bench.keys, requestId),
      )
      assert.equal(request?.reason, REASON)
      assert.equal((await grantOf(bench, grantId)).endReason, 'lapsed')
      for (const table of ['access_grants', 'support_requests', 'support_cases', 'sealed_entries'])
        await assert.rejects(
          bench.database.write(ACME, (tx) =>
            tx.change(`delete from ${table} where tenant_id = $1`, [ACME]),
          ),
          table,
        )
    })
    it('a sweep records each end once, dated by when it was over', async () => {
      const requestId = await waiting({ durationMs: HOUR })
      const used = await granted({ durationMs: HOUR })
      const unused = await granted({ durationMs: HOUR })
      must(await use(used, START + 1))
      const node = await bench.secondNode()
      const at = START + 13 * HOUR
      await Promise.all([bench.support.sweep(at), node.support.sweep(at), bench.support.sweep(at)])
      const about = (kind: string, member: string, id: string) =>
        bench
          .entries()
          .then((all) => all.filter((one) => one.kind === kind && one.data[member] === id))
      const expired = await about('support.expired', 'request', requestId)
      const ended = await about('grant.ended', 'grant', used)
      const lapsed = await about('grant.lapsed', 'grant', unused)
      assert.deepEqual([expired.length, ended.length, lapsed.length], [1, 1, 1])
      assert.equal(ended[0]?.data['ended'], new Date(START + HOUR).toISOString())
      const told = bench.notices.map((notice) => notice.template)
      for (const template of ['support.expired', 'grant.ended', 'grant.lapsed'] as const)
        assert.ok(told.includes(template), template)
    })
    it('turned down with a reason, or taken back by the asker alone', async () => {
      const requestId = await waiting()
      assert.equal(
        code(await bench.support.deny(ACME, requestId, 'no', as(approver))),
        'reason_too_thin',
      )
      must(
        await bench.support.deny(
          ACME,
          requestId,
          'We solved this ourselves yesterday.',
          as(approver),
        ),
      )
      const after = await approveAs(bench.support, approver, requestId, START)
      assert.equal(code(after), 'request_state')
      const second = await waiting()
      const other = await bench.person('olle')
      assert.equal(code(await bench.support.cancel(ACME, second, as(other))), 'request_unknown')
      must(await bench.support.cancel(ACME, second, as(asker)))
      assert.equal(await stateAt(second, START), 'cancelled')
    })
  })

  it('P4 a node that is cut off does nothing', async () => {
    const { createSupport } = await import('./support.ts')
    const cut = createSupport({ ...bench.parts, lease: { held: () => false } })
    assert.equal(code(await cut.ask(ACME, wanted(), as(asker))), 'lease_expired')
  })
  it('P9 nobody of another tenant sees or answers a request', async () => {
    const stranger = await bench.person('tove', 'beta')
    const requestId = await waiting()
    assert.equal(
      code(await bench.support.textToSign(requestId, {}, as(stranger))),
      'request_unknown',
    )
    const text = '{}'
    const approval = { text, signature: signed(stranger, text) }
    assert.equal(
      code(await bench.support.approve(requestId, approval, as(stranger))),
      'request_unknown',
    )
    assert.equal(
      code(await bench.support.deny(ACME, requestId, REASON, as(stranger))),
      'tenant_unknown',
    )
    assert.ok(isRefusal(await bench.support.endGrant(ACME, requestId, as(stranger))))
  })
})

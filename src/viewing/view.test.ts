import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { DataItem } from '#catalog/catalog.ts'
import { endGrant } from '#access/grants.ts'
import { shippedCatalog } from '#catalog/shipped.ts'
import type { Filter } from '#database/list.ts'
import { manualClock } from '#foundation/clock.ts'
import { type Refusal, isRefusal } from '#foundation/refusal.ts'
import type { Entry } from '#ledger/entry.ts'
import { recordsWithSubjects } from '#records/list-records.ts'
import { recordHolder } from '#records/read.ts'
import { bumpFactsVersion } from '#tenants/facts-version.ts'
import {
  ADMIN_RIGHTS,
  SERIAL,
  type ViewingWorld,
  accessOf,
  adminOf,
  viewingWorld,
} from '../../test/viewing.ts'
import { revealReasonHolder } from './reveal-reasons.ts'
import { maskOf } from './view-plan.ts'

const query = (filter?: Filter, top = 100) => ({
  orderBy: [],
  top,
  skip: 0,
  count: false,
  ...(filter ? { filter } : {}),
})
const devices = (filter?: Filter) => ({ kind: 'device' as const, query: query(filter) })
const ok = <Answer>(answer: Answer | Refusal): Answer => {
  if (isRefusal(answer)) assert.fail(`refused: ${answer.refused} ${JSON.stringify(answer.about)}`)
  return answer
}
const refusedWith = (answer: unknown): string | undefined =>
  isRefusal(answer) ? answer.refused : undefined

describe('viewing', () => {
  const clock = manualClock('2030-01-01T00:00:00Z')
  let world: ViewingWorld
  let ids: readonly string[]

  before(async () => {
    world = await viewingWorld({ clock })
    for (const tenant of ['acme', 'other']) await world.makeTenant(tenant)
    await world.keep(
      'acme',
      Array.from({ length: 6 }, (_, i) => ({
        [SERIAL]: `SYN000000${i}`,
        'device.model': i % 2 === 0 ? 'iPhone' : 'iPad',
        'device.totalRam': i,
        'device.assignedBy': `person${i}@example.org`,
        'device.adminNotes': `cny-notes-${i}`,
        'device.pushMagic': `cny-secret-${i}`,
      })),
    )
    await world.keep('other', [{ [SERIAL]: 'SYN9999999', 'device.model': 'iPhone' }])
    ids = await world.recordIds('acme')
  })
  after(() => world.stop())

  const entriesOf = async (kind: Entry['kind'], tenant = 'acme') =>
    (await world.entries(tenant)).filter((entry) => entry.kind === kind)

  it('P6 shows plain facts, masks what is personal with the reason beside it, and never a secret', async () => {
    const page = ok(await world.viewing.listRecords(adminOf('acme'), devices()))
    assert.equal(page.rows.length, 6)
    const first = page.rows.find((row) => row.recordId === ids[0])
    assert.equal(first?.items['device.model'], 'iPhone')
    assert.match(String(first?.items[SERIAL]), /^[\w-]{24}$/)
    assert.equal(first?.items['device.adminNotes'], undefined)
    assert.equal(first?.items['device.pushMagic'], undefined)
    const marks = new Map(first?.marks.map((mark) => [mark.item, mark]))
    assert.deepEqual(marks.get(SERIAL), {
      item: SERIAL,
      precision: 'pseudonym',
      reason: 'item_masked',
    })
    assert.equal(marks.get('device.adminNotes')?.precision, 'withheld')
    assert.equal(marks.get('device.pushMagic')?.reason, 'item_secret')
    const text = JSON.stringify(page)
    for (const canary of ['SYN000', 'person0@', 'cny-']) assert.ok(!text.includes(canary), canary)
  })

  it('P8 a list is one entry: who, which records by commitment, which items at which precision', async () => {
    const viewer = adminOf('acme')
    const page = ok(await world.viewing.listRecords(viewer, devices()))
    const entry = (await world.entries('acme')).find((one) => one.id === page.entryIds[0])
    assert.equal(entry?.kind, 'read')
    assert.equal(entry.actor, `admin:${viewer.principal.accountId}`)
    const subjects = (entry.data.records as { subjects: string[] }[])[0]?.subjects
    const commitments = await world.test.database.read('acme', async (reader) => {
      const rows = await reader.rows<{ subject_id: string }>(
        'select subject_id from records where tenant_id = $1 order by record_id',
        ['acme'],
      )
      const made = await world.keys.subjectCommitments(
        reader,
        rows.map((row) => row.subject_id),
      )
      return rows.map((row) => made.get(row.subject_id))
    })
    assert.deepEqual(subjects, commitments)
    assert.deepEqual(entry.data.shown, {
      exact: ['device.model', 'device.totalRam'],
      masked: { [SERIAL]: 'pseudonym', 'device.assignedBy': 'pseudonym' },
    })
    assert.ok(!JSON.stringify(entry).includes('SYN000'))
  })

  it('finds by plain facts in SQL, by sealed identifiers through their index, and by nothing else', async () => {
    const viewer = adminOf('acme')
    const count = async (filter: Filter) => {
      const page = await world.viewing.listRecords(viewer, devices(filter))
      return isRefusal(page) ? `${page.refused} ${String(page.about.why)}` : page.rows.length
    }
    assert.equal(await count({ op: 'eq', field: 'device.model', value: 'iPhone' }), 3)
    assert.equal(await count({ op: 'ge', field: 'device.totalRam', value: 4 }), 2)
    assert.equal(await count({ op: 'contains', field: 'device.model', value: 'Pad' }), 3)
    assert.equal(await count({ op: 'eq', field: SERIAL, value: 'SYN0000003' }), 1)
    assert.equal(
      await count({ op: 'eq', field: 'device.assignedBy', value: 'person1@example.org' }),
      1,
    )
    assert.equal(
      await count({ op: 'in', field: SERIAL, values: ['SYN0000003', 'SYN0000004', 'no'] }),
      2,
    )
    assert.equal(await count({ op: 'eq', field: SERIAL, value: 'SYN9999999' }), 0)
    const sealed = 'filter_unserved sealed'
    assert.equal(await count({ op: 'ne', field: SERIAL, value: 'SYN0000003' }), sealed)
    assert.equal(await count({ op: 'startswith', field: SERIAL, value: 'SYN' }), sealed)
    assert.equal(
      await count({ op: 'not', of: { op: 'eq', field: SERIAL, value: 'SYN0000003' } }),
      sealed,
    )
    const notes: Filter = { op: 'eq', field: 'device.adminNotes', value: 'cny-notes-1' }
    assert.equal(await count(notes), 'filter_unserved notForViewer')
    const order = { ...query(), orderBy: [{ field: SERIAL, descending: false }] }
    assert.equal(
      refusedWith(await world.viewing.listRecords(viewer, { kind: 'device', query: order })),
      'filter_unserved',
    )
  })

  it('pages through in an order of plain facts, each record once', async () => {
    const seen: string[] = []
    let next: Parameters<typeof world.viewing.listRecords>[1]['query']['after']
    do {
      const page = ok(
        await world.viewing.listRecords(adminOf('acme'), {
          kind: 'device',
          query: {
            ...query(undefined, 2),
            orderBy: [{ field: 'device.model', descending: true }],
            ...(next ? { after: next } : {}),
          },
        }),
      )
      seen.push(...page.rows.map((row) => row.recordId))
      next = page.next
    } while (next)
    assert.deepEqual(seen.toSorted(), ids.toSorted())
  })

  it('shows and records only the items that were asked for', async () => {
    const only = new Set(['device.model'])
    const page = ok(await world.viewing.listRecords(adminOf('acme'), { ...devices(), only }))
    for (const row of page.rows) {
      assert.deepEqual(Object.keys(row.items), ['device.model'])
      assert.deepEqual(row.marks, [])
    }
    const entry = (await world.entries('acme')).find((one) => one.id === page.entryIds[0])
    assert.deepEqual(entry?.data.shown, { exact: ['device.model'], masked: {} })
  })

  it('scope tags limit which records appear at all', async () => {
    await world.test.ownerQuery(
      `alter table records no force row level security; update records set scope_tags = '{sales}' where record_id = '${ids[0]}'; alter table records force row level security`,
    )
    const only = (tags: string[]) => adminOf('acme', ADMIN_RIGHTS, tags)
    const seen = async (tags: string[]) =>
      ok(await world.viewing.listRecords(only(tags), devices())).rows.map((row) => row.recordId)
    assert.deepEqual(await seen(['sales']), [ids[0]])
    assert.equal((await seen(['default'])).length, 5)
    assert.equal((await seen([])).length, 0)
    const read = (tags: string[]) =>
      world.viewing.readRecord(only(tags), { kind: 'device', recordId: ids[0] ?? '' })
    assert.equal(ok(await read(['sales'])).recordId, ids[0])
    assert.equal(refusedWith(await read(['default'])), 'record_unknown')
  })

  it('P9 nothing of another tenant: not by list, id, or a viewer who names another tenant', async () => {
    const [foreign = ''] = await world.recordIds('other')
    const page = ok(await world.viewing.listRecords(adminOf('acme'), devices()))
    assert.ok(!page.rows.some((row) => row.recordId === foreign))
    const asked = { kind: 'device' as const, recordId: foreign }
    assert.equal(
      refusedWith(await world.viewing.readRecord(adminOf('acme'), asked)),
      'record_unknown',
    )
    const trespasser = { ...adminOf('acme'), tenantId: 'other' }
    assert.equal(refusedWith(await world.viewing.listRecords(trespasser, devices())), 'wrong_realm')
    assert.equal(refusedWith(await world.viewing.readLedger(trespasser, query())), 'wrong_realm')
    assert.ok(
      (await entriesOf('access.refused', 'other')).some(
        (entry) => entry.actor === `admin:${trespasser.principal.accountId}`,
      ),
    )
    assert.ok((await entriesOf('access.refused')).some((entry) => entry.data.record === foreign))
  })

  it('P4 refuses without the role, with a closed tenant, and on a node without its lease', async () => {
    const viewer = adminOf('acme', ['Audit data/Read'])
    assert.equal(refusedWith(await world.viewing.listRecords(viewer, devices())), 'role_missing')
    const { viewing } = await world.openSecond({ lease: { held: () => false } })
    assert.equal(
      refusedWith(await viewing.listRecords(adminOf('acme'), devices())),
      'lease_expired',
    )
    await world.makeTenant('closed')
    await world.keep('closed', [{ [SERIAL]: 'SYN1', 'device.model': 'Mac' }])
    await world.test.ownerQuery(
      `alter table tenants no force row level security; update tenants set state = 'closed' where tenant_id = 'closed'; alter table tenants force row level security`,
    )
    assert.equal(
      refusedWith(await world.viewing.listRecords(adminOf('closed'), devices())),
      'tenant_closed',
    )
  })

  it('P8 nothing is shown when its entry cannot be written', async () => {
    const broken = {
      ...world.parts.database,
      write: (async (tenantId, work) =>
        world.parts.database.write(tenantId, (tx) =>
          work({
            ...tx,
            rows: (text, values) =>
              text.includes('sluss_append') ? tx.rows('select 1 / 0') : tx.rows(text, values),
          }),
        )) as typeof world.parts.database.write,
    }
    const { viewing } = await world.openSecond({ database: broken })
    const page = await viewing.listRecords(adminOf('acme'), devices())
    assert.equal(refusedWith(page), 'evidence_unavailable')
  })

  it('P5 a change of facts counts for the very next look, on every node, though its plan was remembered', async () => {
    await world.makeTenant('moving')
    await world.keep('moving', [{ [SERIAL]: 'SYN1', 'device.model': 'Mac' }])
    const { viewing } = await world.openSecond()
    const doors = [world.viewing, viewing]
    const viewer = adminOf('moving')
    for (const door of doors) ok(await door.listRecords(viewer, devices()))
    await world.test.ownerQuery(
      `alter table tenants no force row level security; update tenants set state = 'closing' where tenant_id = 'moving'; alter table tenants force row level security`,
    )
    await world.test.database.write('moving', bumpFactsVersion)
    for (const door of doors)
      assert.equal(refusedWith(await door.listRecords(viewer, devices())), 'tenant_closed')
  })

  it('P11 erasing a person leaves neither index nor reason, and older entries name nobody', async () => {
    await world.makeTenant('leaving')
    await world.keep('leaving', [{ [SERIAL]: 'SYN1' }, { [SERIAL]: 'SYN2' }])
    const [recordId = '', other = ''] = await world.recordIds('leaving')
    const viewer = adminOf('leaving')
    const about = { kind: 'device' as const, item: SERIAL, reason: 'The person rang to ask' }
    ok(await world.viewing.reveal(viewer, { ...about, recordId }))
    ok(await world.viewing.reveal(viewer, { ...about, recordId: other }))
    await world.test.database.write('leaving', async (tx) => {
      const [subject] = await recordsWithSubjects(tx, [recordId])
      const subjectId = subject?.subjectId ?? assert.fail()
      const reasons = revealReasonHolder(world.keys)
      assert.equal((await reasons.find(tx, subjectId)).length, 1)
      assert.deepEqual(
        (await reasons.exportFor(tx, subjectId)).map((held) => held.items),
        [{ reason: about.reason }],
      )
      for (const holder of [recordHolder(world.keys), reasons]) await holder.erase(tx, subjectId)
      await world.keys.destroySubjectKey(tx, subjectId)
    })
    const left = await world.test.database.read('leaving', (reader) =>
      reader.rows<{ indexed: number; reasons: number }>(
        `select (select count(*)::int from record_index where tenant_id = $1) as indexed,
                (select count(*)::int from reveal_reasons where tenant_id = $1) as reasons`,
        ['leaving'],
      ),
    )
    assert.deepEqual(left, [{ indexed: 1, reasons: 1 }])
    assert.equal(ok(await world.viewing.listRecords(viewer, devices())).rows.length, 1)
  })

  it('P8 an auditor who fetches a bundle of the log is recorded before it is handed out', async () => {
    const bundle = { index: 3, width: 256 }
    assert.equal(await world.viewing.recordBundleRead('acme', 'auditor:1', bundle), undefined)
    const told = (await entriesOf('ledger.read')).find((entry) => entry.actor === 'auditor:1')
    assert.deepEqual(told?.data, { bundle: 3, count: 256 })
  })

  describe('reveal', () => {
    const ask = (
      viewer = adminOf('acme'),
      item = SERIAL,
      reason = 'The person rang to ask',
      at = 1,
    ) => world.viewing.reveal(viewer, { kind: 'device', recordId: ids[at] ?? '', item, reason })

    it('P8 shows one exact value and records it with a commitment to its sealed reason', async () => {
      const revealed = ok(await ask())
      assert.equal(revealed.value, 'SYN0000001')
      const entry = (await entriesOf('reveal')).find((one) => one.id === revealed.entryId)
      assert.deepEqual(entry?.data.shown, { exact: [SERIAL], masked: {} })
      assert.ok(!JSON.stringify(entry).includes('rang'))
      const rows = await world.test.database.read('acme', (reader) =>
        reader.rows<{ sealed: Buffer }>('select sealed from reveal_reasons where entry_id = $1', [
          revealed.entryId,
        ]),
      )
      assert.equal(rows.length, 1)
      assert.ok(!rows[0]?.sealed.includes('rang'))
    })

    it('refuses without a reason, right, scope or record, and never shows a secret without its own right', async () => {
      assert.equal(refusedWith(await ask(adminOf('acme'), SERIAL, 'why')), 'reveal_reason_missing')
      assert.equal(
        refusedWith(await ask(adminOf('acme'), SERIAL, '          ')),
        'reveal_reason_missing',
      )
      assert.equal(
        refusedWith(await ask(adminOf('acme'), SERIAL, 'aaaaaaaaaaaaaa')),
        'reveal_reason_missing',
      )
      const reader = adminOf('acme', ['Managed devices/Read'])
      assert.equal(refusedWith(await ask(reader)), 'role_missing')
      assert.equal(refusedWith(await ask(adminOf('acme'), 'device.pushMagic')), 'role_missing')
      const keeper = adminOf('acme', [...ADMIN_RIGHTS, 'Secrets/Reveal'])
      assert.equal(ok(await ask(keeper, 'device.pushMagic')).value, 'cny-secret-1')
      assert.equal(refusedWith(await ask(adminOf('acme'), 'never.textMessages')), 'item_never')
      assert.equal(refusedWith(await ask(adminOf('acme'), 'no.such')), 'item_unclassified')
      const scoped = adminOf('acme')
      const access = {
        ...scoped.access,
        tagsFor: (permission: string) =>
          permission === 'Personal data/Reveal' ? new Set(['sales']) : ('all' as const),
      }
      assert.equal(refusedWith(await ask({ ...scoped, access })), 'out_of_scope')
      assert.equal(
        ok(await ask({ ...scoped, access }, SERIAL, 'The person rang to ask', 0)).value,
        'SYN0000000',
      )
    })
  })

  describe('support', () => {
    const now = () => clock.now()
    const items = [SERIAL, 'device.model']

    it('P7 nothing without a grant, under a foreign one, or with one for another tenant', async () => {
      const support = await world.grant('acme', { records: ids, items, approvedAt: now() })
      const none = { principal: support.principal, access: support.access, tenantId: 'acme' }
      assert.equal(refusedWith(await world.viewing.listRecords(none, devices())), 'grant_missing')
      const other = await world.grant('acme', { records: ids, items, approvedAt: now() })
      const stolen = { ...support, grantId: other.grantId }
      assert.equal(refusedWith(await world.viewing.listRecords(stolen, devices())), 'grant_missing')
      const elsewhere = { ...support, tenantId: 'other' }
      assert.equal(
        refusedWith(await world.viewing.listRecords(elsewhere, devices())),
        'grant_missing',
      )
      const roleless = { ...support, access: accessOf([]) }
      assert.equal(
        refusedWith(await world.viewing.listRecords(roleless, devices())),
        'role_missing',
      )
      assert.equal(refusedWith(await world.viewing.readLedger(support, query())), 'wrong_realm')
    })

    it('P7 sees the records and items of the grant and no other; a neighbour is refused and recorded', async () => {
      const support = await world.grant('acme', {
        records: ids.slice(0, 2),
        items,
        approvedAt: now(),
      })
      const page = ok(await world.viewing.listRecords(support, devices()))
      assert.deepEqual(page.rows.map((row) => row.recordId).toSorted(), ids.slice(0, 2).toSorted())
      assert.deepEqual(Object.keys(page.rows[0]?.items ?? {}).toSorted(), items.toSorted())
      assert.match(String(page.rows[0]?.items[SERIAL]), /^[\w-]{24}$/)
      const neighbour = { kind: 'device' as const, recordId: ids[3] ?? '' }
      assert.equal(refusedWith(await world.viewing.readRecord(support, neighbour)), 'grant_missing')
      const stopped = (await entriesOf('access.refused')).at(-1)
      assert.equal(stopped?.actor, `operator:${support.principal.accountId}`)
      assert.deepEqual([stopped.data.record, stopped.data.grant], [ids[3], support.grantId])
      const byOther: Filter = { op: 'ge', field: 'device.totalRam', value: 0 }
      assert.equal(
        refusedWith(await world.viewing.listRecords(support, devices(byOther))),
        'filter_unserved',
      )
    })

    it('P10 pseudonyms of two grants, and of the tenant, do not join', async () => {
      const name = async (viewer: Parameters<typeof world.viewing.listRecords>[0]) =>
        ok(await world.viewing.readRecord(viewer, { kind: 'device', recordId: ids[1] ?? '' }))
          .items[SERIAL]
      const wish = { records: ids, items, approvedAt: now() }
      const names = [
        await name(adminOf('acme')),
        await name(await world.grant('acme', wish)),
        await name(await world.grant('acme', wish)),
      ]
      assert.equal(new Set(names).size, 3)
    })

    it('P7 sees exactly only where the grant says so, and nothing once it has ended', async () => {
      const support = await world.grant('acme', {
        records: ids,
        items,
        precision: 'exact',
        approvedAt: now(),
      })
      const page = ok(await world.viewing.listRecords(support, devices()))
      assert.ok(page.rows.some((row) => row.items[SERIAL] === 'SYN0000001'))
      clock.advance(3_600_000)
      assert.equal(refusedWith(await world.viewing.listRecords(support, devices())), 'grant_ended')
      const early = await world.grant('acme', { records: ids, items, approvedAt: now() })
      ok(await world.viewing.listRecords(early, devices()))
      await world.test.database.write('acme', (tx) =>
        endGrant(tx, early.grantId, { actor: 'admin:1', at: now(), reason: 'revoked' }),
      )
      assert.equal(refusedWith(await world.viewing.listRecords(early, devices())), 'grant_ended')
    })

    it('the tenant sees again what was seen under a grant, and that it looked is recorded', async () => {
      const support = await world.grant('acme', {
        records: ids.slice(1, 4),
        items,
        precision: 'exact',
        approvedAt: now(),
      })
      ok(await world.viewing.listRecords(support, devices()))
      ok(
        await world.viewing.reveal(support, {
          kind: 'device',
          recordId: ids[2] ?? '',
          item: SERIAL,
          reason: 'Compare with the label',
        }),
      )
      await world.sequencer.settled()
      const before = (await entriesOf('ledger.read')).length
      const replay = ok(await world.viewing.replayGrant(adminOf('acme'), support.grantId, query()))
      assert.deepEqual(
        replay.rows.map((row) => [row.kind, row.recordIds.toSorted(), row.exact, row.erased]),
        [
          ['read', ids.slice(1, 4).toSorted(), ['device.model', SERIAL], 0],
          ['reveal', [ids[2]], [SERIAL], 0],
        ],
      )
      assert.equal((await entriesOf('ledger.read')).length, before + 1)
      const helpdesk = adminOf('acme', ['Managed devices/Read'])
      assert.equal(
        refusedWith(await world.viewing.replayGrant(helpdesk, support.grantId, query())),
        'role_missing',
      )
    })
  })

  it('P8 reading the ledger is recorded in the ledger, and filters run over it', async () => {
    await world.sequencer.settled()
    const viewer = adminOf('acme')
    const filter: Filter = { op: 'eq', field: 'kind', value: 'reveal' }
    const page = ok(await world.viewing.readLedger(viewer, { ...query(filter), count: true }))
    const all = await world.entries('acme')
    const reveals = all.filter((entry) => entry.kind === 'reveal')
    assert.deepEqual(page.rows, reveals)
    assert.equal(page.count, reveals.length)
    const told = (await entriesOf('ledger.read')).at(-1)
    assert.equal(told?.actor, `admin:${viewer.principal.accountId}`)
    assert.deepEqual([told.data.count, told.data.chosenBy], [reveals.length, ['kind']])
    const one = ok(await world.viewing.readLedgerEntry(viewer, reveals[0]?.id ?? ''))
    assert.deepEqual(one, reveals[0])
    const since: Filter = {
      op: 'and',
      of: [
        { op: 'ge', field: 'at', value: reveals[1]?.at ?? '' },
        { op: 'eq', field: 'actor', value: reveals[1]?.actor ?? '' },
      ],
    }
    const some = ok(await world.viewing.readLedger(viewer, query(since)))
    assert.deepEqual(
      some.rows.map((row) => row.id),
      all
        .filter((e) => e.at >= (reveals[1]?.at ?? '') && e.actor === reveals[1]?.actor)
        .map((e) => e.id)
        .slice(0, 100),
    )
  })
})

describe('masks', () => {
  it('P6 are one of the precisions the item allows, and never its exact value', () => {
    for (const item of shippedCatalog.items.values() as IterableIterator<DataItem>) {
      const mask = maskOf(item)
      assert.notEqual(mask, 'exact')
      assert.ok(mask === 'withheld' || item.precisions.includes(mask))
    }
  })
})

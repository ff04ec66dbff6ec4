import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, beforeEach, describe, it } from 'node:test'
import { appendAll } from '#ledger/append.ts'
import { newOrderedId } from '#foundation/ids.ts'
import { readMeters } from '#reports/budget.ts'
import { type Figures } from '#reports/figures.ts'
import { REPORTS } from '#reports/definition.ts'
import { readReport, readReleases } from '#reports/reports.ts'
import { changeReportSettings } from '#reports/settings.ts'
import { isRefusal } from '#foundation/refusal.ts'
import { ACME, DAY_IN_MS, type ReportWorld, START, startReportWorld } from './world.ts'

/** Every number of a release. */
function numbersOf({ total, rows, columns, cells }: Figures): readonly number[] {
  return [
    ...(total === null ? [] : [total]),
    ...[rows, columns, cells].flat().map((one) => one.count),
  ]
}

describe('reports', () => {
  let world: ReportWorld
  before(async () => {
    world = await startReportWorld()
  })
  after(() => world?.stop())
  beforeEach(() => world.empty())

  it('P14 shows no group under k, in steps of k, and says so in the ledger', async () => {
    await world.add(40, { model: 'Phone A' })
    await world.add(25, { model: 'Phone B' })
    await world.add(1, { model: 'Phone of one person' })
    await world.add(60, { platform: 'Android 14', model: 'Phone C' })
    const { release } = await world.read()
    const { figures } = release
    // The one is hidden, and with it the next smallest.
    assert.deepEqual(
      figures.cells.map((cell) => `${cell.row} ${cell.column}`),
      ['Android Phone C', 'iOS/iPadOS Phone A'],
    )
    for (const number of numbersOf(figures)) assert.ok(number >= 10 && number % 10 === 0)
    assert.ok(Math.abs((figures.total ?? 0) - 126) < 10)
    const [entry] = await world.entries('report.released')
    assert.deepEqual(entry?.data.guarantee, { kind: 'steps', groupSize: 10 })
    assert.deepEqual(entry?.data.cost, { microEpsilon: 0, microRho: 0 })
  })

  it('P14 whoever leaves, the next day no difference of any two numbers is one device, nor of sums of them', async () => {
    await world.add(31, { model: 'Phone A' })
    await world.add(20, { model: 'Phone B' })
    const days = []
    for (let day = 0; day < 6; day++) {
      const numbers = []
      for (const report of REPORTS)
        numbers.push(
          ...numbersOf(
            (await world.read({ report: report.id, now: START + day * DAY_IN_MS })).release.figures,
          ),
        )
      days.push(numbers)
      await world.removeOne('Phone A')
    }
    // All of them are multiples of k, and so is every sum and difference.
    assert.ok(days.flat().length > 50)
    assert.ok(days.flat().every((number) => number % 10 === 0))
  })

  it('P14 a report that is asked for again on its day is the same one, whatever happened meanwhile, and its platforms are those of the others', async () => {
    await world.add(35)
    const first = await world.read({ report: 'devicesByStorage' })
    await world.add(300)
    assert.deepEqual((await world.read({ report: 'devicesByStorage' })).release, first.release)
    const other = await world.read({ report: 'devicesByCompliance', now: START + 3_600_000 })
    assert.deepEqual(other.release.figures.rows, first.release.figures.rows)
    const next = await world.read({ report: 'devicesByStorage', now: START + DAY_IN_MS })
    assert.ok((next.release.figures.total ?? 0) > 300)
    const over = await readReleases(world.parts, world.asker({ report: 'devicesByStorage' }))
    assert.deepEqual(!isRefusal(over) && over.releases.map(({ day }) => day), [
      '2030-03-11',
      '2030-03-10',
    ])
  })

  it('P14 of the whole tenant and all but one device, nothing is told that gives the one away', async () => {
    await world.add(30, { tags: ['north'] })
    await world.add(1, { tags: ['south'] })
    const north = await world.read({ scopeTag: 'north' })
    assert.equal(north.release.figures.total, null)
    const south = await world.read({ scopeTag: 'south' })
    assert.equal(south.release.figures.total, null)
    const whole = await world.read()
    assert.equal((whole.release.figures.total ?? 0) % 10, 0)
  })

  it('sees one scope tag at a time, and only one of the asker', async () => {
    await world.add(30, { tags: ['north', 'south'] })
    const tags = ['north', 'south']
    assert.equal(await world.refused({ tags }), 'scope_tag_not_own')
    assert.equal(await world.refused({ tags, scopeTag: '*' }), 'scope_tag_not_own')
    assert.equal(await world.refused({ tags, scopeTag: 'west' }), 'scope_tag_not_own')
    assert.equal(await world.refused({ tags, scopeTag: 'north' }), 'answered')
    assert.equal((await world.read({ tags: ['south'] })).release.scope, 'south')
    assert.equal(
      await world.refused({ tags, scopeTag: 'north', report: 'activityByDay' }),
      'scope_tag_not_own',
    )
    assert.equal(await world.refused({ report: 'devicesByOwner' }), 'report_unknown')
    const nobody = {
      may: () => false,
      tagsFor: () => new Set<string>(),
      permissions: new Set<string>(),
    }
    assert.equal(await world.refused({ access: nobody }), 'role_missing')
    assert.equal((await world.entries('report.refused')).at(-1)?.data.reason, 'role_missing')
  })

  it('counts an empty tenant, one giant group, and a fleet under k, as nothing, the group, and nothing', async () => {
    for (const report of REPORTS)
      assert.deepEqual((await world.read({ report: report.id })).release.figures, {
        total: null,
        rows: [],
        columns: [],
        cells: [],
      })
    await world.empty()
    await world.add(5_000)
    const giant = await world.read()
    assert.equal(giant.release.figures.cells.length, 1)
    await world.empty()
    await world.settle({ groupSize: 640 })
    await world.add(639)
    assert.equal((await world.read()).release.figures.total, null)
  })

  it('takes numbers that are none as not known, and a device that two connections know once', async () => {
    const storage = (value: unknown) => ({ clear: { 'device.availableStorageSpace': value } })
    for (const value of [-5, 1e300, '12', null, true]) await world.add(10, storage(value))
    await world.add(20, storage(7.5))
    const { figures } = (await world.read({ report: 'devicesByStorage' })).release
    assert.deepEqual(
      figures.columns.map(({ column }) => column),
      ['under 8', 'unknown'],
    )
    await world.empty()
    const subject = randomUUID()
    for (const connection of Array.from({ length: 30 }, (_, i) => `c${i}`))
      await world.add(1, { subject, connection })
    assert.equal((await world.read()).release.figures.total, null)
  })

  it('a day begins and ends at midnight in UTC', async () => {
    await world.add(30)
    const days = []
    for (const time of [
      '2030-03-10T23:59:59.999Z',
      '2030-03-11T00:00:00.000Z',
      '2030-03-11T00:30:00+02:00',
    ])
      days.push((await world.read({ now: Date.parse(time) })).release.day)
    assert.deepEqual(days, ['2030-03-10', '2030-03-11', '2030-03-10'])
  })

  it('counts what was shared, refused and looked at on whole days, and what support saw by itself', async () => {
    const at = START - DAY_IN_MS
    const entry = (kind: 'disclosure' | 'refusal' | 'read', actor: string) => ({
      id: newOrderedId(at),
      at: new Date(at).toISOString(),
      kind,
      actor,
      data: {},
    })
    await world.test.database.write(ACME, async (tx) => {
      await appendAll(
        tx,
        Array.from({ length: 30 }, () => entry('disclosure', 'client:c')),
      )
      await appendAll(
        tx,
        Array.from({ length: 20 }, () => entry('read', 'admin:a')),
      )
      await appendAll(
        tx,
        Array.from({ length: 15 }, () => entry('read', 'operator:o')),
      )
      await appendAll(tx, [entry('refusal', 'client:c')])
    })
    const { figures } = (await world.read({ report: 'activityByDay' })).release
    assert.ok(figures.cells.every(({ column }) => column === '2030-03-09'))
    // One refusal and, for its sake, the looks of support.
    assert.deepEqual(
      figures.rows.map(({ row }) => row),
      ['(other)', 'looks', 'sharing'],
    )
  })
})

describe('noise and its budget', () => {
  let world: ReportWorld
  before(async () => {
    world = await startReportWorld()
  })
  after(() => world?.stop())
  beforeEach(() => world.empty())

  it('P14 the same noise for everybody on a day, another on the next, paid once by each recipient', async () => {
    await world.settle({ noise: 'laplace' })
    await world.add(5_000)
    const first = await world.read({ report: 'devicesByPlatform' })
    const again = await world.read({ report: 'devicesByPlatform' })
    const service = await world.read({ report: 'devicesByPlatform', service: 'store' })
    const next = await world.read({ report: 'devicesByPlatform', now: START + DAY_IN_MS })
    assert.deepEqual(again.release, first.release)
    assert.deepEqual(service.release, first.release)
    assert.notDeepEqual(next.release.figures, first.release.figures)
    assert.deepEqual(
      [first.spent, again.spent, service.spent, next.spent].map((one) => one?.microEpsilon),
      [100_000, undefined, 100_000, 200_000],
    )
    const meters = await world.test.database.read(ACME, readMeters)
    assert.deepEqual(
      meters.map(({ recipient, spentMicroEpsilon, releases }) => [
        recipient,
        spentMicroEpsilon,
        releases,
      ]),
      [
        ['people', 200_000, 2],
        ['service:store', 100_000, 1],
      ],
    )
  })

  it('P14 refuses when the month is spent, to the last millionth, and begins anew with the next', async () => {
    await world.settle({ noise: 'laplace', monthMicroEpsilon: 299_999 })
    await world.add(5_000)
    const ask = (day: number) =>
      world.refused({ report: 'devicesByPlatform', now: START + day * DAY_IN_MS })
    assert.deepEqual(
      [await ask(0), await ask(1), await ask(2), await ask(2)],
      ['answered', 'answered', 'report_budget_spent', 'report_budget_spent'],
    )
    // What was had stays readable, and costs nothing.
    assert.equal(await ask(1), 'answered')
    assert.equal(await ask(22), 'answered')
    const rows = await world.test.ownerQuery('select day from report_releases')
    assert.equal(rows.length, 3)
  })

  it('P14 two nodes that race spend no more than there is', async () => {
    await world.settle({ noise: 'laplace', monthMicroEpsilon: 300_000 })
    await world.add(5_000)
    const other = await world.test.openSecond()
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, i) =>
        readReport(
          { database: i % 2 ? other : world.test.database, keys: world.keys },
          world.asker({ report: 'devicesByPlatform', now: START + i * DAY_IN_MS }),
        ),
      ),
    )
    assert.equal(answers.filter((answer) => !isRefusal(answer)).length, 3)
    const [meter] = await world.test.database.read(ACME, readMeters)
    assert.equal(meter?.spentMicroEpsilon, 300_000)
  })

  it('P14 two nodes that race for one report make one, and pay once', async () => {
    await world.settle({ noise: 'laplace' })
    await world.add(5_000)
    const other = await world.test.openSecond()
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, i) =>
        readReport(
          { database: i % 2 ? other : world.test.database, keys: world.keys },
          world.asker({ report: 'devicesByCompliance', ...(i > 3 ? { service: 'store' } : {}) }),
        ),
      ),
    )
    const figures = answers.map((answer) => (isRefusal(answer) ? answer : answer.release.figures))
    for (const one of figures) assert.deepEqual(one, figures[0])
    const meters = await world.test.database.read(ACME, readMeters)
    assert.deepEqual(
      meters.map(({ spentMicroEpsilon }) => spentMicroEpsilon),
      [100_000, 100_000],
    )
  })

  it('adds the loss up in both accounts, and changes of the kind of noise do not begin a new one', async () => {
    await world.settle({ noise: 'gaussian' })
    await world.add(5_000)
    const gaussian = await world.read({ report: 'devicesByPlatform' })
    assert.deepEqual(gaussian.spent, { microEpsilon: 0, microRho: 5_000 })
    await world.settle({ noise: 'laplace' }, START)
    const laplace = await world.read({ report: 'devicesByPlatform', now: START + DAY_IN_MS })
    assert.deepEqual(laplace.spent, { microEpsilon: 100_000, microRho: 10_000 })
  })

  it('refuses noise where it would promise what it cannot', async () => {
    await world.settle({ noise: 'gaussian' })
    assert.equal(await world.refused({ report: 'devicesByModel' }), 'report_not_noised')
    assert.equal(await world.refused({ report: 'activityByDay' }), 'report_not_noised')
    await world.empty()
    await world.settle({ noise: 'laplace' })
    await world.add(3, { model: 'Phone of one person' })
    await world.add(5_000)
    const { figures } = (await world.read({ report: 'devicesByModel' })).release
    assert.deepEqual(
      figures.cells.map(({ column }) => column),
      ['Phone A'],
    )
  })

  it('P6 settings only protect more, and from tomorrow on', async () => {
    const change = (to: Parameters<typeof changeReportSettings>[1]) =>
      world.test.database.write(ACME, async (tx) => {
        const done = await changeReportSettings(tx, to, { actor: 'admin:a', at: START })
        return isRefusal(done) ? done.refused : done.from
      })
    for (const less of [
      { groupSize: 5 as never },
      { groupSize: 15 as never },
      { releaseMicroEpsilon: 100_001 },
      { releaseMicroEpsilon: 0 },
      { releaseMicroRho: 0.5 },
      { monthMicroEpsilon: 1_000_001 },
      { monthMicroRho: -1 },
      { devicesOfAPerson: 2 },
      { devicesOfAPerson: 9 },
    ])
      assert.equal(await change(less), 'report_less_protected', JSON.stringify(less))
    assert.equal(await change({ groupSize: 20 }), '2030-03-11')
    await world.add(15)
    assert.notEqual((await world.read()).release.figures.total, null)
    assert.equal((await world.read({ now: START + DAY_IN_MS })).release.figures.total, null)
  })
})

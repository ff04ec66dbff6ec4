import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import { isRefusal } from '#foundation/refusal.ts'
import { countAlike } from '#records/count-alike.ts'
import { planExtract } from '#reports/extract.ts'
import { ACME, type ReportWorld, startReportWorld } from './world.ts'

describe('an extract of single records', () => {
  let world: ReportWorld
  before(async () => {
    world = await startReportWorld()
  })
  after(() => world?.stop())
  beforeEach(() => world.empty())

  const plan = async (over: Parameters<ReportWorld['asker']>[0] = {}, set = 'device-inventory') => {
    const found = await planExtract(world.parts, { ...world.asker(over), set })
    return isRefusal(found) ? found.refused : found.precisions.map((one) => one.precision)
  }

  it('P14 is as exact as its groups allow, over all quasi-identifiers together', async () => {
    const clear = (version: string, storage: number) => ({
      'device.osVersion': version,
      'device.availableStorageSpace': storage,
      'device.supervised': true,
    })
    await world.add(6, { clear: clear('17.1', 40) })
    await world.add(6, { clear: clear('17.2', 40) })
    await world.add(12, { clear: clear('16.4', 40) })
    assert.deepEqual(await plan(), ['exact', 'truncate:2', 'exact', 'exact'])
    await world.add(1, { clear: clear('17.1', 41) })
    assert.deepEqual(await plan(), ['exact', 'truncate:2', 'bucket:0,8,32,128', 'exact'])
    const items = ['device.model', 'device.osVersion', 'device.availableStorageSpace']
    const alike = await world.test.database.read(ACME, (reader) =>
      countAlike(reader, items, undefined),
    )
    assert.equal(
      alike.reduce((sum, { count }) => sum + count, 0),
      25,
    )
    const [entry] = await world.entries('report.extract')
    assert.equal(entry?.data.groupSize, 10)
  })

  it('P14 says when it cannot be met, of a few devices, of none, and of a tag that few carry', async () => {
    assert.equal(await plan(), 'extract_not_anonymous')
    await world.add(9)
    assert.equal(await plan(), 'extract_not_anonymous')
    await world.add(9, { tags: ['north'] })
    assert.deepEqual(await plan(), ['exact', 'exact', 'exact', 'exact'])
    assert.equal(await plan({ scopeTag: 'north' }), 'extract_not_anonymous')
    assert.equal(await plan({ tags: ['south'], scopeTag: 'north' }), 'scope_tag_not_own')
    assert.equal(await plan({}, 'everything'), 'report_unknown')
  })
})

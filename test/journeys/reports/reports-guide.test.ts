import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type GuideReader, startGuideReader, stepsOf } from '../../guide-runner.ts'
import { WITHOUT_CHROMIUM } from '../../person-at-browser.ts'

describe('the guide to reports, as it stands', { skip: WITHOUT_CHROMIUM }, () => {
  let reader: GuideReader
  before(async () => {
    reader = await startGuideReader()
  })
  after(() => reader?.stop())

  it('P14 P6 shows groups in steps, says what is promised, and lets nobody protect them less', async () => {
    const outputs = new Map<string, string>()
    for (const step of stepsOf('reports.md'))
      outputs.set(step.command, (await reader.follow(step)).out)
    const answerOf = (command: RegExp) =>
      JSON.parse(
        [...outputs].find(([typed]) => command.test(typed))?.[1] ?? assert.fail(`${command}`),
      )
    const release = answerOf(/devicesByPlatform\/release$/)
    assert.equal(release.total % 10, 0)
    assert.ok(release.total >= 10 && release.total < 30)
    assert.match(release.guarantee.statement.en, /No group of fewer than 10 devices/)
    assert.match(release.guarantee.statement.sv, /Ingen grupp med färre än 10 enheter/)
    for (const cell of answerOf(/cells/).value) assert.ok(cell.count >= 10)
    assert.deepEqual(
      answerOf(/releases$/).value.map((one: { day: string }) => one.day),
      [reader.names.get('DAY')],
    )
    const settings = answerOf(/"minimumGroupSize": 20/)
    assert.deepEqual([settings.minimumGroupSize, settings.next.minimumGroupSize], [10, 20])
    const plan = answerOf(/reportExtracts\/check/)
    assert.equal(plan.precisions.length, 4)
  })
})

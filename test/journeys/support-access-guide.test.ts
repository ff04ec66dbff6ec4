import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { request } from 'undici'
import { systemClock } from '#foundation/clock.ts'
import { TENANT } from '../../sandbox/sample/organisation.ts'
import { type GuideReader, type Step, startGuideReader, stepsOf } from '../guide-runner.ts'
import { WITHOUT_CHROMIUM } from '../person-at-browser.ts'

/** An hour is long for a test: what the guide calls one is the shortest access there is, a minute. */
const shortened = (step: Step): Step => ({
  ...step,
  command: step.command.replace('--hours 1 ', '--hours 0.0167 '),
})
const TIME_IS_OVER_IN_MS = 75_000
const TOLD_WITHIN_MS = 20_000

describe('the guide to support access, as it stands', { skip: WITHOUT_CHROMIUM }, () => {
  let reader: GuideReader
  before(async () => {
    reader = await startGuideReader()
    const { body } = await request(`${reader.origin}/ledger/${TENANT}/verifier-key`)
    reader.names.set('VERIFIER', (await body.text()).trim())
  })
  after(() => reader?.stop())

  it('P7 P8 P16 lets support see exactly what the customer signed, while it lasts, and proves it', async () => {
    const steps = stepsOf('support-access.md')
    assert.ok(steps.length > 25)
    const outputs = new Map<string, string>()
    for (const step of steps.map(shortened)) {
      if (step.comment.includes('once the time is over')) await untilOver(step)
      else if (step.command === 'messages list') await untilTold(step)
      else outputs.set(step.command, (await reader.follow(step)).out)
    }
    const outputOf = (command: RegExp): string =>
      [...outputs].find(([typed]) => command.test(typed))?.[1] ?? assert.fail(String(command))
    const { names } = reader
    const seen = JSON.parse(outputOf(/^call GET \/support\/accessGrants\/GRANT\/managedDevices$/))
    assert.deepEqual(
      seen.value.map((device: { id: string }) => device.id),
      [names.get('PHONE')],
    )
    assert.match(seen.value[0].serialNumber, /^SYN\d+$/)
    assert.equal(names.get('VIEWED'), names.get('PHONE'))
    assert.match(outputOf(/^requests show/), /error 1204/)
    assert.match(outputOf(/^verify log/), /sound/)
    assert.match(outputOf(/^verify-approval/), /valid/)
    const listed = outputOf(/^call GET '\/deviceManagement\/managedDevices/)
    assert.ok(!/"serialNumber": "SYN/.test(listed), 'a list shows serial numbers masked')
  })

  /** A notice is on its way from the commit of what it tells of; it need not be there at once. */
  const untilTold = async (step: Step): Promise<void> => {
    for (const began = systemClock.elapsed(); ; await pause(250)) {
      const { code, out, err } = await reader.type(step)
      assert.equal(code, 0, err)
      if (/support request waits for your answer/i.test(out)) return
      assert.ok(systemClock.elapsed() - began < TOLD_WITHIN_MS, `nobody was told: ${out}`)
    }
  }

  /** Looks again and again, until the time is over and the look is refused. */
  const untilOver = async (step: Step): Promise<void> => {
    for (const began = systemClock.elapsed(); ; await pause(1_000)) {
      const { code, err } = await reader.type(step)
      if (code === 4) {
        assert.match(err, /grant_ended|ended/)
        return
      }
      assert.equal(code, 0, err)
      assert.ok(systemClock.elapsed() - began < TIME_IS_OVER_IN_MS, 'the grant did not end')
    }
  }
})

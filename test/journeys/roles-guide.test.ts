import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type GuideReader, startGuideReader, stepsOf } from '../guide-runner.ts'
import { WITHOUT_CHROMIUM } from '../person-at-browser.ts'

describe('the guide to roles, as it stands', { skip: WITHOUT_CHROMIUM }, () => {
  let reader: GuideReader
  before(async () => {
    reader = await startGuideReader()
  })
  after(() => reader?.stop())

  it('P5 P8 shows what a role would change, gives it, and takes it back at once', async () => {
    const outputs: string[] = []
    for (const step of stepsOf('roles.md')) outputs.push((await reader.follow(step)).out)
    assert.equal(reader.names.get('GAINS'), reader.names.get('COLLEAGUE'))
    const previewed = outputs.find((out) => out.includes('"gained"')) ?? assert.fail('no preview')
    assert.match(previewed, /"kind": "device",\s+"gained": 20/)
    assert.ok(!previewed.includes('"permission": "Personal data/Reveal"'))
    const after = await reader.type({
      who: 'colleague',
      command: 'whoami',
      comment: 'signed out everywhere',
    })
    assert.equal(after.code, 3, after.out)
  })
})

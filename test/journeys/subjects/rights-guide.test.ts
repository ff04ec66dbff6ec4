import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { fetch } from 'undici'
import { type GuideReader, startGuideReader, stepsOf } from '../../guide-runner.ts'
import { WITHOUT_CHROMIUM } from '../../person-at-browser.ts'
import { unzip } from '../../unzip.ts'

describe('the guide to requests of people, as it stands', { skip: WITHOUT_CHROMIUM }, () => {
  let reader: GuideReader
  before(async () => {
    reader = await startGuideReader()
  })
  after(() => reader?.stop())

  it('P8 shows, corrects and hands over what is held about a person, and records each step', async () => {
    const outputs: string[] = []
    for (const step of stepsOf('rights-requests.md')) outputs.push((await reader.follow(step)).out)
    const viewed =
      outputs.find((out) => out.includes('"held"')) ?? assert.fail('nothing was viewed')
    assert.match(viewed, /Karin Wrong/)
    assert.match(outputs.at(-1) ?? '', /rights\.changed/)

    const answer = await fetch(reader.names.get('ARCHIVE') ?? '')
    assert.equal(answer.status, 200)
    assert.equal(answer.headers.get('cache-control'), 'no-store')
    const files = unzip(Buffer.from(await answer.arrayBuffer()))
    assert.match(files.get('document.html') ?? '', /Karin Right/)
    assert.match(files.get('data.csv') ?? '', /karin@example\.org/)
    const other = await fetch(`${reader.origin}/rights/archive/nobody.${'x'.repeat(43)}`)
    assert.equal(other.status, 404)
  })
})

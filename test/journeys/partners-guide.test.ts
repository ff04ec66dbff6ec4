import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { type SandboxPartner, startSandboxPartner } from '../../sandbox/partner/server.ts'
import { type GuideReader, startGuideReader, stepsOf } from '../guide-runner.ts'
import { WITHOUT_CHROMIUM } from '../person-at-browser.ts'

/** As it stands in the guide, in the file of credentials. */
const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'

describe('the guide to partners, as it stands', { skip: WITHOUT_CHROMIUM }, () => {
  let reader: GuideReader
  let partner: SandboxPartner
  before(async () => {
    partner = await startSandboxPartner({ signIn: { kind: 'standardWebhooks', secret: SECRET } })
    reader = await startGuideReader()
  })
  after(async () => {
    await reader?.stop()
    await partner?.stop()
  })

  it('P1 P2 P15 adds a party from nothing, which then gets what was agreed and nothing else', async () => {
    const outputs: string[] = []
    for (const step of stepsOf('partners.md')) {
      const command = step.command.replaceAll('https://threats.example.org', partner.origin)
      outputs.push((await reader.follow({ ...step, command })).out)
    }
    for (let i = 0; partner.received.length === 0 && i < 100; i++) await pause(100)
    const [request] = partner.received
    assert.equal(request?.status, 200)
    const { type, devices } = JSON.parse(request.body.toString()) as {
      type: string
      devices: Record<string, string>[]
    }
    assert.equal(type, 'devices.state')
    assert.equal(devices.length, 20)
    for (const device of devices)
      assert.ok(Object.keys(device).every((name) => ['serial', 'model', 'color'].includes(name)))
    const previewed = outputs.find((out) => out.includes('"previewId"')) ?? assert.fail()
    assert.match(previewed, /"unknownCount": 1/)
    assert.match(outputs.join('\n'), /"partnerState": "enabled"/)
  })
})

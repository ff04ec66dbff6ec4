import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import type { Browser } from 'playwright-core'
import { request } from 'undici'
import { systemClock } from '#foundation/clock.ts'
import { silentLog } from '#foundation/log.ts'
import { isRefusal } from '#foundation/refusal.ts'
import { freePort } from '../../sandbox/free-port.ts'
import { CONNECTION, TENANT } from '../../sandbox/sample/organisation.ts'
import { run } from '../../src/cli/sluss.ts'
import { type FrontDoor, openFrontDoor } from '../../src/front-door.ts'
import { synchroniseDevices } from '../../src/synchronise.ts'
import { type TestNode, startTestNode } from '../node.ts'
import {
  type PersonAtBrowser,
  WITHOUT_CHROMIUM,
  launchChromium,
  personAt,
} from '../person-at-browser.ts'

const GUIDE = join(import.meta.dirname, '..', '..', 'docs', 'guide', 'support-access.md')
/** An hour is long for a test: what the guide calls one is the shortest access there is, a minute. */
const SHORT = ['--hours 1 ', '--hours 0.0167 ']
const TIME_IS_OVER_IN_MS = 75_000

interface Step {
  readonly who: string
  readonly command: string
  readonly comment: string
}

/** What the guide tells people to type, in order. */
const steps: readonly Step[] = [...readFileSync(GUIDE, 'utf8').matchAll(/```sh\n([\s\S]*?)```/g)]
  .flatMap((block) => (block[1] ?? '').trim().split('\n'))
  .map((line) => {
    const [, who = '', command = '', comment = ''] =
      /^(\w+)\$ sluss (.*?)(?: {4}# (.*))?$/.exec(line) ?? assert.fail(line)
    return { who, command, comment }
  })

describe('the guide to support access, as it stands', { skip: WITHOUT_CHROMIUM }, () => {
  let site: TestNode
  let door: FrontDoor
  let browser: Browser
  let origin: string
  const people = new Map<string, PersonAtBrowser>()
  const names = new Map<string, string>()
  const outputs = new Map<string, string>()

  before(async () => {
    const port = await freePort()
    origin = `http://localhost:${port}`
    site = await startTestNode({ environment: { SLUSS_PORT: String(port) } })
    const taken = await synchroniseDevices(site.node, TENANT, CONNECTION)
    assert.ok(!isRefusal(taken) && taken.kept === 20)
    door = await openFrontDoor({ node: site.node, log: silentLog, partyOrigins: new Map() })
    browser = await launchChromium()
    for (const who of ['platform', 'admin', 'engineer', 'manager'])
      people.set(who, await personAt(browser))
    for (const { tenantId, url } of await door.firstLinks())
      await personOf(tenantId === TENANT ? 'admin' : 'platform').useLink(url)
    const { body } = await request(`${origin}/ledger/${TENANT}/verifier-key`)
    names.set('VERIFIER', (await body.text()).trim())
  })
  after(async () => {
    await browser?.close()
    await door?.close()
    await site?.stop()
  })

  const personOf = (who: string): PersonAtBrowser => people.get(who) ?? assert.fail(who)

  /** Types one line as that person and answers what came. */
  const type = async ({
    who,
    command,
  }: Step): Promise<{ code: number; out: string; err: string }> => {
    const out: string[] = []
    const err: string[] = []
    let opened: Promise<void> = Promise.resolve()
    const code = await run(wordsOf(command).map(placed), {
      out: (text) => out.push(text),
      err: (text) => {
        err.push(text)
        const [, url, shown] = /(http\S+) .* ([A-Z]{4}-[A-Z]{4})/.exec(text) ?? []
        if (url && shown) opened = personOf(who).allowDevice(url, shown)
      },
      ask: async () => assert.fail('the guide leaves nothing to be asked'),
      environment: { XDG_CONFIG_HOME: join(site.folder, `home-${who}`), LANG: 'en' },
      clock: systemClock,
      pause: (milliseconds) => pause(Math.min(milliseconds, 200)),
    })
    await opened
    return { code, out: out.join('\n'), err: err.join('\n') }
  }
  const placed = (word: string): string => {
    if (word === 'log' || word === 'approver.pem') return join(site.folder, word)
    return word
      .replace('http://localhost:7587', origin)
      .replaceAll(/\b[A-Z]{4,}\b/g, (name) => names.get(name) ?? name)
  }

  it('P7 P8 P16 lets support see exactly what the customer signed, while it lasts, and proves it', async () => {
    assert.ok(steps.length > 25)
    for (const step of steps) {
      const shown = `${step.who}$ sluss ${step.command}`
      const short = { ...step, command: `${step.command} `.replace(...(SHORT as [string, string])) }
      if (step.comment.includes('once the time is over')) {
        const refused = await untilRefused(() => type(short))
        assert.match(refused.err, /grant_ended|ended/, shown)
        continue
      }
      const answer = await type(short)
      if (step.comment === 'refused') {
        assert.equal(answer.code, 4, `${shown}\n${answer.out}${answer.err}`)
        continue
      }
      assert.equal(answer.code, 0, `${shown}\n${answer.out}${answer.err}`)
      outputs.set(step.command, answer.out)
      await follow(step, answer.out)
    }
    const seen = JSON.parse(outputOf(/^call GET \/support\/accessGrants\/GRANT\/managedDevices$/))
    assert.deepEqual(
      seen.value.map((device: { id: string }) => device.id),
      [names.get('PHONE')],
    )
    assert.match(seen.value[0].serialNumber, /^SYN\d+$/)
    assert.equal(names.get('VIEWED'), names.get('PHONE'))
    assert.match(outputOf(/^messages list/), /support|access/i)
    assert.match(outputOf(/^requests show/), /error 1204/)
    assert.match(outputOf(/^verify log/), /sound/)
    assert.match(outputOf(/^verify-approval/), /valid/)
    const listed = outputOf(/^call GET '\/deviceManagement\/managedDevices/)
    assert.ok(!/"serialNumber": "SYN/.test(listed), 'a list shows serial numbers masked')
  })

  const outputOf = (command: RegExp): string =>
    [...outputs].find(([typed]) => command.test(typed))?.[1] ?? assert.fail(String(command))

  /** Does what the comment behind a line says: takes ids from the answer, or hands a link on. */
  const follow = async ({ comment }: Step, out: string): Promise<void> => {
    const [, invited] = /^link for (\w+)$/.exec(comment) ?? []
    if (invited) {
      await personOf(invited).useLink(JSON.parse(out).url)
      return
    }
    for (const [, name = '', path = ''] of comment.matchAll(/([A-Z]+) = ([\w.]+)/g)) {
      const value = path.split('.').reduce((at, member) => at?.[member], JSON.parse(out))
      assert.equal(typeof value, 'string', `${name} = ${path} in ${out}`)
      names.set(name, value)
    }
  }

  const untilRefused = async (
    look: () => Promise<{ code: number; err: string }>,
  ): Promise<{ code: number; err: string }> => {
    for (const began = systemClock.elapsed(); ; await pause(1_000)) {
      const answer = await look()
      if (answer.code === 4) return answer
      assert.equal(answer.code, 0, answer.err)
      assert.ok(systemClock.elapsed() - began < TIME_IS_OVER_IN_MS, 'the grant did not end')
    }
  }
})

/** Splits a line as a shell does, as far as the guide needs it: blanks, and single quotes. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/(?:'[^']*'|[^\s'])+/g)].map((match) => match[0].replaceAll("'", ''))
}

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Browser } from 'playwright-core'
import { systemClock } from '#foundation/clock.ts'
import { silentLog } from '#foundation/log.ts'
import { isRefusal } from '#foundation/refusal.ts'
import { freePort } from '../sandbox/free-port.ts'
import { CONNECTION, TENANT } from '../sandbox/sample/organisation.ts'
import { run } from '../src/cli/sluss.ts'
import { openFrontDoor } from '../src/node/front-door.ts'
import { synchroniseDevices } from '../src/node/synchronise.ts'
import { startTestNode } from './node.ts'
import { type PersonAtBrowser, launchChromium, personAt } from './person-at-browser.ts'

const GUIDES = join(import.meta.dirname, '..', 'docs', 'guide')
/** Words in a guide that stand for a place of the reader's own. */
const PLACES = ['log', 'approver.pem']
const REFUSED = 4

/** One line of a guide: `who$ sluss command    # comment`. */
export interface Step {
  readonly who: string
  readonly command: string
  readonly comment: string
}

export interface Typed {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** An installation like that of a first start, with people who type what a guide says. */
export interface GuideReader {
  readonly origin: string
  readonly folder: string
  /** What the ids in capitals stand for, as answers gave them. */
  readonly names: Map<string, string>
  type(step: Step): Promise<Typed>
  /** Types a line and holds it to its comment: refused or not, ids taken, links handed on. */
  follow(step: Step): Promise<Typed>
  stop(): Promise<void>
}

/** What a guide tells people to type, in order. */
export function stepsOf(guide: string): readonly Step[] {
  const text = readFileSync(join(GUIDES, guide), 'utf8')
  return [...text.matchAll(/```sh\n([\s\S]*?)```/g)]
    .flatMap((block) => (block[1] ?? '').trim().split('\n'))
    .map((line) => {
      const [, who = '', command = '', comment = ''] =
        /^(\w+)\$ sluss (.*?)(?: {4}# (.*))?$/.exec(line) ?? assert.fail(line)
      return { who, command, comment }
    })
}

/** Twenty devices are there, and the first links have been used by `platform` and by `admin`. */
export async function startGuideReader(): Promise<GuideReader> {
  const port = await freePort()
  const origin = `http://localhost:${port}`
  const site = await startTestNode({ environment: { SLUSS_PORT: String(port) } })
  const taken = await synchroniseDevices(site.node, TENANT, CONNECTION)
  assert.ok(!isRefusal(taken) && taken.kept === 20)
  const door = await openFrontDoor({ node: site.node, log: silentLog, partyOrigins: new Map() })
  const browser = await launchChromium()
  const personOf = peopleAt(browser)
  for (const { tenantId, url } of await door.firstLinks())
    await (await personOf(tenantId === TENANT ? 'admin' : 'platform')).useLink(url)

  const names = new Map<string, string>()
  const placed = (word: string): string => {
    if (PLACES.includes(word)) return join(site.folder, word)
    return word
      .replace('http://localhost:7587', origin)
      .replaceAll(/\b[A-Z]{4,}\b/g, (name) => names.get(name) ?? name)
  }
  const type = async ({ who, command }: Step): Promise<Typed> => {
    const out: string[] = []
    const err: string[] = []
    let opened: Promise<void> = Promise.resolve()
    const code = await run(wordsOf(command).map(placed), {
      out: (text) => out.push(text),
      err: (text) => {
        err.push(text)
        const [, url, shown] = /(http\S+) .* ([A-Z]{4}-[A-Z]{4})/.exec(text) ?? []
        if (url && shown) opened = personOf(who).then((person) => person.allowDevice(url, shown))
      },
      ask: async () => assert.fail('a guide leaves nothing to be asked'),
      environment: { XDG_CONFIG_HOME: join(site.folder, `home-${who}`), LANG: 'en' },
      clock: systemClock,
      pause: (milliseconds) => pause(Math.min(milliseconds, 200)),
    })
    await opened
    return { code, out: out.join('\n'), err: err.join('\n') }
  }
  return {
    origin,
    folder: site.folder,
    names,
    type,
    follow: async (step) => {
      const typed = await type(step)
      const shown = `${step.who}$ sluss ${step.command}\n${typed.out}${typed.err}`
      assert.equal(typed.code, step.comment === 'refused' ? REFUSED : 0, shown)
      const [, invited] = /^link for (\w+)$/.exec(step.comment) ?? []
      if (invited) await (await personOf(invited)).useLink(JSON.parse(typed.out).url)
      for (const [, name = '', path = ''] of step.comment.matchAll(/([A-Z]+) = ([\w.]+)/g))
        names.set(name, memberOf(typed.out, path))
      return typed
    },
    stop: async () => {
      await browser.close()
      await door.close()
      await site.stop()
    },
  }
}

/** Everybody has a browser and a security key of their own, from when they are first needed. */
function peopleAt(browser: Browser): (who: string) => Promise<PersonAtBrowser> {
  const people = new Map<string, Promise<PersonAtBrowser>>()
  return (who) => {
    const person = people.get(who) ?? personAt(browser)
    people.set(who, person)
    return person
  }
}

function memberOf(answer: string, path: string): string {
  const value = path.split('.').reduce((at, member) => at?.[member], JSON.parse(answer))
  assert.equal(typeof value, 'string', `${path} in ${answer}`)
  return value
}

/** Splits a line as a shell does, as far as guides need it: blanks, and single quotes. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/(?:'[^']*'|[^\s'])+/g)].map((match) => match[0].replaceAll("'", ''))
}

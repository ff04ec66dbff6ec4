import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { request } from 'undici'
import { temporaryFolder } from '../folder.ts'

const ROOT = join(import.meta.dirname, '..', '..')

describe('the sample', () => {
  let folder: string
  before(async () => {
    folder = await temporaryFolder('sample')
  })
  after(() => rm(folder, { recursive: true, force: true }))

  /** Runs it until it says that it goes on, asks it something, and stops it. */
  const tell = async (
    language: string,
    end: string,
    ask?: (text: string) => Promise<void>,
  ): Promise<string> => {
    const child: ChildProcess = spawn(
      process.execPath,
      [join(ROOT, 'sandbox', 'sample', 'main.ts')],
      {
        env: { ...process.env, SLUSS_FOLDER: folder, SLUSS_PORT: '0', SLUSS_LANGUAGE: language },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    )
    let text = ''
    let complaints = ''
    child.stderr?.on('data', (part: Buffer) => {
      complaints += part.toString()
    })
    const gone = new Promise<number | null>((resolve) => child.once('exit', resolve))
    await new Promise<void>((resolve, reject) => {
      child.once('exit', () => reject(new Error(`it ended early: ${complaints}`)))
      child.stdout?.on('data', (part: Buffer) => {
        text += part.toString()
        if (text.includes(end)) resolve()
      })
    })
    await ask?.(text)
    child.kill('SIGTERM')
    assert.equal(await gone, 0)
    assert.equal(complaints, '')
    return text
  }

  it('tells the whole story: refused, previewed, consented, waiting, withdrawn, the same for every other party, verified', async () => {
    const text = await tell('en', 'seconds from start', async (story) => {
      const [, url] = /ledger: (\S+)/.exec(story) ?? []
      const { statusCode, body } = await request(url ?? '')
      assert.equal(statusCode, 200)
      assert.match(await body.text(), /^sluss\.example\/ledger\/example\n\d+\n/)
      const health = await request(`${new URL(url ?? '').origin}/healthz`)
      assert.equal(health.statusCode, 200)
      const tiles = await request((url ?? '').replace('checkpoint', 'tile/0/000.p/1'))
      assert.equal(tiles.statusCode, 401)
    })
    for (const part of [
      '403 ACCESS_DENIED (feature_off)',
      '500',
      'consent_lapsed',
      '403 ACCESS_DENIED (consent_withdrawn)',
      '"is_return_to_service":true',
      // The other parties: each refused, then exactly what is agreed, and what is kept back with its reason.
      'Apple push · ',
      '403 (feature_off); nothing left',
      '{"mdm":"magic-1"}\n',
      '(item_unclassified)',
      'Google Android Management · ',
      'person.devicePhoneNumber: the admin’s choice',
      'signed with another key: 401',
      'Jamf Pro · ',
      'section=SECURITY',
      'items (item_not_in_flow)',
      'Example Threat Watch · ',
      '{"devices":[{"firewall":true,"os":"15.3","serial":"SYNC0000003"}]}',
      'sound',
    ]) {
      assert.ok(text.includes(part), part)
    }
    assert.ok(!text.includes('owner_full_name'))
    assert.ok(!/\+1-555-0101|356938035643801/.test(text))
    const [, seconds] = /([\d.]+) seconds from start/.exec(text) ?? []
    assert.ok(Number(seconds) < 60, `the story took ${seconds} s`)
    // The README shows this very story.
    const readme = readFileSync(join(ROOT, 'README.md'), 'utf8')
    for (const line of text.split('\n').filter((one) => /^\d\. /.test(one)))
      assert.ok(readme.includes(line), line)
  })

  it('goes on with what is there at a second start, in Swedish', async () => {
    const text = await tell('sv', 'sekunder från start')
    assert.match(text, /500 +enheter finns/)
    assert.match(text, /hel +varje post omräknad/)
  })

  it('stops in order while it is still starting, and in the middle of its story', async () => {
    for (const early of ['Sluss', '1. ']) {
      await rm(folder, { recursive: true, force: true })
      await mkdir(folder)
      await tell('en', early)
      assert.ok(!existsSync(join(folder, 'postgres', 'data', 'postmaster.pid')))
    }
  })
})

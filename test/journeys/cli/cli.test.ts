import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import { systemClock } from '#foundation/clock.ts'
import { run } from '../../../src/cli/sluss.ts'
import { USAGES } from '../../../src/cli/program.ts'
import { EXIT } from '../../../src/cli/terminal.ts'
import { WORDS } from '../../../src/cli/words/say.ts'
import { REQUEST, type SmallInstallation, startSmallInstallation } from './installation.ts'

const FLOW = 'apple-device-enrollment.outbound'

describe('the command line', () => {
  let at: SmallInstallation
  let folder: string
  let answer: string | undefined
  const asked: string[] = []
  before(async () => {
    at = await startSmallInstallation()
  })
  after(() => at.stop())
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluss-cli-'))
    answer = 'y'
    asked.length = 0
    at.calls.length = 0
    at.approved.length = 0
    at.allow = true
    at.tokenSeconds = 600
    at.alterText = (text) => text
  })

  afterEach(() => rm(folder, { recursive: true, force: true }))

  interface Result {
    readonly code: number
    readonly out: string
    readonly err: string
  }
  const sluss = async (
    args: string[],
    environment: Record<string, string> = {},
  ): Promise<Result> => {
    const out: string[] = []
    const err: string[] = []
    const code = await run(args, {
      out: (text) => out.push(text),
      err: (text) => err.push(text),
      ask: async (question) => {
        asked.push(question)
        return answer
      },
      environment: { XDG_CONFIG_HOME: folder, ...environment },
      clock: systemClock,
      pause: (milliseconds) => pause(Math.min(milliseconds, 10)),
    })
    return { code, out: out.join('\n'), err: err.join('\n') }
  }
  const signIn = async () => {
    const result = await sluss(['sign-in', '--url', at.origin])
    assert.equal(result.code, 0, result.err)
    return result
  }
  const tokens = () => join(folder, 'sluss', 'tokens.json')
  const makeKey = async (): Promise<string> => {
    const path = join(folder, 'key.pem')
    assert.equal((await sluss(['keys', 'make', path])).code, 0)
    return path
  }

  it('signs in by a code in a browser, keeps the tokens to the owner, and remembers the installation', async () => {
    const { err } = await signIn()
    assert.match(err, /\/oidc\/device .*BCDF-GHJK/)
    assert.equal((await stat(tokens())).mode & 0o777, 0o600)
    const who = await sluss(['whoami'])
    assert.match(who.out, /Alva Example/)
    assert.match(who.out, /Support requests\/Approve/)
    const json = JSON.parse((await sluss(['whoami', '--json'])).out)
    assert.equal(json.account.tenantId, 'acme')
    await chmod(tokens(), 0o644)
    const open = await sluss(['whoami'])
    assert.equal(open.code, 2)
    assert.match(open.err, /chmod 600/)
  })

  it('says that the person said no, and signs nobody in', async () => {
    at.allow = false
    const refused = await sluss(['sign-in', '--url', at.origin])
    assert.equal(refused.code, 3)
    assert.match(refused.err, /access_denied/)
    assert.equal((await sluss(['whoami', '--url', at.origin])).code, 3)
  })

  it('renews a token that runs out, once even when two run together, and asks to sign in when it is over', async () => {
    at.tokenSeconds = 1
    await signIn()
    at.tokenSeconds = 600
    const before = { ...at.used }
    const both = await Promise.all([sluss(['whoami']), sluss(['whoami'])])
    assert.deepEqual(
      both.map((one) => one.code),
      [0, 0],
    )
    assert.equal(at.used.refreshes, before.refreshes + 1)
    assert.equal(at.used.reused, before.reused)
    at.endSessions()
    const kept = JSON.parse(await readFile(tokens(), 'utf8'))
    kept.tokens[at.origin].expiresAt = 0
    await writeFile(tokens(), JSON.stringify(kept), { mode: 0o600 })
    const over = await sluss(['whoami'])
    assert.equal(over.code, 3)
    assert.match(over.err, /sluss sign-in --url/)
  })

  it('signs out here and at the server', async () => {
    await signIn()
    const before = at.used.revoked
    assert.equal((await sluss(['sign-out'])).code, 0)
    assert.equal(at.used.revoked, before + 1)
    assert.doesNotMatch(await readFile(tokens(), 'utf8'), /refreshToken/)
    assert.equal((await sluss(['whoami', '--url', at.origin])).code, 3)
  })

  it('lists page after page, and takes its token nowhere else', async () => {
    await signIn()
    const listed = await sluss(['tenants', 'list', '--json'])
    assert.equal(JSON.parse(listed.out).value.length, 6)
    assert.match((await sluss(['tenants', 'list'])).out, /^ID +DISPLAYNAME/)
    at.inject((response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ value: [], '@odata.nextLink': 'http://127.0.0.1:1/v1.0/x' }))
    })
    const lured = await sluss(['tenants', 'list'])
    assert.equal(lured.code, 5)
    assert.match(lured.err, /does not look like Sluss/)
  })

  it('asks before it consents, and consents to what it showed', async () => {
    await signIn()
    answer = 'n'
    const no = await sluss(['consents', 'give', FLOW])
    assert.equal(no.code, 1)
    assert.equal(at.calls.filter((call) => call.method === 'POST').length, 0)
    answer = undefined
    assert.equal((await sluss(['consents', 'give', FLOW])).code, 2)
    answer = 'y'
    assert.equal((await sluss(['consents', 'give', FLOW])).code, 0)
    const [given] = at.calls.filter((call) => call.method === 'POST')
    assert.deepEqual(given?.body, { manifestHash: 'ab' })
    const yes = await sluss(['consents', 'give', FLOW, '--yes', '--json'])
    assert.equal(JSON.parse(yes.out).state, 'granted')
    assert.match(yes.err, /manifestHash +ab/)
    assert.equal(asked.length, 3)
  })

  it('approves with a key of one’s own, over the text that was shown', async () => {
    await signIn()
    const key = await makeKey()
    assert.equal((await stat(key)).mode & 0o777, 0o600)
    const all = await sluss(['requests', 'approve', REQUEST, '--key', key])
    assert.equal(all.code, 0, all.err)
    assert.match(all.out, /all that was asked for/)
    const less = await sluss([
      'requests',
      'approve',
      REQUEST,
      '--key',
      key,
      '--items',
      'device.model',
      '--hours',
      '1.5',
      '--yes',
    ])
    assert.match(less.out, /less than was asked for/)
    assert.deepEqual(
      at.approved.map(({ valid }) => valid),
      [true, true],
    )
    assert.deepEqual(at.approved[1]?.records, ['d1', 'd2'])
    const signed = JSON.parse(at.approved[1]?.text ?? '')
    assert.deepEqual([signed.items, signed.durationMs], [['device.model'], 5_400_000])
  })

  it('P16 makes signatures that openssl verifies', async () => {
    await signIn()
    const key = await makeKey()
    await sluss(['requests', 'approve', REQUEST, '--key', key, '--yes'])
    const body = at.calls.at(-1)?.body as { text: string; signature: { signature: string } }
    const [text, signature, spki] = ['text', 'sig', 'pub'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ]
    await writeFile(text, body.text)
    await writeFile(signature, Buffer.from(body.signature.signature, 'base64url'))
    const openssl = promisify(execFile)
    await openssl('openssl', ['pkey', '-in', key, '-pubout', '-out', spki])
    const check = () =>
      openssl('openssl', [
        'pkeyutl',
        '-verify',
        '-rawin',
        '-pubin',
        '-inkey',
        spki,
        '-in',
        text,
        '-sigfile',
        signature,
      ])
    assert.match((await check()).stdout, /Verified Successfully/)
    await writeFile(text, body.text.replace('"v":1', '"v":2'))
    await assert.rejects(check)
  })

  it('signs nothing when the text is about something else than what was shown', async () => {
    await signIn()
    const key = await makeKey()
    for (const change of [
      { request: '33333333-3333-4333-8333-333333333333' },
      { case: 'other' },
      { items: ['device.model', 'user.location'] },
      { purpose: 'marketing' },
      { type: 'something.else' },
      { tenant: 'other' },
      { asker: '55555555-5555-4555-8555-555555555555' },
      { durationMs: 8 * 3_600_000 },
      { records: { count: 3, commitment: 'x' } },
    ]) {
      at.alterText = (text) => ({ ...text, ...change })
      const refused = await sluss(['requests', 'approve', REQUEST, '--key', key, '--yes'])
      assert.equal(refused.code, 1, JSON.stringify(change))
      assert.match(refused.err, /Nothing was signed/)
    }
    assert.equal(at.approved.length, 0)
  })

  it('keeps keys apart from others, never overwrites one, and knows a foreign file', async () => {
    await signIn()
    const key = await makeKey()
    assert.equal((await sluss(['keys', 'make', key])).code, 2)
    await chmod(key, 0o640)
    assert.equal((await sluss(['requests', 'approve', REQUEST, '--key', key])).code, 2)
    await writeFile(join(folder, 'odd'), 'no key', { mode: 0o600 })
    assert.match((await sluss(['keys', 'register', join(folder, 'odd')])).err, /keys make/)
    const unknown = join(folder, 'unregistered.pem')
    await sluss(['keys', 'make', unknown, '--no-register'])
    const refused = await sluss(['requests', 'approve', REQUEST, '--key', unknown])
    assert.match(refused.err, /keys register/)
  })

  it('repeats a call only under the same idempotency key, when asked to wait or when the line broke', async () => {
    await signIn()
    at.inject(
      (response) => response.writeHead(429, { 'retry-after': '1' }).end('{}'),
      (response) => response.destroy(),
    )
    const made = await sluss(['tenants', 'create', 'acme', '--name', 'Acme', '--region', 'EU'])
    assert.equal(made.code, 0, made.err)
    assert.match(made.out, /first admin comes in once/)
    const tries = at.calls.filter((call) => call.method === 'POST')
    assert.equal(tries.length, 3)
    assert.equal(new Set(tries.map((call) => call.key)).size, 1)
    assert.ok(tries[0]?.key)
  })

  it('says what to do next when it is refused, and gives programs the same', async () => {
    await signIn()
    const missing = await sluss(['grants', 'end', 'none', '--yes'])
    assert.equal(missing.code, 4)
    assert.match(missing.err, /there is nothing at this address\n.*organisation/)
    const refusal =
      (status: number, code: string) => (response: import('node:http').ServerResponse) => {
        response.writeHead(status, { 'content-type': 'application/json' })
        response.end(
          JSON.stringify({
            error: { code: 'X', message: 'no', innerError: { code, 'request-id': 'r-9' } },
          }),
        )
      }
    at.inject(refusal(401, 'step_up_needed'))
    assert.match((await sluss(['features', 'on', 'x'])).err, /sign-in --again/)
    at.inject(refusal(403, 'role_missing'))
    assert.match((await sluss(['grants', 'list'])).err, /whoami/)
    at.inject(refusal(500, 'InternalServerError'))
    const failed = await sluss(['grants', 'list', '--json'])
    assert.equal(failed.code, 5)
    assert.equal(failed.out, '')
    const { error } = JSON.parse(failed.err)
    assert.deepEqual([error.requestId, error.exit, error.status], ['r-9', 5, 500])
  })

  it('does not answer to what is not understood, and sends no token in clear across a network', async () => {
    assert.equal((await sluss(['nonsense'])).code, 2)
    assert.equal((await sluss(['requests', 'approve', REQUEST])).code, 2)
    assert.equal((await sluss(['whoami'])).code, 2)
    for (const url of [
      'http://sluss.example.org',
      'ftp://127.0.0.1',
      'https://a.example/path',
      'x',
    ])
      assert.equal((await sluss(['whoami', '--url', url])).code, 2, url)
    const nobody = await sluss(['whoami', '--url', 'http://127.0.0.1:1'], { SLUSS_TOKEN: 'x' })
    assert.equal(nobody.code, 5)
    assert.match(nobody.err, /ECONNREFUSED/)
    assert.equal((await sluss([])).code, 0)
    assert.equal((await sluss(['consents', '--help'])).code, 0)
  })

  it('exports the ledger line by line into a file of one’s own', async () => {
    await signIn()
    const path = join(folder, 'audit.jsonl')
    const done = await sluss([
      'audit',
      'export',
      path,
      '--kind',
      "dis'closure",
      '--since',
      '2030-01-01',
    ])
    assert.equal(done.code, 0, done.err)
    assert.equal(JSON.parse(await readFile(path, 'utf8')).activityType, 'disclosure')
    assert.match(at.calls.at(-1)?.path ?? '', /activityType eq 'dis''closure'/)
    assert.equal((await sluss(['audit', 'list', '--since', 'soon'])).code, 2)
    assert.equal((await sluss(['audit', 'list', '--top', '-1'])).code, 2)
  })

  it('speaks Swedish where the surroundings do, with the same words filled in', async () => {
    const said = await sluss(['whoami', '--url', at.origin], { LANG: 'sv_SE.UTF-8' })
    assert.match(said.err, /inte inloggad/)
    const holes = (text: string) => (text.match(/\{\w+\}/g) ?? []).toSorted().join()
    for (const [key, text] of Object.entries(WORDS.en))
      assert.equal(holes(WORDS.sv[key as keyof typeof WORDS.sv]), holes(text), key)
  })

  it('is a program: JSON alone on standard output, settings from the environment, and it ends at once', async () => {
    await signIn()
    const token = JSON.parse(await readFile(tokens(), 'utf8')).tokens[at.origin].accessToken
    const file = join(import.meta.dirname, '../../../src/cli/sluss.ts')
    const environment = { PATH: process.env.PATH, SLUSS_URL: at.origin, SLUSS_TOKEN: token }
    const began = performance.now()
    const { stdout, stderr } = await promisify(execFile)(
      process.execPath,
      [file, 'tenants', 'list', '--json'],
      { env: environment },
    )
    assert.ok(performance.now() - began < 4_000, 'it lingers')
    assert.equal(JSON.parse(stdout).value.length, 6)
    assert.equal(stderr, '')
    await assert.rejects(
      promisify(execFile)(process.execPath, [file, 'keys', 'remove', 'x'], {
        env: { ...environment, SLUSS_TOKEN: 'wrong', LANG: 'sv_SE.UTF-8' },
      }),
      (fault: { code: number; stdout: string; stderr: string }) =>
        fault.code === 3 && fault.stdout === '' && /Kör: sluss sign-in/.test(fault.stderr),
    )
  })

  it('is described in the guide, every command and every exit code', async () => {
    const guide = await readFile(
      new URL('../../../docs/guide/command-line.md', import.meta.url),
      'utf8',
    )
    for (const usage of USAGES) assert.ok(guide.includes(`sluss ${usage}`), usage)
    for (const code of Object.values(EXIT)) assert.match(guide, new RegExp(`\\| ${code} \\|`))
  })

  it('shows nothing that moves the cursor of a terminal', async () => {
    await signIn()
    at.inject((response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ value: [{ id: 'x\u001b[2J\nforged', state: 'open\u202e' }] }))
    })
    const { out } = await sluss(['grants', 'list'])
    for (const unwanted of ['\u001b', '\u202e', '\nforged']) assert.ok(!out.includes(unwanted))
  })
})

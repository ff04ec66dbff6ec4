import assert from 'node:assert/strict'
import { copyFile, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fetch } from 'undici'
import { manualClock } from '#foundation/clock.ts'
import { issueAuditorToken, startServer } from '#http/server.ts'
import { createTenant } from '#tenants/create-tenant.ts'
import { TENANT } from '../../sandbox/sample/organisation.ts'
import { run } from '../../src/cli/sluss.ts'
import { type TestNode, startTestNode } from '../node.ts'

const OTHER = 'other'

describe('the address of a ledger', () => {
  const clock = manualClock(Date.now())
  let t: TestNode
  let server: Awaited<ReturnType<typeof startServer>> | undefined
  let folder = ''
  before(async () => {
    t = await startTestNode({ clock })
    const { parts, keys, database, settings } = t.node
    await database.write(OTHER, (tx) =>
      createTenant(tx, keys, {
        name: 'Other',
        region: 'EU',
        actor: 'operator:test',
        at: clock.now(),
      }),
    )
    await t.mdm.call('POST', '/server/devices', { limit: 10 })
    await t.entries()
    server = await startServer({ ...settings, ...parts, port: 0 })
    folder = await mkdtemp(join(tmpdir(), 'sluss-audit-'))
  })
  after(async () => {
    await server?.close()
    await t.stop()
    await rm(folder, { recursive: true, force: true })
  })

  const at = (path: string) => `http://127.0.0.1:${server?.port}/ledger/${path}`
  const get = (path: string, token?: string) =>
    fetch(at(path), token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } })
  const size = async () => Number((await (await get(`${TENANT}/checkpoint`)).text()).split('\n')[1])
  const sluss = async (...args: string[]) => {
    const lines: string[] = []
    const code = await run(args, (line) => lines.push(line))
    return { code, text: lines.join('\n') }
  }

  it('shows head and verifier key to everybody, and entries to nobody without a token of this very log', async () => {
    assert.equal((await get(`${TENANT}/checkpoint`)).status, 200)
    assert.equal((await get(`${TENANT}/verifier-key`)).status, 200)
    const tile = `tile/entries/000.p/${await size()}`
    const strangers = [undefined, 'x', 'a.b.c', await issueAuditorToken(t.node.parts, OTHER)]
    for (const token of strangers) {
      for (const path of [tile, 'tile/0/000', 'tile/9/000', 'tile/entries/999']) {
        const refused = await get(`${TENANT}/${path}`, token)
        assert.equal(refused.status, 401)
        const { error } = (await refused.json()) as { error: { code: string; innerError: unknown } }
        assert.equal(error.code, 'InvalidAuthenticationToken')
        assert.deepEqual(error.innerError, { 'request-id': refused.headers.get('request-id') })
      }
    }
    const token = await issueAuditorToken(t.node.parts, TENANT)
    const shown = await get(`${TENANT}/${tile}`, token)
    assert.equal(shown.status, 200)
    assert.match(shown.headers.get('cache-control') ?? '', /^private/)
  })

  it('answers 404 in the shape of Graph for what is not there', async () => {
    const token = await issueAuditorToken(t.node.parts, TENANT)
    for (const path of [
      'nobody/checkpoint',
      'nobody/verifier-key',
      '..%2f/checkpoint',
      `${'a'.repeat(300)}/checkpoint`,
      `${TENANT}/tile/x`,
      `${TENANT}/tile/0/1`,
      `${TENANT}/tile/0/000.p/256`,
      `${TENANT}/tile/0/000`,
      `${TENANT}/tile/entries/001`,
      `${TENANT}/other`,
    ]) {
      const missing = await get(path, token)
      assert.equal(missing.status, 404, path)
      assert.equal(
        ((await missing.json()) as { error: { code: string } }).error.code,
        'ResourceNotFound',
      )
    }
  })

  it('P16 an auditor downloads, goes on later, and finds it sound and grown from what was seen before', async () => {
    const key = (await (await get(`${TENANT}/verifier-key`)).text()).trim()
    const token = await issueAuditorToken(t.node.parts, TENANT)
    const older = join(folder, 'older')
    const copy = join(folder, 'copy')
    assert.equal((await sluss('download-ledger', at(TENANT), copy, '--token', token)).code, 0)
    await copyFile(join(copy, 'checkpoint'), older)
    await t.mdm.call('POST', '/server/devices', { limit: 10 })
    await t.entries()
    assert.equal((await sluss('download-ledger', at(TENANT), copy, '--token', token)).code, 0)
    const sound = await sluss('verify', copy, '--key', key, '--since', older)
    assert.equal(sound.code, 0, sound.text)
    assert.match(sound.text, /2 disclosure\n.*\n?.*sound/s)

    await sluss('download-ledger', at(TENANT), copy, '--token', token)
    assert.deepEqual((await readdir(copy)).sort(), [
      'checkpoint',
      `checkpoint.${(await readFile(older, 'utf8')).split('\n')[1]}`,
      'tile',
    ])

    for (const file of await readdir(copy, { recursive: true, withFileTypes: true })) {
      if (file.isDirectory()) continue
      const path = join(file.parentPath, file.name)
      const bytes = await readFile(path)
      const changed = Buffer.from(bytes)
      const middle = Math.floor(bytes.length / 2)
      changed[middle] = (changed[middle] ?? 0) ^ 1
      await writeFile(path, changed)
      const verdict = await sluss('verify', copy, '--key', key, '--json')
      assert.equal(verdict.code, 1, path)
      await writeFile(path, bytes)
    }
    assert.equal((await sluss('verify', copy, '--key', 'no key')).code, 2)
    assert.equal((await sluss('verify')).code, 2)
    assert.equal((await sluss('download-ledger', at(TENANT), join(folder, 'none'))).code, 2)
  })

  it('ends a token after half an hour', async () => {
    const token = await issueAuditorToken(t.node.parts, TENANT)
    const bundle = `${TENANT}/tile/entries/000.p/${await size()}`
    clock.advance(29 * 60_000)
    assert.equal((await get(bundle, token)).status, 200)
    clock.advance(2 * 60_000)
    assert.equal((await get(bundle, token)).status, 401)
  })
})

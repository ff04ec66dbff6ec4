import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { makeTokenKeyPair, readTokenFile } from '#connectors/apple-device-enrollment/token-file.ts'
import { systemClock } from '#foundation/clock.ts'
import { isRefusal } from '#foundation/refusal.ts'
import { issueClientCredentials } from '#connections/credentials.ts'
import { admin } from '../../sandbox/agree.ts'
import { createMdmClient } from '../../sandbox/sample/mdm-client.ts'
import { CONNECTION, TENANT } from '../../sandbox/sample/organisation.ts'
import { temporaryFolder } from '../folder.ts'
import { startTestNode } from '../node.ts'

const GUIDES = join(import.meta.dirname, '..', '..', 'docs', 'guide')
const GUIDE = readFileSync(join(GUIDES, 'fleet.md'), 'utf8')
const fenced = (name: string): string =>
  new RegExp(`\`\`\`${name}\n([\\s\\S]*?)\n\`\`\``).exec(GUIDE)?.[1] ?? assert.fail(name)
const OPENSSL = ['/usr/bin/openssl', '/usr/local/bin/openssl', '/opt/homebrew/bin/openssl'].some(
  existsSync,
)

describe('the guide to Fleet, as it stands', () => {
  it('wraps the credentials that Sluss made as Apple wraps its own, and with them Fleet reads its devices', {
    skip: OPENSSL ? false : 'there is no openssl to type the guide’s command with',
  }, async () => {
    const t = await startTestNode()
    const folder = await temporaryFolder('fleet')
    try {
      const { keys, database } = t.node
      const issued = await database.write(TENANT, (tx) =>
        issueClientCredentials(tx, keys, CONNECTION, admin(t.node)),
      )
      // What Fleet makes for itself: a key, and a certificate to encrypt for.
      const pair = await makeTokenKeyPair(systemClock.now())
      const token = { ...issued, access_token_expiry: '2099-01-01T00:00:00Z' }
      await writeFile(join(folder, 'token.json'), JSON.stringify(token))
      await writeFile(join(folder, 'fleet.pem'), pair.certificate)
      execFileSync('/bin/sh', ['-c', fenced('sh')], { cwd: folder })
      const read = readTokenFile(readFileSync(join(folder, 'sluss.p7m')), pair, systemClock.now())
      assert.ok(!isRefusal(read), JSON.stringify(read))
      assert.equal(read.consumer_key, issued.consumer_key)
      assert.equal(read.access_secret, issued.access_secret)
      const fleet = createMdmClient(`http://127.0.0.1:${t.gateway.port}`, {
        consumer_key: read.consumer_key,
        consumer_secret: read.consumer_secret,
        access_token: read.access_token,
        access_secret: read.access_secret,
      })
      // The calls that Fleet makes with it first: whose account it is, then its devices.
      const account = await fleet.call('GET', '/account')
      assert.equal(account.status, 200, account.body)
      const devices = await fleet.call('POST', '/server/devices', { limit: 200 })
      assert.equal((JSON.parse(devices.body) as { devices: unknown[] }).devices.length, 20)
      await fleet.close()
    } finally {
      await t.stop()
      await rm(folder, { recursive: true, force: true })
    }
  })

  it('leads to guides that are there, and says no other setting than they do', () => {
    const linked = [...GUIDE.matchAll(/\]\((\S+\.md)\)/g)].map(([, file = '']) => file)
    assert.ok(linked.length >= 4)
    const texts = linked.map((file) => readFileSync(join(GUIDES, file), 'utf8')).join('\n')
    for (const setting of ['FLEET_DEV_MDM_APPLE_PUSH_SERVER_URL', 'FLEET_DEV_VPP_URL'])
      assert.ok(GUIDE.includes(setting) && texts.includes(setting), setting)
    assert.match(fenced('sql'), /^INSERT INTO nano_dep_names \(name, config_base_url\)/)
  })
})

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { EVENT_FIELDS } from '#catalog/jamf-fields.ts'
import { openEventSecret } from '#connections/credentials.ts'
import { jamfPro } from '#connectors/jamf-pro/client.ts'
import { HARMLESS_COMMANDS } from '#connectors/jamf-pro/exchanges.ts'
import { isRefusal } from '#foundation/refusal.ts'
import { allEndpoints } from '#http/api/all-endpoints.ts'
import type { Connector } from '#sharing/exchange.ts'
import { ACME, type ApiWorld, type Person, startApiWorld } from './api-world.ts'
import { startJamfNode } from './jamf-node.ts'

const GUIDE = readFileSync(join(import.meta.dirname, '../../docs/guide/jamf-pro.md'), 'utf8')
/** Calls of the guide: method and path, and the body below where there is one. */
const STEPS = [
  ...GUIDE.matchAll(/^ {4}(GET|POST|PATCH) (?:\/v1\.0)(\/\S+)\n((?: {4,5}[{"].*\n)*)/gm),
].map(([, method = '', path = '', body = '']) => ({
  method,
  path,
  body: body.replace(/\s*\n\s*/g, ' ').trim(),
}))
/** First cells of the table whose head is this word. */
const cellsOf = (head: string) => {
  const [, rows = ''] =
    new RegExp(`^\\| ${head} \\|.*\\n\\|[-|]+\\|\\n((?:\\|.*\\n)+)`, 'm').exec(GUIDE) ?? []
  return rows
    .trim()
    .split('\n')
    .map((row) => row.split('|').map((cell) => cell.trim()))
}

describe('the guide to Jamf Pro, as it stands', () => {
  let world: ApiWorld
  let admin: Person
  before(async () => {
    world = await startApiWorld({
      endpoints: (parts) => {
        const connectors = new Map<string, Connector>([['jamf-pro', jamfPro(() => 0)]])
        const origins = new Map([['jamf-pro', ['https://*.jamfcloud.com']]])
        return allEndpoints({ ...parts, origins, sharing: { ...parts.sharing, connectors } })
      },
    })
    admin = await world.administrator(ACME)
  })
  after(() => world.stop())

  it('typed step by step it makes the connection, its secrets and the consents', async () => {
    assert.equal(STEPS.length, 9)
    const names = new Map([
      ['HASH OF YOUR CONTRACT', 'ab'.repeat(32)],
      [
        'BASE64 OF THE FILE',
        Buffer.from('{"client_id":"a","client_secret":"b"}').toString('base64'),
      ],
    ])
    for (const { method, path, body } of STEPS) {
      if (body.includes('"MANIFEST"')) {
        const shown = await world.call(admin, 'GET', path.replace('/consentToDataSharing', ''))
        names.set('MANIFEST', String(shown.body.manifestHash ?? shown.body.currentManifestHash))
      }
      let text = body
      for (const [name, value] of names) text = text.replace(`"${name}"`, `"${value}"`)
      const answer = await world.call(
        admin,
        method,
        path,
        text === '' ? undefined : JSON.parse(text),
      )
      assert.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${answer.text}`)
      if (path.endsWith('dataSharingContracts')) names.set('CONTRACT', String(answer.body.id))
      if (path.endsWith('issueEventSecret')) {
        assert.equal(answer.body.path, `/ingest/${ACME}.jamf`)
        const { database, keys } = world.endpointParts
        const kept = await database.read(ACME, (reader) => openEventSecret(reader, keys, 'jamf'))
        assert.equal(answer.body.secret, kept)
      }
      if (path.endsWith('issueClientCredentials'))
        assert.deepEqual(
          Object.keys(answer.body)
            .filter((key) => !key.startsWith('@'))
            .toSorted(),
          ['client_id', 'client_secret'],
        )
    }
  })

  it('no tenant makes a connection to a place of its own choice', async () => {
    for (const origin of [
      'https://jamf.example.org',
      'https://a.b.jamfcloud.com',
      'https://jamfcloud.com',
      'http://a.jamfcloud.com',
      'https://.jamfcloud.com',
      'https://a.jamfcloud.com.example.org',
      'https://a.jamfcloud.com:8443',
      'https://a.jamfcloud.com/x',
      'https://evil#.jamfcloud.com',
      undefined,
    ]) {
      const made = {
        id: 'other',
        connectorId: 'jamf-pro',
        displayName: 'x',
        ...(origin === undefined ? {} : { origin }),
      }
      const answer = await world.call(admin, 'POST', '/deviceManagement/connections', made)
      assert.equal(answer.status, 400, String(origin))
    }
  })

  it('its privileges are enough, and without any one of them something is missing', async () => {
    const privileges = cellsOf('privilege').map((cells) => (cells[1] ?? '').replaceAll('`', ''))
    assert.equal(privileges.length, 4)
    const t = await startJamfNode({ jamf: { computers: 3, mobiles: 2 } })
    const reach = async (given: readonly string[]) => {
      t.jamf.allow(given)
      const walked = await t.synchronise().catch(() => ({ kept: -1 }))
      const statuses = []
      for (const path of [
        '/api/v1/computers-inventory',
        '/api/v2/mobile-devices/detail',
        '/api/v2/mdm/commands?filter=uuid%3D%3D1',
        '/JSSResource/webhooks',
      ])
        statuses.push((await t.call('GET', path)).status)
      return { kept: isRefusal(walked) ? -1 : walked.kept, statuses }
    }
    try {
      assert.deepEqual(await reach(privileges), { kept: 5, statuses: [200, 200, 200, 200] })
      for (const [i] of privileges.entries()) {
        const { statuses } = await reach(privileges.toSpliced(i, 1))
        assert.deepEqual(
          statuses.flatMap((status, j) => (status === 200 ? [] : [j])),
          [i],
        )
      }
    } finally {
      await t.stop()
    }
  })

  it('names events, headers and commands that there are', () => {
    const settings = new Map(cellsOf('setting').map((cells) => [cells[1], cells[2] ?? '']))
    for (const [, name = ''] of (settings.get('Webhook event') ?? '').matchAll(/`(\w+)`/g))
      assert.ok(name.toLowerCase() in EVENT_FIELDS, name)
    assert.match(settings.get('Authentication type') ?? '', /X-Sluss-Token/)
    for (const command of HARMLESS_COMMANDS) assert.ok(GUIDE.includes(`\`${command}\``), command)
  })
})

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { givePermission, recordContract } from '#agreements/party.ts'
import { switchFeature } from '#agreements/switch-feature.ts'
import { isRefusal } from '#foundation/refusal.ts'
import { readTokenFile } from '#connectors/apple-apps-and-books/token-file.ts'
import { ACME, type ApiWorld, type Person, startApiWorld } from './api-world.ts'

const GUIDE = readFileSync(
  join(import.meta.dirname, '..', '..', 'docs', 'guide', 'apps-and-books.md'),
  'utf8',
)
/** A content token of nobody, good for long. */
const TOKEN = Buffer.from(
  JSON.stringify({ expDate: '2099-01-01T00:00:00+0000', orgName: 'Acme', token: 'c3ludGhldGlj' }),
).toString('base64')

interface Step {
  readonly method: string
  readonly path: string
  readonly body: string
  readonly status: number
}

/** What the guide tells people to call, in order: a line for the call, one for its body, one for the answer. */
function stepsOf(guide: string): readonly Step[] {
  return [...guide.matchAll(/```http\n([\s\S]*?)```/g)]
    .flatMap(([, block = '']) => block.trim().split('\n\n'))
    .map((text) => {
      const [first = '', ...rest] = text.split('\n')
      const [, method = '', path = ''] = /^(\w+) \/v1\.0(\/\S+)$/.exec(first) ?? assert.fail(text)
      const [body = '', status] = rest.length > 1 ? rest : ['', rest[0]]
      return { method, path, body: body.replace('TOKEN', TOKEN), status: Number(status) }
    })
}

const fenced = (name: string): string =>
  new RegExp(`\`\`\`json ${name}\n([\\s\\S]*?)\`\`\``).exec(GUIDE)?.[1] ?? assert.fail(name)

describe('docs/guide/apps-and-books.md', () => {
  let world: ApiWorld
  let admin: Person
  before(async () => {
    world = await startApiWorld()
    admin = await world.administrator(ACME)
    const { database, catalog } = world.endpointParts
    const by = { actor: 'admin:1', at: world.clock.now() }
    await database.write(ACME, async (tx) => {
      await switchFeature(tx, catalog, 'apple-volume-purchase', true, by)
      const terms = { partyId: 'apple', documentHash: 'ac'.repeat(32), purposes: ['app-licensing'] }
      const contract = await recordContract(tx, { ...terms, from: by.at }, by)
      await givePermission(tx, 'apple', contract, by)
    })
  })
  after(() => world.stop())

  it('shows what Apple would get, exactly as the preview does', async () => {
    const shown = await world.call(
      admin,
      'POST',
      '/deviceManagement/dataSharingConsents/apple-volume-purchase.outbound/preview',
      { exchangeId: 'apple.vpp.createUsers', example: JSON.parse(fenced('preview')) },
    )
    assert.equal(shown.status, 200, shown.text)
    const wanted = JSON.parse(fenced('sent'))
    const name = shown.body.sent.users?.[0]?.clientUserId
    assert.match(String(name), /^[\w-]{24}$/)
    assert.deepEqual(JSON.parse(JSON.stringify(shown.body.sent).replace(name, 'NAME')), wanted)
  })

  it('can be typed as it stands, call by call', async () => {
    const steps = stepsOf(GUIDE)
    assert.equal(steps.length, 7)
    for (const { method, path, body, status } of steps) {
      const given = body === '' ? undefined : JSON.parse(body)
      const answer = await world.call(admin, method, path, given)
      assert.equal(answer.status, status, `${method} ${path}: ${answer.text}`)
      assert.ok(!answer.text.includes(TOKEN), 'the token is never shown again')
      if (path.endsWith('issueClientCredentials'))
        assert.ok(!isRefusal(readTokenFile(Buffer.from(answer.body.token))))
    }
    assert.deepEqual(world.synchronised, [`${ACME}/apps`])
    const entries = JSON.stringify(await world.entries(ACME))
    assert.ok(!entries.includes(TOKEN) && !entries.includes('sluss_'))
  })

  it('tells the truth about a second token, a foreign one, an old one and one that is deleted', async () => {
    const post = (body: object) => world.call(admin, 'POST', '/deviceAppManagement/vppTokens', body)
    const path = '/deviceAppManagement/vppTokens/apps'
    const codeOf = (answer: { body: { error: { innerError: { code: string } } } }) =>
      answer.body.error.innerError.code
    const dressed = (over: object) =>
      Buffer.from(
        JSON.stringify({
          expDate: '2098-01-01T00:00:00+0000',
          orgName: 'Acme',
          token: 'eA',
          ...over,
        }),
      ).toString('base64')
    assert.equal(codeOf(await post({ id: 'apps', token: TOKEN })), 'name_taken')
    const foreign = { token: dressed({ orgName: 'Another' }) }
    assert.equal(codeOf(await world.call(admin, 'PATCH', path, foreign)), 'token_file_changed')
    const old = { token: dressed({ expDate: '2001-01-01T00:00:00+0000' }) }
    assert.equal(codeOf(await world.call(admin, 'PATCH', path, old)), 'token_file_expired')
    assert.equal(codeOf(await post({ token: 'bm8=' })), 'token_file_invalid')
    const renewed = await world.call(admin, 'PATCH', path, { token: dressed({}) })
    assert.deepEqual(
      [
        renewed.status,
        renewed.body.expirationDateTime.slice(0, 10),
        renewed.body.token,
        renewed.body.state,
      ],
      [200, '2098-01-01', null, 'valid'],
    )
    const made = await post({ token: dressed({}) })
    assert.match(made.body.id, /^vpp-[0-9a-f]{8}$/)
    const listed = await world.call(
      admin,
      'GET',
      "/deviceAppManagement/vppTokens?$filter=organizationName eq 'Acme'&$orderby=id&$top=1&$count=true",
    )
    assert.deepEqual([listed.body['@odata.count'], listed.body.value.length], [2, 1])
    assert.equal((await world.call(admin, 'DELETE', path, {})).status, 204)
    assert.equal((await world.call(admin, 'GET', path)).status, 404)
    assert.equal((await world.call(admin, 'POST', `${path}/syncLicenses`, {})).status, 404)
    const gone = await world.call(admin, 'GET', '/deviceManagement/connections/apps')
    assert.deepEqual([gone.body.isEnabled, gone.body.hasCredentials], [false, false])
  })
})

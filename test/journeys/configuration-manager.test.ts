import assert from 'node:assert/strict'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { chooseCollection } from '#agreements/collection.ts'
import { giveConsent } from '#agreements/consent.ts'
import { switchFeature } from '#agreements/switch-feature.ts'
import { DIAGNOSTICS_ITEMS } from '#catalog/diagnostics.ts'
import { manifestOf } from '#catalog/manifest.ts'
import { type Database, INSTALLATION } from '#database/handles.ts'
import { isRefusal } from '#foundation/refusal.ts'
import { chooseDiagnosticsLevel, receiveDiagnostics } from '#intake/diagnostics.ts'
import { publishedHash } from '#intake/diagnostics-hash.ts'
import {
  TENANT_ATTACH_FLOW,
  tenantAttachItems,
  tenantAttachShape,
} from '#intake/diagnostics-tenant-attach.ts'
import { readDiagnosticsFor } from '#viewing/diagnostics.ts'
import { ACME, type ApiWorld, BETA, type Person, startApiWorld } from './api-world.ts'

const BASE = '/deviceManagement/configurationManagerDiagnostics'
const HIERARCHY = '4b305a71-9ad8-4332-9692-d51554158981'
const YEAR_IN_MS = 366 * 86_400_000
const item = (level: string, end: string): string =>
  [...DIAGNOSTICS_ITEMS.keys()].find(
    (id) => id.startsWith(`diagnostics.${level}.`) && id.endsWith(end),
  ) ?? assert.fail(end)
const SCRIPTS = item('basic', 'scripts-run')
const SQL = item('basic', 'hashed-list-of-heavy-sql-queries')
const ENHANCED = item('enhanced', 'cmpivot.saved-query-count')
const TABLES = item('enhanced', 'largest-tables')
const LOGS = item('full', 'log-files')

const reportOf = (results: readonly { item: string; value: unknown }[], over: object = {}) => ({
  hierarchyId: HIERARCHY,
  productVersion: '5.00.9128.1000',
  collectedDateTime: '2029-12-31T00:00:00Z',
  results,
  ...over,
})

/** Which of the words stand anywhere in what PostgreSQL holds on disk, write-ahead log included. */
function onDisk(folder: string, words: readonly string[]): string[] {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  )
  const found = new Set<string>()
  for (const entry of files) {
    const bytes = readFileSync(join(entry.parentPath, entry.name))
    for (const word of words) if (bytes.includes(word)) found.add(word)
  }
  return [...found]
}

describe('the Configuration Manager boundary', () => {
  let world: ApiWorld
  let admin: Person
  let engineer: Person
  const ok = async (person: Person, method: string, path: string, body?: unknown) => {
    const answer = await world.call(person, method, path, body)
    assert.ok(answer.status < 300, `${path}: ${answer.status} ${answer.text}`)
    return answer.body
  }
  const level = (to: string) => ok(admin, 'PATCH', `${BASE}/settings`, { level: to })
  const send = (body: object, person = admin) => ok(person, 'POST', `${BASE}/packages`, body)
  const read = (purpose: string, person = engineer, rest = '') =>
    world.call(person, 'GET', `/operator/diagnostics/${purpose}/packages${rest}`)
  const kinds = async (tenantId: string, kind: string) =>
    (await world.entries(tenantId)).filter((entry) => entry.kind === kind)

  const foundOnDisk = async (...words: string[]): Promise<string[]> => {
    await world.db.ownerQuery('checkpoint')
    const [place] = await world.db.ownerQuery<{ folder: string }>(
      "select current_setting('data_directory') as folder",
    )
    return onDisk(place?.folder ?? assert.fail(), words)
  }

  before(async () => {
    world = await startApiWorld()
    admin = world.person(ACME, 'all')
    engineer = world.person(INSTALLATION, new Set(['Diagnostics/Read']))
  })
  after(() => world.stop())

  it('starts at the least, and lists every item with whether it is taken in', async () => {
    assert.equal((await ok(admin, 'GET', `${BASE}/settings`)).level, 'basic')
    const { value } = await ok(admin, 'GET', `${BASE}/items?$top=500`)
    assert.equal(value.length, DIAGNOSTICS_ITEMS.size)
    for (const one of value) assert.equal(one.isCollected, one.level === 'basic', one.id)
  })

  it('P12 shows each item with its own values before anything is sent, and keeps nothing of that', async () => {
    const body = reportOf([
      { item: SCRIPTS, value: { total: 7, 'cnypreview script': 2 } },
      { item: ENHANCED, value: 3 },
      { item: LOGS, value: 'cnypreview log' },
      { item: 'diagnostics.invented', value: 'cnypreview unknown' },
    ])
    const shown = await ok(admin, 'POST', `${BASE}/preview`, { ...body, showPublishedHash: true })
    assert.deepEqual(
      shown.items.map((one: { outcome: string; reason: string }) => [one.outcome, one.reason]),
      [
        ['reduced', null],
        ['dropped', 'above_level'],
        ['dropped', 'never_collected'],
        ['dropped', 'unknown_item'],
      ],
    )
    const named = shown.items[0].values.find(
      (one: { value: unknown }) => one.value === 'cnypreview script',
    )
    assert.equal(named.outcome, 'hashed')
    assert.equal(named.publishedHash, publishedHash('cnypreview script'))
    assert.deepEqual(shown.items[0].keptValue, { total: 7, [named.keyedHash]: 2 })
    const plain = await ok(admin, 'POST', `${BASE}/preview`, body)
    assert.equal(plain.items[0].values[2].publishedHash, null)
    const [first] = await world.db.ownerQuery<{ n: number }>(
      'select count(*)::int as n from diagnostics_packages',
    )
    assert.equal(first?.n, 0)
    const full = await ok(admin, 'POST', `${BASE}/preview`, { ...body, level: 'full' })
    assert.equal(full.items[1].outcome, 'kept')
    assert.equal(full.items[2].reason, 'never_collected')
  })

  it('keeps exactly what the preview showed, in one commit with its entry', async () => {
    const body = reportOf([
      { item: SCRIPTS, value: { total: 7, 'some script': 2 } },
      { item: SQL, value: ['select * from cnyquery'] },
    ])
    const shown = await ok(admin, 'POST', `${BASE}/preview`, body)
    const sent = await send(body)
    assert.equal(sent.keptItems, 2)
    const { value } = await ok(admin, 'GET', `${BASE}/packages`)
    const [kept] = value
    assert.deepEqual(
      new Map(kept.results.map((one: { item: string; value: unknown }) => [one.item, one.value])),
      new Map(
        shown.items.map((one: { item: string; keptValue: unknown }) => [one.item, one.keptValue]),
      ),
    )
    const [entry] = await kinds(ACME, 'diagnostics.received')
    assert.equal(entry?.data.package, sent.id)
    assert.ok(!JSON.stringify(entry).includes('cnyquery'))
    assert.equal((await kinds(ACME, 'diagnostics.read')).at(-1)?.data.purpose, 'own')
  })

  it('P12 what is dropped or hashed never reaches the disk', async () => {
    const canaries = ['above', 'file', 'unknown', 'mail', 'hashed', 'name', 'host'].map(
      (word) => `cnydisk${word}x`,
    )
    const [above, file, unknown, mail, hashed, name, host] = canaries
    const body = reportOf(
      [
        { item: SCRIPTS, value: { [name ?? '']: 1, [`${mail}@example.org`]: 2 } },
        { item: TABLES, value: [above] },
        { item: LOGS, value: file },
        { item: `diagnostics.${unknown}`, value: unknown },
        { item: SQL, value: [hashed, `EXAMPLE\\${host}`] },
      ],
      { hierarchyId: `${hashed} hierarchy` },
    )
    await ok(admin, 'POST', `${BASE}/preview`, body)
    const sent = await send(body)
    assert.deepEqual(
      Object.fromEntries(
        sent.dropped.map((one: { reason: string; count: number }) => [one.reason, one.count]),
      ),
      { above_level: 1, never_collected: 1, unknown_item: 1, identifier: 2 },
    )
    // The search itself finds what is there: the item's name is.
    assert.deepEqual(await foundOnDisk(...canaries, SQL), [SQL])
  })

  it('does with the package of the guide what the guide says', async () => {
    const guide = readFileSync(
      join(import.meta.dirname, '..', '..', 'docs', 'guide', 'configuration-manager.md'),
      'utf8',
    )
    const body = JSON.parse(/```json\n(.*?)```/s.exec(guide)?.[1] ?? '')
    const shown = await ok(admin, 'POST', `${BASE}/preview`, body)
    assert.deepEqual(
      shown.items.map((one: { outcome: string; reason: string }) => [one.outcome, one.reason]),
      [
        ['reduced', null],
        ['reduced', null],
        ['dropped', 'above_level'],
        ['dropped', 'never_collected'],
      ],
    )
    const [counts] = shown.items
    assert.deepEqual(Object.values(counts.keptValue), [120, 118, 2])
    assert.deepEqual(Object.keys(counts.keptValue).slice(0, 2), ['sv-SE', 'Windows 11 Enterprise'])
    await send(body)
  })

  it('P12 refuses and records a package of which nothing may be kept', async () => {
    const answer = await world.call(
      admin,
      'POST',
      `${BASE}/packages`,
      reportOf([{ item: ENHANCED, value: 1 }]),
    )
    assert.equal(answer.body.error.innerError.code, 'nothing_allowed')
    const refusal = (await kinds(ACME, 'refusal')).at(-1)
    assert.deepEqual(refusal?.data.dropped, { above_level: 1 })
  })

  it('lowering the level removes what was kept above it, at once', async () => {
    await level('full')
    await send(
      reportOf([
        { item: SCRIPTS, value: 1 },
        { item: TABLES, value: ['dbo.Mine'] },
      ]),
    )
    const items = async () =>
      (
        await world.db.ownerQuery<{ item_id: string }>('select item_id from diagnostics_values')
      ).map((row) => row.item_id)
    assert.ok((await items()).includes(TABLES))
    await level('basic')
    assert.ok(!(await items()).includes(TABLES))
    assert.ok((await items()).includes(SCRIPTS))
    assert.equal((await kinds(ACME, 'diagnostics.level')).at(-1)?.data.removed, 1)
  })

  it('a package that is being kept while the level is lowered leaves nothing above it', async () => {
    await level('full')
    const { database, keys } = world.endpointParts
    const by = { actor: 'admin:race', now: world.clock.now() }
    const report = {
      hierarchyId: HIERARCHY,
      productVersion: '2409',
      collectedAt: by.now,
      results: [{ item: ENHANCED, value: 4 }],
    }
    let lowering: Promise<void> | undefined
    await database.write(ACME, async (tx) => {
      await receiveDiagnostics(tx, keys, report, by)
      let done = false
      lowering = database
        .write(ACME, (other) => chooseDiagnosticsLevel(other, 'basic', by))
        .finally(() => {
          done = true
        })
      // It waits for this commit; one that does not is found by what is left.
      while (!done) {
        const waiting = await world.db.ownerQuery(
          "select 1 from pg_stat_activity where wait_event_type = 'Lock'",
        )
        if (waiting.length > 0) break
      }
    })
    await lowering
    const left = await world.db.ownerQuery('select 1 from diagnostics_values where level_rank > 1')
    assert.deepEqual(left, [])
  })

  it('P15 the operator reads for three purposes, and each read is an entry of the tenant', async () => {
    for (const purpose of ['installation-experience', 'quality', 'security']) {
      const answer = await read(purpose)
      assert.equal(answer.status, 200, answer.text)
      assert.ok(answer.body.value.length > 0)
      for (const one of answer.body.value) {
        assert.deepEqual(Object.keys(one).toSorted(), [
          'collectedDateTime',
          'hierarchyPseudonym',
          'id',
          'level',
          'productVersion',
          'receivedDateTime',
          'results',
        ])
        assert.match(one.hierarchyPseudonym, /^hmac-sha256:/)
      }
      assert.ok(!answer.text.includes(ACME) && !answer.text.includes(HIERARCHY))
      for (const tenant of [ACME, INSTALLATION]) {
        const entry = (await kinds(tenant, 'diagnostics.read')).at(-1)
        assert.equal(entry?.data.purpose, purpose)
        assert.match(entry?.actor ?? '', /^operator:/)
      }
    }
  })

  it('P15 any other purpose is refused and recorded, without the words of who asked', async () => {
    for (const [purpose, named] of [
      ['advertising', 'advertising'],
      ['profiling', 'profiling'],
      ['support', 'other'],
      ['licence-audit', 'licence-audit'],
      ['another-product', 'other'],
      ['cny-anna', 'other'],
      ['own', 'own'],
    ]) {
      const before = (await kinds(ACME, 'diagnostics.read')).length
      const answer = await read(purpose ?? '')
      assert.equal(answer.status, 403)
      assert.equal(answer.body.error.innerError.code, 'diagnostics_purpose')
      const refusal = (await kinds(INSTALLATION, 'refusal')).at(-1)
      assert.deepEqual(refusal?.data, {
        door: 'diagnostics',
        purpose: named,
        reason: 'diagnostics_purpose',
      })
      assert.equal((await kinds(ACME, 'diagnostics.read')).length, before)
    }
  })

  it('P7 nobody at the operator reads them without the permission for it', async () => {
    const support = world.person(INSTALLATION, new Set(['Support access/Request', 'Tenants/Read']))
    assert.equal((await read('quality', support)).status, 403)
    assert.equal((await read('quality', admin)).body.error.innerError.code, 'wrong_realm')
  })

  it('P9 P10 two tenants see their own, and what they sent of one hierarchy does not join', async () => {
    const other = world.person(BETA, 'all')
    await send(reportOf([{ item: SQL, value: ['the same text'] }]))
    await send(reportOf([{ item: SQL, value: ['the same text'] }]), other)
    const theirs = (await ok(other, 'GET', `${BASE}/packages`)).value
    assert.equal(theirs.length, 1)
    const mine = (await ok(admin, 'GET', `${BASE}/packages`)).value
    const [their] = theirs
    const all = (await read('quality')).body.value
    assert.ok(all.length === mine.length + 1)
    for (const one of mine) {
      assert.notEqual(one.id, their.id)
      assert.notEqual(one.hierarchyPseudonym, their.hierarchyPseudonym)
      for (const { value } of one.results)
        if (Array.isArray(value)) assert.ok(!value.includes(their.results[0].value[0]))
    }
    // Within one tenant a hierarchy stays one.
    const same = await world.db.ownerQuery(
      "select source from diagnostics_packages where tenant_id = 'acme' group by source",
    )
    assert.equal(same.length, 2)
    // Nothing of it equals a name, index or commitment that the tenant's records have.
    const joined = await world.db.ownerQuery(
      `select 1 from diagnostics_packages p join subject_index i on p.source like '%' || i.blind || '%'`,
    )
    assert.deepEqual(joined, [])
  })

  it('pages through packages of several tenants without repeating or missing one', async () => {
    const seen: string[] = []
    let path: string | undefined = '/operator/diagnostics/quality/packages?$top=1'
    while (path) {
      const page: { value: { id: string }[]; '@odata.nextLink'?: string } = await ok(
        engineer,
        'GET',
        path,
      )
      seen.push(...page.value.map(({ id }) => id))
      path = page['@odata.nextLink']
    }
    const rows = await world.db.ownerQuery<{ id: string }>(
      'select package_id as id from diagnostics_packages',
    )
    assert.deepEqual(seen.toSorted(), rows.map(({ id }) => id).toSorted())
    const counting = '?$count=true&$top=1&$filter=receivedDateTime gt '
    const after = await read('quality', engineer, `${counting}2000-01-01T00:00:00Z`)
    assert.equal(after.body['@odata.count'], rows.length)
    const none = await read('quality', engineer, `${counting}2090-01-01T00:00:00Z`)
    assert.deepEqual([none.body['@odata.count'], none.body.value], [0, []])
    const byTenant = await read('quality', engineer, "?$filter=tenantId eq 'acme'")
    assert.equal(byTenant.status, 400)
  })

  it('a value of a report that is wrong is named', async () => {
    for (const [over, target] of [
      [{ productVersion: 'of Anna' }, 'productVersion'],
      [{ collectedDateTime: 'yesterday' }, 'collectedDateTime'],
      [{ results: [] }, 'results'],
      [{ results: [{ item: SCRIPTS, value: 1, more: 2 }] }, /results/],
    ] as const) {
      const answer = await world.call(admin, 'POST', `${BASE}/packages`, reportOf([], over))
      assert.equal(answer.status, 400)
      assert.match(answer.body.error.details[0].target, new RegExp(target))
    }
    const wrong = await world.call(admin, 'PATCH', `${BASE}/settings`, { level: 'none' })
    assert.equal(wrong.status, 400)
  })

  it('tenant attach is the only way for records of a site, and waits for feature and consent', async () => {
    const path = '/deviceManagement/configurationManagerTenantAttach/devices'
    const body = { devices: [{ SerialNumber: 'SYN0000077', Model: 'Laptop', Note: 'cnyattach' }] }
    const closed = await world.call(admin, 'POST', path, body)
    assert.equal(closed.body.error.innerError.code, 'feature_off')
    const { database, catalog } = world.endpointParts
    const by = { actor: 'admin:test', at: world.clock.now() }
    await database.write(ACME, async (tx) => {
      await switchFeature(tx, catalog, 'configmgr-tenant-attach', true, by)
      const { hash } = manifestOf(catalog, TENANT_ATTACH_FLOW)
      await giveConsent(tx, catalog, { flowId: TENANT_ATTACH_FLOW, manifestHash: hash }, by)
    })
    assert.deepEqual(
      await ok(admin, 'POST', path, body).then(({ keptCount, unknownCount }) => [
        keptCount,
        unknownCount,
      ]),
      [1, 1],
    )
    assert.equal(Object.keys(tenantAttachShape(catalog).fields).length, 12)
    const lists = '/deviceManagement/configurationManagerTenantAttach'
    const app = {
      ProductName: 'Mail',
      Publisher: 'Example',
      Version: '2.1',
      ProductLanguage: '1053',
      ProgramID: 'p1',
      Note: 'cnyattach',
    }
    const apps = await ok(admin, 'POST', `${lists}/applications`, {
      value: [app, { Version: '1' }],
    })
    // One that has no id cannot be told from another: it is not kept.
    assert.deepEqual([apps.keptCount, apps.unknownCount], [1, 1])
    const collection = {
      CollectionId: 'ABC00014',
      CollectionName: 'All servers',
      CollectionType: 'Device',
      CountTargeted: 10,
      CountCompliant: 7,
      CountNonCompliant: 2,
      CountFailed: 1,
      CountActivated: 9,
      CountEnforced: 'cnyattach',
    }
    await database.write(ACME, (tx) =>
      chooseCollection(
        tx,
        catalog,
        { itemId: 'aggregate.countTargeted', on: true, precision: 'round:10' },
        by,
      ),
    )
    const sent = { value: [{ ...collection, CountTargeted: 14 }] }
    assert.equal((await ok(admin, 'POST', `${lists}/collections`, sent)).keptCount, 1)
    const [kept] = (await ok(admin, 'GET', `${lists}/collections`)).value
    assert.deepEqual(
      [kept.id, kept.facts.length],
      ['ABC00014', 8],
      'a count that is no number is unknown',
    )
    const targeted = kept.facts.find(
      (one: { item: string }) => one.item === 'aggregate.countTargeted',
    )
    assert.equal(targeted.value, 10)
    assert.equal((await ok(admin, 'GET', `${lists}/applications`)).value.length, 1)
    assert.equal(tenantAttachItems(catalog).size, 26)
    assert.deepEqual(await foundOnDisk('cnyattach'), [])
  })

  it('P4 a closed tenant sends nothing in, and what it sent is read by nobody', async () => {
    const state = (to: string) =>
      world.db.ownerQuery("update tenants set state = $1 where tenant_id = 'acme'", [to])
    const inAcme = (await ok(admin, 'GET', `${BASE}/packages`)).value.map(
      ({ id }: { id: string }) => id,
    )
    assert.ok(inAcme.length > 0)
    await state('closed')
    const { database, keys } = world.endpointParts
    const by = { actor: 'admin:test', now: world.clock.now() }
    const results = [{ item: SCRIPTS, value: 1 }]
    const report = { hierarchyId: HIERARCHY, productVersion: '1', collectedAt: by.now, results }
    const refused = await database.write(ACME, (tx) => receiveDiagnostics(tx, keys, report, by))
    assert.ok(isRefusal(refused) && refused.refused === 'tenant_closed')
    const { value } = (await read('quality')).body
    assert.ok(value.length > 0)
    assert.ok(!value.some(({ id }: { id: string }) => inAcme.includes(id)))
    await state('open')
  })

  it('P8 what cannot be recorded is not shown', async () => {
    const { database, sharing } = world.endpointParts
    const query = { orderBy: [], top: 10, skip: 0, count: false }
    const staff = { actor: 'operator:1', mayDiagnose: true, now: world.clock.now() }
    for (const failing of [ACME, INSTALLATION]) {
      const broken: Database = {
        ...database,
        write: (tenantId, work) =>
          database.write(tenantId, async (tx) => {
            const result = await work(tx)
            if (tenantId === failing) throw new Error('the commit failed')
            return result
          }),
      }
      const decider = sharing.decider
      await assert.rejects(
        readDiagnosticsFor({ database: broken, decider }, 'quality', staff, query),
      )
    }
  })

  it('what is a year old is read by nobody, and goes with the next package', async () => {
    world.clock.advance(YEAR_IN_MS)
    const later = world.person(ACME, 'all')
    const staff = world.person(INSTALLATION, 'all')
    assert.deepEqual((await ok(later, 'GET', `${BASE}/packages`)).value, [])
    assert.deepEqual((await read('quality', staff)).body.value, [])
    await send(reportOf([{ item: SCRIPTS, value: 1 }]), later)
    const rows = await world.db.ownerQuery(
      "select 1 from diagnostics_packages where tenant_id = 'acme'",
    )
    assert.equal(rows.length, 1)
  })
})

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import type { Catalog, FlowItem } from './catalog.ts'
import { APPLE_DEP_ITEMS } from './flows/apple-device-enrollment-fields.ts'
import { withFlowItem, withoutFlowItem } from './grow.ts'
import { COLLECTION_ROWS } from './items/collection-rows.ts'
import { manifestOf } from './manifest.ts'
import { COLLECTION_RULES, NEVER_IN_OPTIONAL, PLEDGES, RETENTION } from './retention.ts'
import { shippedCatalog } from './shipped.ts'

interface FactRow {
  id: string
  service: string
  direction: string
  item: string
  purpose: string
  personal: boolean
  class: string
  appliesTo: string
  secret?: boolean
  optional?: boolean
  status?: string
  protocolKey?: string
  source: string
  sourceRow?: number
  note?: string
}
interface CollectionRow {
  id: string
  category: string
  item: string
  mamOnly?: boolean
  personal?: boolean
  secret?: boolean
}

const facts = (name: string) =>
  JSON.parse(readFileSync(join(import.meta.dirname, '..', '..', 'test', 'facts', name), 'utf8'))
const flowFacts: FactRow[] = facts('flows.json')
const collection: {
  required: CollectionRow[]
  optional: { clientAppItems: CollectionRow[]; neverInOptional: string[] }
  never: CollectionRow[]
  requiredRules: { id: string; rule: string }[]
  pledges: { id: string; text: string }[]
  retention: { id: string; trigger: string; deleteWithinDays?: number; keepDays?: number }[]
} = facts('collection.json')

/** Every difference between the fact file and the flows of a catalog. */
function differences(catalog: Catalog, rows: readonly FactRow[]): string[] {
  const found: string[] = []
  const byId = new Map(rows.map((row) => [row.id, row]))
  const seen = new Set<string>()
  for (const flow of catalog.flows.values()) {
    for (const flowItem of flow.items.filter((row) => !row.source.startsWith('protocol:'))) {
      const fact = byId.get(flowItem.source)
      if (!fact) {
        found.push(`extra ${flowItem.source}`)
        continue
      }
      if (seen.has(fact.id)) found.push(`twice ${fact.id}`)
      seen.add(fact.id)
      if (flow.id !== `${fact.appliesTo}/${fact.direction}`) found.push(`flow of ${fact.id}`)
      if (flow.service !== fact.service) found.push(`service of ${fact.id}`)
      for (const [ours, theirs] of compared(flowItem, fact)) {
        if (ours !== theirs) found.push(`changed ${fact.id}`)
      }
      if (!catalog.items.has(flowItem.item)) found.push(`unclassified ${fact.id}`)
    }
  }
  for (const id of byId.keys()) if (!seen.has(id)) found.push(`missing ${id}`)
  return found
}

const compared = (row: FlowItem, fact: FactRow): [unknown, unknown][] => [
  [row.says, fact.item],
  [row.why, fact.purpose],
  [row.class, fact.class],
  [row.personal, fact.personal],
  [row.secret ?? false, fact.secret ?? false],
  [row.optional ?? false, fact.optional ?? false],
  [row.status, fact.status ?? 'published'],
  [row.protocolKey, fact.protocolKey],
  [row.page, fact.source],
  [row.sourceRow, fact.sourceRow],
  [row.note, fact.note],
]

describe('catalog against the facts', () => {
  it('has every published row, each once, as it is written', () => {
    assert.equal(flowFacts.length, 212)
    assert.deepEqual(differences(shippedCatalog, flowFacts), [])
  })

  it('would notice a missing, an extra and a changed row', () => {
    const [first, ...others] = flowFacts
    assert.ok(first)
    assert.deepEqual(differences(shippedCatalog, others), [`extra ${first.id}`])
    assert.deepEqual(differences(shippedCatalog, [...flowFacts, { ...first, id: 'apple.new' }]), [
      'missing apple.new',
    ])
    assert.deepEqual(differences(shippedCatalog, [{ ...first, class: 'app' }, ...others]), [
      `changed ${first.id}`,
    ])
    const grown = withFlowItem(
      shippedCatalog,
      'apple-device-enrollment/inbound',
      shippedCatalog.items.get('device.model') ?? assert.fail(),
      {
        item: 'device.model',
        source: 'apple.in.invented',
        status: 'published',
        class: 'device-attribute',
        personal: false,
        says: 'x',
        why: 'x',
      },
    )
    assert.deepEqual(differences(grown, flowFacts), ['extra apple.in.invented'])
  })

  it('leaves no gap in the rows of a source table', () => {
    const tables = Map.groupBy(
      flowFacts.filter((row) => row.sourceRow !== undefined),
      (row) => row.source,
    )
    for (const [source, rows] of tables) {
      const numbers = new Set(rows.map((row) => row.sourceRow))
      for (let n = 1; n <= Math.max(...[...numbers].map(Number)); n++)
        assert.ok(numbers.has(n), `${source} ${n}`)
    }
  })

  it('has every required, optional and never row of the collection table', () => {
    const rows = [
      ...collection.required,
      ...collection.optional.clientAppItems,
      ...collection.never,
    ]
    assert.deepEqual(Object.keys(COLLECTION_ROWS).sort(), rows.map((row) => row.id).sort())
    assert.equal(new Set(Object.values(COLLECTION_ROWS)).size, rows.length)
    for (const row of rows) {
      const item = shippedCatalog.items.get(COLLECTION_ROWS[row.id] ?? '')
      assert.ok(item, row.id)
      const need = row.id.startsWith('required.')
        ? 'required'
        : row.id.startsWith('optional.')
          ? 'optional'
          : 'never'
      assert.equal(item.need, need, row.id)
      assert.equal(item.title, row.item)
      if (need === 'never') continue
      assert.equal(item.category, row.category)
      assert.equal(item.personal, row.personal ?? false, row.id)
      assert.equal(item.secret, row.secret ?? false, row.id)
      assert.equal(item.mamOnly ?? false, row.mamOnly ?? false, row.id)
    }
  })

  it('has the rules, pledges and retention of the facts', () => {
    assert.deepEqual(
      COLLECTION_RULES,
      Object.fromEntries(collection.requiredRules.map((rule) => [rule.id, rule.rule])),
    )
    assert.deepEqual(
      PLEDGES,
      Object.fromEntries(collection.pledges.map((pledge) => [pledge.id, pledge.text])),
    )
    assert.deepEqual(NEVER_IN_OPTIONAL, collection.optional.neverInOptional)
    assert.deepEqual(
      RETENTION.map(({ id, trigger, deleteWithinDays, keepDays }) => [
        id,
        trigger,
        deleteWithinDays,
        keepDays,
      ]),
      collection.retention.map(({ id, trigger, deleteWithinDays, keepDays }) => [
        id,
        trigger,
        deleteWithinDays,
        keepDays,
      ]),
    )
  })

  it('classifies every field of Apple’s Device Enrollment objects', () => {
    const objects: Record<string, string[]> = facts('apple-dep.json').objects
    const fields = (object: string) =>
      (objects[object] ?? []).map((field) => field.replace(/[[({].*/, ''))
    for (const object of ['AccountDetail', 'FetchDeviceResponse', 'Device', 'Profile']) {
      for (const field of fields(object)) {
        if (['urls', 'devices'].includes(field) && object !== 'Profile') continue
        assert.ok(`${object}.${field}` in APPLE_DEP_ITEMS, `${object}.${field}`)
      }
    }
    for (const item of Object.values(APPLE_DEP_ITEMS))
      assert.ok(shippedCatalog.items.has(item), item)
  })

  it('keeps both where page and protocol disagree, and enforces the protocol', () => {
    const outbound = manifestOf(shippedCatalog, 'apple-device-enrollment/outbound')
    const inbound = manifestOf(shippedCatalog, 'apple-device-enrollment/inbound')
    const listed =
      shippedCatalog.flows.get('apple-device-enrollment/outbound')?.items.map((row) => row.item) ??
      []
    for (const item of [
      'organisation.email',
      'device.assignedBy',
      'organisation.adminId',
      'device.description',
    ]) {
      assert.ok(listed.includes(item), `${item} stays listed as the page has it`)
      assert.ok(!outbound.items.includes(item), `${item} never leaves`)
      assert.ok(inbound.items.includes(item), `${item} comes in`)
    }
    assert.ok(outbound.items.includes('device.serialNumber'))
  })

  it('P15 has no outbound flow to Configuration Manager', () => {
    const flows = [...shippedCatalog.flows.values()].filter(
      (flow) => flow.party === 'configuration-manager',
    )
    assert.deepEqual(
      flows.map((flow) => flow.direction),
      ['inbound'],
    )
    assert.equal(shippedCatalog.parties.get('configuration-manager')?.standing, 'none')
  })

  it('refers only to things that exist, and is honest about what is partial or historic', () => {
    for (const flow of shippedCatalog.flows.values()) {
      assert.ok(shippedCatalog.parties.has(flow.party), flow.id)
      assert.ok(
        flow.purposes.every((id) => shippedCatalog.purposes.get(id)?.forbidden === false),
        flow.id,
      )
    }
    for (const item of shippedCatalog.items.values()) {
      assert.ok(
        item.purposes.every((id) => shippedCatalog.purposes.has(id)),
        item.id,
      )
      assert.ok(
        RETENTION.some((rule) => rule.id === item.retention),
        item.id,
      )
      assert.match(item.dpv, /^(dpv|pd):[A-Z]/)
    }
    assert.equal(shippedCatalog.flows.get('jamf-compliance-connector/inbound')?.status, 'historic')
    assert.equal(
      shippedCatalog.flows.get('chrome-enterprise-connector/outbound')?.status,
      'partial',
    )
  })

  it('gives a manifest another hash exactly when its content changes', () => {
    const flow = 'apple-device-enrollment/inbound'
    const before = manifestOf(shippedCatalog, flow)
    const older = withoutFlowItem(shippedCatalog, flow, 'device.migrationDeadline')
    assert.notEqual(manifestOf(older, flow).hash, before.hash)
    const shuffled = { ...shippedCatalog, flows: new Map(shippedCatalog.flows) }
    const original = shippedCatalog.flows.get(flow) ?? assert.fail()
    shuffled.flows.set(flow, { ...original, items: original.items.toReversed() })
    assert.equal(manifestOf(shuffled, flow).hash, before.hash)
  })
})

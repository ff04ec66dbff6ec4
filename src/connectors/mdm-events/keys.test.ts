import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { WITHHELD_BY_APPLE } from '#catalog/apple-mdm.ts'
import { manifestOf } from '#catalog/manifest.ts'
import { shippedCatalog } from '#catalog/shipped.ts'
import { itemsOf } from '#catalog/shape.ts'
import { APPLE_MDM_KEYS } from '../../catalog/flows/apple-mdm-key-rows.ts'
import { MESSAGE_KINDS } from './keys.ts'

type Keys = Readonly<Record<string, number>>
type Files = Readonly<Record<string, { payloadKeys?: Keys; responseKeys?: Keys }>>

const facts: Files = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../../test/facts/apple-mdm.json'), 'utf8'),
).files
const table: Readonly<Record<string, Readonly<Record<string, string>>>> = APPLE_MDM_KEYS
const FLOW = 'apple-mdm-checkin/inbound'

/** Every key of the schema, with its file and direction, and its marks: 1 where Apple withholds it, 2 for a secret. */
function* schema(files: Files): Generator<[place: string, key: string, marks: number]> {
  for (const [file, { payloadKeys, responseKeys }] of Object.entries(files)) {
    for (const [key, mark] of Object.entries(payloadKeys ?? {}))
      yield [`${file} payload`, key, mark]
    for (const [key, mark] of Object.entries(responseKeys ?? {}))
      yield [`${file} response`, key, mark]
  }
}

function unclassified(files: Files): string[] {
  return [...schema(files)].flatMap(([place, key]) => {
    const words = table[place]?.[key]?.split(':')[0]
    const known =
      words !== undefined &&
      (['structure', 'sent', 'elsewhere'].includes(words) || shippedCatalog.items.has(words))
    return known ? [] : [`${place} ${key}`]
  })
}

describe('keys of Apple’s device management', () => {
  it('P12 every key of the schema is classified: kept as an item, or dropped for a reason', () => {
    assert.equal([...schema(facts)].length, 1_163)
    assert.deepEqual(unclassified(facts), [])
  })

  it('would notice a key that a newer schema brings', () => {
    const file = 'mdm/checkin/tokenupdate.yaml'
    const newer = { ...facts, [file]: { payloadKeys: { ...facts[file]?.payloadKeys, New: 0 } } }
    assert.deepEqual(unclassified(newer), [`${file} payload New`])
  })

  it('classifies nothing that the schema does not have', () => {
    const known = new Set([...schema(facts)].map(([place, key]) => `${place} ${key}`))
    const extra = Object.entries(table).flatMap(([place, keys]) =>
      Object.keys(keys).filter((key) => !known.has(`${place} ${key}`)),
    )
    assert.deepEqual(extra, [])
  })

  it('a key is the same in every answer to a command, since an answer does not name its command', () => {
    const seen = new Map<string, string>()
    for (const [place, keys] of Object.entries(table).filter(([name]) =>
      /commands.*response/.test(name),
    ))
      for (const [key, words] of Object.entries(keys)) {
        assert.equal(seen.get(key) ?? words, words, `${place} ${key}`)
        seen.set(key, words)
      }
  })

  it('P12 what the schema calls a secret is no item of the flow', () => {
    const flow = new Set(manifestOf(shippedCatalog, FLOW).items)
    for (const kinds of MESSAGE_KINDS.values())
      for (const [path, key] of kinds.device.keys) {
        const secret =
          /Token$|PushMagic|BypassCode|RecoveryKey(?:CMS|DeviceKey)|EscrowKey|DigestResponse|RedemptionCode/
        if (secret.test(path)) assert.equal(key.kind, 'never', path)
        if (key.kind === 'never') assert.ok(!flow.has(key.item), path)
        if (key.kind === 'item') assert.ok(flow.has(key.item), path)
      }
    for (const id of flow) assert.equal(shippedCatalog.items.get(id)?.secret, false, id)
    let secrets = 0
    for (const [place, key, marks] of schema(facts)) {
      if (marks < 2) continue
      secrets++
      assert.match(table[place]?.[key] ?? '', /^(?:never\..*|structure|sent)$/, `${place} ${key}`)
    }
    assert.ok(secrets > 15)
  })

  it('P12 from personal devices nothing is kept that Apple withholds from them', () => {
    const withheld = new Set<string>()
    for (const [place, key, marks] of schema(facts)) {
      const query = key.replace('QueryResponses', 'Queries.QueriesItem')
      const asked = facts[place.split(' ')[0] ?? '']?.payloadKeys?.[query] ?? 0
      const item = table[place]?.[key]?.split(':')[0] ?? ''
      if (((marks | asked) & 1) === 1 && item.includes('.') && !item.startsWith('never.'))
        withheld.add(item)
    }
    assert.deepEqual([...withheld].sort(), [...WITHHELD_BY_APPLE].sort())
    for (const { personal } of MESSAGE_KINDS.values())
      for (const item of itemsOf(personal.shape)) assert.ok(!withheld.has(item), item)
  })

  it('names of people and lists of apps are off until the tenant switches them on', () => {
    for (const id of [
      'person.enrolledUserLongName',
      'person.enrolledUserShortName',
      'device.installedApps',
    ])
      assert.equal(shippedCatalog.items.get(id)?.need, 'optional', id)
  })
})

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type Shape, array, itemsOf, leaf, map, object } from '#catalog/shape.ts'
import { compileProjection } from './compile.ts'
import { type Plan, type PlannedItem, makePlan } from './plan.ts'

const keys = { pseudonymKey: Buffer.alloc(32, 3) }
const planOf = (items: Readonly<Record<string, PlannedItem['precision'] | 'refused'>>): Plan =>
  makePlan({
    door: 'out',
    tenantId: 'acme',
    flow: 'f/outbound',
    recipient: 'apple',
    purpose: 'p',
    manifestHash: 'h',
    items: Object.entries(items).map(([item, precision]) =>
      precision === 'refused'
        ? { item, precision: 'withheld', reason: 'consent_lapsed', policies: [] }
        : { item, precision, reason: 'permitted', policies: [] },
    ),
  })

const device = object({
  serial_number: leaf('device.serialNumber', { subject: true }),
  model: leaf('device.model'),
  who: leaf('device.assignedBy'),
  count: leaf('device.count', { type: 'number' }),
  state: leaf('device.state', { oneOf: ['empty', 'assigned'] }),
})
const shape = object({ devices: array(device), more: leaf('protocol.more', { type: 'boolean' }) })
const all = planOf({
  'device.serialNumber': 'exact',
  'device.model': 'exact',
  'device.assignedBy': 'domain',
  'device.count': 'exact',
  'device.state': 'exact',
  'protocol.more': 'exact',
})

describe('compileProjection', () => {
  it('P1 passes planned items at their precision and nothing else', () => {
    const out = compileProjection(
      all,
      shape,
      keys,
    )(
      Buffer.from(
        '{"devices":[{"serial_number":"SYN1","who":"a@example.org","extra":{"model":"hidden"},"state":"gone"}],"more":true,"x":1}',
      ),
    )
    assert.equal(out.json, '{"devices":[{"serial_number":"SYN1","who":"example.org"}],"more":true}')
    assert.equal(out.unknown, 3)
    assert.deepEqual(out.subjects, ['SYN1'])
    assert.deepEqual(out.passed, {
      'device.serialNumber': 1,
      'device.assignedBy': 1,
      'protocol.more': 1,
    })
  })

  it('P1 withholds what the plan does not name, counted by item', () => {
    const out = compileProjection(
      planOf({ 'device.model': 'exact', 'device.state': 'refused' }),
      device,
      keys,
    )('{"serial_number":"SYN1","model":"m","state":"empty"}')
    assert.equal(out.json, '{"model":"m"}')
    assert.deepEqual(out.withheld, { 'device.serialNumber': 1, 'device.state': 1 })
  })

  it('P1 a value of another type, or an object where a value is declared, does not pass', () => {
    const project = compileProjection(all, device, keys)
    for (const value of [
      '{"model":{"who":"x"}}',
      '{"model":["x"]}',
      '{"model":7}',
      '{"model":null}',
      '{"count":"7"}',
      '{"count":1e999}',
    ]) {
      assert.deepEqual([project(value).json, project(value).unknown], ['{}', 1], value)
    }
    assert.equal(project(`{"model":"${'x'.repeat(16_385)}"}`).json, '{}')
  })

  it('is safe with members that look like parts of JavaScript', () => {
    const statuses = map(leaf('device.serialNumber', { subject: true }), leaf('device.state'))
    const out = compileProjection(
      all,
      statuses,
      keys,
    )('{"__proto__":"a","constructor":"b","toString":"c"}')
    assert.equal(out.json, '{"__proto__":"a","constructor":"b","toString":"c"}')
    assert.equal(
      compileProjection(all, device, keys)('{"__proto__":{"model":"x"},"constructor":1}').json,
      '{}',
    )
    assert.equal(({} as { model?: string }).model, undefined)
    assert.throws(
      () => compileProjection(all, object({ constructor: leaf('device.model') }), keys),
      RangeError,
    )
  })

  it('takes the last of duplicate members and reads escaped names, as JSON.parse does', () => {
    const project = compileProjection(all, device, keys)
    assert.equal(project('{"model":"a","model":"b"}').json, '{"model":"b"}')
    assert.equal(project('{"\\u006dodel":"a"}').json, '{"model":"a"}')
  })

  it('gives nothing for what is not JSON, not UTF-8, or not what the shape says', () => {
    const project = compileProjection(all, device, keys)
    for (const bad of ['', '{', '[]', '7', 'null', '{"a":1}x', '\uFEFF{}', "{'a':1}"]) {
      assert.equal(project(Buffer.from(bad)).json, undefined, bad)
    }
    assert.equal(project(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])).json, undefined)
  })

  it('survives very deep and very large input', () => {
    const project = compileProjection(all, device, keys)
    const deep = `{"model":"a","x":${'['.repeat(200_000)}${']'.repeat(200_000)}}`
    assert.equal(project(deep).json, '{"model":"a"}')
    assert.equal(project(`{"x":"${'y'.repeat(20_000_000)}","model":"a"}`).json, '{"model":"a"}')
  })

  it('leaves its input as it was', () => {
    const input = Buffer.from('{"model":"a","who":"a@example.org"}')
    const before = Buffer.from(input)
    compileProjection(all, device, keys)(input)
    assert.deepEqual(input, before)
  })
})

/** The judge: a plain walk that knows nothing of closures, counters or precision but exact and withheld. */
function judge(
  value: unknown,
  part: Shape,
  granted: ReadonlySet<string>,
  outermost = true,
): unknown {
  if (!outermost && !hasHope(part, granted)) return undefined
  if (part.kind === 'leaf') {
    return typeof value === part.type && granted.has(part.item) ? value : undefined
  }
  if (part.kind === 'array') {
    if (!Array.isArray(value)) return undefined
    return value
      .map((one) => judge(one, part.of, granted, false))
      .filter((one) => one !== undefined)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  const pairs = Object.entries(value).flatMap(([name, member]) => {
    if (part.kind === 'map') {
      const inner = judge(member, part.value, granted, false)
      return granted.has(part.key.item) && inner !== undefined ? [[name, inner]] : []
    }
    const field = Object.hasOwn(part.fields, name) ? part.fields[name] : undefined
    const inner = field && judge(member, field, granted, false)
    return inner === undefined ? [] : [[name, inner]]
  })
  return Object.fromEntries(pairs as [string, unknown][])
}

/** Whether a document exists of which something would pass here. */
function hasHope(part: Shape, granted: ReadonlySet<string>): boolean {
  if (part.kind === 'leaf') return granted.has(part.item)
  if (part.kind === 'array') return hasHope(part.of, granted)
  if (part.kind === 'map') return granted.has(part.key.item) && hasHope(part.value, granted)
  return Object.values(part.fields).some((field) => hasHope(field, granted))
}

const names = ['a', 'b', 'c', 'd', 'e', '__proto__', 'serial_number']
const item = fc.constantFrom('i.one', 'i.two', 'i.three', 'i.four', 'i.five')
const { tree } = fc.letrec<{ tree: Shape }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc
      .record({
        item,
        type: fc.constantFrom('string' as const, 'number' as const, 'boolean' as const),
      })
      .map((l) => leaf(l.item, { type: l.type })),
    fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd', 'serial_number'), tie('tree')).map(object),
    tie('tree').map(array),
    fc.tuple(item, tie('tree')).map(([key, of]) => map(leaf(key), of)),
  ),
}))
const { document } = fc.letrec<{ document: unknown }>((tie) => ({
  document: fc.oneof(
    { maxDepth: 5 },
    fc.string({ maxLength: 6 }).map((text) => `CANARY-${text}`),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('document'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom(...names), tie('document'), { maxKeys: 5 }),
  ),
}))

describe('compileProjection against a simple model', () => {
  const agrees = (compile: typeof compileProjection) => () =>
    fc.assert(
      fc.property(
        tree,
        document,
        fc.subarray(['i.one', 'i.two', 'i.three', 'i.four', 'i.five']),
        (part, doc, granted) => {
          const plan = planOf(Object.fromEntries(granted.map((one) => [one, 'exact' as const])))
          const out = compile(plan, part, keys)(JSON.stringify(doc))
          const expected = judge(JSON.parse(JSON.stringify(doc)), part, new Set(granted))
          assert.deepEqual(
            out.json === undefined ? undefined : sorted(JSON.parse(out.json)),
            sorted(expected),
          )
        },
      ),
      { numRuns: 20_000 },
    )

  it(
    'P1 no canary passes that the model does not allow, over 20,000 generated shapes, plans and documents',
    agrees(compileProjection),
  )

  it('P1 the same test catches a projection that lets an unplanned item pass', () => {
    const leaky: typeof compileProjection = (plan, part, projectionKeys) => {
      const first = itemsOf(part)[0]
      const items =
        first === undefined || plan.items.some((one) => one.item === first)
          ? plan.items
          : [
              ...plan.items,
              {
                item: first,
                precision: 'exact' as const,
                reason: 'permitted' as const,
                policies: [],
              },
            ]
      return compileProjection({ ...plan, items }, part, projectionKeys)
    }
    assert.throws(agrees(leaky))
  })
})

function sorted(value: unknown): unknown {
  return value === undefined
    ? undefined
    : JSON.parse(
        JSON.stringify(value, (_, inner) =>
          typeof inner === 'object' && inner !== null && !Array.isArray(inner)
            ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
            : inner,
        ),
      )
}

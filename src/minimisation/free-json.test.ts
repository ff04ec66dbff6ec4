import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Precision } from '#catalog/precision.ts'
import { leaf, object } from '#catalog/shape.ts'
import { compileProjection } from './compile.ts'
import { makePlan } from './plan.ts'

const shape = object({
  name: leaf('policy.name'),
  free: leaf('app.settings', { type: 'json', maxLength: 40 }),
})
const project = (precision: Precision, text: string) =>
  compileProjection(
    makePlan({
      door: 'out',
      tenantId: 'acme',
      flow: 'f/outbound',
      recipient: 'google',
      purpose: 'p',
      manifestHash: 'h',
      items: [
        { item: 'policy.name', precision: 'exact', reason: 'permitted', policies: [] },
        { item: 'app.settings', precision, reason: 'permitted', policies: [] },
      ],
    }),
    shape,
    { pseudonymKey: Buffer.alloc(32, 3) },
  )(Buffer.from(text))

describe('free JSON', () => {
  for (const value of ['{"a":[1,{"b":null}]}', '[]', '"text"', '7', 'true', 'null']) {
    it(`passes ${value} whole, as it is printed and not as it was spelled`, () => {
      const out = project(
        'exact',
        `{ "free" : ${value.replaceAll(':', ' : ')}, "name":"n", "x":1 }`,
      )
      assert.equal(out.json, `{"name":"n","free":${value}}`)
      assert.deepEqual([out.passed['app.settings'], out.unknown], [1, 1])
    })
  }

  it('P1 stays behind whole when its item is withheld, or asked for at a precision that it cannot have', () => {
    for (const precision of ['withheld', 'pseudonym', 'domain'] as const) {
      const out = project(precision, '{"name":"n","free":{"a":"hidden"}}')
      assert.equal(out.json, '{"name":"n"}')
      assert.equal(out.withheld['app.settings'], 1)
    }
  })

  it('P4 is unknown when it is longer than declared', () => {
    const out = project('exact', `{"name":"n","free":"${'x'.repeat(41)}"}`)
    assert.deepEqual([out.json, out.unknown], ['{"name":"n"}', 1])
  })
})

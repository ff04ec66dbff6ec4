import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type DoorMemory, doorMemory } from './door-memory.ts'

const TENANTS = ['a', 'b', 'c']
const step = fc.oneof(
  fc.record({ do: fc.constant('ask' as const), tenant: fc.constantFrom(...TENANTS) }),
  fc.record({ do: fc.constant('answer' as const), at: fc.nat(9) }),
  fc.record({ do: fc.constant('change' as const), tenant: fc.constantFrom(...TENANTS) }),
  fc.record({ do: fc.constant('reconnect' as const) }),
)

/** Whether what is remembered is ever older than the last change of its tenant. The door is the number of changes. */
function isEverStale(make: () => DoorMemory<number>): boolean {
  const run = fc.check(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const memory = make()
      const changes = new Map<string, number>()
      const asked: { tenant: string; readAt: number; door: number }[] = []
      for (const one of steps) {
        if (one.do === 'ask')
          asked.push({
            tenant: one.tenant,
            readAt: memory.now(),
            door: changes.get(one.tenant) ?? 0,
          })
        else if (one.do === 'answer') {
          const [answer] = asked.splice(one.at % Math.max(1, asked.length), 1)
          if (answer) memory.keep(answer.tenant, `${answer.tenant}.x`, answer.door, answer.readAt)
        } else if (one.do === 'change') {
          changes.set(one.tenant, (changes.get(one.tenant) ?? 0) + 1)
          memory.forget(one.tenant)
        } else {
          // What was missed while there was no connection.
          for (const tenant of TENANTS) changes.set(tenant, (changes.get(tenant) ?? 0) + 1)
          memory.forgetAll()
        }
        for (const tenant of TENANTS) {
          const known = memory.get(tenant, `${tenant}.x`)
          assert.equal(known?.door ?? changes.get(tenant) ?? 0, changes.get(tenant) ?? 0)
        }
      }
    }),
    { seed: 9, numRuns: 500 },
  )
  return run.failed
}

describe('memory of event doors', () => {
  it('never tells what was read before the last change of its tenant, however late it came', () => {
    for (const capacity of [1, 2, 100])
      assert.equal(
        isEverStale(() => doorMemory(capacity)),
        false,
      )
  })

  it('would notice one that keeps late answers, or forgets nothing after a reconnect', () => {
    assert.ok(
      isEverStale(() => {
        const memory = doorMemory<number>(100)
        return {
          ...memory,
          keep: (tenantId, address, door) => memory.keep(tenantId, address, door, memory.now()),
        }
      }),
    )
    assert.ok(isEverStale(() => ({ ...doorMemory<number>(100), forgetAll: () => undefined })))
  })

  it('keeps what it knows of all other tenants when one changes', () => {
    const memory = doorMemory<number>(100)
    for (const tenant of TENANTS) memory.keep(tenant, `${tenant}.x`, 1, memory.now())
    memory.forget('b')
    const known = () => TENANTS.filter((tenant) => memory.get(tenant, `${tenant}.x`))
    assert.deepEqual(known(), ['a', 'c'])
    memory.forgetAll()
    assert.deepEqual(known(), [])
  })

  it('holds no more doors than it may, of all tenants together', () => {
    const memory = doorMemory<number>(10)
    const addresses = Array.from({ length: 50 }, (_, i) => [`t${i % 5}`, `t${i % 5}.${i}`] as const)
    for (const [tenant, address] of addresses) memory.keep(tenant, address, 1, memory.now())
    const known = addresses.filter(([tenant, address]) => memory.get(tenant, address))
    assert.deepEqual(known, addresses.slice(-10))
  })
})

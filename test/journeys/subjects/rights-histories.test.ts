import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { windowsOf } from '#records/name-windows.ts'
import { ACME, MAIL, type RightsWorld, SERIAL, rightsWorld } from '../../rights.ts'

const HOUR = 3_600_000
const PEOPLE = ['p0@example.org', 'p1@example.org', 'p2@example.org'] as const

let w: RightsWorld
before(async () => {
  w = await rightsWorld()
})
after(() => w.stop())

/** What may happen, an hour apart. */
type Step =
  | { readonly do: 'give'; readonly device: number; readonly to: number }
  | { readonly do: 'send' | 'look'; readonly devices: readonly number[] }

const device = fc.integer({ min: 0, max: 3 })
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant('give' as const), device, to: fc.integer({ min: 0, max: 2 }) }),
  fc.record({
    do: fc.constantFrom('send' as const, 'look' as const),
    devices: fc.uniqueArray(device, { minLength: 1, maxLength: 3 }),
  }),
)
const history = fc.array(step, { minLength: 4, maxLength: 14 })

/** Who holds each device as the steps go by, and what each person would see: by brute force. */
function judge(steps: readonly Step[]) {
  const owner = new Map<number, number>()
  const seen = PEOPLE.map(() => ({ send: new Set<number>(), look: new Set<number>() }))
  steps.forEach((one, i) => {
    if (one.do === 'give') owner.set(one.device, one.to)
    else
      for (const each of one.devices) {
        const of = owner.get(each)
        if (of !== undefined) seen[of]?.[one.do].add(i)
      }
  })
  const held = PEOPLE.map((_, person) =>
    [...owner].filter(([, of]) => of === person).map(([each]) => each),
  )
  return { seen, held }
}

let run = 0
const sorted = (values: Iterable<string>) => [...new Set(values)].toSorted()

describe('P8 what a person is shown, over generated histories', () => {
  it('is what brute force says: devices that are theirs now, and what was sent and seen in their time', async () => {
    await fc.assert(
      fc.asyncProperty(history, async (steps) => {
        const prefix = `R${run++}`
        const serial = (each: number) => `${prefix}D${each}`
        const mail = (person: number) => `${prefix}.${PEOPLE[person]}`.toLowerCase()
        const happened = new Map<string, number>()
        const known = new Set<number>()
        for (const [i, one] of steps.entries()) {
          w.clock.advance(HOUR)
          if (one.do === 'give') {
            known.add(one.device)
            await w.keep(ACME, [{ [SERIAL]: serial(one.device), [MAIL]: mail(one.to) }])
          } else {
            const devices = one.devices.filter((each) => known.has(each)).map(serial)
            if (devices.length > 0)
              happened.set(
                await w.tell(ACME, one.do === 'send' ? 'disclosure' : 'read', devices),
                i,
              )
          }
        }
        const { seen, held } = judge(steps)
        for (const [person] of PEOPLE.entries()) {
          const view = await w.view(ACME, await w.ask(ACME, { email: mail(person) }))
          const serials = view.held.flatMap((thing) =>
            thing.items.filter((one) => one.item === SERIAL).map((one) => String(one.value)),
          )
          assert.deepEqual(sorted(serials), sorted((held[person] ?? []).map(serial)))
          const steps = (ids: readonly { readonly entryId: string }[]) =>
            sorted(ids.map((one) => String(happened.get(one.entryId))))
          assert.deepEqual(steps(view.shared), sorted([...(seen[person]?.send ?? [])].map(String)))
          assert.deepEqual(steps(view.looks), sorted([...(seen[person]?.look ?? [])].map(String)))
          const text = JSON.stringify(view)
          for (const [other] of PEOPLE.entries())
            if (other !== person) assert.ok(!text.includes(mail(other)))
        }
      }),
      { seed: 6, numRuns: 12 },
    )
  })

  it('would be caught if a device told its whole time to whoever holds it now', () => {
    const names = [
      { item: MAIL, mine: false, until: 10 },
      { item: MAIL, mine: true, until: null },
    ]
    const wrong = [[0, null]]
    assert.notDeepEqual(windowsOf(names), wrong)
    assert.deepEqual(windowsOf(names), [[10, null]])
  })
})

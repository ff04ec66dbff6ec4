import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { isRefusal } from '#foundation/refusal.ts'
import { NONE_YET, PERSON, STEPS, nextStep } from './delivery/steps.ts'
import { type Hand, approximately, documentFor, judgeApproval } from './notice.ts'

const people = fc.constantFrom('a', 'b', 'c', 'd')
/** One human may have several accounts; the mark is the human's. */
const hands = fc
  .tuple(people, fc.nat(1))
  .map(([who, account]): Hand => ({ accountId: `${who}${account}`, marks: [who] }))
const who = (hand: Hand) => hand.marks[0] ?? ''

/** The rule in other words: two humans, and somebody among them who is neither writer nor declarer. */
function isRight(approvers: readonly Hand[], writers: readonly Hand[], declarer: Hand): boolean {
  const humans = new Set(approvers.map(who))
  const bound = new Set([...writers, declarer].map(who))
  return humans.size === 2 && [...humans].some((one) => !bound.has(one))
}

type Judge = typeof judgeApproval

/** How often the judge freezes what it may not, or refuses two who may. */
function mistakes(judge: Judge): number {
  let wrong = 0
  fc.assert(
    fc.property(
      hands,
      hands,
      fc.array(hands, { minLength: 1, maxLength: 3 }),
      hands,
      (one, two, writers, declarer) => {
        if (isRefusal(judge(one, [], writers, declarer))) wrong++
        const frozen = judge(two, [one], writers, declarer) === 'frozen'
        if (frozen !== isRight([one, two], writers, declarer)) wrong++
      },
    ),
    { seed: 5, numRuns: 500 },
  )
  return wrong
}

describe('the approval of a notice', () => {
  it('P13 takes two humans, one of them neither writer nor declarer, whatever accounts they use', () => {
    assert.equal(mistakes(judgeApproval), 0)
  })

  it('would be found wanting if it counted accounts, forgot the declarer, or the writers', () => {
    const bare = (hand: Hand): Hand => ({ ...hand, marks: [] })
    const twins: Judge[] = [
      (by, given, writers, declarer) =>
        judgeApproval(bare(by), given.map(bare), writers.map(bare), declarer && bare(declarer)),
      (by, given, writers) => judgeApproval(by, given, writers, undefined),
      (by, given, _, declarer) => judgeApproval(by, given, [], declarer),
    ]
    for (const twin of twins) assert.ok(mistakes(twin) > 0)
  })
})

describe('the steps up the contacts', () => {
  it('always go up, pass over who is not there, and end with a person before 72 hours are over', () => {
    for (const privacyContact of [true, false])
      for (const securityContacts of [true, false])
        for (const because of ['unanswered', 'unreachable'] as const) {
          let step: number = NONE_YET
          let waited = 0
          const taken: string[] = []
          while (step !== PERSON) {
            const next = nextStep(step, step === NONE_YET ? 'approved' : because, {
              privacyContact,
              securityContacts,
            })
            assert.ok(next > step)
            step = next
            waited += STEPS[step]?.waitsMs ?? 0
            taken.push(STEPS[step]?.name ?? '')
          }
          assert.ok(waited <= 48 * 3_600_000)
          assert.equal(taken.includes('privacyContact'), privacyContact)
          assert.equal(taken.includes('securityContacts'), securityContacts)
          assert.equal(taken.includes('reminder'), privacyContact && because === 'unanswered')
          assert.ok(taken.includes('administrators'))
        }
  })
})

describe('the numbers of a notice', () => {
  it('are told to two digits, and within five per cent', () => {
    assert.deepEqual(
      [0, 7, 99, 1_234, 1_250, 987_654].map(approximately),
      [0, 7, 99, 1_200, 1_300, 990_000],
    )
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e9 }), (count) => {
        assert.ok(Math.abs(approximately(count) - count) <= count * 0.05)
      }),
      { seed: 3 },
    )
  })

  it('are the tenant’s own, in the times of its zone, in both languages', () => {
    const text = { subject: 's', nature: 'n', consequences: 'c', measures: 'm', contact: 'k' }
    const words = { en: text, sv: text, nextWordAt: undefined }
    const seen = Date.parse('2030-07-01T10:00:00Z')
    const numbers = { subjects: 1_234, records: 2, firstSeen: seen, lastSeen: seen }
    const document = documentFor(words, numbers, 'Europe/Stockholm')
    assert.match(document.en.sections[1]?.[1] ?? '', /About 1,200 people and 2 records.*12:00/)
    assert.match(document.sv.sections[1]?.[1] ?? '', /Ungefär 1\u00a0200 personer.*12:00/)
    assert.equal(document.en.sections.length, 5)
  })
})

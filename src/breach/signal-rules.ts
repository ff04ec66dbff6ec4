import { inZone } from './clock.ts'
import type { Touch } from './touch.ts'

/** A rule as data: what it looks at, in words, and its numbers. */
export interface SignalRule {
  readonly id: 'volume' | 'firstReader' | 'outOfHours' | 'refusalsInARow' | 'decoy'
  readonly title: string
  readonly explains: string
  /** All of them may be changed in a dry run. */
  readonly numbers: Readonly<Record<string, number>>
}

export const SIGNAL_RULES: readonly SignalRule[] = [
  {
    id: 'volume',
    title: 'Far more than usual',
    explains:
      'On one day an actor touched at least `least` subjects and `factor` times as many as on its busiest day of the `pastDays` before.',
    numbers: { factor: 5, least: 100, pastDays: 28 },
  },
  {
    id: 'firstReader',
    title: 'Somebody new',
    explains:
      'A person looked at at least `least` subjects on the first day they looked at anything of this tenant in `pastDays` days.',
    numbers: { least: 20, pastDays: 28 },
  },
  {
    id: 'outOfHours',
    title: 'At an unusual hour',
    explains:
      'A person looked at at least `least` subjects of a day before `fromHour` or from `toHour` on, by the clock of the tenant’s zone.',
    numbers: { fromHour: 6, toHour: 20, least: 10 },
  },
  {
    id: 'refusalsInARow',
    title: 'One refusal after another',
    explains:
      'An actor was refused `count` times in a row within `minutes` minutes, with nothing allowed between.',
    numbers: { count: 10, minutes: 15 },
  },
  {
    id: 'decoy',
    title: 'A decoy was seen',
    explains: 'Somebody looked at, or was sent, a record that nobody has a reason to look at.',
    numbers: { least: 1 },
  },
]

export interface Finding {
  readonly rule: SignalRule['id']
  readonly tenantId: string
  readonly actor: string
  readonly from: number
  readonly to: number
  /** The numbers by which it was found, so that it explains itself. */
  readonly measured: Readonly<Record<string, number>>
  /** The same finding has the same key. */
  readonly key: string
}

export interface Watched {
  readonly tenantId: string
  readonly timeZone: string
  readonly decoys: ReadonlySet<string>
  /** Findings of touches from here on; what came before is the past to compare with. */
  readonly from: number
}

const DAY_IN_MS = 86_400_000

interface DayOf {
  readonly actor: string
  readonly day: number
  readonly subjects: Set<string>
  readonly odd: Set<string>
  readonly decoys: Set<string>
  isLook: boolean
  first: number
  last: number
}

/** What the rules find in touches of one tenant, given in the order of their times. Nothing is stored or decided. */
export async function findSignals(
  rules: readonly SignalRule[],
  watched: Watched,
  touches: Iterable<Touch> | AsyncIterable<Touch>,
): Promise<readonly Finding[]> {
  const odd = rules.find((rule) => rule.id === 'outOfHours')
  const days = new Map<string, DayOf>()
  const refusals = refusalsInARow(rules, watched)
  for await (const touch of touches) {
    refusals.take(touch)
    if (touch.touch === 'refused' || touch.touch === 'received') continue
    const day = Math.floor(touch.at / DAY_IN_MS)
    const name = `${touch.actor} ${day}`
    const one = days.get(name) ?? newDay(touch, day)
    days.set(name, one)
    const isOdd = odd && touch.touch === 'seen' && isOutOfHours(odd, watched.timeZone, touch.at)
    one.isLook ||= touch.touch === 'seen'
    one.last = touch.at
    for (const subject of touch.subjects) {
      one.subjects.add(subject)
      if (isOdd) one.odd.add(subject)
      if (watched.decoys.has(subject)) one.decoys.add(subject)
    }
  }
  const found = [...days.values()]
    .filter((one) => one.last >= watched.from)
    .flatMap((one) => rules.flatMap((rule) => judgeDay(rule, watched, one, days)))
  return [...found, ...refusals.found()]
}

function newDay(touch: Touch, day: number): DayOf {
  const { actor, at } = touch
  const sets = { subjects: new Set<string>(), odd: new Set<string>(), decoys: new Set<string>() }
  return { actor, day, ...sets, isLook: false, first: at, last: at }
}

function isOutOfHours({ numbers }: SignalRule, timeZone: string, at: number): boolean {
  const hour = Number(inZone(at, timeZone).slice(11, 13))
  return hour < (numbers.fromHour ?? 0) || hour >= (numbers.toHour ?? 24)
}

function judgeDay(
  { id, numbers }: SignalRule,
  { tenantId }: Watched,
  one: DayOf,
  days: ReadonlyMap<string, DayOf>,
): readonly Finding[] {
  const least = numbers.least ?? 1
  const finding = (measured: Finding['measured']): readonly Finding[] => [
    {
      rule: id,
      tenantId,
      actor: one.actor,
      from: one.first,
      to: one.last + 1,
      measured: { ...numbers, ...measured },
      key: `${id}/${tenantId}/${one.actor}/${one.day}`,
    },
  ]
  const past = Array.from({ length: numbers.pastDays ?? 0 }, (_, i) =>
    days.get(`${one.actor} ${one.day - 1 - i}`),
  ).filter((day) => day !== undefined)
  const subjects = one.subjects.size
  switch (id) {
    case 'volume': {
      const busiest = Math.max(0, ...past.map((day) => day.subjects.size))
      const isMore = busiest > 0 && subjects >= busiest * (numbers.factor ?? 1)
      return isMore && subjects >= least ? finding({ subjects, busiest }) : []
    }
    case 'firstReader':
      return one.isLook && past.length === 0 && subjects >= least ? finding({ subjects }) : []
    case 'outOfHours':
      return one.odd.size >= least ? finding({ subjects: one.odd.size }) : []
    case 'decoy':
      return one.decoys.size >= least ? finding({ subjects: one.decoys.size }) : []
    case 'refusalsInARow':
      return []
  }
}

/** Rows of refusals go across days, so they are watched by themselves. */
function refusalsInARow(rules: readonly SignalRule[], { tenantId, from }: Watched) {
  const rule = rules.find((one) => one.id === 'refusalsInARow')
  const { count = 1, minutes = 0 } = rule?.numbers ?? {}
  const rows = new Map<string, number[]>()
  const findings = new Map<string, Finding>()
  return {
    take: ({ actor, touch, at }: Touch): void => {
      if (!rule) return
      if (touch !== 'refused') {
        rows.delete(actor)
        return
      }
      const row = [...(rows.get(actor) ?? []), at].filter((one) => at - one <= minutes * 60_000)
      rows.set(actor, row)
      if (row.length < count || at < from) return
      const key = `${rule.id}/${tenantId}/${actor}/${Math.floor(at / DAY_IN_MS)}`
      const first = findings.get(key)?.from ?? row[0] ?? at
      const most = Math.max(row.length, findings.get(key)?.measured.refusals ?? 0)
      const measured = { ...rule.numbers, refusals: most }
      findings.set(key, { rule: rule.id, tenantId, actor, from: first, to: at + 1, measured, key })
    },
    found: (): readonly Finding[] => [...findings.values()],
  }
}

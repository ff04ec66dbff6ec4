import type { Criterion } from '#breach/criterion.ts'
import type { Event } from './histories.ts'

/** The scope in plain loops over what happened: no entry, no index, no probe. */
export interface Judged {
  readonly tenant: string
  readonly subjects: readonly string[]
  /** `connection subject item precision`, sorted. */
  readonly facts: readonly string[]
  readonly first: number
  readonly last: number
}

interface Hand {
  readonly at: number
  readonly holders: readonly string[]
  readonly connection: string
  readonly subjects: readonly string[]
  readonly items: Readonly<Record<string, string>>
}

const CLEAR = new Set(['device.model', 'device.osVersion'])

/** Everything that lay in somebody's hands, and in whose. */
function handsOf(event: Event): readonly Hand[] {
  if (event.what === 'refused') return []
  const { at, connection, subjects } = event
  if (event.what === 'seen') {
    const exact = event.exact.map((one) => [one, 'exact'])
    const masked = event.masked.map((one) => [one, 'truncate:4'])
    const holders = [`account ${event.by}`, `connection ${connection}`]
    if (event.grant) holders.push(`grant ${event.grant}`)
    return [{ at, holders, connection, subjects, items: Object.fromEntries([...exact, ...masked]) }]
  }
  const holders = [`connection ${connection}`]
  if (event.what === 'received') {
    const items = Object.fromEntries(event.items.map((one) => [one, 'exact']))
    return [{ at, holders, connection, subjects, items }]
  }
  holders.push(`party ${event.party}`)
  if (event.node) holders.push(`node ${event.node}`)
  const sent = { at, holders, connection, subjects, items: event.items }
  const back = { ...sent, at: at + 1_000, items: { 'device.serialNumber': 'exact' } }
  return [
    ...(event.outcome === 'unsent' ? [] : [sent]),
    ...(event.outcome === 'answered' ? [back] : []),
  ]
}

export function judge(events: readonly Event[], criteria: readonly Criterion[]): readonly Judged[] {
  const found = new Map<string, { subjects: Set<string>; facts: Set<string>; times: number[] }>()
  for (const event of events)
    for (const hand of handsOf(event))
      for (const { kind, name, from, to, readable, tenants } of criteria) {
        if (hand.at < from || hand.at >= to || (tenants && !tenants.includes(event.tenant)))
          continue
        const isMeant =
          kind === 'window' ||
          (kind === 'subject'
            ? hand.subjects.includes(name ?? '')
            : hand.holders.includes(`${kind} ${name}`))
        if (!isMeant) continue
        if (hand.subjects.length + Object.keys(hand.items).length === 0) continue
        const items = Object.entries(hand.items).filter(
          ([item]) => readable === 'all' || (readable === 'clearItems' && CLEAR.has(item)),
        )
        if (items.length === 0 && readable !== 'all') continue
        const sum = found.get(event.tenant) ?? { subjects: new Set(), facts: new Set(), times: [] }
        found.set(event.tenant, sum)
        sum.times.push(hand.at)
        for (const subject of kind === 'subject' ? [name ?? ''] : hand.subjects) {
          sum.subjects.add(subject)
          for (const [item, how] of items)
            sum.facts.add(`${hand.connection} ${subject} ${item} ${how}`)
        }
      }
  return [...found]
    .map(([tenant, { subjects, facts, times }]) => ({
      tenant,
      subjects: [...subjects].toSorted(),
      facts: [...facts].toSorted(),
      first: Math.min(...times),
      last: Math.max(...times),
    }))
    .toSorted((a, b) => (a.tenant < b.tenant ? -1 : 1))
}

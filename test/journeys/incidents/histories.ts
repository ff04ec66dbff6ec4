import fc from 'fast-check'
import { toTimestamp } from '#foundation/clock.ts'
import { newOrderedId } from '#foundation/ids.ts'
import type { Entry } from '#ledger/entry.ts'

/** What happened, in the test's own words: entries are made of it, and the judge reads it instead of them. */
export type Event = {
  readonly tenant: string
  readonly at: number
  readonly subjects: readonly string[]
} & (
  | {
      readonly what: 'sent'
      readonly party: string
      readonly connection: string
      readonly node: string | undefined
      readonly items: Readonly<Record<string, string>>
      readonly outcome: 'none' | 'unsent' | 'delivered' | 'answered'
    }
  | {
      readonly what: 'seen'
      readonly by: string
      readonly grant: string | undefined
      readonly connection: string
      readonly exact: readonly string[]
      readonly masked: readonly string[]
    }
  | { readonly what: 'received'; readonly connection: string; readonly items: readonly string[] }
  | { readonly what: 'refused'; readonly by: string }
)

/** An account of the operator saw one subject's serial number. */
export const looked = (tenant: string, subject: string, account: string, at: number): Event => ({
  tenant,
  what: 'seen',
  at,
  by: account,
  grant: undefined,
  connection: 'c',
  subjects: [subject],
  exact: ['device.serialNumber'],
  masked: [],
})

export const START = Date.parse('2030-01-01T00:00:00Z')
export const TENANTS = ['north', 'south', 'west'] as const
export const ACCOUNTS = [
  '00000000-0000-4000-8000-00000000000a',
  '00000000-0000-4000-8000-00000000000b',
] as const
export const GRANTS = ['00000000-0000-4000-8000-0000000000aa'] as const
const NODES = ['node-1', 'node-2'] as const
const SEALED = 'device.serialNumber'
const CLEAR = 'device.model'
const ITEMS = [SEALED, CLEAR, 'device.imei', 'device.osVersion']

const minute = fc.integer({ min: 0, max: 2_000 })
const some = <Value>(...values: Value[]) => fc.constantFrom(...values)
const items = fc.uniqueArray(some(...ITEMS), { minLength: 1, maxLength: 3 })

/** Stands in every name of the tenant, so that it can be hunted in what others get. */
export const canaryOf = (tenant: string): string => `canary-${tenant}`

const subjectsOf = (tenant: string) =>
  fc
    .uniqueArray(fc.integer({ min: 0, max: 400 }), { maxLength: 6 })
    .map((numbers) => numbers.map((one) => `${canaryOf(tenant)}-subject-${one}`))

const eventOf = (tenant: string): fc.Arbitrary<Event> => {
  const common = {
    tenant: fc.constant(tenant),
    at: minute.map((one) => START + one * 60_000),
    subjects: subjectsOf(tenant),
  }
  const connection = some(`${canaryOf(tenant)}-c1`, 'shared-name')
  return fc.oneof(
    fc.record({
      ...common,
      connection,
      what: fc.constant('sent' as const),
      party: some('apple', 'google'),
      node: some<string | undefined>(...NODES, undefined),
      items: items.map((all) =>
        Object.fromEntries(all.map((one, i) => [one, i === 0 ? 'exact' : 'month'])),
      ),
      outcome: some('none' as const, 'unsent' as const, 'delivered' as const, 'answered' as const),
    }),
    fc.record({
      ...common,
      connection,
      what: fc.constant('seen' as const),
      by: some(...ACCOUNTS),
      grant: some<string | undefined>(...GRANTS, undefined),
      exact: fc.uniqueArray(some(SEALED, CLEAR), { maxLength: 2 }),
      masked: fc.uniqueArray(some('device.imei'), { maxLength: 1 }),
    }),
    fc.record({ ...common, connection, what: fc.constant('received' as const), items }),
    fc.record({ ...common, what: fc.constant('refused' as const), by: some(...ACCOUNTS) }),
  )
}

/** Histories of several tenants, each in the order of its times. */
export const histories = (tenants: readonly string[] = TENANTS, most = 60, least = 0) =>
  fc
    .tuple(
      ...tenants.map((tenant) => fc.array(eventOf(tenant), { minLength: least, maxLength: most })),
    )
    .map((all) => all.flat().toSorted((a, b) => a.at - b.at))

/** The entries as the rooms write them; an outcome comes a second after its disclosure. */
export function entriesOf(event: Event): readonly Entry[] {
  const entry = (kind: Entry['kind'], actor: string, data: Entry['data'], later = 0): Entry => ({
    id: newOrderedId(event.at + later),
    at: toTimestamp(event.at + later),
    kind,
    actor,
    data,
  })
  if (event.what === 'refused')
    return [entry('access.refused', `operator:${event.by}`, { reason: 'role_missing', count: 1 })]
  if (event.what === 'received')
    return [
      entry('intake', `client:${event.connection}`, {
        connection: event.connection,
        flow: 'mdm-events/inbound',
        kept: Object.fromEntries(event.items.map((item) => [item, 1])),
        withheld: {},
        unknown: 0,
        subjects: event.subjects,
      }),
    ]
  if (event.what === 'seen')
    return [
      entry('read', `operator:${event.by}`, {
        viewer: 'support',
        kind: 'device',
        count: event.subjects.length,
        records: [{ connection: event.connection, subjects: event.subjects }],
        shown: {
          exact: event.exact,
          masked: Object.fromEntries(event.masked.map((one) => [one, 'truncate:4'])),
        },
        ...(event.grant ? { grant: event.grant } : {}),
      }),
    ]
  const sent = entry('disclosure', `client:${event.connection}`, {
    connection: event.connection,
    party: event.party,
    items: Object.fromEntries(Object.entries(event.items).map(([item, how]) => [item, [how, 1]])),
    subjects: event.subjects,
    ...(event.node ? { node: event.node } : {}),
  })
  if (event.outcome === 'none') return [sent]
  const outcome = {
    of: sent.id,
    outcome: event.outcome === 'unsent' ? 'unsent' : 'delivered',
    ...(event.outcome === 'answered' ? { received: { [SEALED]: 1 } } : {}),
  }
  return [sent, entry('outcome', 'node:any', outcome, 1_000)]
}

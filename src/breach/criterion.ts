import type { ItemId } from '#catalog/catalog.ts'
import { type Refusal, refuse } from '#foundation/refusal.ts'
import { DATA_TOUCHES, type Touch, type TouchKind } from './touch.ts'

/** What a scope can begin from. */
export const CRITERION_KINDS = [
  'account',
  'actor',
  'credential',
  'party',
  'connection',
  'grant',
  'node',
  'version',
  'policies',
  'subject',
  'window',
] as const
export type CriterionKind = (typeof CRITERION_KINDS)[number]

/**
 * What the holder could read of what they got: all of it; only the items that are kept in clear, because the others
 * were sealed and their keys are confirmed safe; or nothing.
 */
export const READABLE = ['all', 'clearItems', 'nothing'] as const
export type Readable = (typeof READABLE)[number]

/** One reason to count an entry in: who or what, from when (inclusive) until when (exclusive), in UTC milliseconds. */
export interface Criterion {
  readonly kind: CriterionKind
  /** The identifier; for a `window` there is none. */
  readonly name?: string | undefined
  readonly from: number
  readonly to: number
  /** Undefined: all that put data into hands. */
  readonly touches?: readonly TouchKind[] | undefined
  /** Undefined: in all tenants. */
  readonly tenants?: readonly string[] | undefined
  readonly readable: Readable
  /** The decision of the incident's record that confirms that the keys are safe; needed where not all was readable. */
  readonly keysSafeDecision?: string | undefined
}

/**
 * A criterion in terms of what single entries say. One criterion may become several: a code version is the nodes that
 * ran it, each in its time.
 */
export interface Probe {
  readonly by:
    | 'actor'
    | 'party'
    | 'connection'
    | 'grant'
    | 'node'
    | 'policies'
    | 'subject'
    | 'window'
  readonly names: readonly string[]
  readonly from: number
  readonly to: number
  readonly touches: readonly TouchKind[]
  readonly tenants: readonly string[] | undefined
  readonly readable: Readable
}

/** How an account stands in entries, by its realm and kind. */
const ACTORS_OF_ACCOUNT = ['admin', 'operator', 'service', 'account'] as const

function actorsOf(account: string): readonly string[] {
  return ACTORS_OF_ACCOUNT.map((kind) => `${kind}:${account}`)
}

/** Which code ran on a node from when until when, and whom a key let in. */
export interface Facts {
  readonly credentials: readonly {
    readonly credential: string
    readonly account: string
    readonly from: number
    readonly until: number | undefined
  }[]
  readonly nodeRuns: readonly {
    readonly node: string
    readonly version: string
    readonly from: number
    readonly until: number | undefined
  }[]
}

/** Why a criterion cannot be taken, before anything is looked up. */
export function criterionRefusal(criterion: Criterion): Refusal | undefined {
  const { kind, name, from, to, readable, keysSafeDecision } = criterion
  if (!(from < to)) return refuse('query_invalid', { field: 'to' })
  if ((kind === 'window') === (name !== undefined))
    return refuse('query_invalid', { field: 'name' })
  if (readable !== 'all' && keysSafeDecision === undefined)
    return refuse('keys_not_confirmed', { criterion: kind })
  return undefined
}

/** @param facts  what the logs say of credentials and nodes; other kinds need none */
export function probesOf(criterion: Criterion, facts: Facts): readonly Probe[] {
  const { kind, name = '', from, to, tenants, readable, touches = DATA_TOUCHES } = criterion
  const common = { touches, tenants, readable }
  const clipped = (by: Probe['by'], names: readonly string[], since: number, until?: number) => {
    const probe = {
      by,
      names,
      from: Math.max(from, since),
      to: Math.min(to, until ?? to),
      ...common,
    }
    return probe.from < probe.to ? [probe] : []
  }
  switch (kind) {
    case 'account':
      return [{ by: 'actor', names: actorsOf(name), from, to, ...common }]
    case 'credential':
      return facts.credentials
        .filter((one) => one.credential === name)
        .flatMap((one) => clipped('actor', actorsOf(one.account), one.from, one.until))
    case 'version':
      return facts.nodeRuns
        .filter((one) => one.version === name)
        .flatMap((one) => clipped('node', [one.node], one.from, one.until))
    case 'window':
      return [{ by: 'window', names: [], from, to, ...common }]
    case 'actor':
    case 'party':
    case 'connection':
    case 'grant':
    case 'node':
    case 'policies':
    case 'subject':
      return [{ by: kind, names: [name], from, to, ...common }]
  }
}

/** Whether the probe counts the touch in; what never left is not counted. */
export function matches(probe: Probe, tenantId: string, touch: Touch): boolean {
  if (touch.at < probe.from || touch.at >= probe.to) return false
  if (!probe.touches.includes(touch.touch)) return false
  if (probe.tenants && !probe.tenants.includes(tenantId)) return false
  if (probe.by === 'window') return true
  if (probe.by === 'subject') return touch.subjects.some((one) => probe.names.includes(one))
  const named = touch[probe.by]
  return named !== undefined && probe.names.includes(named)
}

/** Items of the touch that the holder could read. */
export function readableItems(
  touch: Pick<Touch, 'items'>,
  readable: Readable,
  isSealed: (item: ItemId) => boolean,
): readonly ItemId[] {
  if (readable === 'nothing') return []
  const items = Object.keys(touch.items)
  return readable === 'all' ? items : items.filter((item) => !isSealed(item))
}

import type { Catalog, ItemId } from '#catalog/catalog.ts'
import type { Reader } from '#database/handles.ts'
import { type Refusal, isRefusal } from '#foundation/refusal.ts'
import type { Decider } from './decide.ts'
import type { Access, PermissionId } from './permission.ts'
import type { Principal } from './principal.ts'
import { planChange } from './role-change.ts'
import { type Judged, judgeChange } from './role-judge.ts'
import { type MemberChange, type PermissionChange, type RoleChange, isGain } from './role-plan.ts'
import type { TagScope } from './scope-tag.ts'
import type { ViewFacts } from './view-facts.ts'

/**
 * How many records of a kind somebody with the scope `seenBy` sees that `notSeenBy` does not reach; an empty
 * set reaches none. Handed in, since records lie in a room above this one.
 */
export type CountRecords = (
  reader: Reader,
  kind: RecordKind,
  seenBy: TagScope,
  notSeenBy: TagScope,
) => Promise<number>

export type RecordKind = 'device' | 'person'

/** How an item shows in lists and records, and whether its exact value can be had with a reason. */
export interface Sight {
  readonly view: 'exact' | 'masked' | 'withheld'
  readonly reveal: boolean
}

export interface ItemChange {
  readonly item: ItemId
  readonly before: Sight
  readonly after: Sight
}

export interface RecordChange {
  readonly kind: RecordKind
  readonly gained: number
  readonly lost: number
}

export interface AccountChange {
  readonly accountId: string
  readonly permissions: readonly PermissionChange[]
  readonly records: readonly RecordChange[]
  readonly items: readonly ItemChange[]
}

export interface RoleChangePreview {
  /** What saving it would answer, if it would be refused. */
  readonly refusal: Refusal | undefined
  /** Every active account that gains or loses anything. */
  readonly accounts: readonly AccountChange[]
}

export interface PreviewParts {
  readonly decider: Decider
  readonly catalog: Catalog
  readonly countRecords: CountRecords
}

/** The permission that opens records of a kind. */
export const OPENS: Readonly<Record<RecordKind, PermissionId>> = {
  device: 'Managed devices/Read',
  person: 'Personal data/Read',
}

/** Says before a change of roles is saved exactly who gains or loses what by it. Nothing is written. */
export interface RolePreviewer {
  /** @returns the refusal itself where the change cannot be made by anybody */
  preview(
    reader: Reader,
    change: RoleChange,
    asker: Pick<Principal, 'accountId' | 'groups'>,
  ): Promise<RoleChangePreview | Refusal>
  /** The same for a change that was planned already. */
  describe(reader: Reader, judged: Judged): Promise<RoleChangePreview>
}

export function createRolePreviewer(parts: PreviewParts): RolePreviewer {
  const sights = rememberSights(parts)
  const describe = async (reader: Reader, judged: Judged): Promise<RoleChangePreview> => {
    const count = rememberCounts(parts.countRecords, reader)
    const accounts: AccountChange[] = []
    for (const effect of judged.effects) accounts.push(await accountChange(effect, sights, count))
    return { refusal: judgeChange(judged), accounts }
  }
  return {
    describe,
    preview: async (reader, change, asker) => {
      const judged = await planChange(reader, change, asker)
      return isRefusal(judged) ? judged : describe(reader, judged)
    },
  }
}

type Sights = (access: Access) => ReadonlyMap<ItemId, Sight>
type Count = (kind: RecordKind, seenBy: TagScope, notSeenBy: TagScope) => Promise<number>

async function accountChange(
  { accountId, permissions, before, after }: MemberChange,
  sights: Sights,
  count: Count,
): Promise<AccountChange> {
  const records: RecordChange[] = []
  for (const kind of ['device', 'person'] as const) {
    const change = permissions.find(({ permission }) => permission === OPENS[kind])
    if (!change) continue
    const gained = isGain(change) ? await count(kind, change.after, change.before) : 0
    const lost = await count(kind, change.before, change.after)
    records.push({ kind, gained, lost })
  }
  return { accountId, permissions, records, items: itemChanges(sights(before), sights(after)) }
}

function itemChanges(
  was: ReadonlyMap<ItemId, Sight>,
  becomes: ReadonlyMap<ItemId, Sight>,
): readonly ItemChange[] {
  if (was === becomes) return []
  return [...was].flatMap(([item, before]) => {
    const after = becomes.get(item) ?? { view: 'withheld' as const, reveal: false }
    const same = after.view === before.view && after.reveal === before.reveal
    return same ? [] : [{ item, before, after }]
  })
}

/** What an admin's roles say to the door for people who look. */
export function viewerOf(access: Access): Omit<ViewFacts['viewer'], 'kind'> {
  return {
    mayRead: access.may('Managed devices/Read'),
    mayReadPersonal: access.may('Personal data/Read'),
    mayReveal: access.may('Personal data/Reveal'),
    maySeeSecrets: access.may('Secrets/Reveal'),
  }
}

/** Asks the policies once for each of the few kinds of viewer there can be. */
function rememberSights({ decider, catalog }: PreviewParts): Sights {
  const known = new Map<string, ReadonlyMap<ItemId, Sight>>()
  const items = [...catalog.items.values()]
  return (access) => {
    const viewer = viewerOf(access)
    const name = Object.values(viewer).join(' ')
    const found = known.get(name)
    if (found) return found
    const facts = {
      tenantId: '',
      viewer: { kind: 'admin', ...viewer },
      tenantOpen: true,
      grant: { state: 'notNeeded', items: new Set<ItemId>() },
      purposeStated: true,
    } as const
    const views = decider.decideView({ ...facts, action: 'view' }, items)
    const reveals = decider.decideView({ ...facts, action: 'reveal' }, items)
    const made = new Map(
      views.map(({ item, show }, at) => [
        item,
        { view: show, reveal: reveals[at]?.show === 'exact' },
      ]),
    )
    known.set(name, made)
    return made
  }
}

function rememberCounts(countRecords: CountRecords, reader: Reader): Count {
  const known = new Map<string, Promise<number>>()
  const name = (scope: TagScope): string => (scope === 'all' ? '*' : [...scope].sort().join(' '))
  return (kind, seenBy, notSeenBy) => {
    const key = `${kind}|${name(seenBy)}|${name(notSeenBy)}`
    const found = known.get(key) ?? countRecords(reader, kind, seenBy, notSeenBy)
    known.set(key, found)
    return found
  }
}

import type { ItemId } from '#catalog/catalog.ts'
import { groupCommits } from '#database/group.ts'
import type { Transaction } from '#database/handles.ts'
import type { SharingParts } from './parts.ts'

/** Commitments for values of an identifying item, in order; subjects are made where there are none. */
export type NameSubjects = (
  tenantId: string,
  item: ItemId,
  values: readonly string[],
) => Promise<readonly string[]>

/** Names the subjects of calls. Those that nobody knew get their keys in a commit before, shared by all who wait. */
export function nameTogether({
  database,
  names,
}: Pick<SharingParts, 'database' | 'names'>): NameSubjects {
  const unknown = groupCommits<Asked, readonly string[]>(async (tenantId, asked) => {
    const named = await database.write(tenantId, (tx) => nameAll(tx, names, asked))
    for (const [item, those] of named)
      names.remember(tenantId, item, [...those.keys()], [...those.values()])
    return asked.map(({ item, values }) => values.map((value) => named.get(item)?.get(value) ?? ''))
  })
  return async (tenantId, item, values) =>
    names.known(tenantId, item, values) ?? unknown.submit(tenantId, { item, values })
}

interface Asked {
  readonly item: ItemId
  readonly values: readonly string[]
}

/** Commitments by item and value, each value named once however many callers ask for it. */
async function nameAll(
  tx: Transaction,
  names: SharingParts['names'],
  asked: readonly Asked[],
): Promise<ReadonlyMap<ItemId, ReadonlyMap<string, string>>> {
  const wanted = new Map<ItemId, Set<string>>()
  for (const { item, values } of asked) {
    const those = wanted.get(item) ?? new Set()
    for (const value of values) those.add(value)
    wanted.set(item, those)
  }
  const named = new Map<ItemId, ReadonlyMap<string, string>>()
  for (const [item, those] of wanted) {
    const values = [...those]
    const commitments = await names.name(tx, item, values)
    named.set(item, new Map(values.map((value, i) => [value, commitments[i] ?? ''])))
  }
  return named
}

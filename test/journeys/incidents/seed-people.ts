import { keepRecords } from '#records/keep.ts'
import type { ApiWorld } from '../api-world.ts'

/** Synthetic people of a tenant, by their mail addresses; answers their records. */
export async function seedPeople(
  world: ApiWorld,
  tenantId: string,
  addresses: readonly string[],
): Promise<readonly { readonly recordId: string; readonly subjectId: string }[]> {
  const { keys, catalog } = world.endpointParts
  const before = new Set((await peopleOf(world, tenantId)).map((one) => one.recordId))
  await world.db.database.write(tenantId, (tx) =>
    keepRecords(tx, keys, catalog, {
      connectionId: 'c',
      kind: 'person',
      subjectItem: 'person.userEmail',
      records: addresses.map((address) => ({
        subject: address,
        items: { 'person.userEmail': address },
        removed: false,
      })),
      now: world.clock.now(),
    }),
  )
  return (await peopleOf(world, tenantId)).filter((one) => !before.has(one.recordId))
}

function peopleOf(world: ApiWorld, tenantId: string) {
  return world.db.database.read(tenantId, async (reader) => {
    const rows = await reader.rows<{ record_id: string; subject_id: string }>(
      `select record_id, subject_id from records where tenant_id = $1 and kind = 'person'`,
      [tenantId],
    )
    return rows.map((row) => ({ recordId: row.record_id, subjectId: row.subject_id }))
  })
}

import { INSTALLATION } from '#database/handles.ts'
import { signerFromSeed } from '#keys/signing.ts'
import { type SequenceParts, sequenceBatch } from '#ledger/sequence.ts'
import { ACME, type ApiWorld, BETA } from '../api-world.ts'

/** With what the logs of the world are signed, at its own time. */
export const signingOf = (world: ApiWorld): SequenceParts => ({
  ledgerName: 'test',
  signer: signerFromSeed(Buffer.alloc(32, 9)),
  now: () => world.clock.now(),
})

/** Gives every entry that waits its place, in the logs of the operator and of both tenants. */
export async function settle(world: ApiWorld): Promise<void> {
  const signing = signingOf(world)
  for (const tenant of [INSTALLATION, ACME, BETA])
    while (
      await world.db.database.write(tenant, async (tx) => {
        const batch = await sequenceBatch(tx, signing)
        return batch !== 'busy' && batch.placed > 0
      })
    );
}

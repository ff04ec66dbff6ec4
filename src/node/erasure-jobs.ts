import { openIncidentOf } from '#breach/open-incidents.ts'
import { readConnection } from '#connections/connection.ts'
import { EXCHANGES as ANDROID } from '#connectors/google-android-management/exchanges.ts'
import { INSTALLATION, type Reader, type Transaction } from '#database/handles.ts'
import type { JobKind } from '#database/jobs.ts'
import type { PersonalDataHolder } from '#foundation/personal-data-holder.ts'
import { isRefusal } from '#foundation/refusal.ts'
import { recordHolder } from '#records/read.ts'
import { type EraseParts, eraseDue, eraseEverywhere } from '#subjects/erase-due.ts'
import { eraserOf, namesFromHolders } from '#subjects/erasure-names.ts'
import { rotateAfterErasures } from '#subjects/erasure-rotation.ts'
import { tenantIds } from '#tenants/tenant.ts'
import type { Exchange } from '#sharing/exchange.ts'
import type { Telling } from '#subjects/erasure.ts'
import type { Tell } from '#subjects/erasure-recipients.ts'
import { endRetention } from '#subjects/retention.ts'
import type { Node } from '../compose.ts'

export const ERASE = 'erase-people'
const ACTOR = 'job:erase-people'
const GOOGLE = 'google-android-management'
const DELETE_DEVICE = 'google.androidManagement.enterprises.devices.delete'
/** What shows that a party has nothing: the code by which Google says that there is no such device. */
const GONE = 404

type Parts = Pick<Node, 'database' | 'parts' | 'sharing' | 'sequencer'>

/** All rooms that hold something of people, and how parties are told. */
export function erasureParts(
  { database, parts, sharing, sequencer }: Parts,
  holders: readonly PersonalDataHolder<Reader, Transaction>[],
): EraseParts {
  const { keys, catalog } = parts
  return {
    database,
    keys,
    forgetNames: () => parts.names.forget(),
    erasers: holders.map(eraserOf),
    namesKnownTo: namesFromHolders(catalog, [recordHolder(keys)]),
    obstacles: [
      // Whom an open incident touched must be told: that takes knowing who they are.
      async (reader) => {
        const incident = await openIncidentOf(reader)
        return incident === undefined ? undefined : `incident:${incident}`
      },
    ],
    deletesByProtocol: async (reader, connectionId) =>
      (await readConnection(reader, connectionId))?.connectorId === GOOGLE,
    tell: tellGoogle({ sharing }),
    settled: async () => {
      await sharing.outcomes.idle()
      await sequencer.settled()
    },
  }
}

/**
 * Google deletes a device from its enterprise, and wipes it: a call that cannot be undone, so it waits for the approval of
 * this very device like any other. That it is not there (any more) is as good as deleted.
 */
function tellGoogle({ sharing }: Pick<Node, 'sharing'>): Tell {
  const exchange = ANDROID.find(({ id }) => id === DELETE_DEVICE)
  if (!exchange) throw new RangeError(`no exchange ${DELETE_DEVICE}`)
  return async (tenantId, { connectionId, telling }) => {
    const devices = telling.names.filter(({ item }) => item === 'device.name')
    const left: Telling['names'][number][] = []
    const entries: string[] = []
    let waits = devices.length === 0 ? 'nothing_allowed' : undefined
    for (const device of devices) {
      const deleted = await deleteDevice(
        sharing,
        exchange,
        { tenantId, connectionId },
        device.value,
      )
      if ('entryId' in deleted) entries.push(deleted.entryId)
      else {
        left.push(device)
        waits = deleted.waits
      }
    }
    return waits === undefined
      ? { outcome: 'receipt', evidence: `ledger entries ${entries.join(' ')}` }
      : { outcome: 'waits', for: waits, ...(left.length > 0 ? { left: { names: left } } : {}) }
  }
}

async function deleteDevice(
  sharing: Node['sharing'],
  exchange: Exchange,
  where: { readonly tenantId: string; readonly connectionId: string },
  name: string,
): Promise<{ readonly entryId: string } | { readonly waits: string }> {
  const call = {
    method: 'DELETE' as const,
    parameters: { name },
    query: new URLSearchParams(),
    body: undefined,
  }
  const shared = await sharing.share({ ...where, exchange, call, actor: ACTOR })
  if (isRefusal(shared)) return { waits: shared.refused }
  if ('failed' in shared) return { waits: 'party_unreachable' }
  const { status } = shared.raw
  return status < 300 || status === GONE ? { entryId: shared.entryId } : { waits: 'party_refused' }
}

/** Keys that were destroyed on any node end what this one remembers of names. */
export function forgetNamesOfErased({ database, parts }: Pick<Node, 'database' | 'parts'>) {
  const forget = (): void => parts.names.forget()
  return database.listen('sluss_keys', forget, forget)
}

/** Every minute, and at once when somebody is deleted. */
export function erasureJobKinds(
  parts: EraseParts,
  rotating: Node['keys'],
  now: () => number,
): readonly JobKind<never>[] {
  const erase: JobKind<Readonly<Record<string, string>>> = {
    name: ERASE,
    cron: '* * * * *',
    seconds: 3_600,
    tryAgain: true,
    run: async ({ tenantId }) => {
      const by = { actor: ACTOR, at: now() }
      if (tenantId === undefined) await eraseEverywhere(parts, by)
      else await eraseDue(parts, tenantId, by)
    },
  }
  const rotate: JobKind<Readonly<Record<string, string>>> = {
    name: 'rotate-after-erasures',
    cron: '53 2 * * *',
    seconds: 3_600,
    tryAgain: true,
    run: async () => {
      for (const tenantId of await parts.database.read(INSTALLATION, tenantIds))
        await parts.database.write(tenantId, (tx) => rotateAfterErasures(tx, rotating, now()))
    },
  }
  const retention: JobKind<Readonly<Record<string, string>>> = {
    name: 'end-retention',
    cron: '31 1 * * *',
    seconds: 3_600,
    tryAgain: true,
    run: async () => {
      const by = { actor: 'job:end-retention', at: now() }
      for (const tenantId of await parts.database.read(INSTALLATION, tenantIds))
        while ((await parts.database.write(tenantId, (tx) => endRetention(tx, by))) > 0);
    },
  }
  return [erase, rotate, retention]
}

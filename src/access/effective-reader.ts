import type { Database, Reader } from '#database/handles.ts'
import type { Lease } from '#database/lease.ts'
import { refuse } from '#foundation/refusal.ts'
import { FACTS_CHANNEL } from '#tenants/facts-version.ts'
import {
  type AccessReader,
  type CompiledRoles,
  type EffectiveAccess,
  compileRoles,
  effectiveOf,
} from './effective.ts'
import type { PermissionId } from './permission.ts'
import type { Member } from './role.ts'
import { readMember, readMembers, readTenantRoles } from './role-store.ts'

export interface AccessReaderParts {
  readonly database: Database
  readonly lease: Pick<Lease, 'held'>
}

/** An `AccessReader` that listens for changes until it is closed. */
export interface OpenAccessReader extends AccessReader {
  close(): Promise<void>
}

/**
 * Works out access from roles and assignments, remembered per tenant until a change of its facts is announced.
 * A node that may have missed an announcement forgets everything; one whose lease has ended refuses.
 */
export async function createAccessReader(parts: AccessReaderParts): Promise<OpenAccessReader> {
  const { database, lease } = parts
  const known = new Map<string, Promise<CompiledRoles>>()
  const forget = (tenantId: string): void => {
    if (tenantId === '*') known.clear()
    else known.delete(tenantId)
  }
  const stop = await database.listen(FACTS_CHANNEL, forget, () => known.clear())
  const rolesOf = (tenantId: string): Promise<CompiledRoles> => {
    const found = known.get(tenantId)
    if (found) return found
    const made = database.read(tenantId, async (reader) =>
      compileRoles(await readTenantRoles(reader)),
    )
    known.set(tenantId, made)
    // What could not be read is not remembered; the caller hears of the fault by awaiting the same promise.
    made.catch(() => {
      if (known.get(tenantId) === made) known.delete(tenantId)
    })
    return made
  }
  return {
    close: stop,
    of: async (principal) => {
      if (!lease.held()) return refuse('lease_expired')
      const roles = await rolesOf(principal.tenantId)
      // The read may have taken long: nothing is answered that was learned before the lease ended.
      if (!lease.held()) return refuse('lease_expired')
      return roles.accessOf(principal)
    },
  }
}

/**
 * What an account may do, read anew inside the caller's transaction: nothing while it is switched off. Undefined
 * when there is no such account.
 */
export async function readAccessOf(
  reader: Reader,
  accountId: string,
): Promise<EffectiveAccess | undefined> {
  const member = await readMember(reader, accountId)
  if (!member) return undefined
  const roles = await readTenantRoles(reader)
  return member.active ? compileRoles(roles).accessOf(member) : effectiveOf([], roles.version)
}

/** The active accounts of the handle's tenant that hold the permission, for some objects at least. */
export async function holdersOf(
  reader: Reader,
  permission: PermissionId,
): Promise<ReadonlySet<string>> {
  const roles = compileRoles(await readTenantRoles(reader))
  const members: readonly Member[] = await readMembers(reader)
  return new Set(
    members
      .filter((member) => member.active && roles.accessOf(member).may(permission))
      .map((member) => member.accountId),
  )
}

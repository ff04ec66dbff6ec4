import type { Reader } from '#database/handles.ts'
import { type Refusal, refuse } from '#foundation/refusal.ts'
import { readAccount } from './account.ts'
import { compileRoles } from './effective.ts'
import type { Access, PermissionId } from './permission.ts'
import { PERMISSIONS } from './role-facts.ts'
import { readTenantRoles } from './role-store.ts'

/** Whose rights bound what may be done: the one who asks. */
export interface Asker {
  readonly accountId: string
  readonly access: Access
}

/**
 * Whoever can let somebody in, by a link, a secret, a group or a provider, can come in as them. So this is allowed only
 * for accounts that hold nothing the asker does not hold; groups that the account is to get count as well, and nobody
 * raises themselves.
 *
 * @param groups the groups that the account is to have; left out, those it has
 * @returns `account_unknown`, or `role_wider` naming a permission
 */
export async function refuseOutranked(
  reader: Reader,
  asker: Asker,
  accountId: string,
  groups?: readonly string[],
): Promise<Refusal | undefined> {
  const account = await readAccount(reader, accountId)
  if (!account) return refuse('account_unknown', { account: accountId })
  const roles = compileRoles(await readTenantRoles(reader))
  const now = roles.accessOf(account)
  const self = accountId === asker.accountId
  const provided = account.groups.filter((group) => !account.ownGroups.includes(group))
  const then = groups
    ? roles.accessOf({ accountId, groups: [...new Set([...provided, ...groups])] })
    : now
  const holds = self ? now : asker.access
  for (const access of self ? [then] : [now, then]) {
    const wider = widerPermission(holds, access, !self)
    if (wider !== undefined) return refuse('role_wider', { permission: wider, account: accountId })
  }
  return undefined
}

/** The same for an account that is about to be made with these groups. */
export async function refuseWiderGroups(
  reader: Reader,
  asker: Asker,
  groups: readonly string[],
): Promise<Refusal | undefined> {
  const roles = compileRoles(await readTenantRoles(reader))
  const wider = widerPermission(asker.access, roles.accessOf({ accountId: '', groups }), true)
  return wider === undefined ? undefined : refuse('role_wider', { permission: wider })
}

function widerPermission(holds: Access, wanted: Access, byOffice: boolean): string | undefined {
  return [...wanted.permissions].find((permission) => {
    const tags = wanted.tagsFor(permission)
    return (
      !covers(holds.tagsFor(permission), tags) && !(byOffice && officeCovers(holds, permission))
    )
  })
}

/** Who runs the operator's accounts lets the operator's staff in without holding their roles. */
function officeCovers(holds: Access, permission: PermissionId): boolean {
  return (
    PERMISSIONS.get(permission)?.realms.includes('operator') === true &&
    holds.may('Operator accounts/Manage')
  )
}

function covers(held: 'all' | ReadonlySet<string>, wanted: 'all' | ReadonlySet<string>): boolean {
  if (held === 'all') return true
  return wanted !== 'all' && [...wanted].every((tag) => held.has(tag))
}

import type { Reader, Transaction } from '#database/handles.ts'
import type { Json } from '#foundation/canonical-json.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { newId, newOrderedId } from '#foundation/ids.ts'
import { type Refusal, isRefusal, refuse } from '#foundation/refusal.ts'
import { append } from '#ledger/append.ts'
import type { EntryKind } from '#ledger/entry.ts'
import { bumpFactsVersion } from '#tenants/facts-version.ts'
import { compileRoles } from './effective.ts'
import { type Principal, actorOf } from './principal.ts'
import { GLOBAL_ADMINISTRATOR, PLATFORM_ENGINEER } from './role-facts.ts'
import { administratorsIn, judgeChange, type Judged } from './role-judge.ts'
import { type RoleChange, applyChange, differences } from './role-plan.ts'
import { deleteAssignment, deleteRole, writeAssignment, writeRole } from './role-rows.ts'
import { readMembers, readScopeTagIds, readTenantRoles } from './role-store.ts'
import {
  type Member,
  type RoleAssignment,
  type RoleDefinition,
  type TenantRoles,
  realmOfTenant,
} from './role.ts'

/** Who changes roles, and when, in milliseconds since 1970. */
export interface RoleBy {
  readonly principal: Principal
  readonly at: number
}

/**
 * Makes the change if it may be made: row, entry and new facts version in one commit. What the asker holds is
 * read in this very transaction, and changes of one tenant's roles happen one after another.
 *
 * @returns what `applyChange` or `judgeChange` refuse, `account_unknown` or `scope_tag_unknown`; a refusal for
 * want of rights is recorded
 */
export async function changeRoles(
  tx: Transaction,
  change: RoleChange,
  by: RoleBy,
): Promise<Judged | Refusal> {
  await holdRoles(tx)
  const judged = await planChange(tx, change, by.principal)
  const refusal = isRefusal(judged) ? judged : judgeChange(judged)
  if (isRefusal(judged) || refusal) return recordRefusal(tx, change, by, refusal)
  await persist(tx, judged, by.at)
  await bumpFactsVersion(tx)
  for (const [kind, data] of entriesOf(judged)) await record(tx, by, kind, data)
  return judged
}

/** The change and what it would do, read from where the handle stands; nothing is judged or written yet. */
export async function planChange(
  reader: Reader,
  change: RoleChange,
  asker: Pick<Principal, 'accountId' | 'groups'>,
): Promise<Judged | Refusal> {
  const before = await readTenantRoles(reader)
  const members = await readMembers(reader)
  const after = applyChange(before, change)
  if (isRefusal(after)) return after
  const unknown = unknownMember(change, members) ?? (await unknownTag(reader, change))
  if (unknown) return unknown
  const effects = differences(before, after, members)
  const access = compileRoles(before).accessOf(asker)
  return { change, before, after, members, effects, asker: { accountId: asker.accountId, access } }
}

function unknownMember(change: RoleChange, members: readonly Member[]): Refusal | undefined {
  const named = 'assignment' in change ? (change.assignment.memberAccounts ?? []) : []
  const known = new Set(members.map((member) => member.accountId))
  const unknown = named.find((accountId) => !known.has(accountId))
  return unknown === undefined ? undefined : refuse('account_unknown', { account: unknown })
}

async function unknownTag(reader: Reader, change: RoleChange): Promise<Refusal | undefined> {
  const tags =
    'assignment' in change
      ? change.assignment.scopeTags
      : 'role' in change
        ? change.role.scopeTags
        : undefined
  if (tags === undefined || tags === 'all') return undefined
  const known = await readScopeTagIds(reader)
  const unknown = tags.find((tag) => !known.has(tag))
  return unknown === undefined ? undefined : refuse('scope_tag_unknown', { scopeTag: unknown })
}

/** Until the transaction ends, nobody else changes roles of the tenant or counts its administrators. */
async function holdRoles(reader: Reader): Promise<void> {
  await reader.rows('select pg_advisory_xact_lock(hashtextextended($1, 0))', [
    `roles ${reader.tenantId}`,
  ])
}

async function persist(tx: Transaction, { change, after }: Judged, at: number): Promise<void> {
  if (change.kind === 'deleteRole') return deleteRole(tx, change.roleId)
  if (change.kind === 'unassign') return deleteAssignment(tx, change.assignmentId)
  if ('role' in change) {
    const role = after.roles.get(change.roleId)
    if (role) await writeRole(tx, role, at)
    return
  }
  const made = after.assignments.find((one) => one.assignmentId === change.assignmentId)
  if (made) await writeAssignment(tx, made, at)
}

type Told = readonly [EntryKind, { readonly [key: string]: Json }]

/** Names and descriptions are free text and stay out of the ledger; what is given does not. */
function entriesOf({ change, before, after }: Judged): readonly Told[] {
  if (change.kind === 'unassign') return [unassigned(before, change.assignmentId)]
  if (change.kind === 'deleteRole') {
    const ended = before.assignments.filter((one) => one.roleId === change.roleId)
    return [
      ['role.changed', { role: change.roleId, change: 'deleted' }],
      ...ended.map((one) => unassigned(before, one.assignmentId)),
    ]
  }
  if ('role' in change) {
    const role = after.roles.get(change.roleId)
    return role ? [['role.changed', roleData(role, before)]] : []
  }
  const made = after.assignments.find((one) => one.assignmentId === change.assignmentId)
  return made ? [['role.assigned', assignmentData(made, change.kind === 'assign')]] : []
}

function unassigned(before: TenantRoles, assignmentId: string): Told {
  const { roleId = '' } = before.assignments.find((one) => one.assignmentId === assignmentId) ?? {}
  return ['role.unassigned', { assignment: assignmentId, role: roleId }]
}

function roleData(role: RoleDefinition, before: TenantRoles): { readonly [key: string]: Json } {
  return {
    role: role.roleId,
    change: before.roles.has(role.roleId) ? 'updated' : 'created',
    permissions: [...role.permissions].sort(),
    scopeTags: [...role.scopeTags],
  }
}

function assignmentData(
  assignment: RoleAssignment,
  made: boolean,
): { readonly [key: string]: Json } {
  return {
    assignment: assignment.assignmentId,
    change: made ? 'created' : 'updated',
    role: assignment.roleId,
    groups: [...assignment.memberGroups],
    accounts: [...assignment.memberAccounts],
    scopeTags: assignment.scopeTags === 'all' ? 'all' : [...assignment.scopeTags],
    scopeType: assignment.scopeType,
    scopeGroups: [...assignment.scopeGroups],
  }
}

/** Wanting rights one lacks is evidence; a slip of the pen is not. */
async function recordRefusal(
  tx: Transaction,
  change: RoleChange,
  by: RoleBy,
  refusal: Refusal | undefined,
): Promise<Refusal> {
  const refused = refusal ?? refuse('policy_denied')
  if (RIGHTS.has(refused.refused)) {
    const about = 'roleId' in change ? { role: change.roleId } : { assignment: change.assignmentId }
    await record(tx, by, 'access.refused', {
      refusal: refused.refused,
      change: change.kind,
      ...about,
      ...(typeof refused.about.permission === 'string'
        ? { permission: refused.about.permission }
        : {}),
    })
  }
  return refused
}

const RIGHTS: ReadonlySet<Refusal['refused']> = new Set([
  'role_missing',
  'role_wider',
  'out_of_scope',
  'scope_tag_not_own',
  'last_admin',
  'wrong_realm',
])

async function record(
  tx: Transaction,
  { principal, at }: RoleBy,
  kind: EntryKind,
  data: { readonly [key: string]: Json },
): Promise<void> {
  const id = newOrderedId(at)
  await append(tx, { id, at: toTimestamp(at), kind, actor: actorOf(principal), data })
}

/**
 * Gives the account the role of the realm's first administrator, for everything. For the first start and for
 * tenants that were just made: nobody's rights are asked.
 */
export async function makeAdministrator(
  tx: Transaction,
  accountId: string,
  by: { readonly actor: string; readonly at: number },
): Promise<void> {
  await holdRoles(tx)
  const operator = realmOfTenant(tx.tenantId) === 'operator'
  const assignment: RoleAssignment = {
    assignmentId: newId(),
    roleId: operator ? PLATFORM_ENGINEER : GLOBAL_ADMINISTRATOR,
    name: 'First administrator',
    description: '',
    memberGroups: [],
    memberAccounts: [accountId],
    scopeTags: 'all',
    scopeType: 'allDevicesAndLicensedUsers',
    scopeGroups: [],
  }
  await writeAssignment(tx, assignment, by.at)
  await bumpFactsVersion(tx)
  await append(tx, {
    id: newOrderedId(by.at),
    at: toTimestamp(by.at),
    kind: 'role.assigned',
    actor: by.actor,
    data: assignmentData(assignment, true),
  })
}

/**
 * The active accounts without which nobody could manage roles: those who can give everything, or, where nobody
 * can, who may assign everywhere. Waits for changes of roles that are under way.
 */
export async function administratorsOf(reader: Reader): Promise<ReadonlySet<string>> {
  await holdRoles(reader)
  return administratorsIn(await readTenantRoles(reader), await readMembers(reader))
}

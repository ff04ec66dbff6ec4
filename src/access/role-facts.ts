import type { PermissionId } from './permission.ts'
import type { Realm } from './principal.ts'
import { CORRECTIONS, type RoleCorrection } from './roles/corrections.ts'
import { permissionsOf } from './roles/grants.ts'
import { INTUNE_PERMISSIONS } from './roles/intune-permissions.ts'
import { INTUNE_ROLES } from './roles/intune-roles.ts'
import { ALSO_OF_OPERATOR, SLUSS_PERMISSIONS, SLUSS_ROLES } from './roles/sluss-roles.ts'

export type { RoleCorrection } from './roles/corrections.ts'

/** A permission that a role can give. */
export interface PermissionFact {
  readonly id: PermissionId
  readonly resource: string
  readonly action: string
  readonly realms: readonly Realm[]
  /** Why privacy officers look twice at it, where they do. */
  readonly privacy?: string
}

/** A role that ships with Sluss: it can be assigned and copied, not changed. */
export interface BuiltInRole {
  /** Stable, in addresses and assignments. */
  readonly id: string
  readonly name: string
  readonly does: string
  readonly realm: Realm
  readonly source: 'intune' | 'directory' | 'sluss'
  readonly permissions: ReadonlySet<PermissionId>
}

/** The role of a tenant's first admin. */
export const GLOBAL_ADMINISTRATOR = 'global-administrator'
/** The role of the operator's first account. */
export const PLATFORM_ENGINEER = 'platform-engineer'

const PRIVACY: Readonly<Record<PermissionId, string>> = {
  'Partner Device Management/Modify': 'turns the Jamf connector on: starts a data flow',
  'Mobile Threat Defense/Modify':
    'adds or changes a connector to a threat partner: starts a data flow',
  'Remote assistance connectors/Update': 'turns the TeamViewer connector on; needs Read too',
  'Android for work/Update onboarding': 'binds to Google',
  'Enrollment programs/Update token': 'uploads the Apple enrolment token and starts a sync',
  'Enrollment programs/Create token': 'first half of the Apple hand-shake',
  'Mobile apps/Create': 'covers purchase tokens and the Google link as well as apps',
  'Audit data/Read': 'shows all audit data of the tenant',
  'Intune data warehouse/Read': 'shows everything in the warehouse, so can be pulled out in bulk',
  'Remote tasks/Locate device': "shows where a person's device is",
  'Remote tasks/Get filevault key.': 'shows a recovery secret',
  'Remote tasks/Collect diagnostics': 'pulls logs that may hold personal data',
  'Remote Help app/View screen': "shows a person's screen",
  'Managed devices/View reports': 'lets one export device lists',
  'Roles/Assign': 'hands out access',
}

/** Every permission there is, by id. */
export const PERMISSIONS: ReadonlyMap<PermissionId, PermissionFact> = new Map(
  [
    ...Object.entries(INTUNE_PERMISSIONS).flatMap(([resource, actions]) =>
      actions.map((action) => fact(resource, action, realmsOf(resource, action))),
    ),
    ...SLUSS_PERMISSIONS.map(([resource, action, realms, privacy]) =>
      fact(resource, action, realms, privacy),
    ),
  ].map((permission) => [permission.id, permission]),
)

/** Every built-in role, by id. */
export const BUILT_IN_ROLES: ReadonlyMap<string, BuiltInRole> = new Map(
  [
    ...INTUNE_ROLES.map((role) => built(role, 'tenant', 'intune', permissionsOf(role.grants))),
    ...directoryRoles(),
    ...SLUSS_ROLES.map((role) => built(role, role.realm, 'sluss', permissionsOf(role.grants))),
  ].map((role) => [role.id, role]),
)

/** Where Sluss departs from the published model, for the API to show. */
export const ROLE_CORRECTIONS: readonly RoleCorrection[] = CORRECTIONS

/** All that can be held in a realm. */
export function permissionsOfRealm(realm: Realm): ReadonlySet<PermissionId> {
  return new Set(
    [...PERMISSIONS.values()].filter(({ realms }) => realms.includes(realm)).map(({ id }) => id),
  )
}

/** Acts on devices and people rather than objects that are kept: what they permit stays where it was given. */
const ACTS = new Set(['Remote tasks', 'Remote Help app'])
const SPREADING = /^(?:Create|Read|Update|Delete|Modify|View)\b/

/**
 * Whether the permission holds for the tags of all the holder's assignments that are about the same type of
 * object, or only for those of the assignment that gives it.
 */
export function spreads(permission: PermissionId): boolean {
  return SPREADS.has(permission)
}

const SPREADS: ReadonlySet<PermissionId> = new Set(
  [...PERMISSIONS.values()]
    .filter(({ resource, action }) => !ACTS.has(resource) && SPREADING.test(action))
    .map(({ id }) => id),
)

/** The type of object that a permission is about. */
export function resourceOf(permission: PermissionId): string {
  return permission.slice(0, permission.indexOf('/'))
}

function fact(
  resource: string,
  action: string,
  realms: readonly Realm[],
  why?: string,
): PermissionFact {
  const id = `${resource}/${action}`
  const privacy = why ?? PRIVACY[id]
  return { id, resource, action, realms, ...(privacy ? { privacy } : {}) }
}

function realmsOf(resource: string, action: string): readonly Realm[] {
  return ALSO_OF_OPERATOR[resource]?.includes(action) ? ['tenant', 'operator'] : ['tenant']
}

function built(
  role: { readonly id: string; readonly name: string; readonly does: string },
  realm: Realm,
  source: BuiltInRole['source'],
  permissions: readonly PermissionId[],
): BuiltInRole {
  const { id, name, does } = role
  return { id, name, does, realm, source, permissions: new Set(permissions) }
}

/** Roles of the directory that say something about device data; those that give none are left out. */
function directoryRoles(): BuiltInRole[] {
  const intune = permissionsOf(INTUNE_PERMISSIONS)
  const read = intune.filter(
    (id) => /\/Read\b/.test(id) && id !== 'Audit data/Read' && id !== 'Intune data warehouse/Read',
  )
  const audit = 'Audit data/Read'
  const endpointSecurity = INTUNE_ROLES.find(({ id }) => id === 'endpoint-security-manager')
  const role = (name: string, does: string, permissions: readonly PermissionId[]): BuiltInRole =>
    built({ id: name.toLowerCase().replaceAll(' ', '-'), name, does }, 'tenant', 'directory', [
      ...new Set(permissions),
    ])
  return [
    role('Global Administrator', 'holds everything a tenant can give', [
      ...permissionsOfRealm('tenant'),
    ]),
    role(
      'Intune Service Administrator',
      'reads and writes all that Intune has, and its audit data',
      [
        ...intune,
        'Data sharing/Read',
        'Data sharing/Consent',
        'Support requests/Read',
        'Support cases/Create',
        'Accounts/Read',
      ],
    ),
    role('Security Administrator', 'reads all, and runs endpoint security', [
      ...read,
      audit,
      ...permissionsOf(endpointSecurity?.grants ?? {}),
    ]),
    role('Security Operator', 'reads all, and audit data', [...read, audit]),
    role('Security Reader', 'reads all, and audit data', [...read, audit]),
    role('Compliance Administrator', 'reads audit data', [audit]),
    role('Compliance Data Administrator', 'reads audit data', [audit]),
    role('Global Reader', 'reads all, and audit data', [...read, audit]),
    role('Reports Reader', 'reads all but audit data', read),
  ]
}

import type { Realm } from '../principal.ts'
import type { Grants } from './grants.ts'

/** What Sluss adds to Intune's permissions, and in which realms each can be held. */
export const SLUSS_PERMISSIONS: readonly (readonly [
  resource: string,
  action: string,
  realms: readonly Realm[],
  privacy?: string,
])[] = [
  ['Personal data', 'Read', ['tenant'], 'shows lists of people and sealed items, masked'],
  ['Personal data', 'Reveal', ['tenant'], 'shows exact values of people, one by one'],
  ['Personal data', 'Erase', ['tenant'], 'erases people, and holds what must not be erased'],
  ['Directory', 'Provision', ['tenant'], 'says who comes and who goes: who goes is erased'],
  ['Secrets', 'Reveal', ['tenant'], 'shows recovery keys and other secrets, one by one'],
  ['Reports', 'Read', ['tenant'], 'sees numbers on groups of devices, never on one'],
  ['Reports', 'Manage', ['tenant'], 'makes reports less exact'],
  ['Rights requests', 'Read', ['tenant']],
  [
    'Rights requests',
    'Manage',
    ['tenant'],
    'shows everything that is held about a person who asks',
  ],
  ['Data sharing', 'Read', ['tenant']],
  ['Data sharing', 'Consent', ['tenant'], 'opens and closes data flows to other parties'],
  ['Support requests', 'Read', ['tenant']],
  ['Support requests', 'Approve', ['tenant'], "lets the operator's staff see data of the tenant"],
  ['Support cases', 'Create', ['tenant', 'operator']],
  ['Accounts', 'Read', ['tenant', 'operator']],
  ['Accounts', 'Manage', ['tenant', 'operator'], 'lets people in'],
  ['Support access', 'Request', ['operator'], 'asks a customer for access'],
  ['Support access', 'Provider approve', ['operator'], 'lets a request through to the customer'],
  ['Support access', 'Emergency', ['operator'], 'opens access before the customer has answered'],
  ['Support access', 'Review', ['operator']],
  ['Tenants', 'Read', ['operator']],
  ['Tenants', 'Create', ['operator']],
  ['Diagnostics', 'Read', ['operator'], 'reads what on-premises sites report about themselves'],
  ['Operator accounts', 'Manage', ['operator'], "lets the operator's staff in"],
  ['Agents', 'Read', ['operator']],
  ['Agents', 'Manage', ['operator'], 'changes the published list of subprocessors'],
  ['Incidents', 'Read', ['operator']],
  ['Incidents', 'Handle', ['operator'], 'declares incidents and works out whom they touched'],
  ['Incidents', 'Confirm', ['operator'], 'stops the clock of an incident, or takes one back'],
  ['Incidents', 'Approve notices', ['operator'], 'approves what touched customers are told'],
  ['Incident notices', 'Read', ['tenant'], 'reads notices of incidents and acknowledges them'],
  ['Incident notices', 'Manage contacts', ['tenant'], 'says who is told of incidents'],
  ['Notices', 'Report deliveries', ['operator'], 'hands in what mail servers report'],
  ['Partners', 'Read', ['operator']],
  ['Partners', 'Manage', ['operator'], 'describes parties that tenants may share with'],
]

/** Permissions of Intune that the operator's realm has too, about the operator's own accounts and log. */
export const ALSO_OF_OPERATOR: Grants = {
  Roles: ['Assign', 'Create', 'Delete', 'Read', 'Update'],
  'Audit data': ['Read'],
  Organization: ['Read'],
}

interface SlussRole {
  readonly id: string
  readonly name: string
  readonly does: string
  readonly realm: Realm
  readonly grants: Grants
}

/** Roles for the people of data protection that Intune has no role for. */
export const SLUSS_ROLES: readonly SlussRole[] = [
  {
    id: 'privacy-officer',
    name: 'Privacy Officer',
    does: 'answers for personal data: sees it masked, reveals it with a reason, decides on sharing, reads the evidence',
    realm: 'tenant',
    grants: {
      'Personal data': ['Read', 'Reveal', 'Erase'],
      'Rights requests': ['Read', 'Manage'],
      'Managed devices': ['Read'],
      Reports: ['Read', 'Manage'],
      'Incident notices': ['Read', 'Manage contacts'],
      'Data sharing': ['Read', 'Consent'],
      'Support requests': ['Read'],
      'Audit data': ['Read'],
      Accounts: ['Read'],
      Roles: ['Read'],
      Organization: ['Read'],
    },
  },
  {
    id: 'directory-provisioner',
    name: 'Directory Provisioner',
    does: "the organisation's directory: says by SCIM who comes and who goes; sees nothing else",
    realm: 'tenant',
    grants: { Directory: ['Provision'] },
  },
  {
    id: 'support-approver',
    name: 'Support Approver',
    does: "answers requests of the operator's staff for access",
    realm: 'tenant',
    grants: {
      'Support requests': ['Read', 'Approve'],
      'Support cases': ['Create'],
      Organization: ['Read'],
    },
  },
  {
    id: 'auditor',
    name: 'Auditor',
    does: 'checks what was done and who may do what; sees no personal data',
    realm: 'tenant',
    grants: {
      'Audit data': ['Read'],
      Reports: ['Read'],
      'Data sharing': ['Read'],
      'Support requests': ['Read'],
      Accounts: ['Read'],
      Roles: ['Read'],
      Organization: ['Read'],
    },
  },
  {
    id: 'support-engineer',
    name: 'Support Engineer',
    does: 'works on cases and asks customers for access',
    realm: 'operator',
    grants: { 'Support access': ['Request'], 'Support cases': ['Create'], Tenants: ['Read'] },
  },
  {
    id: 'support-manager',
    name: 'Support Manager',
    does: 'lets requests through to the customer, and reviews what was done',
    realm: 'operator',
    grants: {
      'Support access': ['Provider approve', 'Review'],
      'Audit data': ['Read'],
      Tenants: ['Read'],
    },
  },
  {
    id: 'incident-responder',
    name: 'Incident Responder',
    does: 'handles security incidents, with emergency access that two open together',
    realm: 'operator',
    grants: {
      'Support access': ['Emergency'],
      Incidents: ['Read', 'Handle', 'Approve notices'],
      Tenants: ['Read'],
    },
  },
  {
    id: 'incident-confirmer',
    name: 'Incident Confirmer',
    does: 'the second person of an incident: clears exceptions of its clock and takes wrong declarations back',
    realm: 'operator',
    grants: { Incidents: ['Read', 'Confirm', 'Approve notices'], Tenants: ['Read'] },
  },
  {
    id: 'platform-engineer',
    name: 'Platform Engineer',
    does: "runs the installation: tenants and the operator's own accounts and roles; no access to data of tenants",
    realm: 'operator',
    grants: {
      Tenants: ['Read', 'Create'],
      Diagnostics: ['Read'],
      'Operator accounts': ['Manage'],
      Agents: ['Read', 'Manage'],
      Partners: ['Read', 'Manage'],
      Notices: ['Report deliveries'],
      Accounts: ['Read', 'Manage'],
      ...ALSO_OF_OPERATOR,
    },
  },
]

import type { PermissionId } from '../permission.ts'

/** A trap of the published role model that Sluss does not copy, and why. */
export interface RoleCorrection {
  readonly id: string
  /** The role it concerns, where it is one. */
  readonly role?: string
  /** The grant that is taken away from that role. */
  readonly removes?: PermissionId
  /** The published rule that does not hold here, by its id in the facts. */
  readonly rule?: string
  readonly published: string
  readonly here: string
  readonly reason: string
}

export const CORRECTIONS: readonly RoleCorrection[] = [
  {
    id: 'no-tags-is-not-all',
    rule: 'tag.none-means-all',
    published: 'an assignment without scope tags sees every object',
    here: 'it sees objects with the default tag only; everything must be said explicitly',
    reason: 'forgetting a tag must not open more than setting one',
  },
  {
    id: 'directory-admins-have-tags',
    rule: 'tag.directory-admins-exempt',
    published: 'Global and Intune Service administrators see everything whatever tags they have',
    here: 'their assignments have tags like any other, and may say explicitly that they are for everything',
    reason: 'an exception that stands in no assignment shows in no review',
  },
  {
    id: 'read-only-fetches-no-keys',
    role: 'read-only-operator',
    removes: 'Remote tasks/Get filevault key.',
    published: 'the read-only role fetches FileVault recovery keys',
    here: 'it does not',
    reason: 'a recovery key opens the disk: that is no reading of settings',
  },
  {
    id: 'read-only-exports-no-lists',
    role: 'read-only-operator',
    removes: 'Managed devices/View reports',
    published: 'the read-only role views device reports, and so exports lists of all devices',
    here: 'it reads devices page by page; an export is for roles that need it',
    reason: 'a file of all devices leaves every later control behind',
  },
  {
    id: 'read-only-pulls-no-warehouse',
    role: 'read-only-operator',
    removes: 'Intune data warehouse/Read',
    published: 'the read-only role reads the data warehouse, which is everything in bulk',
    here: 'it does not',
    reason: 'the warehouse knows neither tags nor masks',
  },
  {
    id: 'keys-need-secrets-reveal',
    published:
      'Help Desk Operator and Endpoint Security Manager see a FileVault key once they fetch it',
    here: 'they may start the task; the value is shown only with Secrets/Reveal, with a reason, and recorded',
    reason: 'a secret is looked at by somebody, for something',
  },
  {
    id: 'acts-do-not-spread',
    rule: 'multi.crud-spreads',
    published: 'permissions spread over all assignments of the same object type',
    here: 'create, read, update, delete, modify and view spread; remote tasks, revealing, approving and assigning hold only for the tags of their own assignment',
    reason: 'two narrow roles must not add up to one that wipes or reveals widely',
  },
  {
    id: 'nobody-gives-what-they-lack',
    role: 'intune-role-administrator',
    published: 'the role administrator gives any role to anybody, to themselves too',
    here: 'nobody gives a permission or tag that they do not hold themselves',
    reason: 'else managing roles is holding all of them',
  },
  {
    id: 'one-spelling',
    published: '"Organizational Messages" on one page and "Organizational messages" on another',
    here: '"Organizational Messages", one permission',
    reason: 'two spellings of one permission make a role that looks right and gives nothing',
  },
]

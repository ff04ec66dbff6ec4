import type { Principal } from '#access/principal.ts'
import type { PermissionId } from '#access/permission.ts'
import type { Catalog } from '#catalog/catalog.ts'
import type { Database, Reader, Transaction } from '#database/handles.ts'
import type { Lease } from '#database/lease.ts'
import type { Keys } from '#keys/keys.ts'
import type { Log } from '#foundation/log.ts'
import type { Scope } from './request.ts'

/** What people are told of; each has words in every language, and none has an address to sign in at. */
export type NoticeTemplate =
  | 'support.requested'
  | 'support.providerApproved'
  | 'support.passedOn'
  | 'support.approved'
  | 'support.denied'
  | 'support.cancelled'
  | 'support.expired'
  | 'grant.ended'
  | 'grant.lapsed'
  | 'emergency.opened'
  | 'emergency.reviewed'
  | 'sealed.opened'

export interface SupportNotice {
  readonly tenantId: string
  readonly template: NoticeTemplate
  /**
   * `approvers` and `privacyContact` are the tenant's; `providerApprovers` are the operator's, and `asker` is the
   * operator account in `about.askerId`.
   */
  readonly audience: 'approvers' | 'asker' | 'privacyContact' | 'providerApprovers'
  /** Identifiers only: `requestId`, `caseId`, `grantId`, `emergencyId`, `askerId`. */
  readonly about: Readonly<Record<string, string>>
  /** When it happened, in milliseconds since 1970. */
  readonly at: number
  /** Until when something can be done about it, in milliseconds since 1970. */
  readonly until?: number
}

/** What the support room is built from; `compose.ts` hands it in. */
export interface SupportParts {
  readonly database: Database
  readonly keys: Keys
  readonly catalog: Catalog
  readonly lease: Pick<Lease, 'held'>
  readonly log: Log
  /** May lower the longest access, never lift it over the hard maximum. */
  readonly limits?: { readonly mostMs?: number; readonly usualMs?: number }
  /** What the passkeys of people are bound to. */
  readonly passkeys: { readonly rpId: string; readonly origins: readonly string[] }
  /**
   * The record ids that a scope means in the handle's tenant now; unknown ids are left out. Called inside the
   * approving transaction, so what it answers is what is frozen.
   */
  readonly resolveRecords: (reader: Reader, scope: Scope) => Promise<readonly string[]>
  /**
   * Whether the account of the handle's tenant (`INSTALLATION` for the operator's) is active and holds the
   * permission, read from the rows in this very transaction and from no cache.
   */
  readonly holds: (
    reader: Reader,
    principal: Principal,
    permission: PermissionId,
  ) => Promise<boolean>
  /** Accounts of the handle's tenant that hold the permission now, for the security officer's report. */
  readonly holders: (reader: Reader, permission: PermissionId) => Promise<readonly string[]>
  /** Queues a message in the caller's commit. */
  readonly notify: (tx: Transaction, notice: SupportNotice) => Promise<void>
}

/** Who does it, and when. */
export interface By {
  readonly principal: Principal
  /** Milliseconds since 1970; never runs backwards on a node (`steadyClock`). */
  readonly now: number
}

import type { Json } from '#foundation/canonical-json.ts'

/** What happened, as it stands in the tenant's log. The ledger treats `data` as opaque. */
export interface Entry {
  /** Orders by time (UUID version 7); unique in the tenant. */
  readonly id: string
  /** RFC 3339 UTC, from the injected clock. */
  readonly at: string
  readonly kind: EntryKind
  /** Who did it, by identifier: `client:<connection>`, `admin:<id>`, `node:<id>`, `job:<name>`. */
  readonly actor: string
  /** Identifiers, commitments, counts. Never a personal value or an unkeyed hash of one. */
  readonly data: { readonly [key: string]: Json }
}

export type EntryKind =
  | 'tenant.created'
  | 'tenant.changed'
  | 'feature.changed'
  | 'collection.changed'
  | 'consent.given'
  | 'consent.withdrawn'
  | 'permission.given'
  | 'permission.withdrawn'
  | 'contract.recorded'
  | 'contract.ended'
  | 'agent.listed'
  | 'agent.changed'
  | 'agent.ended'
  | 'agent.objected'
  | 'agent.settled'
  | 'offboarding.started'
  | 'offboarding.step'
  | 'offboarding.completed'
  | 'obligation.opened'
  | 'obligation.closed'
  | 'obligation.overdue'
  | 'approval.given'
  | 'connection.changed'
  | 'preview.shown'
  | 'disclosure'
  | 'outcome'
  | 'refusal'
  | 'intake'
  | 'erasure'
  | 'checkpoints'
  // People and roles.
  | 'account.changed'
  | 'account.read'
  | 'sign-in'
  | 'sign-in.refused'
  | 'key.registered'
  | 'key.removed'
  | 'role.changed'
  | 'role.assigned'
  | 'role.unassigned'
  | 'access.refused'
  // Looking.
  | 'read'
  | 'reveal'
  | 'ledger.read'
  // Support access.
  | 'case.changed'
  | 'support.settings'
  | 'support.requested'
  | 'support.provider-approved'
  | 'support.approved'
  | 'support.denied'
  | 'support.cancelled'
  | 'support.expired'
  | 'grant.started'
  | 'grant.ended'
  | 'grant.lapsed'
  | 'emergency.asked'
  | 'emergency.opened'
  | 'emergency.reviewed'
  | 'sealed'
  | 'sealed.opened'
  | 'notice.disclosure'
  | 'notice.sent'
  | 'notice.failed'
  | 'notice.unknown'
  | 'notice.settings'
  // Diagnostics of on-premises sites.
  | 'diagnostics.level'
  | 'diagnostics.received'
  | 'diagnostics.read'
  | 'node'

/** The largest entry that fits an entry bundle of C2SP tlog-tiles (16-bit length), in bytes. */
export const MAX_ENTRY_BYTES = 65_535

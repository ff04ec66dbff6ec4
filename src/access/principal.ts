import { INSTALLATION } from '#database/handles.ts'

/** The two realms that never mix: a tenant's own users and services, and the operator's staff. */
export type Realm = 'tenant' | 'operator'

/** Who is asking, after their token was checked. Identifiers only. */
export interface Principal {
  /** The tenant whose account this is; `INSTALLATION` for the operator's staff. */
  readonly tenantId: string
  readonly accountId: string
  readonly kind: 'person' | 'service'
  /** Directory groups of the account, as its provider says or an admin set; role assignments name them. */
  readonly groups: readonly string[]
  /** Keyed marks that two accounts of one person share, whatever tenant they are in: nobody approves what they asked. */
  readonly personMarks: readonly string[]
  readonly language: 'en' | 'sv'
  /** When the person last proved who they are, in milliseconds since 1970; for step-up. */
  readonly authenticatedAt: number
  /** How (RFC 8176): `hwk` a passkey, `fed` their own provider, `client` a client secret. */
  readonly methods: readonly string[]
}

export function realmOf(principal: Pick<Principal, 'tenantId'>): Realm {
  return principal.tenantId === INSTALLATION ? 'operator' : 'tenant'
}

/** The principal as the ledger names it: `admin:<id>`, `service:<id>` or `operator:<id>`. */
export function actorOf(principal: Principal): string {
  if (realmOf(principal) === 'operator') return `operator:${principal.accountId}`
  return `${principal.kind === 'service' ? 'service' : 'admin'}:${principal.accountId}`
}

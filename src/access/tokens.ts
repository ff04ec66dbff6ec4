import { createPublicKey } from 'node:crypto'
import { type JWTPayload, jwtVerify } from 'jose'
import type { Database } from '#database/handles.ts'
import { BoundedCache } from '#foundation/bounded-cache.ts'
import { isRefusal, type Refusal, refuse } from '#foundation/refusal.ts'
import type { Keys } from '#keys/keys.ts'
import { FACTS_CHANNEL } from '#tenants/facts-version.ts'
import { readTenant } from '#tenants/tenant.ts'
import { type Account, readAccount } from './account.ts'
import type { Principal } from './principal.ts'
import { accountOfSubject } from './service-principal.ts'

/** Turns the `Authorization` header of an API call into who is asking. */
export interface TokenCheck {
  /**
   * @param authorization the header as it came, or undefined
   * @param now milliseconds since 1970
   * @returns the principal; `unauthenticated` without a bearer token, `token_invalid` for one that is forged,
   * expired, for another audience or signed out, `account_unknown`, `account_disabled`,
   * `tenant_closed`, `lease_expired`
   */
  authenticate(authorization: string | undefined, now: number): Promise<Principal | Refusal>
}

/** How long a sign-in counts as fresh, for what needs the person to have just proved who they are. */
export const STEP_UP_IN_MS = 5 * 60_000
const CLOCK_TOLERANCE_IN_SECONDS = 30
const ACCOUNTS_IN_MEMORY = 20_000
const ALGORITHM = 'EdDSA'

/** Whether the person must prove again who they are before what needs it. */
export function needsStepUp(principal: Pick<Principal, 'authenticatedAt'>, now: number): boolean {
  return now - principal.authenticatedAt > STEP_UP_IN_MS
}

export interface TokenCheckParts {
  readonly database: Database
  readonly keys: Keys
  readonly lease: { held(): boolean }
  /** The `iss` that tokens must carry, and the `aud`. */
  readonly issuer: string
  readonly audience: string
}

/** Checks tokens of the installation's own issuer, with no call to it. `close` stops listening. */
export async function createTokenCheck(
  parts: TokenCheckParts,
): Promise<TokenCheck & { close(): Promise<void> }> {
  const { x, kty, crv } = await parts.keys.signingJwk('tokens')
  const key = createPublicKey({ key: { x, kty, crv }, format: 'jwk' })
  const accounts = await openAccounts(parts.database)
  return {
    close: accounts.close,
    authenticate: async (authorization, now) => {
      const token = /^Bearer ([A-Za-z0-9._~+/=-]+)$/i.exec(authorization ?? '')?.[1]
      if (token === undefined) return refuse('unauthenticated')
      if (!parts.lease.held()) return refuse('lease_expired')
      const claims = await verify(token, key, parts, now)
      if (isRefusal(claims)) return claims
      const named = accountOfSubject(claims.sub ?? '')
      if (!named) return refuse('token_invalid', { why: 'subject' })
      const known = await accounts.read(named.tenantId, named.accountId)
      // What was read while the lease ran out may be older than the lease allows.
      if (!parts.lease.held()) return refuse('lease_expired')
      if (known?.closed) return refuse('tenant_closed')
      return principalOf(named, known?.account, claims)
    },
  }
}

async function verify(
  token: string,
  key: ReturnType<typeof createPublicKey>,
  { issuer, audience }: TokenCheckParts,
  now: number,
): Promise<JWTPayload | Refusal> {
  try {
    const { payload } = await jwtVerify(token, key, {
      algorithms: [ALGORITHM],
      typ: 'at+jwt',
      issuer,
      audience,
      clockTolerance: CLOCK_TOLERANCE_IN_SECONDS,
      currentDate: new Date(now),
      requiredClaims: ['iss', 'aud', 'sub', 'exp', 'iat', 'client_id'],
    })
    return payload
  } catch (fault) {
    const { code } = fault as { code?: string }
    if (typeof code !== 'string') throw fault
    return refuse('token_invalid', { why: code })
  }
}

/** INVARIANT: nothing here widens what the account may do; groups and marks are those of now, never the token's. */
function principalOf(
  { tenantId, accountId }: { tenantId: string; accountId: string },
  account: Account | undefined,
  claims: JWTPayload,
): Principal | Refusal {
  if (!account) return refuse('account_unknown', { account: accountId })
  if (account.state !== 'active') return refuse('account_disabled', { account: accountId })
  const isOwnClient = claims.client_id === claims.sub
  if (isOwnClient !== (account.kind === 'service')) return refuse('token_invalid', { why: 'kind' })
  const { auth_time: authTime, amr } = claims
  const seconds = account.kind === 'service' ? claims.iat : authTime
  if (typeof seconds !== 'number' || (claims.iat ?? 0) < seconds)
    return refuse('token_invalid', { why: 'auth_time' })
  const authenticatedAt = seconds * 1000
  if (account.tokensValidFrom !== undefined && authenticatedAt < account.tokensValidFrom)
    return refuse('token_invalid', { why: 'signed_out' })
  return {
    tenantId,
    accountId,
    kind: account.kind,
    groups: account.groups,
    personMarks: account.personMarks,
    language: account.language,
    authenticatedAt,
    methods: Array.isArray(amr) ? amr.filter((method) => typeof method === 'string') : [],
  }
}

interface KnownAccount {
  readonly account: Account
  /** The organisation has left. */
  readonly closed: boolean
}

/** Accounts in memory, until anything of their tenant changes on any node. */
async function openAccounts(database: Database) {
  const known = new BoundedCache<string, KnownAccount>(ACCOUNTS_IN_MEMORY)
  const named = new Map<string, Set<string>>()
  let changes = 0
  const forgetAll = (): void => {
    changes++
    known.clear()
    named.clear()
  }
  const forget = (tenantId: string): void => {
    if (tenantId === '*') return forgetAll()
    changes++
    for (const name of named.get(tenantId) ?? []) known.delete(name)
    named.delete(tenantId)
  }
  const close = await database.listen(FACTS_CHANNEL, forget, forgetAll)
  return {
    close,
    read: async (tenantId: string, accountId: string): Promise<KnownAccount | undefined> => {
      const name = `${tenantId}/${accountId}`
      const found = known.get(name)
      if (found) return found
      const before = changes
      const account = await database.read(tenantId, async (reader) => {
        const read = await readAccount(reader, accountId)
        return read && { account: read, closed: (await readTenant(reader))?.state === 'closed' }
      })
      // What changed while it was read may be older than the change: it is used once and not kept.
      if (account && before === changes) {
        known.set(name, account)
        const names = named.get(tenantId) ?? new Set()
        named.set(tenantId, names.add(name))
      }
      return account
    },
  }
}

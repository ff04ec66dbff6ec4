import type {
  AuthenticationResponseJSON,
  PublicKeyCredentialCreationOptionsJSON,
  PublicKeyCredentialRequestOptionsJSON,
  RegistrationResponseJSON,
} from '@simplewebauthn/server'
import { type Database, INSTALLATION, type Transaction } from '#database/handles.ts'
import type { Clock } from '#foundation/clock.ts'
import { isRefusal, type Refusal, refuse } from '#foundation/refusal.ts'
import type { Account } from './account.ts'
import { type LinkHolder, readLink, tenantOfLink, useLink } from './one-time-link.ts'
import {
  type PasskeyParts,
  beginPasskeySignIn,
  beginRegistration,
  checkRegistration,
  finishPasskeySignIn,
  holderOfPasskey,
  keepPasskey,
  takeSignInChallenge,
} from './passkey.ts'
import { createRefusedSignIns, recordSignIn } from './sign-in.ts'

export interface PasskeySignInParts extends PasskeyParts {
  readonly database: Database
  readonly clock: Clock
}

export interface Ceremony<Options> {
  readonly options: Options
  readonly ceremony: string
}

/** Signing in by passkey, and the one-time links through which people get their first. */
export interface PasskeySignIn {
  begin(): Promise<Ceremony<PublicKeyCredentialRequestOptionsJSON>>
  /** @returns `passkey_invalid` or `account_disabled`; the challenge is used up either way */
  finish(
    ceremony: string,
    response: AuthenticationResponseJSON,
  ): Promise<{ tenantId: string; account: Account } | Refusal>
  /** Whether the link can be used; looking uses nothing up. @returns `link_used` */
  look(token: string): Promise<LinkHolder | Refusal>
  /** @returns `link_used`, `account_unknown` */
  beginByLink(token: string): Promise<Ceremony<PublicKeyCredentialCreationOptionsJSON> | Refusal>
  /**
   * Uses the link up and registers the passkey, in one commit. A recovery takes the older passkeys away.
   *
   * @returns `link_used`, `passkey_invalid`, `account_disabled`; the link stays good after a `passkey_invalid`
   */
  finishByLink(
    token: string,
    answer: { ceremony: string; response: RegistrationResponseJSON; name: string },
  ): Promise<LinkHolder | Refusal>
}

export function createPasskeySignIn(parts: PasskeySignInParts): PasskeySignIn {
  const { database, clock } = parts
  const refusals = createRefusedSignIns()
  const refused = async (
    tenantId: string,
    refusal: Refusal,
    accountId?: string,
  ): Promise<Refusal> => {
    const method = refusal.refused === 'link_used' ? 'link' : 'passkey'
    const about = { method, reason: refusal.refused, ...(accountId ? { accountId } : {}) } as const
    await database.write(tenantId, (tx) => refusals.record(tx, about, clock.now()))
    return refusal
  }
  const ofLink = <Result>(
    token: string,
    work: (tx: Transaction) => Promise<Result | Refusal>,
  ): Promise<Result | Refusal> => {
    const tenantId = tenantOfLink(token)
    return tenantId === undefined
      ? Promise.resolve(refuse('link_used'))
      : database.write(tenantId, work)
  }
  return {
    begin: () => database.write(INSTALLATION, (tx) => beginPasskeySignIn(tx, parts, clock.now())),
    finish: async (ceremony, response) => {
      const now = clock.now()
      const challenge = await database.write(INSTALLATION, (tx) =>
        takeSignInChallenge(tx, parts, ceremony, now),
      )
      if (challenge === undefined)
        return refused(INSTALLATION, refuse('passkey_invalid', { why: 'challenge' }))
      const holder = await database.read(INSTALLATION, (reader) =>
        holderOfPasskey(reader, response),
      )
      if (!holder) return refused(INSTALLATION, refuse('passkey_invalid', { why: 'unknown' }))
      const { tenantId, accountId } = holder
      const account = await database.write(tenantId, async (tx) => {
        const known = await finishPasskeySignIn(tx, parts, { challenge, accountId, response }, now)
        if (!isRefusal(known)) await recordSignIn(tx, { accountId, method: 'passkey' }, now)
        return known
      })
      return isRefusal(account) ? refused(tenantId, account, accountId) : { tenantId, account }
    },
    look: async (token) => {
      const tenantId = tenantOfLink(token)
      if (tenantId === undefined) return refuse('link_used')
      const found = await database.read(tenantId, (reader) => readLink(reader, token, clock.now()))
      return isRefusal(found) ? refused(tenantId, found) : found
    },
    beginByLink: (token) =>
      ofLink(token, async (tx) => {
        const holder = await readLink(tx, token, clock.now())
        if (isRefusal(holder)) return holder
        return beginRegistration(tx, parts, holder.accountId, 'sign-in', clock.now())
      }),
    finishByLink: (token, answer) =>
      ofLink(token, (tx) => registerByLink(tx, parts, token, answer, clock.now())),
  }
}

async function registerByLink(
  tx: Transaction,
  parts: PasskeyParts,
  token: string,
  answer: { ceremony: string; response: RegistrationResponseJSON; name: string },
  now: number,
): Promise<LinkHolder | Refusal> {
  const checked = await checkRegistration(tx, parts, { ...answer, use: 'sign-in' }, now)
  if (isRefusal(checked)) return checked
  const shown = await readLink(tx, token, now)
  if (isRefusal(shown)) return shown
  if (shown.accountId !== checked.accountId) return refuse('passkey_invalid', { why: 'account' })
  const holder = await useLink(tx, token, now)
  if (isRefusal(holder)) return holder
  const by = { actor: `link:${holder.purpose}`, at: now }
  const kept = await keepPasskey(tx, parts.keys, checked, answer.name, by)
  if (isRefusal(kept)) return kept
  if (holder.purpose === 'recovery') await replacePasskeys(tx, checked, now)
  return holder
}

/** Whoever lost their passkey may have lost it to somebody: only the new one remains, and nobody stays signed in. */
async function replacePasskeys(
  tx: Transaction,
  { accountId, passkeyId }: { accountId: string; passkeyId: string },
  now: number,
): Promise<void> {
  await tx.change(
    `update passkeys set removed_at = $4
      where tenant_id = $1 and account_id = $2 and passkey_id <> $3 and removed_at is null`,
    [tx.tenantId, accountId, passkeyId, new Date(now)],
  )
  await tx.change(
    `update accounts set tokens_valid_from = greatest(tokens_valid_from, $3::timestamptz)
      where tenant_id = $1 and account_id = $2`,
    [tx.tenantId, accountId, new Date(now)],
  )
}

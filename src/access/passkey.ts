import {
  type AuthenticationResponseJSON,
  type PublicKeyCredentialCreationOptionsJSON,
  type PublicKeyCredentialRequestOptionsJSON,
  type RegistrationResponseJSON,
  generateAuthenticationOptions,
  generateRegistrationOptions,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
} from '@simplewebauthn/server'
import type { Reader, Transaction } from '#database/handles.ts'
import { isRefusal, type Refusal, refuse } from '#foundation/refusal.ts'
import type { Keys } from '#keys/keys.ts'
import { type Account, openNames, readAccount, readAccountRow } from './account.ts'
import { type AccountBy, recordAccountChange } from './account-change.ts'
import { beginCeremony, takeCeremony } from './ceremony.ts'

/** Where passkeys belong: the host name they are bound to, and the origins of the pages that may use them. */
export interface PasskeySite {
  readonly id: string
  readonly name: string
  readonly origins: readonly string[]
}

export interface PasskeyParts {
  readonly keys: Keys
  readonly site: PasskeySite
}

/** ES256, EdDSA and RS256, as COSE numbers them: what browsers and the offline check both know. */
const ALGORITHMS = [-8, -7, -257]

/** Characters of a credential id that stands in addresses; real ones are shorter by far. */
const LONGEST_ID = 900

/** What registering a passkey is for: a way in, or the key that its owner signs approvals with. */
export type PasskeyUse = 'sign-in' | 'signing'

interface RegistrationState {
  readonly challenge: string
  readonly accountId: string
  readonly use: PasskeyUse
}

/**
 * Begins to register a passkey for the account.
 *
 * @returns options for `navigator.credentials.create` and the handle of the ceremony; `account_unknown`
 */
export async function beginRegistration(
  tx: Transaction,
  { keys, site }: PasskeyParts,
  accountId: string,
  use: PasskeyUse,
  now: number,
): Promise<{ options: PublicKeyCredentialCreationOptionsJSON; ceremony: string } | Refusal> {
  const found = await readAccountRow(tx, accountId)
  if (found?.account.kind !== 'person') return refuse('account_unknown', { account: accountId })
  const names = await openNames(tx, keys, found.row)
  const known = await tx.rows<{ id: string }>(
    `select passkey_id as id from passkeys where tenant_id = $1 and account_id = $2 and removed_at is null`,
    [tx.tenantId, accountId],
  )
  const options = await generateRegistrationOptions({
    rpName: site.name,
    rpID: site.id,
    userName: names.mail ?? names.displayName,
    userDisplayName: names.displayName,
    userID: userHandle(accountId, use),
    attestationType: 'none',
    excludeCredentials: use === 'sign-in' ? known.map(({ id }) => ({ id })) : [],
    authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
    supportedAlgorithmIDs: ALGORITHMS,
    timeout: 120_000,
  })
  const state: RegistrationState = { challenge: options.challenge, accountId, use }
  return { options, ceremony: await beginCeremony(tx, keys, 'register', state, now) }
}

/** A passkey that has shown in its ceremony that it can sign. */
export interface CheckedPasskey {
  readonly accountId: string
  readonly passkeyId: string
  readonly publicKey: Buffer
  readonly counter: number
  readonly transports: readonly string[]
}

/**
 * Checks what the authenticator answered, against a challenge that is used up by it. Keeps nothing else.
 *
 * @returns `passkey_invalid` when the challenge was used or is not ours, or anything in the answer does not fit
 */
export async function checkRegistration(
  tx: Transaction,
  { keys, site }: PasskeyParts,
  answer: { ceremony: string; response: RegistrationResponseJSON; use: PasskeyUse },
  now: number,
): Promise<CheckedPasskey | Refusal> {
  const state = await takeCeremony<RegistrationState>(tx, keys, 'register', answer.ceremony, now)
  if (state?.use !== answer.use) return refuse('passkey_invalid', { why: 'challenge' })
  const verified = await verifyRegistrationResponse({
    response: answer.response,
    expectedChallenge: state.challenge,
    expectedOrigin: [...site.origins],
    expectedRPID: site.id,
    requireUserVerification: true,
    supportedAlgorithmIDs: ALGORITHMS,
  }).catch(() => undefined)
  if (!verified?.verified) return refuse('passkey_invalid', { why: 'response' })
  const { credential } = verified.registrationInfo
  if (credential.id.length > LONGEST_ID) return refuse('passkey_invalid', { why: 'id' })
  return {
    accountId: state.accountId,
    passkeyId: credential.id,
    publicKey: Buffer.from(credential.publicKey),
    counter: credential.counter,
    transports: credential.transports ?? [],
  }
}

/** Keeps a checked passkey as a way in of its account. Refuses with `name_taken` when it is there already. */
export async function keepPasskey(
  tx: Transaction,
  keys: Keys,
  passkey: CheckedPasskey,
  name: string,
  by: AccountBy,
): Promise<Refusal | undefined> {
  const { accountId, passkeyId } = passkey
  const made = await tx.change(
    `insert into passkeys (tenant_id, passkey_id, account_id, public_key, counter, transports, name, registered_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict do nothing`,
    [
      tx.tenantId,
      passkeyId,
      accountId,
      passkey.publicKey,
      passkey.counter,
      passkey.transports,
      await sealPasskeyName(tx, keys, accountId, passkeyId, name),
      new Date(by.at),
    ],
  )
  if (made === 0) return refuse('name_taken', { passkey: passkeyId })
  await recordAccountChange(tx, by, 'key.registered', {
    account: accountId,
    key: passkeyId,
    type: 'sign-in',
  })
  return undefined
}

/**
 * Begins a sign-in with whichever passkey the person has here: the browser offers those it knows. The challenge is
 * kept with the installation, since only the answer says which tenant it is for.
 */
export async function beginPasskeySignIn(
  tx: Transaction,
  { keys, site }: PasskeyParts,
  now: number,
): Promise<{ options: PublicKeyCredentialRequestOptionsJSON; ceremony: string }> {
  const options = await generateAuthenticationOptions({
    rpID: site.id,
    userVerification: 'required',
    timeout: 120_000,
  })
  const ceremony = await beginCeremony(tx, keys, 'sign-in', { challenge: options.challenge }, now)
  return { options, ceremony }
}

/** Takes out the challenge of a sign-in, in a transaction of the installation's. Once. */
export async function takeSignInChallenge(
  tx: Transaction,
  { keys }: PasskeyParts,
  ceremony: string,
  now: number,
): Promise<string | undefined> {
  const state = await takeCeremony<{ challenge: string }>(tx, keys, 'sign-in', ceremony, now)
  return state?.challenge
}

/**
 * Whose the passkey is that answered, across tenants. Credential and account are looked up together, so that nobody
 * stands in another's way by registering the same credential id. To be believed only once `finishPasskeySignIn` has
 * checked the answer.
 */
export async function holderOfPasskey(
  reader: Reader,
  response: AuthenticationResponseJSON,
): Promise<{ tenantId: string; accountId: string } | undefined> {
  const hex = Buffer.from(response.response.userHandle ?? '', 'base64url').toString('hex')
  if (hex.length !== 32) return undefined
  const accountId = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
  const [row] = await reader.rows<{ tenant_id: string | null }>(
    'select sluss_passkey_tenant($1, $2) as tenant_id',
    [response.id, accountId],
  )
  return row?.tenant_id ? { tenantId: row.tenant_id, accountId } : undefined
}

/**
 * Checks the answer of a sign-in in the account's own tenant, and moves the passkey's counter on.
 *
 * @returns the account; `passkey_invalid` for an unknown or removed key, a wrong signature, challenge or origin, no
 *   user verification, or a counter that did not grow (the key was copied); `account_disabled`
 */
export async function finishPasskeySignIn(
  tx: Transaction,
  { site }: PasskeyParts,
  answer: { challenge: string; accountId: string; response: AuthenticationResponseJSON },
  now: number,
): Promise<Account | Refusal> {
  const [row] = await tx.rows<{ public_key: Buffer; counter: string | number }>(
    `select public_key, counter from passkeys
      where tenant_id = $1 and passkey_id = $2 and account_id::text = $3 and removed_at is null`,
    [tx.tenantId, answer.response.id, answer.accountId],
  )
  if (!row) return refuse('passkey_invalid', { why: 'unknown' })
  const counter = await checkAssertion(site, {
    response: answer.response,
    challenge: answer.challenge,
    passkeyId: answer.response.id,
    publicKey: row.public_key,
    counter: Number(row.counter),
  })
  if (isRefusal(counter)) return counter
  const moved = await tx.change(
    `update passkeys set counter = $3, used_at = $4
      where tenant_id = $1 and passkey_id = $2 and removed_at is null and (counter < $3 or (counter = 0 and $3 = 0))`,
    [tx.tenantId, answer.response.id, counter, new Date(now)],
  )
  if (moved === 0) return refuse('passkey_invalid', { why: 'counter' })
  const account = await readAccount(tx, answer.accountId)
  if (account?.state !== 'active') return refuse('account_disabled', { account: answer.accountId })
  return account
}

/**
 * Checks one assertion: signature, challenge, origin, host, user verification, counter.
 *
 * @param assertion.challenge base64url, such as of the SHA-256 of a text that was signed
 * @param assertion.publicKey the COSE key
 * @returns the new counter, or `passkey_invalid`
 */
export async function checkAssertion(
  site: PasskeySite,
  assertion: {
    response: AuthenticationResponseJSON
    challenge: string
    passkeyId: string
    publicKey: Buffer
    counter: number
  },
): Promise<number | Refusal> {
  const verified = await verifyAuthenticationResponse({
    response: assertion.response,
    expectedChallenge: assertion.challenge,
    expectedOrigin: [...site.origins],
    expectedRPID: site.id,
    requireUserVerification: true,
    credential: {
      id: assertion.passkeyId,
      publicKey: new Uint8Array(assertion.publicKey),
      counter: assertion.counter,
    },
  }).catch(() => undefined)
  return verified?.verified && assertion.response.id === assertion.passkeyId
    ? verified.authenticationInfo.newCounter
    : refuse('passkey_invalid', { why: 'signature' })
}

/** Seals what a passkey's owner calls it. */
export async function sealPasskeyName(
  tx: Transaction,
  keys: Keys,
  accountId: string,
  passkeyId: string,
  name: string,
): Promise<Buffer> {
  return keys.sealFor(tx, accountId, `passkey/${passkeyId}/name`, Buffer.from(name))
}

export async function openPasskeyName(
  reader: Reader,
  keys: Keys,
  accountId: string,
  passkeyId: string,
  sealed: Buffer,
): Promise<string> {
  return (await keys.openFor(reader, accountId, `passkey/${passkeyId}/name`, sealed)).toString()
}

/** The account's id as 16 bytes. A signing key's has one more, so that it does not take a sign-in key's place. */
function userHandle(accountId: string, use: PasskeyUse): Uint8Array<ArrayBuffer> {
  const id = accountId.replaceAll('-', '')
  return new Uint8Array(Buffer.from(use === 'sign-in' ? id : `${id}01`, 'hex'))
}

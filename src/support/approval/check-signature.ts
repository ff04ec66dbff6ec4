import { createPublicKey, verify } from 'node:crypto'
import {
  type AuthenticationResponseJSON,
  verifyAuthenticationResponse,
} from '@simplewebauthn/server'
import type { SigningKey } from '#access/signing-keys.ts'
import type { SupportParts } from '../parts.ts'
import type { ApprovalOffer } from './text.ts'

/** How an approver signed: the raw Ed25519 signature, or the answer of a passkey, as the browser gives it. */
export type ApproverSignature =
  | { readonly kind: 'ed25519'; readonly keyId: string; readonly signature: string }
  | {
      readonly kind: 'passkey'
      readonly keyId: string
      readonly assertion: AuthenticationResponseJSON
    }

const ED25519_SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex')

/** Whether the key made the signature over exactly this text, a person being present and verified. */
export async function signatureFits(
  parts: Pick<SupportParts, 'passkeys'>,
  key: SigningKey,
  given: ApproverSignature,
  offer: Pick<ApprovalOffer, 'text' | 'challenge'>,
): Promise<boolean> {
  if (key.kind !== given.kind) return false
  try {
    return given.kind === 'ed25519'
      ? ed25519Fits(key, given.signature, offer.text)
      : await passkeyFits(parts, key, given.assertion, offer.challenge)
  } catch {
    // Bytes that are no key, no signature or no assertion.
    return false
  }
}

function ed25519Fits(key: SigningKey, signature: string, text: string): boolean {
  const bytes = Buffer.from(signature, 'base64url')
  if (bytes.toString('base64url') !== signature) return false
  const publicKey = createPublicKey({
    key: Buffer.concat([ED25519_SPKI_PREFIX, key.publicKey]),
    format: 'der',
    type: 'spki',
  })
  return verify(null, Buffer.from(text), publicKey, bytes)
}

async function passkeyFits(
  { passkeys }: Pick<SupportParts, 'passkeys'>,
  key: SigningKey,
  assertion: AuthenticationResponseJSON,
  challenge: string,
): Promise<boolean> {
  if (assertion.id !== key.keyId) return false
  const { verified } = await verifyAuthenticationResponse({
    response: assertion,
    expectedChallenge: challenge,
    expectedOrigin: [...passkeys.origins],
    expectedRPID: passkeys.rpId,
    requireUserVerification: true,
    // A counter tells copies of a key apart at sign-in; here each text is signed once.
    credential: { id: key.keyId, publicKey: new Uint8Array(key.publicKey), counter: 0 },
  })
  return verified
}

/** What identifies the signature, so that none is taken twice. */
export function signatureBytes(given: ApproverSignature): string {
  return given.kind === 'ed25519' ? given.signature : given.assertion.response.signature
}

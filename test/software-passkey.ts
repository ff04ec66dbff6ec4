import { type KeyObject, generateKeyPairSync, hash, randomBytes, sign } from 'node:crypto'

export type PasskeyAlgorithm = 'ES256' | 'EdDSA' | 'RS256'

/** A passkey in memory that answers as an authenticator and a browser do together (WebAuthn level 3). */
export interface SoftwarePasskey {
  readonly id: string
  /** COSE key, as registration hands it over. */
  readonly cose: Buffer
  assert(
    challenge: string,
    options?: { origin?: string; rpId?: string; verified?: boolean },
  ): {
    id: string
    rawId: string
    type: 'public-key'
    response: { clientDataJSON: string; authenticatorData: string; signature: string }
    clientExtensionResults: Record<string, never>
  }
}

const PRESENT = 0x01
const VERIFIED = 0x04

export function softwarePasskey(algorithm: PasskeyAlgorithm = 'ES256'): SoftwarePasskey {
  const { privateKey, cose } = makeKey(algorithm)
  const id = randomBytes(16).toString('base64url')
  return {
    id,
    cose,
    assert: (
      challenge,
      { origin = 'https://localhost', rpId = 'localhost', verified = true } = {},
    ) => {
      const client = Buffer.from(
        JSON.stringify({ type: 'webauthn.get', challenge, origin, crossOrigin: false }),
      )
      const flags = PRESENT | (verified ? VERIFIED : 0)
      const data = Buffer.concat([
        hash('sha256', rpId, 'buffer'),
        Buffer.of(flags),
        Buffer.from([0, 0, 0, 7]),
      ])
      const message = Buffer.concat([data, hash('sha256', client, 'buffer')])
      const digest = algorithm === 'EdDSA' ? null : 'sha256'
      return {
        id,
        rawId: id,
        type: 'public-key',
        response: {
          clientDataJSON: client.toString('base64url'),
          authenticatorData: data.toString('base64url'),
          signature: sign(digest, message, privateKey).toString('base64url'),
        },
        clientExtensionResults: {},
      }
    },
  }
}

function makeKey(algorithm: PasskeyAlgorithm): { privateKey: KeyObject; cose: Buffer } {
  if (algorithm === 'EdDSA') {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519')
    const { x = '' } = publicKey.export({ format: 'jwk' })
    return { privateKey, cose: map([1, 1], [3, -8], [-1, 6], [-2, bytes(x)]) }
  }
  if (algorithm === 'RS256') {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const { n = '', e = '' } = publicKey.export({ format: 'jwk' })
    return { privateKey, cose: map([1, 3], [3, -257], [-1, bytes(n)], [-2, bytes(e)]) }
  }
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' })
  return { privateKey, cose: map([1, 2], [3, -7], [-1, 1], [-2, bytes(x)], [-3, bytes(y)]) }
}

const bytes = (text: string): Buffer => Buffer.from(text, 'base64url')

function map(...members: (readonly [number, number | Buffer])[]): Buffer {
  return Buffer.concat([
    Buffer.of(0xa0 | members.length),
    ...members.flatMap(([label, value]) => [
      integer(label),
      Buffer.isBuffer(value) ? Buffer.concat([head(2, value.length), value]) : integer(value),
    ]),
  ])
}

const integer = (value: number): Buffer => (value < 0 ? head(1, -1 - value) : head(0, value))

function head(major: number, value: number): Buffer {
  if (value < 24) return Buffer.of((major << 5) | value)
  if (value < 256) return Buffer.of((major << 5) | 24, value)
  return Buffer.of((major << 5) | 25, value >> 8, value & 0xff)
}

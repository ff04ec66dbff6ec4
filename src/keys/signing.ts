import { createPrivateKey, createPublicKey, randomBytes, sign } from 'node:crypto'
import type { Database } from '#database/handles.ts'
import { INSTALLATION } from '#database/handles.ts'
import { KeyFault, type Signer, type SigningJwk } from './keys.ts'
import type { RootKey } from './root-key.ts'

/** PKCS #8 and SPKI around a raw Ed25519 key (RFC 8410): fixed bytes before the 32 that matter. */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex')

/** An Ed25519 signer from a 32-byte seed. */
export function signerFromSeed(seed: Buffer): Signer {
  const key = createPrivateKey({
    key: Buffer.concat([PKCS8_PREFIX, seed]),
    format: 'der',
    type: 'pkcs8',
  })
  const publicKey = createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32)
  return { publicKey, sign: (message) => sign(null, message, key) }
}

/** The installation's signer of that name. */
export async function loadSigner(database: Database, root: RootKey, name: string): Promise<Signer> {
  return signerFromSeed(await loadSeed(database, root, name))
}

/** The installation's key of that name as a private JWK. */
export async function loadSigningJwk(
  database: Database,
  root: RootKey,
  name: string,
): Promise<SigningJwk> {
  const seed = await loadSeed(database, root, name)
  const x = signerFromSeed(seed).publicKey.toString('base64url')
  return { kty: 'OKP', crv: 'Ed25519', x, d: seed.toString('base64url') }
}

/** Nodes that ask at once agree: the row that was first is the key. */
async function loadSeed(database: Database, root: RootKey, name: string): Promise<Buffer> {
  const context = `signing-key/${name}`
  const draft = await root.wrap(context, randomBytes(32))
  const wrapped = await database.write(INSTALLATION, async (tx) => {
    await tx.change(
      'insert into signing_keys (tenant_id, name, wrapped) values ($1, $2, $3) on conflict do nothing',
      [INSTALLATION, name, draft],
    )
    const [row] = await tx.rows<{ wrapped: Buffer }>(
      'select wrapped from signing_keys where tenant_id = $1 and name = $2',
      [INSTALLATION, name],
    )
    return row?.wrapped
  })
  if (!wrapped) throw new KeyFault('the signing key was not kept')
  return root.unwrap(context, wrapped)
}

import { createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto'
import { open, readFile, stat } from 'node:fs/promises'
import { EXIT, Failure } from './terminal.ts'
import type { Say } from './words/say.ts'

/** An approver's own Ed25519 key, as PKCS#8 PEM that only its owner can read; openssl reads it too. */
export interface KeyFile {
  /** Raw, 32 bytes, base64url. */
  readonly publicKey: string
  /** Ed25519 over the UTF-8 bytes of the text, base64url. */
  sign(text: string): string
}

/** Makes a key in a new file. @throws Failure when there is a file of that name */
export async function makeKeyFile(path: string, say: Say): Promise<KeyFile> {
  const { privateKey } = generateKeyPairSync('ed25519')
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
  const file = await open(path, 'wx', 0o600).catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code === 'EEXIST')
      throw new Failure(EXIT.usage, say('keyFileThere', { path }), say('keyFileThereHint'))
    throw new Failure(EXIT.usage, say('fileUnreadable', { path }))
  })
  try {
    await file.writeFile(pem)
    await file.sync()
  } finally {
    await file.close()
  }
  return keyOf(pem)
}

/** @throws Failure when others can read the file, or it is no such key */
export async function readKeyFile(path: string, say: Say): Promise<KeyFile> {
  const about = await stat(path).catch(() => undefined)
  if (!about)
    throw new Failure(
      EXIT.usage,
      say('fileUnreadable', { path }),
      say('keyFileWrongHint', { path }),
    )
  if ((about.mode & 0o077) !== 0)
    throw new Failure(EXIT.usage, say('keyFileOpen', { path }), say('tokenFileOpenHint', { path }))
  try {
    return keyOf(await readFile(path, 'utf8'))
  } catch {
    throw new Failure(
      EXIT.usage,
      say('keyFileWrong', { path }),
      say('keyFileWrongHint', { path: `${path}.new` }),
    )
  }
}

const SPKI_PREFIX_BYTES = 12

function keyOf(pem: string): KeyFile {
  const key = createPrivateKey(pem)
  if (key.asymmetricKeyType !== 'ed25519') throw new TypeError('not an Ed25519 key')
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' })
  return {
    publicKey: spki.subarray(SPKI_PREFIX_BYTES).toString('base64url'),
    sign: (text) => sign(null, Buffer.from(text), key).toString('base64url'),
  }
}

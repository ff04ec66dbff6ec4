import { randomBytes } from 'node:crypto'
import { link, mkdir, open, readFile, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { openBytes, sealBytes } from './envelope.ts'

/** The key above all others. Small enough for a key-management service to stand behind it. */
export interface RootKey {
  wrap(context: string, key: Buffer): Promise<Buffer>
  unwrap(context: string, wrapped: Buffer): Promise<Buffer>
}

const LENGTH = 32

/**
 * A root key in a file that only its owner can read; made at first use, durably, before anything depends on
 * it. Whoever loses the file loses all that is sealed.
 *
 * @throws Error when others can read the file or its length is wrong
 */
export async function fileRootKey(path: string): Promise<RootKey> {
  const key = await readOrMake(path)
  if (key.length !== LENGTH)
    throw new Error(`the root key ${path} must be ${LENGTH} bytes, but is ${key.length}`)
  return {
    wrap: async (context, plain) => sealBytes(key, context, plain),
    unwrap: async (context, wrapped) => openBytes(key, context, wrapped),
  }
}

async function readOrMake(path: string): Promise<Buffer> {
  const found = await stat(path).catch(() => undefined)
  if (found) {
    if ((found.mode & 0o077) !== 0)
      throw new Error(`the root key ${path} can be read by others; its mode must be 600`)
    return readFile(path)
  }
  await mkdir(dirname(path), { recursive: true })
  const draft = `${path}.${randomBytes(6).toString('hex')}`
  const file = await open(draft, 'wx', 0o600)
  try {
    await file.writeFile(randomBytes(LENGTH))
    await file.sync()
  } finally {
    await file.close()
  }
  // Linking fails where another process was first; then its key is the one.
  await link(draft, path).catch((fault: NodeJS.ErrnoException) => {
    if (fault.code !== 'EEXIST') throw fault
  })
  await rm(draft)
  const folder = await open(dirname(path), 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
  return readFile(path)
}

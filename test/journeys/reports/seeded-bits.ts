import { createCipheriv } from 'node:crypto'
import { type RandomBits, cryptographicBits } from '#minimisation/random-bits.ts'

/**
 * The same draws in every run, from a stream that is as good as the operating system's: a test that fails by chance once
 * in a thousand runs teaches people to look away.
 */
export function seededBits(seed: string): RandomBits {
  const key = Buffer.alloc(16, seed)
  const stream = createCipheriv('aes-128-ctr', key, Buffer.alloc(16))
  return cryptographicBits((block) => block.set(stream.update(Buffer.alloc(block.length))))
}

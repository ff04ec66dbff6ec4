import { hash } from 'node:crypto'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

/** What gives a person away: their values in every writing that is likely, and unkeyed hashes of them. */
export function tracesOf(values: readonly string[]): ReadonlyMap<string, Buffer> {
  const traces = new Map<string, Buffer>()
  for (const value of values) {
    for (const text of new Set([value, value.toLowerCase(), value.toUpperCase()])) {
      traces.set(`${text} in clear`, Buffer.from(text))
      traces.set(`${text} in UTF-16`, Buffer.from(text, 'utf16le'))
      traces.set(`${text} in hex`, Buffer.from(Buffer.from(text).toString('hex')))
      traces.set(
        `${text} in base64`,
        Buffer.from(Buffer.from(text).toString('base64').replace(/=+$/, '').slice(0, -1)),
      )
      for (const algorithm of ['md5', 'sha1', 'sha256', 'sha512']) {
        const digest = hash(algorithm, text, 'buffer')
        traces.set(`${algorithm} of ${text}`, digest)
        for (const form of ['hex', 'base64', 'base64url'] as const)
          traces.set(
            `${algorithm} of ${text} in ${form}`,
            Buffer.from(digest.toString(form).replace(/=+$/, '')),
          )
      }
    }
  }
  return traces
}

/** Which traces are in the bytes, each with where. */
export function hunt(
  traces: ReadonlyMap<string, Buffer>,
  places: ReadonlyMap<string, Buffer>,
): readonly string[] {
  const found: string[] = []
  for (const [where, bytes] of places)
    for (const [what, trace] of traces) if (bytes.includes(trace)) found.push(`${what}: ${where}`)
  return found
}

/** Every file below a folder. One that goes while it is read was no place to find anything in. */
export function filesBelow(folder: string): ReadonlyMap<string, Buffer> {
  const files = new Map<string, Buffer>()
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    try {
      files.set(path.slice(folder.length), readFileSync(path))
    } catch (fault) {
      if ((fault as NodeJS.ErrnoException).code !== 'ENOENT') throw fault
    }
  }
  return files
}

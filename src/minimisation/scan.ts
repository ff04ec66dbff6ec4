import { isAscii, isUtf8 } from 'node:buffer'
import type { Shape } from '#catalog/shape.ts'
import { compileWithClosures } from './closures.ts'
import type { Plan } from './plan.ts'
import type { Projection, ProjectionKeys } from './projection.ts'
import { rulesOf } from './rules.ts'
import { nodeOf } from './scan/node.ts'
import { Scanner } from './scan/scanner.ts'
import { clear, newTally, projected } from './tally.ts'

/** How often the scanner left a document to the closures: a counter for tests and the bench. */
export interface ScanStatistics {
  scanned: number
  doubted: number
}

/**
 * The second engine: finds the places of the shape in the bytes and copies what passes, without parsing what
 * does not. It answers only what the closures would, byte for byte and count for count; in any doubt (escapes
 * in a name or a kept text, a name twice, deep nesting, anything that is not JSON) the closures do the document.
 */
export function compileWithScanner(
  plan: Plan,
  shape: Shape,
  keys: ProjectionKeys,
  statistics: ScanStatistics = { scanned: 0, doubted: 0 },
): Projection {
  const judge = compileWithClosures(plan, shape, keys)
  const rules = rulesOf(plan, shape, keys)
  const node = nodeOf(shape, rules)
  if (!node) return judge
  const tally = newTally(rules.items)
  const scanner = new Scanner(tally)
  return (document) => {
    const bytes = terminated(document)
    clear(tally)
    const output = bytes && scanner.scan(node, bytes)
    if (bytes === undefined || output === undefined) {
      statistics.doubted++
      return judge(document)
    }
    statistics.scanned++
    return projected(textOf(output, bytes), tally, rules.items)
  }
}

/** A copy of the document with a zero behind it; undefined where it is not Unicode text. */
function terminated(document: Buffer | string): Buffer | undefined {
  if (typeof document === 'string')
    return document.isWellFormed() ? Buffer.from(`${document}\0`, 'utf8') : undefined
  if (!isUtf8(document)) return undefined
  const bytes = Buffer.allocUnsafe(document.length + 1)
  bytes.set(document)
  bytes[document.length] = 0
  return bytes
}

function textOf(output: string, document: Buffer): string | undefined {
  if (output === '') return undefined
  return isAscii(document) ? output : Buffer.from(output, 'latin1').toString('utf8')
}

import type { Shape } from '#catalog/shape.ts'
import { compileWithScanner } from './scan.ts'
import type { Plan } from './plan.ts'
import type { Projection, ProjectionKeys } from './projection.ts'

/**
 * Turns a plan and a shape into a projection: an allow-list composed once, run for every document.
 *
 * - The output holds an object's members in the shape's order (so that order tells nothing), and of those
 *   only what the plan lets pass, at its precision. It is exactly what `JSON.stringify` prints, so neither
 *   the sender's spelling of a number nor its escapes pass.
 * - An item that the plan does not name is withheld. What the shape does not name, or what is not of the
 *   declared type, length or words, is dropped and counted as unknown: one, whatever is in it.
 * - An object or array in which the plan lets nothing pass is gone with its braces, so that not even its
 *   length is told; one in which something may pass stays, even when this time it is empty. A list keeps its
 *   order but not its places. A map's member passes whole or not at all. The outermost value always stays.
 * - Subjects are listed in the order of the output, also where the leaf itself is withheld.
 *
 * Text that is not JSON in valid UTF-8, or whose outermost value is not what the shape says, gives no output.
 *
 * @throws RangeError for a plan with a precision that is none, or a shape with a member such as `constructor`
 */
export function compileProjection(plan: Plan, shape: Shape, keys: ProjectionKeys): Projection {
  return compileWithScanner(plan, shape, keys)
}

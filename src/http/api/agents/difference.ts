import { z } from 'zod'
import { agentDifference } from '#agreements/agent-difference.ts'
import { type AgentChange, type ListPoint, newestVersion } from '#agreements/agent-log.ts'
import { describeAgent, describeFields, fieldDifference, listedAgent } from './shared.ts'

/** A state of the list, in words: a version, or a time with its zone. A bare date is its first moment in UTC. */
export const listPoint = z.union([
  z.int().min(0).max(Number.MAX_SAFE_INTEGER),
  z.iso.datetime({ offset: true }),
  z.iso.date(),
])

export const listDifference = z.object({
  /** Version of the list that the newer state is. */
  version: z.int(),
  listed: z.array(listedAgent),
  /** As they stood before. */
  ended: z.array(listedAgent),
  changed: z.array(z.object({ id: z.string(), fields: z.array(fieldDifference) })),
})

export function pointOf(point: z.output<typeof listPoint>): ListPoint {
  return typeof point === 'number' ? { version: point } : { at: Date.parse(point) }
}

/** The same from an address, where a version is digits; undefined for what is neither. */
export function readPoint(text: string): ListPoint | undefined {
  const parsed = listPoint.safeParse(/^\d{1,15}$/.test(text) ? Number(text) : text)
  return parsed.success ? pointOf(parsed.data) : undefined
}

export function describeDifference(
  changes: readonly AgentChange[],
  before: ListPoint,
  after: ListPoint = { version: newestVersion(changes) },
): z.input<typeof listDifference> {
  const { listed, ended, changed } = agentDifference(changes, before, after)
  const until = changes.filter((one) =>
    'version' in after ? one.version <= after.version : one.at <= after.at,
  )
  return {
    version: newestVersion(until),
    listed: listed.map(describeAgent),
    ended: ended.map(describeAgent),
    changed: changed.map(({ partyId, fields }) => ({
      id: partyId,
      fields: describeFields(fields),
    })),
  }
}

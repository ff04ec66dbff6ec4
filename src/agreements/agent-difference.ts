import type { PartyId } from '#catalog/catalog.ts'
import { canonicalJson, type Json } from '#foundation/canonical-json.ts'
import { type AgentChange, type ListPoint, type ListedAgent, agentsAt } from './agent-log.ts'
import { termsForEntry } from './agent-terms.ts'

export interface FieldDifference {
  readonly field: string
  readonly before: Json
  readonly after: Json
}

/** What a subscriber must know who last looked at the first point. Each part is ordered by party. */
export interface AgentDifference {
  readonly listed: readonly ListedAgent[]
  readonly ended: readonly ListedAgent[]
  readonly changed: readonly {
    readonly partyId: PartyId
    readonly fields: readonly FieldDifference[]
  }[]
}

/**
 * The difference between two states of the list: agents that are new, that are gone (as they stood), and that stand
 * differently, field by field. What was changed and changed back is no difference; an agent that ended and was listed
 * again shows in `listedAt`.
 */
export function agentDifference(
  changes: readonly AgentChange[],
  before: ListPoint,
  after: ListPoint,
): AgentDifference {
  const old = agentsAt(changes, before)
  const now = agentsAt(changes, after)
  const ids = [...new Set([...old.keys(), ...now.keys()])].sort()
  const listed: ListedAgent[] = []
  const ended: ListedAgent[] = []
  const changed: { partyId: PartyId; fields: readonly FieldDifference[] }[] = []
  for (const partyId of ids) {
    const was = old.get(partyId)
    const is = now.get(partyId)
    if (was && is) {
      const fields = fieldDifferences(was, is)
      if (fields.length > 0) changed.push({ partyId, fields })
    } else if (is) listed.push(is)
    else if (was) ended.push(was)
  }
  return { listed, ended, changed }
}

export function isNoDifference({ listed, ended, changed }: AgentDifference): boolean {
  return listed.length + ended.length + changed.length === 0
}

function fieldDifferences(was: ListedAgent, is: ListedAgent): FieldDifference[] {
  const before: Record<string, Json> = termsForEntry(was.terms)
  const after: Record<string, Json> = termsForEntry(is.terms)
  return Object.keys(after).flatMap((field) => {
    const [a, b] = [before[field] ?? null, after[field] ?? null]
    return canonicalJson(a) === canonicalJson(b) ? [] : [{ field, before: a, after: b }]
  })
}

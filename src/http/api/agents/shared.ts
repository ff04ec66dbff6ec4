import { z } from 'zod'
import type { FieldDifference } from '#agreements/agent-difference.ts'
import type { AgentChange } from '#agreements/agent-log.ts'
import { isCustomerData } from '#agreements/agent-lead-time.ts'
import { firstUse, fromRecord } from '#agreements/agent-scope.ts'
import { AGENT_CATEGORIES } from '#agreements/agent-terms.ts'
import { toTimestamp } from '#foundation/clock.ts'

/** One part of what an agent is listed for, and when its lead time is over. */
const part = z.object({ id: z.string(), leadTimeOverDateTime: z.string() })

/** An agent as the published list has it. */
export const listedAgent = z.object({
  id: z.string(),
  displayName: z.string(),
  corporateLocation: z.string(),
  category: z.enum(AGENT_CATEGORIES),
  dataCategories: z.array(part.extend({ kind: z.enum(['customerData', 'otherPersonalData']) })),
  purposes: z.array(part),
  regions: z.array(part),
  /** Parts of the service that need it, beside its flows. */
  neededBy: z.array(z.string()),
  listedDateTime: z.string(),
  /** Before it nothing goes to the agent. */
  firstUseDateTime: z.string(),
  /** Of the list, when this agent last changed. */
  version: z.int(),
  lastModifiedDateTime: z.string(),
  /** The entry in the installation's log. */
  entryId: z.string(),
})

export const fieldDifference = z.object({
  field: z.string(),
  before: z.unknown(),
  after: z.unknown(),
})

export function describeAgent(agent: AgentChange): z.input<typeof listedAgent> {
  const { terms } = agent
  const { scope } = terms
  return {
    id: agent.partyId,
    displayName: terms.name,
    corporateLocation: terms.corporateLocation,
    category: terms.category,
    dataCategories: parts(scope.categories).map((one) => ({
      ...one,
      kind: isCustomerData(one.id) ? ('customerData' as const) : ('otherPersonalData' as const),
    })),
    purposes: parts(scope.purposes),
    regions: parts(scope.regions),
    neededBy: [...terms.neededBy],
    listedDateTime: toTimestamp(terms.listedAt),
    firstUseDateTime: toTimestamp(firstUse(fromRecord(scope))),
    version: agent.version,
    lastModifiedDateTime: toTimestamp(agent.at),
    entryId: agent.entryId,
  }
}

function parts(times: Readonly<Record<string, number>>) {
  return Object.entries(times)
    .map(([id, time]) => ({ id, leadTimeOverDateTime: toTimestamp(time) }))
    .toSorted((a, b) => (a.id < b.id ? -1 : 1))
}

/** How the API calls the fields of the list. */
const FIELD_NAMES: Readonly<Record<string, string>> = {
  name: 'displayName',
  listedAt: 'listedDateTime',
}

export function describeFields(
  fields: readonly FieldDifference[],
): z.input<typeof fieldDifference>[] {
  return fields.map(({ field, before, after }) => ({
    field: FIELD_NAMES[field] ?? field,
    before,
    after,
  }))
}

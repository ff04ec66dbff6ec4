import { INSTALLATION } from '#database/handles.ts'
import type { Json } from '#foundation/canonical-json.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { isRefusal } from '#foundation/refusal.ts'
import type { WebhookCall } from '#notify/signed-call.ts'
import { readTenant } from '#tenants/tenant.ts'
import { declarationClock } from './clock.ts'
import type { Criterion } from './criterion.ts'
import { NEW, type Standing, type IncidentEvent, applyEvent } from './incident.ts'
import { packetHash } from './packet.ts'
import { type TellParts, bodyOf } from './recipient-messages.ts'
import { SUITE, listCorrespondents, readCorrespondent } from './recipient-settings.ts'
import { findScope } from './scope.ts'
import { dryRun } from './signals.ts'
import { confirmBy, suiteCustomers } from './suite-relay.ts'

/** In this order; each is what the real thing does, over the real logs, without its effect. */
export const EXERCISE_STEPS = [
  'detect',
  'assess',
  'scope',
  'declare',
  'relay',
  'recipients',
  'notify',
  'acknowledge',
  'postMortem',
] as const
export type ExerciseStep = (typeof EXERCISE_STEPS)[number]

export interface Drill {
  readonly exerciseId: string
  readonly criterion: Criterion
  readonly startedAt: number
}

type Found = { readonly [key: string]: Json }

/** Runs one step. What would leave goes to `parts.post`, which in a drill is a door that is shut. */
export function runStep(
  parts: TellParts,
  drill: Drill,
  step: ExerciseStep,
  now: number,
): Promise<Found> {
  return STEPS[step](parts, drill, now)
}

type Step = (parts: TellParts, drill: Drill, now: number) => Promise<Found>

const STEPS: Readonly<Record<ExerciseStep, Step>> = {
  detect: async (parts, { criterion: { from, to } }) => {
    const findings = await dryRun(parts, { from, to })
    return { findings: findings.length, rules: [...new Set(findings.map((one) => one.rule))] }
  },
  assess: async () => ({ phase: standingAfter().phase }),
  scope: async (parts, drill) => {
    const touched = await touchedBy(parts, drill)
    return {
      tenants: touched.length,
      subjects: touched.reduce((sum, one) => sum + one.subjects.length, 0),
      records: touched.reduce((sum, one) => sum + one.records.length, 0),
      packets: touched.map((one) =>
        packetHash({ incidentId: drill.exerciseId, scopeId: drill.exerciseId }, one),
      ),
    }
  },
  declare: async (_, __, now) => {
    const clock = declarationClock(now, [], now)
    return { class: standingAfter().class, due: toTimestamp(clock.dueAt) }
  },
  relay,
  recipients: async (parts, drill) => {
    const touched = await touchedBy(parts, drill)
    const reached = new Set(
      (await parts.database.read(INSTALLATION, listCorrespondents)).map((one) => one.party),
    )
    const parties = new Set(touched.flatMap((one) => one.parties))
    const owing = [...parties].filter((one) => parts.catalog.parties.has(one) || reached.has(one))
    return { owing: owing.toSorted(), withoutAddress: owing.filter((one) => !reached.has(one)) }
  },
  notify: async (parts, drill) => {
    const customers = await suiteCustomers(parts)
    const direct: string[] = []
    const withoutContact: string[] = []
    for (const { tenantId } of await touchedBy(parts, drill)) {
      if (!customers.has(tenantId)) direct.push(tenantId)
      const tenant = await parts.database.read(tenantId, readTenant)
      if (tenant && tenant.privacyContact === undefined) withoutContact.push(tenantId)
    }
    return { direct, withoutContact }
  },
  acknowledge: async () => ({}),
  postMortem: async () => ({}),
}

async function touchedBy(parts: TellParts, { criterion }: Drill) {
  const { tenants } = await findScope(parts, [criterion])
  return tenants.filter((one) => one.entries > 0)
}

/** The message that would go to the suite team, and what the door said to it. */
async function relay(parts: TellParts, drill: Drill, now: number): Promise<Found> {
  const customers = await suiteCustomers(parts)
  const touched = await touchedBy(parts, drill)
  const customerIds = [
    ...new Set(touched.flatMap((one) => customers.get(one.tenantId) ?? [])),
  ].toSorted()
  const to = await parts.database.read(INSTALLATION, (reader) =>
    readCorrespondent(reader, parts.keys, SUITE),
  )
  if (!to?.isOn || customerIds.length === 0)
    return { customers: customerIds.length, suite: to?.isOn === true }
  const { dueAt } = declarationClock(now, [], now)
  const data = {
    incidentId: drill.exerciseId,
    customerIds,
    confirmByDateTime: toTimestamp(confirmBy(now, dueAt)),
  }
  const call: WebhookCall = {
    url: to.url,
    secrets: [to.ourSecret],
    id: `msg_${drill.exerciseId}`,
    at: now,
    body: bodyOf('incident.declared', toTimestamp(now), data),
  }
  const { code } = await parts.post(call)
  return { customers: customerIds.length, suite: true, bytes: Buffer.byteLength(call.body), code }
}

/** The same state machine as of a real incident. */
function standingAfter(): Standing {
  const events: readonly IncidentEvent[] = [
    { event: 'moveTo', phase: 'assess', hasReason: false },
    { event: 'scope' },
    { event: 'declare', class: 'customerReportable' },
  ]
  let standing: Standing = NEW
  for (const event of events) {
    const next = applyEvent(standing, event)
    if (isRefusal(next)) throw new Error('a drill cannot go where an incident goes')
    standing = next
  }
  return standing
}

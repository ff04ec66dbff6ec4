import { z } from 'zod'
import { SIGNAL_RULES } from '#breach/signal-rules.ts'
import {
  type SignalRow,
  TELLERS,
  dryRun,
  setDecoy,
  settleSignal,
  signalList,
  tellSignal,
} from '#breach/signals.ts'
import { INSTALLATION } from '#database/handles.ts'
import { listPage } from '#database/list.ts'
import { tenantIds } from '#tenants/tenant.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { isRefusal, refuse } from '#foundation/refusal.ts'
import { type Endpoint, changeEndpoint, listEndpoint } from '../endpoint.ts'
import { listInMemory } from '../odata/list-in-memory.ts'
import {
  HANDLE,
  type IncidentEndpointParts,
  OPERATOR,
  PAGE,
  READ,
  both,
  byOf,
  noParams,
  numbered,
  reason,
  time,
  words,
} from './shapes.ts'

const SIGNALS = '/security/signals'
const RULE_IDS = SIGNAL_RULES.map((rule) => rule.id)
const numbers = z.record(z.string(), z.number())

const rule = z.object({
  id: z.string(),
  displayName: z.string(),
  description: z.string(),
  numbers,
})

const signal = z.object({
  id: z.string(),
  source: z.enum(['rule', ...TELLERS]),
  rule: z.string().nullable(),
  tenantId: z.string().nullable(),
  actor: z.string().nullable(),
  partyId: z.string().nullable(),
  fromDateTime: z.string(),
  toDateTime: z.string(),
  measured: numbers,
  state: z.enum(['new', 'attached', 'dismissed']),
  incidentId: z.string().nullable(),
  createdBy: z.string(),
  createdDateTime: z.string(),
})

const finding = z.object({
  rule: z.string(),
  tenantId: z.string(),
  actor: z.string(),
  fromDateTime: z.string(),
  toDateTime: z.string(),
  measured: numbers,
})

/** `security/signals`: what may be an incident. Rules find and people judge; nothing is declared or sent by itself. */
export function incidentSignalEndpoints(parts: IncidentEndpointParts): readonly Endpoint[] {
  return [...listEndpoints(parts), ...changeEndpoints(parts)]
}

function listEndpoints({ breach }: IncidentEndpointParts): readonly Endpoint[] {
  const common = { realms: OPERATOR, permission: READ, params: noParams, pageSize: PAGE }
  return [
    listEndpoint({
      ...common,
      id: 'listSignalRules',
      path: '/security/signalRules',
      summary: 'The rules that look for signals, and their numbers',
      answer: rule,
      fields: { id: both },
      list: async (_, __, query) => {
        const rules = SIGNAL_RULES.map((one) => ({
          id: one.id,
          displayName: one.title,
          description: one.explains,
          numbers: { ...one.numbers },
        }))
        return listInMemory(rules, 'id', query)
      },
    }),
    listEndpoint({
      ...common,
      id: 'listSignals',
      path: SIGNALS,
      summary: 'Signals, found by rules or told by people',
      answer: signal,
      fields: {
        id: both,
        source: both,
        rule: both,
        state: both,
        tenantId: both,
        createdDateTime: both,
      },
      list: (_, __, query) =>
        breach.database.read(INSTALLATION, async (reader) => {
          const page = await listPage<SignalRow>(reader, signalList(reader), query)
          return { ...page, rows: page.rows.map(describe) }
        }),
    }),
  ]
}

function changeEndpoints({ breach }: IncidentEndpointParts): readonly Endpoint[] {
  const made = z.object({ id: z.string() })
  return [
    changeEndpoint({
      id: 'dryRunSignalRules',
      path: '/security/signalRules/dryRun',
      method: 'POST',
      summary: 'What the rules would find in a stretch of history; nothing is kept',
      realms: OPERATOR,
      permission: HANDLE,
      params: noParams,
      body: z.strictObject({
        ruleId: z.enum(RULE_IDS).optional(),
        numbers: z.record(z.string().max(32), z.number().min(0).max(1_000_000)).optional(),
        fromDateTime: time,
        toDateTime: time,
      }),
      answer: z.object({ findings: z.array(finding) }),
      success: 200,
      change: async (_, __, body) => {
        const chosen = SIGNAL_RULES.filter((one) => !body.ruleId || one.id === body.ruleId)
        const known = new Set(chosen.flatMap((one) => Object.keys(one.numbers)))
        const strange = Object.keys(body.numbers ?? {}).find((name) => !known.has(name))
        if (strange !== undefined) return refuse('query_invalid', { field: 'numbers' })
        const rules = chosen.map((one) => ({
          ...one,
          numbers: { ...one.numbers, ...body.numbers },
        }))
        const [from, to] = [Date.parse(body.fromDateTime), Date.parse(body.toDateTime)]
        const found = await dryRun(breach, { rules, from, to })
        return {
          findings: found.map((one) => ({
            rule: one.rule,
            tenantId: one.tenantId,
            actor: one.actor,
            fromDateTime: toTimestamp(one.from),
            toDateTime: toTimestamp(one.to),
            measured: { ...one.measured },
          })),
        }
      },
    }),
    changeEndpoint({
      id: 'createSignal',
      path: SIGNALS,
      method: 'POST',
      summary: 'Tells of something: by hand, or what a recipient or an agent reported',
      realms: OPERATOR,
      permission: HANDLE,
      params: noParams,
      body: z.strictObject({
        source: z.enum(TELLERS),
        partyId: z.string().min(1).max(128).optional(),
        tenantId: z.string().min(1).max(63).optional(),
        fromDateTime: time,
        toDateTime: time,
        text: words(8_000),
      }),
      answer: made,
      success: 201,
      change: async (call, _, body) => {
        const { source, partyId: party, tenantId, text } = body
        const [from, to] = [Date.parse(body.fromDateTime), Date.parse(body.toDateTime)]
        const told = { source, party, tenantId, from, to, text }
        const id = await tellSignal(breach, told, byOf(call))
        return isRefusal(id) ? id : { id }
      },
    }),
    changeEndpoint({
      id: 'createDecoyRecord',
      path: '/security/decoyRecords',
      method: 'POST',
      summary: 'Marks a subject, by its name in the ledger, that nobody has a reason to look at',
      realms: OPERATOR,
      permission: HANDLE,
      params: noParams,
      body: z.strictObject({
        tenantId: z.string().min(1).max(63),
        subject: z.string().regex(/^[\w-]{8,64}$/),
      }),
      answer: made,
      success: 201,
      change: async (call, _, { tenantId, subject }) => {
        const { database } = breach
        const ids = await database.read(INSTALLATION, tenantIds)
        if (!ids.includes(tenantId)) return refuse('tenant_unknown', { tenant: tenantId })
        await database.write(tenantId, (tx) => setDecoy(tx, subject, byOf(call)))
        return { id: subject }
      },
    }),
    changeEndpoint({
      id: 'settleSignal',
      path: `${SIGNALS}/{id}/settle`,
      method: 'POST',
      summary: 'Says which incident it belongs to, or that it is nothing',
      realms: OPERATOR,
      permission: HANDLE,
      params: numbered,
      body: z.strictObject({ incidentId: z.uuid().optional(), reason }),
      answer: made,
      success: 200,
      change: async (call, { id }, body) => {
        const settled = await settleSignal(breach, id, body, byOf(call))
        return isRefusal(settled) ? settled : { id }
      },
    }),
  ]
}

function describe(row: SignalRow): z.input<typeof signal> {
  return {
    id: row.id,
    source: row.source,
    rule: row.rule,
    tenantId: row.about_tenant,
    actor: row.actor,
    partyId: row.party,
    fromDateTime: toTimestamp(row.from_at.getTime()),
    toDateTime: toTimestamp(row.to_at.getTime()),
    measured: { ...row.measured },
    state: row.state,
    incidentId: row.incident_id,
    createdBy: row.raised_by,
    createdDateTime: toTimestamp(row.raised_at.getTime()),
  }
}

import { z } from 'zod'
import { addNote } from '#breach/incidents.ts'
import { readIncident } from '#breach/incident.table.ts'
import { NOTICE_KINDS, type NoticeWords } from '#breach/notice.ts'
import { acknowledgeNotice, deliveriesOf } from '#breach/notice-delivery.ts'
import { letterFor } from '#breach/notice-letter.ts'
import {
  type BreachNotice,
  approvalsOf,
  listNotices,
  readNotice,
  versionsOf,
  wordsOf,
} from '#breach/notice.table.ts'
import { approveNotice, draftNotice, reviseNotice, withdrawDraft } from '#breach/notices.ts'
import { INSTALLATION, type Reader } from '#database/handles.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { type Refusal, isRefusal, refuse } from '#foundation/refusal.ts'
import { type Call, type Endpoint, changeEndpoint, getEndpoint, listEndpoint } from '../endpoint.ts'
import { listInMemory } from '../odata/list-in-memory.ts'
import {
  BASE,
  HANDLE,
  type IncidentEndpointParts,
  OPERATOR,
  PAGE,
  READ,
  both,
  byOf,
  nothing,
  numbered,
  reason,
  stamp,
  time,
  words,
} from './shapes.ts'

const APPROVE = 'Incidents/Approve notices'
const PATH = `${BASE}/{id}/notices`
const ONE = `${PATH}/{noticeId}`
const noticed = z.strictObject({ id: z.uuid(), noticeId: z.uuid() })
const unfinished = words(8_000).or(z.literal(''))
const language = z.strictObject({
  subject: words(200).or(z.literal('')),
  nature: unfinished,
  consequences: unfinished,
  measures: unfinished,
  contact: unfinished,
})
const wordsBody = z.strictObject({
  en: language,
  sv: language,
  /** With an offset; null for a final notice. */
  nextWordDateTime: time.nullable(),
})
const answer = z.object({
  id: z.string(),
  incidentId: z.string(),
  kind: z.enum(NOTICE_KINDS),
  state: z.enum(['draft', 'approved', 'told', 'withdrawn']),
  version: z.int(),
  createdDateTime: z.string(),
  approvedDateTime: z.string().nullable(),
  scopeId: z.string().nullable(),
  /** SHA-256 over kind, words and scope, hex. */
  hash: z.string().nullable(),
})
const whole = answer.extend({
  words: wordsBody.nullable(),
  versions: z.array(
    z.object({ version: z.int(), writtenBy: z.string(), createdDateTime: z.string() }),
  ),
  approvals: z.array(z.object({ approvedBy: z.string(), approvedDateTime: z.string() })),
})

function describe(notice: BreachNotice): z.input<typeof answer> {
  return {
    id: notice.noticeId,
    incidentId: notice.incidentId,
    kind: notice.kind,
    state: notice.state,
    version: notice.version,
    createdDateTime: toTimestamp(notice.madeAt),
    approvedDateTime: stamp(notice.frozen?.at),
    scopeId: notice.frozen?.scopeId ?? null,
    hash: notice.frozen?.hash ?? null,
  }
}

const toWords = (body: z.output<typeof wordsBody>): NoticeWords => ({
  en: body.en,
  sv: body.sv,
  nextWordAt: body.nextWordDateTime === null ? undefined : Date.parse(body.nextWordDateTime),
})

/** `security/incidents/{id}/notices`: what touched customers are told, by whom it was written and approved, and how far it came. */
export function incidentNoticeEndpoints(parts: IncidentEndpointParts): readonly Endpoint[] {
  return [...writingEndpoints(parts), ...deliveryEndpoints(parts)]
}

function writingEndpoints({ breach }: IncidentEndpointParts): readonly Endpoint[] {
  const wholeOf = async (reader: Reader, notice: BreachNotice): Promise<z.input<typeof whole>> => {
    const written = await wordsOf(reader, breach.keys, notice)
    return {
      ...describe(notice),
      words: written
        ? { en: written.en, sv: written.sv, nextWordDateTime: stamp(written.nextWordAt) }
        : null,
      versions: (await versionsOf(reader, notice.noticeId)).map((one) => ({
        version: one.version,
        writtenBy: one.accountId,
        createdDateTime: toTimestamp(one.writtenAt),
      })),
      approvals: (await approvalsOf(reader, notice)).map((one) => ({
        approvedBy: one.accountId,
        approvedDateTime: toTimestamp(one.approvedAt),
      })),
    }
  }
  /** Does it, and answers the notice as it stands then. */
  const done = async (
    noticeId: string,
    result: unknown,
  ): Promise<z.input<typeof answer> | Refusal> => {
    if (isRefusal(result)) return result
    const notice = await breach.database.read(INSTALLATION, (reader) =>
      readNotice(reader, noticeId),
    )
    return notice ? describe(notice) : refuse('notice_unknown', { notice: noticeId })
  }
  const common = {
    realms: OPERATOR,
    answer,
    params: noticed,
    success: 200 as const,
    method: 'POST' as const,
  }
  return [
    listEndpoint({
      id: 'listIncidentNotices',
      path: PATH,
      summary: 'Notices of an incident: first, follow-up and final',
      realms: OPERATOR,
      permission: READ,
      params: numbered,
      answer,
      pageSize: PAGE,
      fields: { id: both, kind: both, state: both, createdDateTime: both },
      list: (_, { id }, query) =>
        breach.database.read(INSTALLATION, async (reader) => {
          if (!(await readIncident(reader, breach.keys, id))) return refuse('incident_unknown')
          return listInMemory((await listNotices(reader, id)).map(describe), 'id', query)
        }),
    }),
    getEndpoint({
      id: 'getIncidentNotice',
      path: ONE,
      summary: 'One notice with its newest words, who wrote each version and who approved this one',
      realms: OPERATOR,
      permission: READ,
      params: noticed,
      answer: whole,
      get: (_, { id, noticeId }) =>
        breach.database.read(INSTALLATION, async (reader) => {
          const notice = await readNotice(reader, noticeId)
          return notice?.incidentId === id ? wholeOf(reader, notice) : undefined
        }),
    }),
    changeEndpoint({
      ...common,
      id: 'draftIncidentNotice',
      path: PATH,
      summary: 'Begins a notice; what is missing is asked for when it is approved',
      permission: HANDLE,
      params: numbered,
      body: z.strictObject({ kind: z.enum(NOTICE_KINDS), words: wordsBody }),
      success: 201,
      change: async (call, { id }, body) => {
        const draft = { kind: body.kind, words: toWords(body.words) }
        const made = await draftNotice(breach, id, draft, byOf(call))
        return isRefusal(made) ? made : done(made, made)
      },
    }),
    changeEndpoint({
      ...common,
      id: 'reviseIncidentNotice',
      path: `${ONE}/revise`,
      summary: 'Writes the next version; approvals of the one before do not count for it',
      permission: HANDLE,
      body: z.strictObject({ version: z.int().min(1), words: wordsBody }),
      change: async (call, { id, noticeId }, body) => {
        const next = { version: body.version, words: toWords(body.words) }
        return done(noticeId, await reviseNotice(breach, id, noticeId, next, byOf(call)))
      },
    }),
    changeEndpoint({
      ...common,
      id: 'approveIncidentNotice',
      path: `${ONE}/approve`,
      summary: 'Approves a version; with the second person it is frozen, and telling begins',
      permission: APPROVE,
      stepUp: true,
      body: z.strictObject({ version: z.int().min(1) }),
      change: async (call, { id, noticeId }, { version }) =>
        done(noticeId, await approveNotice(breach, id, noticeId, version, byOf(call))),
    }),
    changeEndpoint({
      ...common,
      id: 'withdrawIncidentNotice',
      path: `${ONE}/withdraw`,
      summary: 'Gives a draft up',
      permission: HANDLE,
      body: nothing,
      change: async (call, { id, noticeId }) =>
        done(noticeId, await withdrawDraft(breach, id, noticeId, byOf(call))),
    }),
  ]
}

function deliveryEndpoints({ breach }: IncidentEndpointParts): readonly Endpoint[] {
  const isOf = async (id: string, noticeId: string): Promise<boolean> =>
    (await breach.database.read(INSTALLATION, (reader) => readNotice(reader, noticeId)))
      ?.incidentId === id
  const lettered = noticed.extend({ tenantId: z.string().min(1).max(63) })
  const reached = async (
    call: Call,
    { id, noticeId }: z.output<typeof noticed>,
    body: { tenantId: string; text: string },
  ) => {
    if (!(await isOf(id, noticeId))) return refuse('notice_unknown', { notice: noticeId })
    const by = { actor: call.actor, now: call.now, how: 'person' as const }
    const isFirst = await breach.database.write(body.tenantId, (tx) =>
      acknowledgeNotice(tx, noticeId, by),
    )
    if (isRefusal(isFirst)) return isFirst
    if (isFirst) {
      const note = await addNote(breach, id, { text: body.text }, byOf(call))
      if (isRefusal(note)) return note
    }
    return { tenantId: body.tenantId, isFirst }
  }
  return [
    listEndpoint({
      id: 'listIncidentNoticeDeliveries',
      path: `${ONE}/deliveries`,
      summary: 'How far the notice came, tenant by tenant; `person` waits for somebody to tell it',
      realms: OPERATOR,
      permission: READ,
      params: noticed,
      answer: z.object({
        id: z.string(),
        state: z.enum(['telling', 'suite', 'acknowledged', 'person', 'gone']),
        step: z.string().nullable(),
        nextStepDateTime: z.string().nullable(),
        createdDateTime: z.string(),
        acknowledgedDateTime: z.string().nullable(),
      }),
      pageSize: PAGE,
      fields: { id: both, state: both, step: both, createdDateTime: both },
      list: async (_, { id, noticeId }, query) => {
        if (!(await isOf(id, noticeId))) return refuse('notice_unknown', { notice: noticeId })
        const rows = (await deliveriesOf(breach.database, noticeId)).map((one) => ({
          id: one.tenantId,
          state: one.state,
          step: one.step ?? null,
          nextStepDateTime: stamp(one.nextAt),
          createdDateTime: toTimestamp(one.madeAt),
          acknowledgedDateTime: stamp(one.acknowledgedAt),
        }))
        return listInMemory(rows, 'id', query)
      },
    }),
    changeEndpoint({
      id: 'noteIncidentNoticeReached',
      path: `${ONE}/noteReached`,
      method: 'POST',
      summary: 'A person has told the customer, by telephone or letter: says how and to whom',
      realms: OPERATOR,
      permission: HANDLE,
      params: noticed,
      body: z.strictObject({ tenantId: z.string().min(1).max(63), text: reason }),
      answer: z.object({ tenantId: z.string(), isFirst: z.boolean() }),
      success: 200,
      change: reached,
    }),
    changeEndpoint({
      id: 'printIncidentNotice',
      path: `${ONE}/letters/{tenantId}`,
      method: 'POST',
      summary: 'The notice to one customer as a letter to print',
      realms: OPERATOR,
      permission: HANDLE,
      params: lettered,
      body: z.strictObject({ language: z.enum(['en', 'sv']) }),
      answer: z.object({ contentType: z.literal('text/html'), content: z.string() }),
      success: 200,
      change: async (call, { id, noticeId, tenantId }, body) => {
        const at = { incidentId: id, noticeId, tenantId }
        const content = await letterFor(breach, at, body.language, byOf(call))
        return isRefusal(content) ? content : { contentType: 'text/html' as const, content }
      },
    }),
  ]
}

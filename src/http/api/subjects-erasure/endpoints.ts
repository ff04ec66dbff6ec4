import { z } from 'zod'
import { isRefusal, refuse } from '#foundation/refusal.ts'
import type { Keys } from '#keys/keys.ts'
import { askForErasure, withdrawErasure } from '#subjects/erase.ts'
import { ERASURE_TRIGGERS, type Erasure } from '#subjects/erasure.ts'
import { listErasures, readErasure } from '#subjects/erasure.table.ts'
import {
  type ErasureRecipient,
  letterTo,
  markLetterSent,
  recipientsOfErasure,
} from '#subjects/erasure-recipients.ts'
import { subjectsBehind } from '#subjects/erasure-scope.ts'
import { type Hold, listHolds, placeHold, readHold, releaseHold } from '#subjects/hold.ts'
import { type Endpoint, changeEndpoint, getEndpoint, listEndpoint } from '../endpoint.ts'
import { processingEndpoints } from './processing.ts'
import {
  type AgreementParts,
  PAGE,
  TENANT_ONLY,
  both,
  by,
  filterOnly,
  iso,
  noBody,
  noParams,
  nothing,
  numbered,
  time,
} from '../sharing/shared.ts'

export interface ErasureEndpointParts extends AgreementParts {
  readonly keys: Keys
}

const ERASE = 'Personal data/Erase'
const REVEAL = 'Personal data/Reveal'
const PATH = '/security/erasures'
const HOLDS = '/security/erasureHolds'

const recipient = z.object({
  partyId: z.string(),
  connectionId: z.string(),
  obligationId: z.string(),
  how: z.enum(['connector', 'letter']),
  state: z.enum(['open', 'told', 'receipt', 'refused', 'overdue']),
  toldDateTime: z.string().nullable(),
  dueDateTime: z.string(),
  /** Why it could not be told yet, by the code of the refusal. */
  waitsFor: z.string().nullable(),
})
const erasure = z.object({
  id: z.string(),
  trigger: z.enum(ERASURE_TRIGGERS),
  state: z.enum(['waiting', 'keysDestroyed', 'erased', 'withdrawn']),
  /** `hold:<id>`, `incident:<id>`; null where nothing is in the way. */
  waitsFor: z.string().nullable(),
  requestedBy: z.string(),
  requestedDateTime: z.string(),
  startDateTime: z.string(),
  dueDateTime: z.string(),
  keysDestroyedDateTime: z.string().nullable(),
  erasedDateTime: z.string().nullable(),
  /** Rows that went, by who held them. */
  removed: z.record(z.string(), z.number()),
})
const hold = z.object({
  id: z.string(),
  covers: z.enum(['everybody', 'one']),
  placedBy: z.string(),
  placedDateTime: z.string(),
  endDateTime: z.string().nullable(),
  releasedBy: z.string().nullable(),
  releasedDateTime: z.string().nullable(),
})
const ofParty = z.strictObject({
  id: z.uuid(),
  partyId: z.string().min(1).max(128),
  connectionId: z.string().min(1).max(128),
})

/** `security/erasures`: who is erased, what is in the way, and whom that concerns outside. */
export function erasureEndpoints(parts: ErasureEndpointParts): readonly Endpoint[] {
  return [
    ...requestEndpoints(parts),
    ...recipientEndpoints(parts),
    ...holdEndpoints(parts),
    ...processingEndpoints(parts),
  ]
}

function requestEndpoints({ database }: ErasureEndpointParts): readonly Endpoint[] {
  const one = async (tenantId: string, id: string) => {
    const found = await database.read(tenantId, (reader) => readErasure(reader, id))
    return found && describe(found)
  }
  const common = { realms: TENANT_ONLY, permission: ERASE, answer: erasure }
  return [
    listEndpoint({
      id: 'listErasures',
      path: PATH,
      summary: 'Erasures, with what each waits for',
      ...common,
      params: noParams,
      pageSize: PAGE,
      fields: {
        id: both,
        trigger: filterOnly,
        state: filterOnly,
        requestedDateTime: both,
        dueDateTime: both,
      },
      list: async ({ tenantId }, _, query) => {
        const page = await database.read(tenantId, (reader) => listErasures(reader, query))
        return { ...page, rows: page.rows.map(describe) }
      },
    }),
    getEndpoint({
      id: 'getErasure',
      path: `${PATH}/{id}`,
      summary: 'One erasure',
      ...common,
      params: numbered,
      get: ({ tenantId }, { id }) => one(tenantId, id),
    }),
    changeEndpoint({
      id: 'createErasure',
      path: PATH,
      method: 'POST',
      summary: 'Erases the person or device that the records are of: it cannot be undone',
      ...common,
      stepUp: true,
      params: noParams,
      body: z.strictObject({ recordIds: z.array(z.uuid()).min(1).max(100) }),
      success: 201,
      change: async (call, _, { recordIds }) => {
        const id = await database.write(call.tenantId, async (tx) => {
          const subjectIds = await subjectsBehind(tx, recordIds)
          if (isRefusal(subjectIds)) return subjectIds
          return askForErasure(tx, { trigger: 'administrator', subjectIds }, by(call))
        })
        return isRefusal(id) ? id : one(call.tenantId, id)
      },
    }),
    changeEndpoint({
      id: 'withdrawErasure',
      path: `${PATH}/{id}/withdraw`,
      method: 'POST',
      summary: 'Takes an erasure back, while no key was destroyed',
      ...common,
      params: numbered,
      body: noBody,
      success: 200,
      change: async (call, { id }) => {
        const refused = await database.write(call.tenantId, (tx) =>
          withdrawErasure(tx, id, by(call)),
        )
        return refused ?? one(call.tenantId, id)
      },
    }),
  ]
}

function recipientEndpoints({ database, keys }: ErasureEndpointParts): readonly Endpoint[] {
  const path = `${PATH}/{id}/recipients`
  return [
    getEndpoint({
      id: 'listErasureRecipients',
      path,
      summary: 'Who got something of the person, and whether they have deleted it',
      realms: TENANT_ONLY,
      permission: ERASE,
      params: numbered,
      answer: z.object({ recipients: z.array(recipient) }),
      get: ({ tenantId }, { id }) =>
        database.read(tenantId, async (reader) =>
          (await readErasure(reader, id))
            ? { recipients: (await recipientsOfErasure(reader, id)).map(describeRecipient) }
            : undefined,
        ),
    }),
    changeEndpoint({
      id: 'sendErasureLetter',
      path: `${path}/{partyId}/{connectionId}/letterSent`,
      method: 'POST',
      summary: 'Says that the letter to a party that cannot be told by its protocol was sent',
      realms: TENANT_ONLY,
      permission: ERASE,
      params: ofParty,
      body: noBody,
      answer: nothing,
      success: 204,
      change: (call, { id, ...to }) =>
        database.write(call.tenantId, (tx) => markLetterSent(tx, id, to, by(call))),
    }),
    changeEndpoint({
      id: 'readErasureLetter',
      path: `${path}/{partyId}/{connectionId}/letter`,
      method: 'POST',
      summary: 'What the letter has to say: by which names the party knows who was erased',
      realms: TENANT_ONLY,
      permission: REVEAL,
      stepUp: true,
      params: ofParty,
      body: noBody,
      answer: z.object({
        partyId: z.string(),
        obligationId: z.string(),
        dueDateTime: z.string(),
        names: z.array(z.object({ item: z.string(), value: z.string() })),
      }),
      success: 200,
      change: async (call, { id, ...to }) => {
        const letter = await database.write(call.tenantId, (tx) =>
          letterTo(tx, keys, id, to, by(call)),
        )
        if (isRefusal(letter)) return letter
        const { dueAt, telling, ...rest } = letter
        return { ...rest, dueDateTime: iso(dueAt) ?? '', names: [...(telling?.names ?? [])] }
      },
    }),
  ]
}

function holdEndpoints({ database, keys }: ErasureEndpointParts): readonly Endpoint[] {
  const one = async (tenantId: string, id: string) => {
    const found = await database.read(tenantId, (reader) => readHold(reader, id))
    return found && describeHold(found)
  }
  const common = { realms: TENANT_ONLY, permission: ERASE, answer: hold }
  return [
    listEndpoint({
      id: 'listErasureHolds',
      path: HOLDS,
      summary: 'Legal holds: what must not be erased yet',
      ...common,
      params: noParams,
      pageSize: PAGE,
      fields: { id: both, placedDateTime: both, isReleased: filterOnly },
      list: async ({ tenantId }, _, query) => {
        const page = await database.read(tenantId, (reader) => listHolds(reader, query))
        return { ...page, rows: page.rows.map(describeHold) }
      },
    }),
    changeEndpoint({
      id: 'createErasureHold',
      path: HOLDS,
      method: 'POST',
      summary: 'Holds one record, or everybody, from erasure',
      ...common,
      params: noParams,
      body: z.strictObject({
        recordId: z.uuid().optional(),
        reason: z.string().min(20).max(2_000),
        endDateTime: time.optional(),
      }),
      success: 201,
      change: async (call, _, { recordId, reason, endDateTime }) => {
        const endsAt = endDateTime === undefined ? undefined : Date.parse(endDateTime)
        if (endsAt !== undefined && endsAt <= call.now)
          return refuse('body_malformed', { field: 'endDateTime', expected: 'a time to come' })
        const id = await database.write(call.tenantId, async (tx) => {
          const found = recordId === undefined ? [] : await subjectsBehind(tx, [recordId])
          if (isRefusal(found)) return found
          const [subjectId] = found
          return placeHold(tx, keys, { subjectId, reason, endsAt }, by(call))
        })
        return isRefusal(id) ? id : one(call.tenantId, id)
      },
    }),
    changeEndpoint({
      id: 'releaseErasureHold',
      path: `${HOLDS}/{id}/release`,
      method: 'POST',
      summary: 'Ends a hold; what waited for it goes on',
      ...common,
      params: numbered,
      body: noBody,
      success: 200,
      change: async (call, { id }) => {
        const refused = await database.write(call.tenantId, (tx) => releaseHold(tx, id, by(call)))
        return refused ?? one(call.tenantId, id)
      },
    }),
  ]
}

function describe(one: Erasure): z.input<typeof erasure> {
  return {
    id: one.erasureId,
    trigger: one.trigger,
    state: one.state,
    waitsFor: one.waitsFor,
    requestedBy: one.askedBy,
    requestedDateTime: iso(one.askedAt) ?? '',
    startDateTime: iso(one.startsAt) ?? '',
    dueDateTime: iso(one.dueAt) ?? '',
    keysDestroyedDateTime: iso(one.keysDestroyedAt),
    erasedDateTime: iso(one.erasedAt),
    removed: { ...one.removed },
  }
}

function describeRecipient(one: ErasureRecipient): z.input<typeof recipient> {
  const { partyId, connectionId, obligationId, how, state, waitsFor } = one
  const times = { toldDateTime: iso(one.toldAt), dueDateTime: iso(one.dueAt) ?? '' }
  return { partyId, connectionId, obligationId, how, state, waitsFor, ...times }
}

function describeHold(one: Hold): z.input<typeof hold> {
  return {
    id: one.holdId,
    covers: one.subjectId === null ? 'everybody' : 'one',
    placedBy: one.placedBy,
    placedDateTime: iso(one.placedAt) ?? '',
    endDateTime: iso(one.endsAt),
    releasedBy: one.releasedBy,
    releasedDateTime: iso(one.releasedAt),
  }
}

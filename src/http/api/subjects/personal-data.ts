import { z } from 'zod'
import { isRefusal, refuse } from '#foundation/refusal.ts'
import { readLinks } from '#subjects/request-links.ts'
import { decideSubject, readRequest } from '#subjects/requests.ts'
import { changeLookDelayDays, delayLook, readLookDelayDays } from '#subjects/view-delays.ts'
import { type ViewedSubject, viewSubjects } from '#subjects/view-page.ts'
import { type Endpoint, changeEndpoint, getEndpoint, listEndpoint } from '../endpoint.ts'
import {
  MANAGE,
  PATH,
  READ,
  type RightsEndpointParts,
  TENANT,
  byOf,
  noParams,
  numbered,
  stamp,
} from './shapes.ts'

const nullable = z.string().nullable()
const times = z.array(z.object({ startDateTime: nullable, endDateTime: nullable }))
const itemsWithPrecision = z.array(z.object({ item: z.string(), precision: z.string() }))

const found = z.object({
  id: z.string(),
  kind: z.string(),
  state: z.enum(['candidate', 'confirmed', 'rejected']),
  times,
})

const personalData = z.object({
  id: z.string(),
  times,
  held: z.array(
    z.object({
      room: z.string(),
      kind: z.string(),
      recordId: z.string(),
      source: nullable,
      sinceDateTime: nullable,
      confirmedDateTime: nullable,
      removedDateTime: nullable,
      items: z.array(
        z.object({
          item: z.string(),
          title: z.string(),
          value: z.unknown(),
          precision: z.string(),
          purposes: z.array(z.string()),
          retention: z.string(),
          isDisputed: z.boolean(),
        }),
      ),
      leftOut: z.array(z.object({ item: z.string(), reason: z.string() })),
    }),
  ),
  shared: z.array(
    z.object({
      entryId: z.string(),
      dateTime: nullable,
      partyId: z.string(),
      flowId: nullable,
      purpose: nullable,
      consentId: nullable,
      manifestHash: nullable,
      outcome: nullable,
      items: itemsWithPrecision,
    }),
  ),
  looks: z.array(
    z.object({
      entryId: z.string(),
      dateTime: nullable,
      by: z.string(),
      purpose: nullable,
      grantId: nullable,
      items: itemsWithPrecision,
    }),
  ),
  laterLooks: z.int(),
  hasMore: z.boolean(),
})

const settings = z.object({ lookDelayDays: z.int() })

/** Whom a request was found to be about, what is held about them, what left, and who looked. */
export function personalDataEndpoints({ rights }: RightsEndpointParts): readonly Endpoint[] {
  return [
    listEndpoint({
      id: 'listSubjectRightsRequestSubjects',
      path: `${PATH}/{id}/subjects`,
      summary: 'Devices and accounts that were found; candidates may be of somebody else',
      realms: TENANT,
      permission: MANAGE,
      params: numbered,
      answer: found,
      pageSize: { usual: 100, most: 500 },
      fields: {},
      list: (call, { id }, { top, after }) =>
        rights.database.read(call.tenantId, async (reader) => {
          if (!(await readRequest(reader, rights, id))) return refuse('not_found')
          const page = { after: textOf(after), limit: top + 1 }
          const links = await readLinks(reader, id, page)
          const last = links.length > top ? links[top - 1] : undefined
          const rows = links.slice(0, top).map((link) => ({
            id: link.subjectId,
            kind: link.kind,
            state: link.state,
            times: timesOf(link.windows),
          }))
          return { rows, next: last && [last.subjectId], count: undefined }
        }),
    }),
    changeEndpoint({
      id: 'decideSubjectRightsRequestSubject',
      path: `${PATH}/{id}/decideSubject`,
      method: 'POST',
      summary: 'Says whether what was found is of the person who asks',
      realms: TENANT,
      permission: MANAGE,
      params: numbered,
      body: z.strictObject({ subjectId: z.uuid(), isTheirs: z.boolean() }),
      answer: z.object({}),
      success: 204,
      change: async (call, { id }, body) => {
        const done = await rights.database.write(call.tenantId, (tx) =>
          decideSubject(tx, id, body, byOf(call)),
        )
        return isRefusal(done) ? done : undefined
      },
    }),
    listEndpoint({
      id: 'listSubjectRightsRequestPersonalData',
      path: `${PATH}/{id}/personalData`,
      summary: 'Everything about the person; looking at it is recorded',
      realms: TENANT,
      permission: MANAGE,
      params: numbered,
      answer: personalData,
      pageSize: { usual: 10, most: 50 },
      fields: {},
      list: async (call, { id }, { top, after }) => {
        const page = await viewSubjects(
          rights,
          call.tenantId,
          id,
          { top, after: textOf(after) },
          byOf(call),
        )
        return isRefusal(page) ? page : { ...page, rows: page.rows.map(describe) }
      },
    }),
    ...delayEndpoints({ rights }),
  ]
}

function delayEndpoints({ rights }: Pick<RightsEndpointParts, 'rights'>) {
  const current = async (tenantId: string) => ({
    lookDelayDays: await rights.database.read(tenantId, readLookDelayDays),
  })
  return [
    getEndpoint({
      id: 'getSubjectRightsSettings',
      path: '/security/subjectRightsSettings',
      summary: 'How long an investigation may keep back that somebody looked',
      realms: TENANT,
      permission: READ,
      params: noParams,
      answer: settings,
      get: (call) => current(call.tenantId),
    }),
    changeEndpoint({
      id: 'updateSubjectRightsSettings',
      path: '/security/subjectRightsSettings',
      method: 'PATCH',
      summary: 'Sets it, from no day to 90',
      realms: TENANT,
      permission: MANAGE,
      params: noParams,
      body: z.strictObject({ lookDelayDays: z.int().min(0).max(90) }),
      answer: settings,
      success: 200,
      current: (call) => current(call.tenantId),
      change: async (call, _, { lookDelayDays }) => {
        await rights.database.write(call.tenantId, (tx) =>
          changeLookDelayDays(tx, lookDelayDays, byOf(call)),
        )
        return current(call.tenantId)
      },
    }),
    changeEndpoint({
      id: 'delaySubjectRightsLook',
      path: '/security/subjectRightsSettings/delayLook',
      method: 'POST',
      summary: 'Keeps one look of somebody else back until a date; then it is told by itself',
      realms: TENANT,
      permission: MANAGE,
      params: noParams,
      body: z.strictObject({ entryId: z.uuid(), untilDateTime: z.iso.datetime() }),
      answer: z.object({}),
      success: 204,
      change: async (call, _, { entryId, untilDateTime }) => {
        const done = await rights.database.write(call.tenantId, (tx) =>
          delayLook(tx, entryId, Date.parse(untilDateTime), byOf(call)),
        )
        return isRefusal(done) ? done : undefined
      },
    }),
  ]
}

function describe(one: ViewedSubject): z.input<typeof personalData> {
  return {
    id: one.subjectId,
    times: timesOf(one.windows),
    held: one.held.map((thing) => ({
      room: thing.holder,
      kind: thing.kind,
      recordId: thing.recordId,
      source: thing.source ?? null,
      sinceDateTime: stamp(thing.since),
      confirmedDateTime: stamp(thing.seen),
      removedDateTime: stamp(thing.removed),
      items: thing.items.map((item) => ({ ...item, purposes: [...item.purposes] })),
      leftOut: [...thing.cut],
    })),
    shared: one.shared.map((sending) => ({
      entryId: sending.entryId,
      dateTime: stamp(sending.at),
      partyId: sending.party,
      flowId: sending.flow ?? null,
      purpose: sending.purpose ?? null,
      consentId: sending.consentId ?? null,
      manifestHash: sending.manifest ?? null,
      outcome: sending.outcome ?? null,
      items: withPrecision(sending.items),
    })),
    looks: one.looks.map((look) => ({
      entryId: look.entryId,
      dateTime: stamp(look.at),
      by: look.by,
      purpose: look.purpose ?? null,
      grantId: look.grantId ?? null,
      items: withPrecision(look.items),
    })),
    laterLooks: one.laterLooks,
    hasMore: one.hasMore,
  }
}

const withPrecision = (items: Readonly<Record<string, string>>) =>
  Object.entries(items).map(([item, precision]) => ({ item, precision }))

/** The beginning of the first time is not known: as long as the thing itself is. */
const timesOf = (windows: ViewedSubject['windows']) =>
  windows.map(([from, until]) => ({
    startDateTime: from === 0 ? null : stamp(from),
    endDateTime: stamp(until),
  }))

const textOf = (after: readonly unknown[] | undefined): string | undefined =>
  typeof after?.[0] === 'string' ? after[0] : undefined

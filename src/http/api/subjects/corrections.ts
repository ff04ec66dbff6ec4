import { z } from 'zod'
import { isRefusal, refuse } from '#foundation/refusal.ts'
import { openCorrection, refuseCorrection } from '#subjects/correct.ts'
import { type Correction, correctionsOf } from '#subjects/correct.table.ts'
import { makeArchiveLink } from '#subjects/export.ts'
import { readRequest } from '#subjects/requests.ts'
import { followSightings } from '#subjects/view-sightings.ts'
import { type Call, type Endpoint, changeEndpoint, listEndpoint } from '../endpoint.ts'
import {
  MANAGE,
  PATH,
  READ,
  type RightsEndpointParts,
  TENANT,
  byOf,
  nothing,
  numbered,
  stamp,
} from './shapes.ts'

const answer = z.object({
  id: z.string(),
  subjectId: z.string(),
  item: z.string(),
  route: z.enum(['source', 'here']),
  state: z.enum(['disputed', 'corrected', 'changed', 'refused']),
  createdBy: z.string(),
  createdDateTime: z.string().nullable(),
  closedDateTime: z.string().nullable(),
  obligationIds: z.array(z.string()),
})

const MOST = 1_000

/** What the person says is wrong, and where it is put right; and the archive of everything. */
export function correctionEndpoints({ rights, origin }: RightsEndpointParts): readonly Endpoint[] {
  const all = (call: Call, id: string) =>
    rights.database.read(call.tenantId, (reader) => correctionsOf(reader, id))
  const one = async (call: Call, id: string, correctionId: string) => {
    const found = (await all(call, id)).find(
      (correction) => correction.correctionId === correctionId,
    )
    return found && describe(found)
  }
  return [
    listEndpoint({
      id: 'listSubjectRightsRequestCorrections',
      path: `${PATH}/{id}/corrections`,
      summary: 'What the person says is wrong, newest first',
      realms: TENANT,
      permission: READ,
      params: numbered,
      answer,
      pageSize: { usual: MOST, most: MOST },
      fields: {},
      list: async (call, { id }) => {
        const request = await rights.database.read(call.tenantId, (reader) =>
          readRequest(reader, rights, id),
        )
        if (!request) return refuse('not_found')
        const rows = (await all(call, id)).slice(0, MOST).map(describe)
        return { rows, next: undefined, count: undefined }
      },
    }),
    changeEndpoint({
      id: 'createSubjectRightsRequestCorrection',
      path: `${PATH}/{id}/corrections`,
      method: 'POST',
      summary:
        'A value is wrong: corrected here where it was entered here, otherwise at its source',
      realms: TENANT,
      permission: MANAGE,
      params: numbered,
      body: z.strictObject({
        subjectId: z.uuid(),
        item: z.string().min(1).max(128),
        value: z.string().max(2_000),
      }),
      answer,
      success: 201,
      change: async (call, { id }, body) => {
        await followSightings(rights, call.tenantId)
        const made = await rights.database.write(call.tenantId, (tx) =>
          openCorrection(tx, rights, id, body, byOf(call)),
        )
        return isRefusal(made) ? made : one(call, id, made)
      },
    }),
    changeEndpoint({
      id: 'refuseSubjectRightsRequestCorrection',
      path: `${PATH}/{id}/corrections/{correctionId}/refuse`,
      method: 'POST',
      summary: 'The source says that the value is right as it is',
      realms: TENANT,
      permission: MANAGE,
      params: z.strictObject({ id: z.uuid(), correctionId: z.uuid() }),
      body: nothing,
      answer,
      success: 200,
      change: async (call, { id, correctionId }) => {
        const done = await rights.database.write(call.tenantId, (tx) =>
          refuseCorrection(tx, rights, id, correctionId, byOf(call)),
        )
        return isRefusal(done) ? done : one(call, id, correctionId)
      },
    }),
    archiveEndpoint({ rights, origin }),
  ]
}

const redaction = z.strictObject({
  item: z.string().min(1).max(128),
  reason: z.enum(['rightsOfOthers', 'legalClaims', 'legalObligation']),
})

function archiveEndpoint({ rights, origin }: RightsEndpointParts): Endpoint {
  return changeEndpoint({
    id: 'createSubjectRightsRequestArchiveLink',
    path: `${PATH}/{id}/createArchiveLink`,
    method: 'POST',
    summary: 'A link to the archive of everything, for the person; it ends by itself',
    realms: TENANT,
    permission: MANAGE,
    params: numbered,
    body: z.strictObject({
      days: z.int().min(1).max(30).optional(),
      redactions: z.array(redaction).max(500).optional(),
    }),
    answer: z.object({ url: z.string(), expirationDateTime: z.string().nullable() }),
    success: 201,
    change: async (call, { id }, { days, redactions = [] }) => {
      const link = await rights.database.write(call.tenantId, (tx) =>
        makeArchiveLink(tx, rights, id, { days, redactions }, byOf(call)),
      )
      if (isRefusal(link)) return link
      return {
        url: `${origin}/rights/archive/${link.token}`,
        expirationDateTime: stamp(link.expiresAt),
      }
    },
  })
}

function describe(correction: Correction): z.input<typeof answer> {
  return {
    id: correction.correctionId,
    subjectId: correction.subjectId,
    item: correction.item,
    route: correction.route,
    state: correction.state,
    createdBy: correction.openedBy,
    createdDateTime: stamp(correction.openedAt),
    closedDateTime: stamp(correction.closedAt),
    obligationIds: [...correction.obligations],
  }
}

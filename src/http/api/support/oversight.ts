import { z } from 'zod'
import { listPage } from '#database/list.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { isRefusal } from '#foundation/refusal.ts'
import { accessReport } from '#support/access-report.ts'
import { type SealedRow, sealedList } from '#support/sealed.ts'
import { readSupportSettings } from '#support/support-settings.ts'
import { type Endpoint, changeEndpoint, getEndpoint, listEndpoint } from '../endpoint.ts'
import {
  ANSWER,
  EMERGENCY,
  OPERATOR,
  PAGE,
  READ,
  type SupportEndpointParts,
  TENANT,
  both,
  byOf,
  describeGrant,
  grantAnswer,
  noParams,
  stamp,
} from './shapes.ts'

const sealedClass = z.enum(['legalHold', 'automation', 'emergency'])

const sealed = z.object({
  id: z.string(),
  class: sealedClass,
  commitment: z.string(),
  createdDateTime: z.string(),
  opensLatestDateTime: z.string(),
  openedDateTime: z.string().nullable(),
})

const report = z.object({
  asOfDateTime: z.string(),
  canReadNow: z.array(grantAnswer),
  couldRead: z.array(grantAnswer),
  lapsedUnused: z.array(grantAnswer),
  emergenciesNotReviewed: z.array(
    z.object({
      id: z.string(),
      operatorId: z.string(),
      openedDateTime: z.string().nullable(),
      operatorReviewedDateTime: z.string().nullable(),
      tenantReviewedDateTime: z.string().nullable(),
    }),
  ),
  sealed: z.array(
    z.object({ class: sealedClass, count: z.int(), latestOpeningDateTime: z.string() }),
  ),
  holders: z.record(z.string(), z.array(z.string())),
})

const settings = z.object({
  answerHours: z.int().min(1).max(96),
  starts: z.enum(['approval', 'firstUse']),
  lapseHours: z.int().min(1).max(168),
})

/** The tenant's overview of support access: the report, what is sealed, and its own choices. */
export function oversightEndpoints(parts: SupportEndpointParts): readonly Endpoint[] {
  return [...settingsEndpoints(parts), ...sealedEndpoints(parts), reportEndpoint(parts)]
}

function reportEndpoint({ database, holders }: SupportEndpointParts): Endpoint {
  return getEndpoint({
    id: 'getSupportAccessReport',
    path: '/support/accessReport',
    summary: 'Who can read what right now, who could have, and what lapsed unused',
    realms: TENANT,
    permission: READ,
    params: noParams,
    answer: report,
    get: async (call) => {
      const found = await database.read(call.tenantId, (reader) =>
        accessReport(reader, { holders }, call.now),
      )
      const grants = (list: typeof found.canReadNow) =>
        list.map((grant) => describeGrant(grant, call.now))
      return {
        asOfDateTime: toTimestamp(call.now),
        canReadNow: grants(found.canReadNow),
        couldRead: grants(found.couldRead),
        lapsedUnused: grants(found.lapsedUnused),
        emergenciesNotReviewed: found.emergenciesNotReviewed.map((one) => ({
          id: one.emergencyId,
          operatorId: one.asker,
          openedDateTime: stamp(one.openedAt),
          operatorReviewedDateTime: stamp(one.operatorReviewedAt),
          tenantReviewedDateTime: stamp(one.tenantReviewedAt),
        })),
        sealed: found.sealed.map((one) => ({
          class: one.class,
          count: one.count,
          latestOpeningDateTime: toTimestamp(one.latestOpening),
        })),
        holders: Object.fromEntries(
          Object.entries(found.holders).map(([permission, accounts]) => [
            permission,
            [...accounts],
          ]),
        ),
      }
    },
  })
}

function settingsEndpoints({ database, support }: SupportEndpointParts): readonly Endpoint[] {
  return [
    getEndpoint({
      id: 'getSupportSettings',
      path: '/support/settings',
      summary: 'How long requests wait, when the time of an access begins, when it lapses',
      realms: TENANT,
      permission: READ,
      params: noParams,
      answer: settings,
      get: (call) => database.read(call.tenantId, readSupportSettings),
    }),
    changeEndpoint({
      id: 'updateSupportSettings',
      path: '/support/settings',
      method: 'PATCH',
      summary: 'Holds for what is asked and approved from now on',
      realms: TENANT,
      permission: ANSWER,
      stepUp: true,
      params: noParams,
      body: z.strictObject(settings.partial().shape),
      answer: settings,
      success: 200,
      current: (call) => database.read(call.tenantId, readSupportSettings),
      change: (call, _, body) =>
        support.changeSettings(
          Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined)),
          byOf(call),
        ),
    }),
  ]
}

function sealedEndpoints({ database, support }: SupportEndpointParts): readonly Endpoint[] {
  return [
    listEndpoint({
      id: 'listSupportSealedEntries',
      path: '/support/sealedEntries',
      summary:
        'Entries whose text comes later: how many, of which class, and until when at the latest',
      realms: TENANT,
      permission: READ,
      params: noParams,
      answer: sealed,
      pageSize: PAGE,
      fields: {
        id: both,
        class: both,
        createdDateTime: both,
        opensLatestDateTime: both,
        openedDateTime: both,
      },
      list: (call, _, query) =>
        database.read(call.tenantId, async (reader) => {
          const page = await listPage<SealedRow>(reader, sealedList(reader), query)
          return { ...page, rows: page.rows.map(describeSealed) }
        }),
    }),
    changeEndpoint({
      id: 'createSupportSealedEntry',
      path: '/operator/support/sealedEntries',
      method: 'POST',
      summary:
        'Seals what may not be told yet; the tenant counts it at once and reads it at its date',
      realms: OPERATOR,
      permission: EMERGENCY,
      stepUp: true,
      params: noParams,
      body: z.strictObject({
        tenantId: z.string().min(1).max(63),
        class: z.enum(['legalHold', 'automation']),
        /** Becomes an entry one day: identifiers, nothing of people. */
        text: z.string().min(1).max(4_000),
        opensLatestDateTime: z.iso.datetime({ offset: true }),
      }),
      answer: z.object({ id: z.string() }),
      success: 201,
      change: async (call, _, body) => {
        const opensAt = Date.parse(body.opensLatestDateTime)
        const entry = { class: body.class, text: body.text, opensAt }
        const id = await support.seal(body.tenantId, entry, byOf(call))
        return isRefusal(id) ? id : { id }
      },
    }),
  ]
}

function describeSealed(row: SealedRow): z.input<typeof sealed> {
  return {
    id: row.sealed_id,
    class: row.class,
    commitment: row.commitment,
    createdDateTime: toTimestamp(row.sealed_at.getTime()),
    opensLatestDateTime: toTimestamp(row.opens_at.getTime()),
    openedDateTime: stamp(row.opened_at?.getTime()),
  }
}

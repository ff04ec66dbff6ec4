import { z } from 'zod'
import { DIAGNOSTICS_ITEMS, type DiagnosticsLevel, rankOf } from '#catalog/diagnostics.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { isRefusal } from '#foundation/refusal.ts'
import {
  chooseDiagnosticsLevel,
  diagnosticsSettings,
  previewDiagnostics,
  receiveDiagnostics,
} from '#intake/diagnostics.ts'
import { publishedHash } from '#intake/diagnostics-hash.ts'
import type { DiagnosticsReport, SortedItem } from '#intake/diagnostics-sort.ts'
import { readOwnDiagnostics } from '#viewing/diagnostics.ts'
import { type Endpoint, changeEndpoint, getEndpoint, listEndpoint } from '../endpoint.ts'
import { listInMemory } from '../odata/list-in-memory.ts'
import {
  BASE,
  type DiagnosticsEndpointParts,
  PAGE,
  READ,
  UPDATE,
  both,
  describePage,
  diagnosticsPackage,
  level,
  noParams,
  packageFields,
} from './shared.ts'

const TENANT = ['tenant'] as const

const settings = z.object({
  level,
  lastModifiedDateTime: z.string().nullable(),
  lastModifiedBy: z.string().nullable(),
})

const item = z.object({
  id: z.string(),
  level,
  area: z.string(),
  displayName: z.string(),
  class: z.string(),
  form: z.enum(['figures', 'words', 'hashes', 'files']),
  /** Whether it is taken in at the tenant's level. */
  isCollected: z.boolean(),
})

const report = {
  hierarchyId: z.string().min(1).max(200),
  productVersion: z.string().regex(/^\d{1,6}(?:\.\d{1,6}){0,3}$/),
  collectedDateTime: z.iso.datetime({ offset: true }),
  results: z
    .array(z.strictObject({ item: z.string().min(1).max(200), value: z.unknown() }))
    .min(1)
    .max(500),
}

const outcome = z.enum(['kept', 'hashed', 'dropped'])
const previewed = z.object({
  item: z.string(),
  displayName: z.string().nullable(),
  level: level.nullable(),
  class: z.string().nullable(),
  outcome: z.enum(['kept', 'reduced', 'dropped']),
  reason: z.string().nullable(),
  /** Exactly what would be kept. */
  keptValue: z.unknown(),
  values: z.array(
    z.object({
      /** Place in the value that was sent: numbers of elements and members, `#` for a member's name. */
      at: z.string(),
      outcome,
      reason: z.string().nullable(),
      value: z.union([z.string(), z.number(), z.boolean()]).nullable(),
      keyedHash: z.string().nullable(),
      /** The unkeyed hash that the site itself shows, where it was asked for. Never kept. */
      publishedHash: z.string().nullable(),
    }),
  ),
})

/** `configurationManagerDiagnostics`: what the tenant's sites may report, shown before anything is sent. */
export function tenantDiagnosticsEndpoints(parts: DiagnosticsEndpointParts): readonly Endpoint[] {
  return [...choices(parts), ...packages(parts)]
}

function choices({ database }: DiagnosticsEndpointParts): readonly Endpoint[] {
  const current = async ({ tenantId }: { tenantId: string }) => {
    const now = await database.read(tenantId, diagnosticsSettings)
    return {
      level: now.level,
      lastModifiedDateTime: now.changedAt === undefined ? null : toTimestamp(now.changedAt),
      lastModifiedBy: now.changedBy ?? null,
    }
  }
  return [
    getEndpoint({
      id: 'getDiagnosticsSettings',
      path: `${BASE}/settings`,
      summary: 'How much on-premises sites may report',
      realms: TENANT,
      permission: READ,
      params: noParams,
      answer: settings,
      get: current,
    }),
    changeEndpoint({
      id: 'updateDiagnosticsSettings',
      path: `${BASE}/settings`,
      method: 'PATCH',
      summary: 'Chooses the level; what was kept above a lowered one is removed',
      realms: TENANT,
      permission: UPDATE,
      params: noParams,
      body: z.strictObject({ level }),
      answer: settings,
      success: 200,
      current,
      change: async (call, _, body) => {
        await database.write(call.tenantId, (tx) => chooseDiagnosticsLevel(tx, body.level, call))
        return current(call)
      },
    }),
    listEndpoint({
      id: 'listDiagnosticsItems',
      path: `${BASE}/items`,
      summary: 'Every item of every level, how it is classed, and whether it is taken in',
      realms: TENANT,
      permission: READ,
      params: noParams,
      answer: item,
      pageSize: { usual: 200, most: 500 },
      fields: { id: both, level: both, area: both, isCollected: { filter: true, sort: false } },
      list: async (call, _, query) => {
        const { level: chosen } = await database.read(call.tenantId, diagnosticsSettings)
        return listInMemory(describeItems(chosen), 'id', query)
      },
    }),
  ]
}

function packages({ database, keys, sharing }: DiagnosticsEndpointParts): readonly Endpoint[] {
  return [
    changeEndpoint({
      id: 'previewDiagnostics',
      path: `${BASE}/preview`,
      method: 'POST',
      summary:
        'Shows item by item what of a package would be kept, hashed or dropped; keeps nothing',
      realms: TENANT,
      permission: READ,
      params: noParams,
      body: z.strictObject({
        ...report,
        level: level.optional(),
        showPublishedHash: z.boolean().optional(),
      }),
      answer: z.object({ level, items: z.array(previewed) }),
      success: 200,
      change: async (call, _, body) => {
        const shown = await database.read(call.tenantId, (reader) =>
          previewDiagnostics(reader, keys, reportOf(body), body.level),
        )
        if (isRefusal(shown)) return shown
        const withHash = body.showPublishedHash ?? false
        return { level: shown.level, items: shown.items.map((one) => describe(one, withHash)) }
      },
    }),
    changeEndpoint({
      id: 'sendDiagnostics',
      path: `${BASE}/packages`,
      method: 'POST',
      summary: 'Sends a package in: what the preview shows as kept is kept, and nothing else',
      realms: TENANT,
      permission: UPDATE,
      params: noParams,
      body: z.strictObject(report),
      answer: z.object({
        id: z.string(),
        level,
        keptItems: z.number(),
        hashedValues: z.number(),
        dropped: z.array(z.object({ reason: z.string(), count: z.number() })),
      }),
      success: 201,
      change: async (call, _, body) => {
        const received = await database.write(call.tenantId, (tx) =>
          receiveDiagnostics(tx, keys, reportOf(body), call),
        )
        if (isRefusal(received)) return received
        const { packageId, kept, hashed, dropped } = received
        return {
          id: packageId,
          level: received.level,
          keptItems: kept,
          hashedValues: hashed,
          dropped: Object.entries(dropped).map(([reason, count]) => ({ reason, count })),
        }
      },
    }),
    listEndpoint({
      id: 'listDiagnostics',
      path: `${BASE}/packages`,
      summary: 'What the sites of the tenant have sent in, as it is kept',
      realms: TENANT,
      permission: READ,
      params: noParams,
      answer: diagnosticsPackage,
      pageSize: PAGE,
      fields: packageFields,
      list: async ({ tenantId, access, actor, now }, _, query) => {
        const reader = { actor, now, mayDiagnose: access.may(READ) }
        const doors = { database, decider: sharing.decider }
        return describePage(await readOwnDiagnostics(doors, tenantId, reader, query))
      },
    }),
  ]
}

function describeItems(chosen: DiagnosticsLevel): z.input<typeof item>[] {
  return [...DIAGNOSTICS_ITEMS.values()].map((one) => ({
    id: one.id,
    level: one.level,
    area: one.area,
    displayName: one.says,
    class: one.class,
    form: one.form,
    isCollected: one.need !== 'never' && rankOf(one.level) <= rankOf(chosen),
  }))
}

function reportOf(body: {
  hierarchyId: string
  productVersion: string
  collectedDateTime: string
  results: readonly { item: string; value?: unknown }[]
}): DiagnosticsReport {
  return {
    hierarchyId: body.hierarchyId,
    productVersion: body.productVersion,
    collectedAt: Date.parse(body.collectedDateTime),
    results: body.results.map(({ item: id, value }) => ({ item: id, value })),
  }
}

function describe(sorted: SortedItem, withHash: boolean): z.input<typeof previewed> {
  return {
    item: sorted.id,
    displayName: sorted.item?.says ?? null,
    level: sorted.item?.level ?? null,
    class: sorted.item?.class ?? null,
    outcome: sorted.outcome,
    reason: sorted.reason ?? null,
    keptValue: sorted.kept ?? null,
    values: sorted.values.map((one) => ({
      at: one.at,
      outcome: one.outcome,
      reason: one.reason ?? null,
      value: one.value ?? null,
      keyedHash: one.keyed ?? null,
      publishedHash:
        withHash && one.outcome === 'hashed' && typeof one.value === 'string'
          ? publishedHash(one.value)
          : null,
    })),
  }
}

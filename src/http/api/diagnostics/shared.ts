import { z } from 'zod'
import type { Decider } from '#access/decide.ts'
import type { Catalog } from '#catalog/catalog.ts'
import type { Database } from '#database/handles.ts'
import type { Page } from '#database/list.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { type Refusal, isRefusal } from '#foundation/refusal.ts'
import type { Keys } from '#keys/keys.ts'
import type { readOwnDiagnostics } from '#viewing/diagnostics.ts'

/** What the endpoints of diagnostics need. The policies are those of the door out. */
export interface DiagnosticsEndpointParts {
  readonly database: Database
  readonly catalog: Catalog
  readonly keys: Keys
  readonly sharing: { readonly decider: Decider }
}

export const BASE = '/deviceManagement/configurationManagerDiagnostics'
export const READ = 'Organization/Read'
export const UPDATE = 'Organization/Update'
export const DIAGNOSE = 'Diagnostics/Read'
export const PAGE = { usual: 50, most: 200 } as const
export const noParams = z.strictObject({})
export const both = { filter: true, sort: true } as const

export const level = z.enum(['basic', 'enhanced', 'full'])

/** A package as it is kept. Which tenant and hierarchy it is of is told by a pseudonym only. */
export const diagnosticsPackage = z.object({
  id: z.string(),
  hierarchyPseudonym: z.string(),
  productVersion: z.string(),
  level,
  collectedDateTime: z.string(),
  receivedDateTime: z.string(),
  results: z.array(z.object({ item: z.string(), value: z.unknown() })),
})

export const packageFields = { id: both, receivedDateTime: both }

type Kept = Exclude<Awaited<ReturnType<typeof readOwnDiagnostics>>, Refusal>['rows'][number]

export function describePage(
  page: Page<Kept> | Refusal,
): Page<z.input<typeof diagnosticsPackage>> | Refusal {
  return isRefusal(page) ? page : { ...page, rows: page.rows.map(describe) }
}

function describe(kept: Kept): z.input<typeof diagnosticsPackage> {
  return {
    id: kept.packageId,
    hierarchyPseudonym: kept.source,
    productVersion: kept.productVersion,
    level: kept.level,
    collectedDateTime: toTimestamp(kept.collectedAt),
    receivedDateTime: toTimestamp(kept.receivedAt),
    results: Object.entries(kept.items).map(([item, value]) => ({ item, value })),
  }
}

import {
  type ConsentRecord,
  readConsents,
  readFeatures,
  readStandings,
} from '#agreements/list-agreements.ts'
import type { Catalog, DataItem, Flow } from '#catalog/catalog.ts'
import { RETENTION } from '#catalog/retention.ts'
import type { Reader } from '#database/handles.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { countDisclosures } from '#ledger/count-disclosures.ts'
import { readTenant } from '#tenants/tenant.ts'

/** A record of processing activities as GDPR Art. 30(1) asks for; letters of its list stand beside the fields. */
export interface RecordOfProcessing {
  /** (a) */
  readonly controller: {
    readonly id: string
    readonly name: string
    readonly region: string
    readonly privacyContact: string | null
  }
  readonly generatedAt: string
  readonly activities: readonly Activity[]
  /** What leaves, to whom: (d), and (e) as far as the service knows where a party is. */
  readonly transfers: readonly Transfer[]
  /** (g) */
  readonly securityMeasures: readonly string[]
}

/** One purpose of one feature that is on. */
export interface Activity {
  readonly feature: string
  /** (b), with its term of the W3C DPV. */
  readonly purposes: readonly { readonly id: string; readonly dpv: string }[]
  /** (c) */
  readonly dataCategories: readonly {
    readonly category: string
    readonly dpv: readonly string[]
    readonly items: number
  }[]
  readonly dataSubjects: readonly string[]
  /** (f) */
  readonly retention: readonly {
    readonly rule: string
    readonly deleteWithinDays: number | null
    readonly keepDays: number | null
  }[]
  readonly partial: boolean
}

export interface Transfer {
  readonly party: string
  readonly flow: string
  readonly consent: 'given' | 'withdrawn' | 'expired'
  readonly since: string
  readonly objection: boolean
  readonly items: readonly string[]
  /** What the ledger holds: how often something was really sent to the party. */
  readonly disclosures: number
}

/** Only what the running system does by itself. */
const MEASURES = [
  'items that name or reach a person are sealed with AES-256-GCM under a key of each person',
  'tenants are kept apart by row-level security and keys',
  'every disclosure, look and refusal is an entry of a tamper-evident log',
  'erasure destroys the keys of the person',
] as const

/** Makes the record from the catalog, the agreements and the ledger as they stand. Nothing of it is typed by anybody. */
export async function recordOfProcessing(
  reader: Reader,
  catalog: Catalog,
  now: number,
): Promise<RecordOfProcessing | undefined> {
  const tenant = await readTenant(reader)
  if (!tenant) return undefined
  const on = await readFeatures(reader)
  const features = [...catalog.features.values()].filter(({ id }) => on.get(id)?.on)
  const { tenantId: id, name, region } = tenant
  return {
    controller: { id, name, region, privacyContact: tenant.privacyContact ?? null },
    generatedAt: toTimestamp(now),
    activities: features.map((feature) =>
      activityOf(
        catalog,
        feature.id,
        feature.flows.flatMap((flow) => catalog.flows.get(flow) ?? []),
      ),
    ),
    transfers: await transfersOf(reader, catalog, now),
    securityMeasures: MEASURES,
  }
}

function activityOf(catalog: Catalog, feature: string, flows: readonly Flow[]): Activity {
  const items = itemsOf(catalog, flows)
  const rules = new Set(items.map((item) => item.retention))
  const purposes = new Set(flows.flatMap((flow) => flow.purposes))
  return {
    feature,
    purposes: [...purposes].map((id) => ({ id, dpv: catalog.purposes.get(id)?.dpv ?? '' })),
    dataCategories: [...Map.groupBy(items, (item) => item.category)].map(([category, of]) => ({
      category,
      dpv: [...new Set(of.map((item) => item.dpv))].toSorted(),
      items: of.length,
    })),
    dataSubjects: items.some((item) => item.id.startsWith('school.'))
      ? ['users of managed devices', 'pupils and staff of schools']
      : ['users of managed devices'],
    retention: RETENTION.filter(({ id }) => rules.has(id)).map((rule) => ({
      rule: rule.id,
      deleteWithinDays: rule.deleteWithinDays ?? null,
      keepDays: rule.keepDays ?? null,
    })),
    partial: flows.some((flow) => flow.status === 'partial' || flow.status === 'historic'),
  }
}

function itemsOf(catalog: Catalog, flows: readonly Flow[]): readonly DataItem[] {
  const ids = new Set(flows.flatMap((flow) => flow.items.map(({ item }) => item)))
  return [...ids].flatMap((id) => catalog.items.get(id) ?? [])
}

/** Every outbound flow that the tenant ever consented to. */
async function transfersOf(
  reader: Reader,
  catalog: Catalog,
  now: number,
): Promise<readonly Transfer[]> {
  const consents = await readConsents(reader)
  const standings = await readStandings(reader, [...catalog.parties.keys()])
  const counts = await countDisclosures(reader)
  const transfers: Transfer[] = []
  for (const flow of catalog.flows.values()) {
    if (flow.direction !== 'outbound') continue
    const consent = consents.get(flow.id)
    if (!consent) continue
    transfers.push({
      party: flow.party,
      flow: flow.id,
      consent: stateOf(consent, now),
      since: toTimestamp(consent.givenAt.getTime()),
      objection: standings.get(flow.party)?.objectedAt != null,
      items: consent.items,
      disclosures: counts.get(flow.party) ?? 0,
    })
  }
  return transfers
}

function stateOf(consent: ConsentRecord, now: number): Transfer['consent'] {
  if (consent.withdrawnAt) return 'withdrawn'
  return consent.until && consent.until.getTime() <= now ? 'expired' : 'given'
}

import { z } from 'zod'
import { forecastRetention } from '#subjects/retention.ts'
import { recordOfProcessing } from '#subjects/processing.ts'
import { type Endpoint, getEndpoint } from '../endpoint.ts'
import { type AgreementParts, READ, TENANT_ONLY, noParams } from '../sharing/shared.ts'

const record = z.object({
  controller: z.object({
    id: z.string(),
    name: z.string(),
    region: z.string(),
    privacyContact: z.string().nullable(),
  }),
  generatedAt: z.string(),
  activities: z.array(
    z.object({
      feature: z.string(),
      purposes: z.array(z.object({ id: z.string(), dpv: z.string() })),
      dataCategories: z.array(
        z.object({ category: z.string(), dpv: z.array(z.string()), items: z.number() }),
      ),
      dataSubjects: z.array(z.string()),
      retention: z.array(
        z.object({
          rule: z.string(),
          deleteWithinDays: z.number().nullable(),
          keepDays: z.number().nullable(),
        }),
      ),
      /** Whether a published list of what this carries is known to be incomplete or no longer published. */
      partial: z.boolean(),
    }),
  ),
  transfers: z.array(
    z.object({
      party: z.string(),
      flow: z.string(),
      consent: z.enum(['given', 'withdrawn', 'expired']),
      since: z.string(),
      objection: z.boolean(),
      items: z.array(z.string()),
      /** To the party, over all flows, as the ledger holds them. */
      disclosures: z.number(),
    }),
  ),
  securityMeasures: z.array(z.string()),
})

/** What is made from the running system: the record that GDPR Art. 30 asks for, and what goes when. */
export function processingEndpoints({ database, catalog }: AgreementParts): readonly Endpoint[] {
  return [
    getEndpoint({
      id: 'getRecordOfProcessing',
      path: '/security/recordOfProcessing',
      summary: 'The record of processing activities (GDPR Art. 30), as things stand now',
      realms: TENANT_ONLY,
      permission: READ,
      params: noParams,
      answer: record,
      get: ({ tenantId, now }) =>
        database.read(tenantId, async (reader) => {
          const made = await recordOfProcessing(reader, catalog, now)
          return made && (structuredClone(made) as z.input<typeof record>)
        }),
    }),
    getEndpoint({
      id: 'getRetentionForecast',
      path: '/security/retentionForecast',
      summary: 'How many people and devices go by themselves, on which day, by which rule',
      realms: TENANT_ONLY,
      permission: READ,
      params: noParams,
      answer: z.object({
        days: z.array(z.object({ day: z.string(), rule: z.string(), subjects: z.number() })),
      }),
      get: ({ tenantId }) =>
        database.read(tenantId, async (reader) => ({
          days: [...(await forecastRetention(reader))],
        })),
    }),
  ]
}

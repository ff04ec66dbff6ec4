import { z } from 'zod'
import { readDiagnosticsFor } from '#viewing/diagnostics.ts'
import { type Endpoint, listEndpoint } from '../endpoint.ts'
import {
  DIAGNOSE,
  type DiagnosticsEndpointParts,
  PAGE,
  describePage,
  diagnosticsPackage,
  packageFields,
} from './shared.ts'

/** `operator/diagnostics/{purpose}/packages`: who reads says what for, and three answers are good. */
export function operatorDiagnosticsEndpoints({
  database,
  sharing,
}: DiagnosticsEndpointParts): readonly Endpoint[] {
  return [
    listEndpoint({
      id: 'listDiagnosticsAsOperator',
      path: '/operator/diagnostics/{purpose}/packages',
      summary: 'What on-premises sites of all tenants report, for one of three purposes',
      realms: ['operator'],
      permission: DIAGNOSE,
      params: z.strictObject({ purpose: z.string().min(1).max(64) }),
      answer: diagnosticsPackage,
      pageSize: PAGE,
      fields: packageFields,
      list: async ({ access, actor, now }, { purpose }, query) => {
        const reader = { actor, now, mayDiagnose: access.may(DIAGNOSE) }
        return describePage(
          await readDiagnosticsFor({ database, decider: sharing.decider }, purpose, reader, query),
        )
      },
    }),
  ]
}

import { z } from 'zod'
import { isRefusal } from '#foundation/refusal.ts'
import { receiveTenantAttach } from '#intake/diagnostics-tenant-attach.ts'
import { type Endpoint, changeEndpoint } from '../endpoint.ts'
import { type DiagnosticsEndpointParts, UPDATE, noParams } from './shared.ts'

/** `configurationManagerTenantAttach`: the only way by which records of a site come in. Nothing goes back to it. */
export function tenantAttachEndpoints({
  database,
  catalog,
  keys,
  sharing,
}: DiagnosticsEndpointParts): readonly Endpoint[] {
  return [
    changeEndpoint({
      id: 'sendTenantAttachDevices',
      path: '/deviceManagement/configurationManagerTenantAttach/devices',
      method: 'POST',
      summary:
        'Brings devices of an attached on-premises site in, through the same door as every record',
      realms: ['tenant'],
      permission: UPDATE,
      params: noParams,
      body: z.strictObject({
        devices: z
          .array(z.record(z.string().max(64), z.unknown()))
          .min(1)
          .max(1_000),
      }),
      answer: z.object({
        keptCount: z.number(),
        withheldCounts: z.array(z.object({ item: z.string(), count: z.number() })),
        unknownCount: z.number(),
      }),
      success: 200,
      change: async ({ tenantId, actor, now }, _, { devices }) => {
        const parts = { catalog, keys, actor, now, decider: sharing.decider }
        const received = await database.write(tenantId, (tx) =>
          receiveTenantAttach(tx, devices, parts),
        )
        if (isRefusal(received)) return received
        return {
          keptCount: received.kept,
          withheldCounts: Object.entries(received.withheld).map(([item, count]) => ({
            item,
            count,
          })),
          unknownCount: received.unknown,
        }
      },
    }),
  ]
}

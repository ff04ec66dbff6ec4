import { z } from 'zod'
import { type Refusal, isRefusal } from '#foundation/refusal.ts'
import {
  listTenantAttached,
  receiveTenantAttach,
  receiveTenantAttachList,
} from '#intake/diagnostics-tenant-attach.ts'
import type { Received } from '#intake/receive.ts'
import { type Call, type Endpoint, changeEndpoint, listEndpoint } from '../endpoint.ts'
import { iso } from '../sharing/shared.ts'
import { type DiagnosticsEndpointParts, PAGE, READ, UPDATE, both, noParams } from './shared.ts'

const PATH = '/deviceManagement/configurationManagerTenantAttach'
const MOST_ROWS = 1_000

const row = z.record(z.string().max(64), z.unknown())
const counted = z.object({
  keptCount: z.number(),
  withheldCounts: z.array(z.object({ item: z.string(), count: z.number() })),
  unknownCount: z.number(),
})
const listed = z.object({
  id: z.string(),
  receivedDateTime: z.string(),
  facts: z.array(z.object({ item: z.string(), value: z.unknown() })),
})

/** `configurationManagerTenantAttach`: the only way by which records of a site come in. Nothing goes back to it. */
export function tenantAttachEndpoints(parts: DiagnosticsEndpointParts): readonly Endpoint[] {
  return [
    sending(parts),
    ...listsOf(parts, 'application', 'Applications'),
    ...listsOf(parts, 'collection', 'Collections'),
  ]
}

function sending(parts: DiagnosticsEndpointParts): Endpoint {
  return changeEndpoint({
    id: 'sendTenantAttachDevices',
    path: `${PATH}/devices`,
    method: 'POST',
    summary:
      'Brings devices of an attached on-premises site in, through the same door as every record',
    realms: ['tenant'],
    permission: UPDATE,
    params: noParams,
    body: z.strictObject({ devices: z.array(row).min(1).max(MOST_ROWS) }),
    answer: counted,
    success: 200,
    change: async (call, _, { devices }) =>
      describe(
        await parts.database.write(call.tenantId, (tx) =>
          receiveTenantAttach(tx, devices, intakeParts(parts, call)),
        ),
      ),
  })
}

function listsOf(
  parts: DiagnosticsEndpointParts,
  kind: 'application' | 'collection',
  name: 'Applications' | 'Collections',
): readonly Endpoint[] {
  const path = `${PATH}/${name.toLowerCase()}`
  return [
    listEndpoint({
      id: `listTenantAttach${name}`,
      path,
      summary: `${name} that an attached on-premises site told of`,
      realms: ['tenant'],
      permission: READ,
      params: noParams,
      answer: listed,
      pageSize: PAGE,
      fields: { id: both, receivedDateTime: both },
      list: async ({ tenantId }, _, query) => {
        const page = await parts.database.read(tenantId, (reader) =>
          listTenantAttached(reader, kind, query),
        )
        return { ...page, rows: page.rows.map(describeFacts) }
      },
    }),
    changeEndpoint({
      id: `sendTenantAttach${name}`,
      path,
      method: 'POST',
      summary: `Brings ${name.toLowerCase()} of an attached on-premises site in`,
      realms: ['tenant'],
      permission: UPDATE,
      params: noParams,
      body: z.strictObject({ value: z.array(row).min(1).max(MOST_ROWS) }),
      answer: counted,
      success: 200,
      change: async (call, _, { value }) =>
        describe(
          await parts.database.write(call.tenantId, (tx) =>
            receiveTenantAttachList(tx, kind, value, intakeParts(parts, call)),
          ),
        ),
    }),
  ]
}

function intakeParts(
  { catalog, keys, sharing }: DiagnosticsEndpointParts,
  { actor, now }: Call,
): Parameters<typeof receiveTenantAttach>[2] {
  return { catalog, keys, actor, now, decider: sharing.decider }
}

function describe(received: Received | Refusal): z.input<typeof counted> | Refusal {
  if (isRefusal(received)) return received
  return {
    keptCount: received.kept,
    withheldCounts: Object.entries(received.withheld).map(([item, count]) => ({ item, count })),
    unknownCount: received.unknown,
  }
}

type Kept = Awaited<ReturnType<typeof listTenantAttached>>['rows'][number]

function describeFacts({ name, facts, receivedAt }: Kept): z.input<typeof listed> {
  return {
    id: name,
    receivedDateTime: iso(receivedAt) ?? '',
    facts: Object.entries(facts).map(([item, value]) => ({ item, value })),
  }
}

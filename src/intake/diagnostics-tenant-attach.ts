import type { Catalog } from '#catalog/catalog.ts'
import { type ObjectShape, leaf, object } from '#catalog/shape.ts'
import type { Transaction } from '#database/handles.ts'
import type { Refusal } from '#foundation/refusal.ts'
import { type IntakeParts, type Received, receive } from './receive.ts'

/**
 * The one flow in which something of Configuration Manager reaches the service at all: a customer that attaches its
 * tenant sends devices up. It has a feature and a consent like every other flow, and nothing goes back.
 */
export const TENANT_ATTACH_FLOW = 'configmgr-tenant-attach/inbound'

const SUBJECT = 'device.serialNumber'
const CONNECTION = 'configuration-manager'
const DEVICES = 'Device sync'

/** The members of one device as the facts spell them; what they do not name is unknown and stays out. */
export function tenantAttachShape(catalog: Catalog): ObjectShape {
  const rows = catalog.flows.get(TENANT_ATTACH_FLOW)?.items ?? []
  return object(
    Object.fromEntries(
      rows
        .filter(({ group }) => group === DEVICES)
        .map(({ says, item }) => [says, leaf(item, { maxLength: 256, subject: item === SUBJECT })]),
    ),
  )
}

/** Brings devices of a site in, through the same door as every other record. */
export function receiveTenantAttach(
  tx: Transaction,
  devices: readonly unknown[],
  parts: IntakeParts,
): Promise<Received | Refusal> {
  return receive(
    tx,
    {
      connectionId: CONNECTION,
      flow: TENANT_ATTACH_FLOW,
      purpose: 'tenant-attach',
      kind: 'device',
      records: devices,
      shape: tenantAttachShape(parts.catalog),
      subjectItem: SUBJECT,
      // A site does not say that a device is gone; it stops naming it.
      removal: { item: 'protocol.opType', word: 'deleted' },
    },
    parts,
  )
}

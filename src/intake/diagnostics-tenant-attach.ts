import type { Catalog, ItemId } from '#catalog/catalog.ts'
import { type ObjectShape, itemsOf, leaf, object } from '#catalog/shape.ts'
import type { Reader, Transaction } from '#database/handles.ts'
import type { ListQuery, Page } from '#database/list.ts'
import type { Refusal } from '#foundation/refusal.ts'
import {
  type KeptSiteFacts,
  type SiteFacts,
  type SiteListKind,
  keepSiteFacts,
  listSiteFacts,
} from '#records/site-lists.ts'
import { type IntakeParts, type Received, receive, takeIn } from './receive.ts'

/**
 * The one flow in which something of Configuration Manager reaches the service at all: a customer that attaches its
 * tenant sends devices up. It has a feature and a consent like every other flow, and nothing goes back.
 */
export const TENANT_ATTACH_FLOW = 'configmgr-tenant-attach/inbound'

const SUBJECT = 'device.serialNumber'
const CONNECTION = 'configuration-manager'
const PURPOSE = 'tenant-attach'
const DEVICES = 'Device sync'
/** A site does not say that something is gone; it stops naming it. */
const REMOVAL = { item: 'protocol.opType', word: 'deleted' }

interface SiteList {
  /** The group of rows in the facts. */
  readonly group: string
  /** The item by which one of them is told from another. */
  readonly key: ItemId
}
const LISTS: Readonly<Record<SiteListKind, SiteList>> = {
  application: { group: 'Applications', key: 'app.programId' },
  collection: {
    group: 'Windows Defender Advanced Threat Protection (ATP)',
    key: 'organisation.collectionId',
  },
}

/** The members of one device as the facts spell them; what they do not name is unknown and stays out. */
export function tenantAttachShape(catalog: Catalog): ObjectShape {
  return shapeOf(catalog, DEVICES)
}

/** The members of one app or collection, in the same way. */
export function tenantAttachListShape(catalog: Catalog, kind: SiteListKind): ObjectShape {
  return shapeOf(catalog, LISTS[kind].group)
}

/** Every item that comes in from an attached site. */
export function tenantAttachItems(catalog: Catalog): ReadonlySet<ItemId> {
  const groups = [DEVICES, ...Object.values(LISTS).map(({ group }) => group)]
  return new Set(groups.flatMap((group) => itemsOf(shapeOf(catalog, group))))
}

/** What is kept of a site's apps or collections; it is about no person. */
export function listTenantAttached(
  reader: Reader,
  kind: 'application' | 'collection',
  query: ListQuery,
): Promise<Page<KeptSiteFacts>> {
  return listSiteFacts(reader, kind, query)
}

const shapes = new WeakMap<Catalog, Map<string, ObjectShape>>()

function shapeOf(catalog: Catalog, group: string): ObjectShape {
  const known = shapes.get(catalog) ?? new Map<string, ObjectShape>()
  shapes.set(catalog, known)
  const rows = (catalog.flows.get(TENANT_ATTACH_FLOW)?.items ?? []).filter(
    (row) => row.group === group,
  )
  const shape =
    known.get(group) ??
    object(
      Object.fromEntries(
        rows.map(({ says, item, class: itemClass }) => [
          says,
          itemClass === 'aggregate'
            ? leaf(item, { type: 'number' })
            : leaf(item, { maxLength: 256, subject: item === SUBJECT }),
        ]),
      ),
    )
  known.set(group, shape)
  return shape
}

/**
 * Brings apps or collections of a site in: facts of the organisation, about no person, so that they are kept as they are
 * and have no subject. The same consent, policies and evidence as for its devices.
 */
export function receiveTenantAttachList(
  tx: Transaction,
  kind: SiteListKind,
  rows: readonly unknown[],
  parts: IntakeParts,
): Promise<Received | Refusal> {
  const batch = {
    connectionId: CONNECTION,
    flow: TENANT_ATTACH_FLOW,
    purpose: PURPOSE,
    records: rows,
    shape: tenantAttachListShape(parts.catalog, kind),
    subjectItem: LISTS[kind].key,
    removal: REMOVAL,
  }
  return takeIn(tx, batch, parts, async (records) => {
    const kept: SiteFacts[] = records.map(({ subject, items }) => ({ name: subject, facts: items }))
    await keepSiteFacts(tx, kind, kept, parts.now)
    return []
  })
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
      purpose: PURPOSE,
      kind: 'device',
      records: devices,
      shape: tenantAttachShape(parts.catalog),
      subjectItem: SUBJECT,
      removal: REMOVAL,
    },
    parts,
  )
}

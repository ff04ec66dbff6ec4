import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { FlowId, ItemId } from '#catalog/catalog.ts'
import { type Shape, itemsOf } from '#catalog/shape.ts'
import { shippedCatalog } from '#catalog/shipped.ts'
import { TENANT_ATTACH_FLOW, tenantAttachItems } from '#intake/diagnostics-tenant-attach.ts'

/** Files that bind items of flows to a protocol, and the tests that run them. */
export interface Enforcer {
  readonly files: readonly string[]
  readonly tests: readonly string[]
  readonly items: ReadonlyMap<FlowId, ReadonlySet<ItemId>>
}

const CONNECTORS = 'src/connectors'
const FLOW = /['"`]([a-z0-9-]+\/(?:inbound|outbound))['"`]/g

/** One for each connector, from its own data; and the door for tenant attach. */
export async function readEnforcers(root: string): Promise<readonly Enforcer[]> {
  const folders = readdirSync(join(root, CONNECTORS), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => `${CONNECTORS}/${entry.name}`)
    .sort()
  const tests = testFiles(root)
  const found: Enforcer[] = []
  for (const folder of folders) found.push(...(await ofConnector(root, folder, tests)))
  return [
    ...found,
    {
      files: ['src/intake/diagnostics-tenant-attach.ts'],
      tests: ['test/journeys/configuration-manager.test.ts'],
      items: new Map([[TENANT_ATTACH_FLOW, tenantAttachItems(shippedCatalog)]]),
    },
  ]
}

/** An enforcer for each file of the connector that holds exchanges or other data about items. */
async function ofConnector(
  root: string,
  folder: string,
  tests: ReadonlyMap<string, string>,
): Promise<readonly Enforcer[]> {
  const files = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => `${folder}/${name}`)
    .sort()
  const own = files.filter((file) => !file.endsWith('.test.ts'))
  const name = folder.split('/').at(-1) ?? ''
  const testing = [
    ...files.filter((file) => file.endsWith('.test.ts')),
    ...[...tests].filter(([, text]) => text.includes(`#connectors/${name}/`)).map(([file]) => file),
  ]
  const named = new Set(own.flatMap((file) => flowsNamed(readFileSync(join(root, file), 'utf8'))))
  const found: Enforcer[] = []
  for (const file of own) {
    const items = new Map<FlowId, Set<ItemId>>()
    collect(Object.values(await import(join(root, file))), items, named)
    if (items.size > 0) found.push({ files: [file], tests: [...new Set(testing)].sort(), items })
  }
  return found
}

function flowsNamed(text: string): FlowId[] {
  return [...text.matchAll(FLOW)].flatMap(([, flow = '']) =>
    shippedCatalog.flows.has(flow) ? [flow] : [],
  )
}

interface ExchangeLike {
  readonly outbound: FlowId
  readonly inbound: FlowId
  readonly request?: Shape
  readonly response?: Shape
  readonly query?: Readonly<Record<string, Shape>>
  readonly parameters?: Readonly<Record<string, Shape>>
  readonly carries?: readonly ItemId[]
  readonly essential?: readonly ItemId[]
}

/**
 * What exported data says of items: an exchange says which direction carries which; other shapes and tables are about
 * what comes in by the inbound flows that the connector names.
 */
function collect(
  value: unknown,
  items: Map<FlowId, Set<ItemId>>,
  named: ReadonlySet<FlowId>,
  depth = 0,
): void {
  if (typeof value === 'string' && depth > 0) {
    if (!shippedCatalog.items.has(value)) return
    for (const flow of named) if (flow.endsWith('/inbound')) add(items, flow, [value])
    return
  }
  if (typeof value !== 'object' || value === null || depth > 12) return
  if (isExchange(value)) {
    const { query = {}, parameters = {}, request, response, carries = [], essential = [] } = value
    add(items, value.outbound, [
      ...Object.values(query).flatMap(itemsOf),
      ...Object.values(parameters).flatMap(itemsOf),
      ...(request ? itemsOf(request) : []),
      ...carries,
      ...essential,
    ])
    add(items, value.inbound, response ? itemsOf(response) : [])
    return
  }
  if (isEvents(value)) {
    add(
      items,
      value.flow,
      [...value.types.values()].flatMap(({ shape }) => itemsOf(shape)),
    )
    return
  }
  const members = value instanceof Map || value instanceof Set ? [...value] : Object.values(value)
  for (const member of members) collect(member, items, named, depth + 1)
}

function isExchange(value: object): value is ExchangeLike {
  return 'outbound' in value && 'inbound' in value && 'idempotent' in value
}

/** What a described party's events bring in, by the one flow that they belong to. */
function isEvents(
  value: object,
): value is { readonly flow: FlowId; readonly types: ReadonlyMap<string, { shape: Shape }> } {
  return 'flow' in value && 'types' in value && value.types instanceof Map
}

function add(items: Map<FlowId, Set<ItemId>>, flow: FlowId, some: readonly ItemId[]): void {
  const known = items.get(flow) ?? new Set()
  for (const item of some) known.add(item)
  if (known.size > 0) items.set(flow, known)
}

/** Every test file with its text. */
function testFiles(root: string): ReadonlyMap<string, string> {
  return new Map(
    ['src', 'test'].flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.test.ts'))
        .map(
          (name) => [`${folder}/${name}`, readFileSync(join(root, folder, name), 'utf8')] as const,
        ),
    ),
  )
}

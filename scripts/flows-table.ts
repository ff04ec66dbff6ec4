import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FlowId, FlowItem, ItemId } from '#catalog/catalog.ts'
import { DIAGNOSTICS_ITEMS } from '#catalog/diagnostics.ts'
import { COLLECTION_ROWS } from '#catalog/items/collection-rows.ts'
import { SAME_FACTS } from '#catalog/items/collection-same-facts.ts'
import { shippedCatalog } from '#catalog/shipped.ts'
import { MESSAGE_KINDS } from '#connectors/mdm-events/keys.ts'
import { type Enforcer, readEnforcers } from './flows/enforcers.ts'

/**
 * `npm run flows`: writes docs/flows.md, every row of the fact files with where it is enforced and what tests it. Where
 * is found in the code: in the exchanges and shapes of the connectors, not in a list kept by hand.
 */

const ROOT = join(import.meta.dirname, '..')
const FILE = join(ROOT, 'docs', 'flows.md')
/** What a row says that no connector carries yet. */
const NOT_YET = 'not yet: issue 4'

/** Flows that the page lists under one name and the protocol has under another. */
const ALSO_CARRIED_BY: Readonly<Record<FlowId, readonly FlowId[]>> = {
  'apple-mdm-push/inbound': ['apple-mdm-checkin/inbound'],
}

interface FactRow {
  readonly id: string
  readonly party: string
  readonly service: string
  readonly direction: 'inbound' | 'outbound'
  readonly item: string
  readonly appliesTo: string
  /** The message of Apple's protocol in which it stands, and its key there. */
  readonly message?: string
  readonly protocolKey?: string
}

/** One line of the table. */
export interface TableRow {
  readonly id: string
  readonly group: string
  readonly item: string
  readonly direction: string
  readonly status: string
  readonly enforcedIn: readonly string[]
  readonly testedBy: readonly string[]
}

/** Every row of the three fact files, as it stands in the code now. */
export async function tableRows(): Promise<readonly TableRow[]> {
  const enforcers = await readEnforcers(ROOT)
  return [...flowRows(enforcers), ...collectionRows(enforcers), ...diagnosticsRows()]
}

function flowRows(enforcers: readonly Enforcer[]): TableRow[] {
  const byId = new Map(
    [...shippedCatalog.flows.values()].flatMap((flow) =>
      flow.items.map((row) => [row.source, row] as const),
    ),
  )
  return (facts('flows.json') as FactRow[]).map((fact) => {
    const row = byId.get(fact.id)
    const carried = row ? enforcersOf(enforcers, row, fact) : []
    const there = carried.length > 0 ? carried : keptOutByKey(fact)
    return {
      id: fact.id,
      group: `${fact.party}: ${fact.service}`,
      item: fact.item,
      direction: fact.direction,
      status: row ? statusOf(row, fact) : 'not in the catalog',
      enforcedIn: there.flatMap((one) => one.files),
      testedBy: there.flatMap((one) => one.tests),
    }
  })
}

function enforcersOf(
  enforcers: readonly Enforcer[],
  row: FlowItem,
  fact: FactRow,
): readonly Enforcer[] {
  const flow: FlowId = `${fact.appliesTo}/${row.enforcedDirection ?? fact.direction}`
  const flows = [flow, ...(ALSO_CARRIED_BY[flow] ?? [])]
  return enforcers.filter(({ items }) => flows.some((one) => items.get(one)?.has(row.item)))
}

/** A key that may not come in is enforced where it is classified as one that is never kept. */
function keptOutByKey({
  message = '',
  protocolKey = '',
}: FactRow): readonly Pick<Enforcer, 'files' | 'tests'>[] {
  const kind = MESSAGE_KINDS.get(message === 'MDM Protocol' ? 'Connect' : message)
  if (kind?.device.keys.get(protocolKey)?.kind !== 'never') return []
  return [
    {
      files: ['src/catalog/apple-mdm.ts', 'src/connectors/mdm-events/keys.ts'],
      tests: ['src/connectors/mdm-events/keys.test.ts', 'test/journeys/mdm-events.test.ts'],
    },
  ]
}

function statusOf(row: FlowItem, fact: FactRow): string {
  const { enforcedDirection } = row
  const differs =
    enforcedDirection && enforcedDirection !== fact.direction
      ? [`protocol differs: ${enforcedDirection}`]
      : []
  return [row.status, ...differs].join('; ')
}

interface Collection {
  readonly required: readonly CollectionRow[]
  readonly optional: { readonly clientAppItems: readonly CollectionRow[] }
  readonly never: readonly CollectionRow[]
}
interface CollectionRow {
  readonly id: string
  readonly item: string
  readonly category?: string
}

function collectionRows(enforcers: readonly Enforcer[]): TableRow[] {
  const { required, optional, never } = facts('collection.json') as Collection
  const line = (
    row: CollectionRow,
    need: string,
    there: Pick<TableRow, 'enforcedIn' | 'testedBy'>,
  ) => ({
    id: row.id,
    group: `Collection: ${need}`,
    item: row.item,
    direction: 'inbound',
    status: 'published',
    ...there,
  })
  return [
    ...required.map((row) =>
      line(row, 'required', broughtIn(enforcers, namesOf(COLLECTION_ROWS[row.id]))),
    ),
    ...optional.clientAppItems.map((row) =>
      line(row, 'optional', {
        enforcedIn: ['policies/never.cedar', 'src/agreements/collection.ts'],
        testedBy: ['src/access/create-decider.test.ts', 'src/intake/receive.test.ts'],
      }),
    ),
    ...never.map((row) =>
      line(row, 'never', {
        enforcedIn: ['policies/never.cedar', 'src/intake/receive.ts'],
        testedBy: ['src/access/create-decider.test.ts', 'src/intake/receive.test.ts'],
      }),
    ),
  ]
}

/** The row's own item, and the same fact under the names that protocols have for it. */
function namesOf(item: ItemId = ''): readonly ItemId[] {
  return [item, ...(SAME_FACTS[item] ?? [])]
}

/** A required item is enforced where a source brings it in. */
function broughtIn(
  enforcers: readonly Enforcer[],
  names: readonly ItemId[],
): Pick<TableRow, 'enforcedIn' | 'testedBy'> {
  const there = enforcers.filter(({ items }) =>
    [...items].some(
      ([flow, some]) => flow.endsWith('/inbound') && names.some((item) => some.has(item)),
    ),
  )
  return {
    enforcedIn: there.flatMap(({ files }) => files),
    testedBy: there.flatMap(({ tests }) => tests),
  }
}

function diagnosticsRows(): TableRow[] {
  return [...DIAGNOSTICS_ITEMS.values()].map((one) => ({
    id: one.id,
    group: `Configuration Manager diagnostics: ${one.level}`,
    item: `${one.area}: ${one.says}`,
    direction: 'inbound',
    status: one.need === 'never' ? 'published; never taken in' : 'published',
    enforcedIn: ['src/intake/diagnostics-sort.ts', 'policies/diagnostics.cedar'],
    testedBy: [
      'src/intake/diagnostics-sort.test.ts',
      'test/journeys/configuration-manager.test.ts',
    ],
  }))
}

/** The whole page. */
export function renderTable(rows: readonly TableRow[]): string {
  const groups = Map.groupBy(rows, ({ group }) => group)
  const done = rows.filter(isEnforced).length
  return [
    '# Every row of the facts',
    '',
    'Written by `npm run flows` from the fact files and the code; a test fails when it is stale. *Enforced in* is where',
    'the row is bound to the protocol or the rule that decides on it. What no code enforces yet says so.',
    '',
    `${rows.length} rows, ${done} enforced, ${rows.length - done} not yet.`,
    '',
    '| group | rows | enforced |',
    '| --- | --- | --- |',
    ...[...groups].map(
      ([group, some]) => `| ${cell(group)} | ${some.length} | ${some.filter(isEnforced).length} |`,
    ),
    ...[...groups].flatMap(([group, some]) => [
      '',
      `## ${group}`,
      '',
      '| row | item | direction | status | enforced in | tested by |',
      '| --- | --- | --- | --- | --- | --- |',
      ...some.map(line),
    ]),
    '',
  ].join('\n')
}

function isEnforced({ enforcedIn, testedBy }: TableRow): boolean {
  return enforcedIn.length > 0 && testedBy.length > 0
}

function line(row: TableRow): string {
  const files = (names: readonly string[]): string =>
    names.length === 0 ? NOT_YET : [...new Set(names)].map((name) => `\`${name}\``).join(', ')
  const cells = [row.id, row.item, row.direction, row.status]
  return `| ${[...cells.map(cell), files(row.enforcedIn), files(row.testedBy)].join(' | ')} |`
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ')
}

function facts(name: string): unknown {
  return JSON.parse(readFileSync(join(ROOT, 'test', 'facts', name), 'utf8'))
}

if (import.meta.main) {
  const rows = await tableRows()
  writeFileSync(FILE, renderTable(rows))
  console.log(`docs/flows.md: ${rows.length} rows, ${rows.filter(isEnforced).length} enforced`)
}

import type { ItemId, PartyId } from '#catalog/catalog.ts'
import { DatabaseFault } from '#database/fault.ts'
import type { Reader, Transaction } from '#database/handles.ts'
import { parsedJson } from '#foundation/json.ts'
import { KeyDestroyed, type Keys } from '#keys/keys.ts'
import { pseudonymiser } from '#minimisation/rules.ts'
import { ensureSubjects } from '#records/subjects.ts'
import type { Exchange, IncomingResponse } from './exchange.ts'
import type { OpenGate } from './gate.ts'
import { rewriteValues, valuesOf } from './named-values.ts'
import type { SharingParts } from './parts.ts'

/**
 * Pseudonyms that a party knows people by, and whom they stand for: sealed under the person's own key, so that they
 * mean nothing once the person is erased. Only for items that come back in the party's answers.
 */
export async function rememberPartyNames(
  tx: Transaction,
  keys: Keys,
  party: PartyId,
  item: ItemId,
  values: readonly string[],
): Promise<void> {
  if (values.length === 0) return
  const nameOf = pseudonymiser(await keys.pseudonymKey(tx, party))
  const subjects = await ensureSubjects(tx, keys, item, values)
  await keys.loadSubjectKeys(tx, subjects)
  const sealed = await Promise.all(
    values.map((value, i) =>
      keys.sealFor(tx, subjects[i] ?? '', placeOf(party, item), Buffer.from(value)),
    ),
  )
  await tx.change(
    `insert into party_names (tenant_id, party_id, item_id, name, subject_id, sealed)
     select $1, $2, $3, n.name, n.subject, n.sealed from unnest($4::text[], $5::uuid[], $6::bytea[]) as n (name, subject, sealed)
     on conflict (tenant_id, party_id, item_id, name) do update
        set subject_id = excluded.subject_id, sealed = excluded.sealed
      where party_names.subject_id <> excluded.subject_id`,
    [tx.tenantId, party, item, values.map(nameOf), subjects, sealed],
  )
}

/** Whom names stand for, as far as Sluss gave them and the person was not erased. */
export async function readPartyNames(
  reader: Reader,
  keys: Keys,
  party: PartyId,
  item: ItemId,
  names: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const rows = await reader.rows<{ name: string; subject_id: string; sealed: Buffer }>(
    `select name, subject_id, sealed from party_names
      where tenant_id = $1 and party_id = $2 and item_id = $3 and name = any($4::text[])`,
    [reader.tenantId, party, item, names],
  )
  await keys.loadSubjectKeys(
    reader,
    rows.map((row) => row.subject_id),
  )
  const known = new Map<string, string>()
  for (const { name, subject_id, sealed } of rows) {
    const value = await keys
      .openFor(reader, subject_id, placeOf(party, item), sealed)
      .catch((fault: unknown) => {
        if (fault instanceof KeyDestroyed) return undefined
        throw fault
      })
    if (value !== undefined) known.set(name, value.toString())
  }
  return known
}

/** Before a call leaves: keeps whom its pseudonyms stand for, where they can come back. */
export async function keepNamesOf(
  parts: SharingParts,
  tenantId: string,
  gate: OpenGate,
  named: ReadonlyMap<ItemId, readonly string[]>,
): Promise<void> {
  const given = gate.outbound.items.filter(
    ({ item, precision }) => precision === 'pseudonym' && (named.get(item)?.length ?? 0) > 0,
  )
  if (given.length === 0) return
  await parts.database.write(tenantId, async (tx) => {
    for (const { item } of given)
      await rememberPartyNames(tx, parts.keys, gate.outbound.recipient, item, named.get(item) ?? [])
  })
}

/** An answer in which the party's names for people are the tenant's own again. */
export async function namedBack(
  parts: SharingParts,
  tenantId: string,
  { exchange, outbound }: Pick<OpenGate, 'exchange' | 'outbound'>,
  response: IncomingResponse,
): Promise<IncomingResponse> {
  const { returns, response: shape } = exchange
  if (returns === undefined || !shape || response.status >= 300) return response
  const document = parsedJson(response.body)
  const names = [...valuesOf(shape, document, returns)]
  if (names.length === 0) return response
  try {
    const known = await parts.database.read(tenantId, (reader) =>
      readPartyNames(reader, parts.keys, outbound.recipient, returns, names),
    )
    if (known.size === 0) return response
    const back = rewriteValues(shape, document, returns, (name) => known.get(name) ?? name)
    return { ...response, body: Buffer.from(JSON.stringify(back)) }
  } catch (fault) {
    if (!(fault instanceof DatabaseFault)) throw fault
    // Names that nobody can read would be taken for other people: rather no answer.
    return { status: 503, headers: { 'retry-after': '5' }, body: Buffer.alloc(0) }
  }
}

/** Values of each item that names subjects of the call, from body, query and path. */
export function subjectsOf(
  exchange: Exchange,
  call: { readonly body: Buffer | undefined; readonly query: Readonly<Record<string, unknown>> },
): ReadonlyMap<ItemId, readonly string[]> {
  const document = parsedJson(call.body)
  return new Map(
    (exchange.subjects ?? []).map((item) => [
      item,
      [
        ...new Set([
          ...(exchange.request ? valuesOf(exchange.request, document, item) : []),
          ...valuesOf({ kind: 'object', fields: exchange.query }, call.query, item),
        ]),
      ],
    ]),
  )
}

function placeOf(party: PartyId, item: ItemId): string {
  return `party-name/${party}/${item}`
}

import { listConsents } from '#agreements/list-agreements.ts'
import type { Reader } from '#database/handles.ts'
import type { Json } from '#foundation/canonical-json.ts'
import type { Sighting } from './view-sightings.ts'

/** Data of the person that went to a party. Times in milliseconds since 1970. */
export interface Shared {
  readonly entryId: string
  readonly entryIndex: number
  readonly at: number
  readonly subjectId: string
  readonly party: string
  readonly flow: string | undefined
  readonly purpose: string | undefined
  /** Item to how exactly it went. */
  readonly items: Readonly<Record<string, string>>
  /** What the consent was given to, and its id where it was given here. */
  readonly manifest: string | undefined
  readonly consentId: string | undefined
  /** `unsent` when nothing left after all, `unknown` when nobody saw what became of it. */
  readonly outcome: string | undefined
}

/** Somebody looked at data of the person. */
export interface Look {
  readonly entryId: string
  readonly entryIndex: number
  readonly at: number
  readonly subjectId: string
  readonly kind: string
  /** `admin:<id>`, `operator:<id>` or `service:<id>`: by identifier, for who looks is a person too. */
  readonly by: string
  readonly purpose: string | undefined
  readonly grantId: string | undefined
  readonly items: Readonly<Record<string, string>>
}

/** The sending that the entry tells of; undefined for one that tells of something else. */
export async function sharedOf(
  reader: Reader,
  { entry, outcome }: Sighting,
  subjectId: string,
): Promise<Shared | undefined> {
  if (entry.kind !== 'disclosure' && entry.kind !== 'notice.disclosure') return undefined
  const { data } = entry
  const flow = text(data.flow)
  const manifest = text(data.manifest)
  return {
    entryId: entry.id,
    entryIndex: entry.index,
    at: Date.parse(entry.at),
    subjectId,
    party: text(data.party) ?? text(data.channel) ?? 'unknown',
    flow,
    purpose: text(data.purpose),
    items: itemsOf(data.items),
    manifest,
    consentId: flow && manifest ? await consentAt(reader, flow, manifest, entry.at) : undefined,
    outcome,
  }
}

/** The newest consent to the very manifest that was given before then. */
async function consentAt(
  reader: Reader,
  flow: string,
  manifest: string,
  at: string,
): Promise<string | undefined> {
  const page = await listConsents(reader, flow, {
    filter: {
      op: 'and',
      of: [
        { op: 'eq', field: 'manifestHash', value: manifest },
        { op: 'le', field: 'grantDateTime', value: at },
      ],
    },
    orderBy: [{ field: 'grantDateTime', descending: true }],
    top: 1,
    skip: 0,
    count: false,
  })
  return page.rows[0]?.id
}

export function lookOf({ entry }: Sighting, subjectId: string): Look {
  const { data } = entry
  const shown = object(data.shown)
  return {
    entryId: entry.id,
    entryIndex: entry.index,
    at: Date.parse(entry.at),
    subjectId,
    kind: entry.kind,
    by: entry.actor,
    purpose: text(data.purpose),
    grantId: text(data.grant),
    items: {
      ...itemsOf(shown.exact),
      ...Object.fromEntries(
        Object.entries(object(shown.masked)).map(([item, precision]) => [item, String(precision)]),
      ),
      ...(entry.kind === 'account.read' ? itemsOf(data.items) : {}),
    },
  }
}

/** Item to precision: from `{item: [precision, count]}`, or from a list of items that went exactly. */
function itemsOf(value: Json | undefined): Record<string, string> {
  if (Array.isArray(value)) return Object.fromEntries(value.map((item) => [String(item), 'exact']))
  return Object.fromEntries(
    Object.entries(object(value)).map(([item, sent]) => [
      item,
      Array.isArray(sent) ? String(sent[0]) : 'exact',
    ]),
  )
}

function object(value: Json | undefined): { readonly [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as { readonly [key: string]: Json })
    : {}
}

const text = (value: Json | undefined): string | undefined =>
  typeof value === 'string' ? value : undefined

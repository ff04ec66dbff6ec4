import { toTimestamp } from '#foundation/clock.ts'
import { csvRow } from '#foundation/csv.ts'
import type { HeldThing } from './view.ts'
import type { Look, Shared } from './view-told.ts'

/** One line of an archive's table; the same columns for all, in this order. */
export const COLUMNS = [
  'type',
  'dateTime',
  'room',
  'kind',
  'record',
  'source',
  'item',
  'title',
  'value',
  'precision',
  'purposes',
  'retention',
  'disputed',
  'party',
  'by',
  'consent',
  'outcome',
  'entry',
  'leftOutBecause',
] as const

type Line = Partial<Record<(typeof COLUMNS)[number], string>>

/** What is held, a line an item; what is left out, a line each with the reason. */
export function linesOfHeld(thing: HeldThing): readonly Line[] {
  const base: Line = {
    room: thing.holder,
    kind: thing.kind,
    record: thing.recordId,
    source: thing.source ?? '',
    dateTime: stamp(thing.since),
  }
  return [
    ...thing.items.map((one) => ({
      ...base,
      type: 'held',
      item: one.item,
      title: one.title,
      value: textOf(one.value),
      precision: one.precision,
      purposes: one.purposes.join(' '),
      retention: one.retention,
      disputed: String(one.isDisputed),
    })),
    ...thing.cut.map((cut) => ({
      ...base,
      type: 'leftOut',
      item: cut.item,
      leftOutBecause: cut.reason,
    })),
  ]
}

export function linesOfShared(shared: Shared): readonly Line[] {
  return Object.entries(shared.items).map(([item, precision]) => ({
    type: 'shared',
    dateTime: stamp(shared.at),
    item,
    precision,
    purposes: shared.purpose ?? '',
    party: shared.party,
    consent: shared.consentId ?? shared.manifest ?? '',
    outcome: shared.outcome ?? '',
    entry: shared.entryId,
  }))
}

export function linesOfLook(look: Look): readonly Line[] {
  return Object.entries(look.items).map(([item, precision]) => ({
    type: 'look',
    dateTime: stamp(look.at),
    kind: look.kind,
    item,
    precision,
    purposes: look.purpose ?? '',
    by: look.by,
    entry: look.entryId,
  }))
}

export function csvLine(line: Line): string {
  return csvRow(COLUMNS.map((column) => line[column] ?? ''))
}

export function textOf(value: unknown): string {
  if (value === null || value === undefined) return ''
  return typeof value === 'string' ? value : JSON.stringify(value)
}

export const stamp = (time: number | undefined): string =>
  time === undefined ? '' : toTimestamp(time)

import type { Json, JsonObject } from './api-client.ts'

/** Rows under headings, as wide as they need to be. */
export function table(rows: readonly JsonObject[], columns: readonly string[]): readonly string[] {
  const cells = [
    columns.map((column) => column.toUpperCase()),
    ...rows.map((row) => columns.map((column) => textOf(memberOf(row, column)))),
  ]
  const widths = columns.map((_, i) => Math.max(...cells.map((line) => line[i]?.length ?? 0)))
  return cells.map((line) =>
    line
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}

/** One thing, a line for each member. */
export function sheet(thing: JsonObject, members: readonly string[]): readonly string[] {
  const shown = members.filter((member) => memberOf(thing, member) !== undefined)
  const width = Math.max(0, ...shown.map((member) => member.length))
  return shown.map((member) => `${member.padEnd(width)}  ${textOf(memberOf(thing, member))}`)
}

function memberOf(thing: JsonObject, path: string): Json | undefined {
  let value: Json | undefined = thing
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
    value = value[name]
  }
  return value
}

/** What a server says must not move the cursor or change the colours of a terminal. */
export function textOf(value: Json | undefined): string {
  if (value === undefined || value === null) return '-'
  const text = Array.isArray(value)
    ? value.map((one) => textOf(one)).join(', ')
    : typeof value === 'object'
      ? JSON.stringify(value)
      : String(value)
  // oxlint-disable-next-line no-control-regex
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, ' ')
}

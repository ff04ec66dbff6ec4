import type { JsonObject } from '../api-client.ts'
import type { Context } from '../context.ts'
import { table } from '../layout.ts'
import { EXIT, Failure } from '../terminal.ts'

/** Shows a collection: all of it, or the first so many. */
export async function showList(
  context: Context,
  path: string,
  columns: readonly string[],
  query: Readonly<Record<string, string>> = {},
  top?: number,
  wanted: (row: JsonObject) => boolean = () => true,
): Promise<void> {
  const api = await context.api()
  const rows: JsonObject[] = []
  const asked = top === undefined ? query : { ...query, $top: String(Math.min(top, 100)) }
  for await (const row of api.list(path, asked)) {
    if (wanted(row)) rows.push(row)
    if (top !== undefined && rows.length >= top) break
  }
  context.show({ value: rows }, () =>
    rows.length === 0 ? [context.say('nothing')] : table(rows, columns),
  )
}

export function timeOption(context: Context, text: string | undefined): string | undefined {
  if (text === undefined) return undefined
  const time = Date.parse(text)
  if (Number.isNaN(time))
    throw new Failure(EXIT.usage, context.say('badTime', { text }), context.say('badTimeHint'))
  return new Date(time).toISOString()
}

export function numberOption(context: Context, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const number = Number(text)
  if (!Number.isFinite(number) || number <= 0)
    throw new Failure(EXIT.usage, context.say('badNumber', { text }))
  return number
}

export function listOption(text: string | undefined): string[] | undefined {
  return text === undefined
    ? undefined
    : text
        .split(',')
        .map((one) => one.trim())
        .filter(Boolean)
}

/** A string in an OData filter. */
export const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`

/** An id in an address. */
export const segment = (id: string): string => encodeURIComponent(id)

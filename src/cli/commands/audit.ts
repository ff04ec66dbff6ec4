import { createWriteStream } from 'node:fs'
import { rename } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Context } from '../context.ts'
import { quoted, showList, timeOption } from './listing.ts'

const EVENTS = '/deviceManagement/auditEvents'

interface AuditOptions {
  readonly since?: string
  readonly kind?: string
}

export function auditList(
  context: Context,
  options: AuditOptions & { top: number },
): Promise<void> {
  return showList(
    context,
    EVENTS,
    ['activityDateTime', 'activityType', 'sluss.actor', 'id'],
    { $orderby: 'sluss/index desc', ...filterOf(context, options) },
    options.top,
  )
}

/** Writes every entry as it comes, so that a large log needs no memory; the file is whole or not there. */
export async function auditExport(
  context: Context,
  path: string,
  options: AuditOptions,
): Promise<void> {
  const api = await context.api()
  let count = 0
  const lines = async function* () {
    const query = { $orderby: 'sluss/index', $top: '100', ...filterOf(context, options) }
    for await (const entry of api.list(EVENTS, query)) {
      count++
      yield `${JSON.stringify(entry)}\n`
    }
  }
  await pipeline(Readable.from(lines()), createWriteStream(`${path}.part`, { mode: 0o600 }))
  await rename(`${path}.part`, path)
  context.show({ path, count }, () => [context.say('exported', { path, count })])
}

function filterOf(context: Context, { since, kind }: AuditOptions): Record<string, string> {
  const from = timeOption(context, since)
  const parts = [
    ...(from === undefined ? [] : [`activityDateTime ge ${from}`]),
    ...(kind === undefined ? [] : [`activityType eq ${quoted(kind)}`]),
  ]
  return parts.length === 0 ? {} : { $filter: parts.join(' and ') }
}

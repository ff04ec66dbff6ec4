import { type Clock, toTimestamp } from './clock.ts'

/** The only things a log line may carry besides its message: identifiers and counts, never values of people. */
export interface LogFields {
  tenantId?: string
  connectionId?: string
  exchange?: string
  party?: string
  entryId?: string
  requestId?: string
  nodeId?: string
  refusal?: string
  code?: string
  status?: number
  count?: number
  milliseconds?: number
  port?: number
  pid?: number
  path?: string
  version?: string
  job?: string
}

export interface Log {
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
}

const ALLOWED: ReadonlySet<string> = new Set<keyof LogFields>([
  'tenantId',
  'connectionId',
  'exchange',
  'party',
  'entryId',
  'requestId',
  'nodeId',
  'refusal',
  'code',
  'status',
  'count',
  'milliseconds',
  'port',
  'pid',
  'path',
  'version',
  'job',
])

/** One JSON object a line. A field outside the closed set is dropped even if a cast let it through. */
export function jsonLog(clock: Clock, write: (line: string) => void): Log {
  const line =
    (level: string) =>
    (message: string, fields: LogFields = {}) => {
      const kept = Object.fromEntries(Object.entries(fields).filter(([name]) => ALLOWED.has(name)))
      write(`${JSON.stringify({ at: toTimestamp(clock.now()), level, message, ...kept })}\n`)
    }
  return { info: line('info'), warn: line('warn'), error: line('error') }
}

export const silentLog: Log = { info: () => {}, warn: () => {}, error: () => {} }

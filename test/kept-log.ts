import type { Log } from '#foundation/log.ts'

/** A log that keeps each line with its fields, to hunt in. */
export function keptLog(): { readonly log: Log; readonly lines: string[] } {
  const lines: string[] = []
  const keep = (message: string, fields?: object): void => {
    lines.push(`${message} ${JSON.stringify(fields)}`)
  }
  return { log: { info: keep, warn: keep, error: keep }, lines }
}

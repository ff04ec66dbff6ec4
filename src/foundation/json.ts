/** What a body says as JSON; undefined where there is none, or where it is no JSON. Nothing of it is ever quoted. */
export function parsedJson(body: Buffer | string | undefined): unknown {
  try {
    return body === undefined ? undefined : JSON.parse(body.toString())
  } catch {
    // What was wrong with it may quote it, so it goes no further.
    return undefined
  }
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The value as an object with members; undefined for a list, for null and for what is none. */
export function asObject(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return isObject(value) ? value : undefined
}

/** Whether a text can be written as UTF-8 and kept by a database: no half characters, no zero. */
export function isKeepable(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0')
}

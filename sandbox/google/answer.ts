/** What the stand-in answers. */
export interface Answer {
  readonly status: number
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

export const ok = (body: unknown = {}): Answer => ({ status: 200, body })
/** Google's form of an error. */
export const fail = (code: number, status: string, message = 'synthetic'): Answer => ({
  status: code,
  body: { error: { code, message, status, details: [] } },
})

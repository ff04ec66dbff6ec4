/** What the stand-in answers. */
export interface Answer {
  readonly status: number
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

export const ok = (body?: unknown): Answer => ({ status: 200, body })
/** Apple's form of an error: a short upper-case code as text. */
export const fail = (status: number, code: string): Answer => ({
  status,
  body: code,
  headers: { 'content-type': 'text/plain;charset=UTF8' },
})

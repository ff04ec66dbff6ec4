import type { JsonAnswer } from '../send-answer.ts'

export type Answer = JsonAnswer

export const ok = (body: unknown = {}): Answer => ({ status: 200, body })
/** Google's form of an error. */
export const fail = (code: number, status: string, message = 'synthetic'): Answer => ({
  status: code,
  body: { error: { code, message, status, details: [] } },
})

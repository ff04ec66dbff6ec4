import type { JsonAnswer } from '../send-answer.ts'

export type Answer = JsonAnswer

export const ok = (body: unknown): Answer => ({ status: 200, body })
/** Apple's form of an error; `errorMessage` quotes, as real ones do. */
export const fail = (status: number, errorNumber: number, quotes = 'synthetic'): Answer => ({
  status,
  body: { errorInfo: {}, errorMessage: `wrong: ${quotes}`, errorNumber },
})

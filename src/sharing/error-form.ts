import type { ErrorForm } from './exchange.ts'

/** One upper-case word in plain text, as Apple answers. */
export const PLAIN_ERRORS: ErrorForm = {
  codeOf: (body, codes) => {
    const text = body.subarray(0, 4_096).toString()
    return codes.find((word) => new RegExp(`\\b${word}\\b`).test(text))
  },
  render: (_, code) => ({ type: 'text/plain;charset=UTF8', body: Buffer.from(code) }),
}

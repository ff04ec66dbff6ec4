/** What one request holds in memory. */
export interface Claim {
  /** Takes more bytes; false, and nothing is taken, where all requests together would hold too many. */
  add(bytes: number): boolean
  release(): void
}

/**
 * A bound on what all requests hold together. Counted are bytes that have come, not requests: who opens many and sends
 * little cannot keep others out.
 */
export function memoryBudget(most: number): () => Claim {
  let held = 0
  return () => {
    let own = 0
    return {
      add: (bytes) => {
        if (held + bytes > most) return false
        held += bytes
        own += bytes
        return true
      },
      release: () => {
        held -= own
        own = 0
      },
    }
  }
}

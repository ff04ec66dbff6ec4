/** One page of an enterprise's devices, and where the next one begins. */
export interface AndroidBatch {
  /** Devices as they came, still unminimised. */
  readonly devices: readonly unknown[]
  /** Undefined on the last page. */
  readonly next: string | undefined
}

/** Answer to one call: its success body, or the code that Google gave. */
export type PageAnswer = { readonly page: unknown } | { readonly code: string }
export type AskPage = (query: URLSearchParams) => Promise<PageAnswer>

/** Google answers at most so many. */
const PAGE_SIZE = '100'
const MOST_RESTARTS = 2
/** No enterprise has more pages; a token that leads in circles must end somewhere. */
const MOST_PAGES = 100_000

/**
 * Walks through an enterprise's devices (protocols facts, google_amapi.paging). Nothing more is asked for before the
 * consumer has taken the page and committed where it came to. A page token that Google takes no longer means to begin
 * anew.
 *
 * @throws Error naming Google's code when it refuses otherwise, or for what is no page
 */
export async function* androidBatches(
  ask: AskPage,
  from: string | undefined,
): AsyncGenerator<AndroidBatch> {
  let token = from
  let restarts = 0
  for (let pages = 0; pages < MOST_PAGES; pages++) {
    const query = new URLSearchParams({ pageSize: PAGE_SIZE })
    if (token !== undefined) query.set('pageToken', token)
    const answer = await ask(query)
    if ('code' in answer) {
      const isStale = token !== undefined && answer.code === 'INVALID_ARGUMENT'
      if (!isStale || ++restarts > MOST_RESTARTS)
        throw new Error(`the list of devices is refused: ${answer.code}`)
      token = undefined
      continue
    }
    const { devices, next } = readPage(answer.page)
    if (next !== undefined && next === token) throw new Error('a page of devices names itself next')
    yield { devices, next }
    if (next === undefined) return
    token = next
  }
  throw new Error('the list of devices does not end')
}

function readPage(page: unknown): AndroidBatch {
  const { devices = [], nextPageToken: next } = (page ?? {}) as Record<string, unknown>
  if (typeof page !== 'object' || page === null || Array.isArray(page) || !Array.isArray(devices))
    throw new Error('a page of devices has no list')
  if (next !== undefined && next !== '' && typeof next !== 'string')
    throw new Error('a page of devices has no page token')
  return { devices, next: next === '' ? undefined : (next as string | undefined) }
}

import { leaf, object } from '#catalog/shape.ts'
import { SERIAL, USER_ID } from './exchanges.ts'

/** What one list was like at one time, page by page. */
export interface ListPage {
  readonly rows: readonly Record<string, unknown>[]
  readonly version: string
  /** The list changed while it was walked through: what came before counts no more. */
  readonly restarted: boolean
  readonly complete: boolean
}

/** Makes the call through the door out; answers its success body. */
export type AskList = (query: Readonly<Record<string, string>>) => Promise<unknown>

const MOST_RESTARTS = 5
const MOST_PAGES = 100_000

/** What is kept of a user: no address, no invitation. */
export const PERSON_RECORD = object({
  clientUserId: leaf(USER_ID, { subject: true, maxLength: 256 }),
  managedAppleId: leaf('person.managedAppleIdUpn', { maxLength: 320 }),
  status: leaf('person.userStatus', { maxLength: 40 }),
  assignedCount: leaf('app.assignedCount', { type: 'number' }),
})
/** What is kept of a device: how many licences it holds, not of which apps. */
export const DEVICE_RECORD = object({
  serialNumber: leaf(SERIAL, { subject: true, maxLength: 64 }),
  assignedCount: leaf('app.assignedCount', { type: 'number' }),
})

/**
 * Walks through one list by `pageIndex`. `versionId` tells when the list was written to meanwhile: pages of two versions
 * do not fit together, so the walk begins anew. A list that is as it was known is not walked through.
 *
 * @param known the version of the last complete walk
 * @throws Error for an answer that is no page, or a list that never stands still
 */
export async function* listPages(
  ask: AskList,
  name: string,
  known: string | undefined,
): AsyncGenerator<ListPage> {
  let version: string | undefined
  let restarts = 0
  let index = 0
  for (let pages = 0; pages < MOST_PAGES; pages++) {
    const page = readPage(await ask({ pageIndex: String(index) }), name)
    if (version === undefined && page.version === known) return
    const restarted = version !== undefined && page.version !== version
    if (restarted && ++restarts > MOST_RESTARTS)
      throw new Error(`the list of ${name} does not stand still`)
    version = page.version
    if (restarted && index > 0) {
      index = 0
      yield { rows: [], version, restarted: true, complete: false }
      continue
    }
    const complete = page.next === undefined
    yield { rows: page.rows, version, restarted, complete }
    if (complete) return
    if ((page.next ?? 0) <= index) throw new Error(`the pages of ${name} go round in circles`)
    index = page.next ?? 0
  }
  throw new Error(`the list of ${name} does not end`)
}

function readPage(
  body: unknown,
  name: string,
): { rows: Record<string, unknown>[]; version: string; next: number | undefined } {
  const read = (body ?? {}) as Record<string, unknown>
  const { [name]: rows = [], versionId, nextPageIndex } = read
  if (!Array.isArray(rows) || typeof versionId !== 'string' || versionId === '')
    throw new Error(`a page of ${name} has no list or no version`)
  const next = typeof nextPageIndex === 'number' ? nextPageIndex : undefined
  return {
    rows: rows.filter((row) => typeof row === 'object' && row !== null),
    version: versionId,
    next,
  }
}

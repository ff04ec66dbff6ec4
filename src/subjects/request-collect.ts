import { findByMail } from '#access/account.ts'
import type { Catalog } from '#catalog/catalog.ts'
import { isCurrent, joinWindows } from '#records/name-windows.ts'
import { openRecords, readRecordsByIds } from '#records/list-records.ts'
import { type NamedSubject, type PersonName, matchPerson } from '#records/match-person.ts'
import { isLookedUp } from '#records/record-index.ts'
import type { Transaction } from '#database/handles.ts'
import { directoryUsersNamed } from './holders.ts'
import type { By, RightsParts } from './parts.ts'
import { recordRights } from './record-rights.ts'
import {
  type RequestSubject,
  type RightsRequest,
  lockRequest,
  openRequestSubject,
  updateRequest,
} from './request.table.ts'
import {
  type Link,
  countLinks,
  doubtLinks,
  forgetLinks,
  keepLinks,
  readLinks,
} from './request-links.ts'

const PAGE = 500

/**
 * Looks up which subjects the person is, for a request that is being served: by every name that the request gives, in
 * every record that has or had one of them, and in the accounts. Begins anew each time, a page a commit, so that a run
 * that a crash ended is just run again; of two runs the later one counts.
 *
 * Records that agree on the names that were given, but not on others, may be of two people with one address: then all
 * of them wait until somebody says which are the person's.
 */
export async function collect(
  parts: RightsParts,
  tenantId: string,
  requestId: string,
  by: Pick<By, 'actor' | 'at'>,
): Promise<void> {
  const begun = await parts.database.write(tenantId, (tx) => begin(tx, parts, requestId))
  if (!begun) return
  const doubts = createDoubts(parts.catalog, namesOf(begun.subject))
  let after: string | undefined
  do {
    const page = await parts.database.write(tenantId, async (tx) =>
      (await isNewest(tx, begun.request)) ? takePage(tx, parts, begun, doubts, after) : undefined,
    )
    if (page === undefined) return
    after = page.length < PAGE ? undefined : page.at(-1)?.recordId
  } while (after !== undefined)
  await parts.database.write(tenantId, async (tx) => {
    if (await isNewest(tx, begun.request)) await finish(tx, parts, begun, doubts.any(), by)
  })
}

interface Begun {
  readonly request: RightsRequest
  readonly subject: RequestSubject
}

/** All names and addresses that the request gives. */
export function namesOf(subject: RequestSubject): readonly PersonName[] {
  return [...(subject.email === '' ? [] : [{ value: subject.email }]), ...subject.names]
}

async function begin(
  tx: Transaction,
  parts: RightsParts,
  requestId: string,
): Promise<Begun | undefined> {
  const found = await lockRequest(tx, requestId)
  if (found?.request.state !== 'active') return undefined
  const { request, row } = found
  await forgetLinks(tx, requestId)
  await updateRequest(tx, { ...request, collectedAt: undefined })
  return {
    request: { ...request, collectedAt: undefined, revision: request.revision + 1 },
    subject: await openRequestSubject(tx, parts.keys, row),
  }
}

/** Whether nobody began again, closed or changed the request meanwhile. */
async function isNewest(tx: Transaction, begun: RightsRequest): Promise<boolean> {
  return (await lockRequest(tx, begun.requestId))?.request.revision === begun.revision
}

async function takePage(
  tx: Transaction,
  parts: RightsParts,
  { request, subject }: Begun,
  doubts: Doubts,
  after: string | undefined,
): Promise<readonly NamedSubject[]> {
  const page = await matchPerson(tx, parts, namesOf(subject), { after, limit: PAGE })
  const current = page.filter(({ windows }) => isCurrent(windows)).map((one) => one.recordId)
  const sealed = await readRecordsByIds(tx, parts.keys, { tags: 'all' }, current)
  for (const record of await openRecords(tx, parts.keys, sealed)) doubts.look(record.items)
  await keepLinks(tx, request.requestId, await joined(tx, request.requestId, page))
  return page
}

/** A subject may have several records, in one page or in more. */
async function joined(
  tx: Transaction,
  requestId: string,
  page: readonly NamedSubject[],
): Promise<readonly Link[]> {
  const subjectIds = [...new Set(page.map((one) => one.subjectId))]
  const links = new Map<string, Link>()
  for (const link of await readLinks(tx, requestId, { subjectIds, limit: PAGE }))
    links.set(link.subjectId, link)
  for (const { subjectId, windows } of page) {
    const known = links.get(subjectId)?.windows ?? []
    links.set(subjectId, {
      subjectId,
      kind: 'record',
      state: 'confirmed',
      windows: joinWindows([...known, ...windows]),
    })
  }
  return [...links.values()]
}

async function finish(
  tx: Transaction,
  parts: RightsParts,
  { request, subject }: Begun,
  doubted: boolean,
  by: Pick<By, 'actor' | 'at'>,
): Promise<void> {
  const { requestId } = request
  const values = namesOf(subject).map((name) => name.value)
  const users = await directoryUsersNamed(tx, parts.keys, values)
  await keepLinks(
    tx,
    requestId,
    users.map((subjectId) => ({
      subjectId,
      kind: 'account',
      state: 'confirmed',
      windows: [[0, null]],
    })),
  )
  for (const value of values) {
    const account = value.includes('@') ? await findByMail(tx, parts.keys, value) : undefined
    if (!account) continue
    const link = { subjectId: account.accountId, kind: 'account', state: 'confirmed' } as const
    await keepLinks(tx, requestId, [{ ...link, windows: [[0, null]] }])
  }
  if (doubted) await doubtLinks(tx, requestId)
  await updateRequest(tx, { ...request, collectedAt: by.at, runs: request.runs + 1 })
  const counts = await countLinks(tx, requestId)
  await recordRights(tx, 'rights.collected', by, {
    request: requestId,
    run: request.runs + 1,
    ...counts,
  })
}

interface Doubts {
  look(items: Readonly<Record<string, unknown>>): void
  any(): boolean
}

/** Two values of one naming item, neither of which the request gives, are two people until somebody says otherwise. */
function createDoubts(catalog: Catalog, names: readonly PersonName[]): Doubts {
  const given = new Set(names.map((name) => name.value.toLowerCase()))
  const seen = new Map<string, string>()
  let doubted = false
  return {
    look: (items) => {
      for (const [item, value] of Object.entries(items)) {
        if (typeof value !== 'string' || given.has(value.toLowerCase())) continue
        const known = catalog.items.get(item)
        if (known?.class !== 'person' || !isLookedUp(known)) continue
        const text = value.toLowerCase()
        const other = seen.get(item)
        if (other === undefined) seen.set(item, text)
        else if (other !== text) doubted = true
      }
    },
    any: () => doubted,
  }
}

import { commitCursor, readCursor } from '#connections/cursor.ts'
import { keepVppFacts, takeVppNews } from '#connections/vpp-token.ts'
import { type VppAsset, replaceVppAssets } from '#connections/vpp-token-assets.ts'
import type { ObjectShape } from '#catalog/shape.ts'
import { EXCHANGES, SERIAL, USER_ID } from '#connectors/apple-apps-and-books/exchanges.ts'
import { errorNumberOf } from '#connectors/apple-apps-and-books/error-words.ts'
import { DEVICE_RECORD, PERSON_RECORD, listPages } from '#connectors/apple-apps-and-books/source.ts'
import { type Refusal, isRefusal } from '#foundation/refusal.ts'
import { receive } from '#intake/receive.ts'
import { removeUnseen } from '#records/remove-unseen.ts'
import type { Node } from '../compose.ts'

export interface LicencesSynchronised {
  readonly assets: number
  readonly people: number
  readonly devices: number
}

type Versions = Readonly<Record<'assets' | 'assignments' | 'users', string | undefined>>
type Parts = Pick<Node, 'parts' | 'sharing' | 'database'>

const ACTOR = 'job:synchronise-licences'
const AT_ONCE = 1_000
const REMOVAL = { item: 'person.userStatus', word: 'Retired' }

/** Apple or the door said no; what was kept before stays. */
class Stopped extends Error {
  readonly refusal: Refusal | undefined
  readonly number: number | undefined
  constructor(refusal: Refusal | undefined, number?: number) {
    super(refusal?.message ?? `the list is refused: ${number}`)
    this.refusal = refusal
    this.number = number
  }
}

/**
 * Sluss as its own client of Apps and Books: how many licences there are of each product, and how many each user and
 * device holds. A list that has not changed since the last time is asked for one page. The versions are kept with the
 * last commit, so that a walk that was ended at any point is begun again, with the same result.
 */
export async function synchroniseLicences(
  node: Parts,
  tenantId: string,
  connectionId: string,
): Promise<LicencesSynchronised | Refusal> {
  const { database, sharing } = node
  const since = sharing.gate.now()
  const ask = asker(node, tenantId, connectionId)
  const note = (facts: Parameters<typeof keepVppFacts>[2]) =>
    database.write(tenantId, (tx) => keepVppFacts(tx, connectionId, facts, sharing.gate.now()))
  await database.write(tenantId, (tx) => takeVppNews(tx, connectionId))
  try {
    const config = (await ask('clientConfig')({})) as Record<string, unknown>
    const facts = {
      country: textOf(config.countryISO2ACode),
      locationName: textOf(config.locationName),
      libraryId: textOf(config.uId),
    }
    await note({ ...facts, status: 'inProgress' })
    const known = await readVersions(node, tenantId, connectionId)
    const assets = await walkAssets(node, tenantId, connectionId, ask, known)
    const held = await walkHolders(node, tenantId, connectionId, ask, known, since)
    const versions = {
      assets: assets.version ?? known.assets,
      assignments: held.assignments ?? known.assignments,
      users: held.users ?? known.users,
    }
    await database.write(tenantId, async (tx) => {
      const now = sharing.gate.now()
      await commitCursor(tx, connectionId, 'sync', JSON.stringify(versions), now)
      await keepVppFacts(tx, connectionId, { ...facts, status: 'completed' }, now)
    })
    return { assets: assets.count, people: held.people, devices: held.devices }
  } catch (fault) {
    await note({ status: 'failed', error: fault instanceof Stopped ? fault.number : undefined })
    if (fault instanceof Stopped && fault.refusal) return fault.refusal
    throw fault
  }
}

function asker({ sharing }: Parts, tenantId: string, connectionId: string) {
  return (id: string) => {
    const exchange = EXCHANGES.find((one) => one.id === `apple.vpp.${id}`)
    if (!exchange) throw new RangeError(`no exchange ${id}`)
    return async (query: Readonly<Record<string, string>>): Promise<unknown> => {
      const call = { method: 'GET' as const, query: new URLSearchParams(query), body: undefined }
      const shared = await sharing.share({ tenantId, connectionId, exchange, call, actor: ACTOR })
      if (isRefusal(shared)) throw new Stopped(shared)
      if ('failed' in shared) throw new Error(`Apple could not be asked: ${shared.failed}`)
      if (shared.raw.status !== 200)
        throw new Stopped(undefined, errorNumberOf(shared.raw.body) ?? 0)
      // Of products, what may come in; of people and devices, as it came: the door in decides on those.
      const { body } =
        id === 'users' || id === 'assignments' ? shared.raw : shared.admitted.response
      return parse(body)
    }
  }
}

type Ask = ReturnType<typeof asker>

async function walkAssets(
  { database }: Parts,
  tenantId: string,
  connectionId: string,
  ask: Ask,
  known: Versions,
): Promise<{ count: number; version: string | undefined }> {
  let found: VppAsset[] = []
  let version: string | undefined
  for await (const page of listPages(ask('assets'), 'assets', known.assets)) {
    if (page.restarted) found = []
    for (const { adamId, pricingParam, ...facts } of page.rows)
      if (typeof adamId === 'string')
        found.push({
          adamId,
          pricingParam: String(pricingParam ?? ''),
          facts: facts as VppAsset['facts'],
        })
    if (page.complete) version = page.version
  }
  if (version !== undefined)
    await database.write(tenantId, (tx) => replaceVppAssets(tx, connectionId, found))
  return { count: found.length, version }
}

/** Users and assignments belong together: when either changed, both are walked through. */
async function walkHolders(
  node: Parts,
  tenantId: string,
  connectionId: string,
  ask: Ask,
  known: Versions,
  since: number,
): Promise<{ people: number; devices: number; users?: string; assignments?: string }> {
  const headOf = async (name: 'users' | 'assignments') => {
    for await (const page of listPages(ask(name), name, known[name])) return page.version
    return undefined
  }
  if ((await headOf('assignments')) === undefined && (await headOf('users')) === undefined)
    return { people: 0, devices: 0 }
  const byUser = new Map<string, number>()
  const byDevice = new Map<string, number>()
  let assignments = ''
  for await (const page of listPages(ask('assignments'), 'assignments', undefined)) {
    if (page.restarted) for (const counts of [byUser, byDevice]) counts.clear()
    for (const { clientUserId, serialNumber } of page.rows) {
      if (typeof clientUserId === 'string') countOne(byUser, clientUserId)
      else if (typeof serialNumber === 'string') countOne(byDevice, serialNumber)
    }
    assignments = page.version
  }
  const people = new Map<string, Record<string, unknown>>()
  let users = ''
  for await (const page of listPages(ask('users'), 'users', undefined)) {
    if (page.restarted) people.clear()
    for (const row of page.rows) addUser(people, row, byUser)
    users = page.version
  }
  const devices = [...byDevice].map(([serialNumber, assignedCount]) => ({
    serialNumber,
    assignedCount,
  }))
  const take = taker(node, tenantId, connectionId, since)
  const counted = {
    devices: await take('device', DEVICE_RECORD, SERIAL, devices),
    people: await take('person', PERSON_RECORD, USER_ID, [...people.values()]),
  }
  return { ...counted, users, assignments }
}

/** A user may stand there several times, retired and anew: the one that is not retired counts. */
function addUser(
  people: Map<string, Record<string, unknown>>,
  { clientUserId, managedAppleId, status }: Record<string, unknown>,
  byUser: ReadonlyMap<string, number>,
): void {
  if (typeof clientUserId !== 'string') return
  if (status === REMOVAL.word && people.has(clientUserId)) return
  people.set(clientUserId, {
    clientUserId,
    ...(managedAppleId === undefined ? {} : { managedAppleId }),
    status,
    assignedCount: byUser.get(clientUserId) ?? 0,
  })
}

/** Takes records in, some at a time, each with its evidence in one commit; then marks what is there no more. */
function taker(
  { parts, sharing, database }: Parts,
  tenantId: string,
  connectionId: string,
  since: number,
) {
  return async (
    kind: 'device' | 'person',
    shape: ObjectShape,
    subjectItem: string,
    records: readonly unknown[],
  ): Promise<number> => {
    let kept = 0
    for (let from = 0; from < records.length; from += AT_ONCE) {
      const some = records.slice(from, from + AT_ONCE)
      const now = sharing.gate.now()
      const { catalog, decider, keys } = parts
      const taken = await database.write(tenantId, (tx) =>
        receive(
          tx,
          {
            connectionId,
            flow: 'apple-volume-purchase/inbound',
            purpose: 'app-licensing',
            kind,
            records: some,
            shape,
            subjectItem,
            removal: REMOVAL,
          },
          { catalog, decider, keys, now, actor: ACTOR, node: database.nodeId },
        ),
      )
      if (isRefusal(taken)) throw new Stopped(taken)
      kept += taken.kept
    }
    await database.write(tenantId, (tx) =>
      removeUnseen(tx, { connectionId, kind }, { since, now: sharing.gate.now() }),
    )
    return kept
  }
}

async function readVersions(
  { database }: Parts,
  tenantId: string,
  connectionId: string,
): Promise<Versions> {
  const { cursor } = await database.read(tenantId, (reader) => readCursor(reader, connectionId))
  const { assets, assignments, users } = JSON.parse(cursor ?? '{}') as Partial<Versions>
  return { assets, assignments, users }
}

/** @throws Error without what was wrong with it: that may quote it */
function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString())
  } catch {
    throw new Error('an answer of Apple is no JSON')
  }
}

function countOne(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1)
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

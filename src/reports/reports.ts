import type { Access } from '#access/permission.ts'
import { type Principal, actorOf } from '#access/principal.ts'
import type { Database, Reader, Transaction } from '#database/handles.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { keyedHash } from '#foundation/hashing.ts'
import { newOrderedId } from '#foundation/ids.ts'
import { type Refusal, isRefusal, refuse } from '#foundation/refusal.ts'
import type { Keys } from '#keys/keys.ts'
import { append } from '#ledger/append.ts'
import { type RandomBits, cryptographicBits } from '#minimisation/random-bits.ts'
import { type Cost, hasLeft, spend } from './budget.ts'
import { DEVICE_REPORTS, countActivity, countReports, withEmptyGroups } from './count.ts'
import { dayOf } from './day.ts'
import { type ReportDefinition, closedCells, reportOf } from './definition.ts'
import { noisedFigures, steppedFigures } from './figures.ts'
import { type NoisePlan, planNoise } from './noise.ts'
import {
  type Release,
  type ReleaseKey,
  keepReleases,
  noteDelivery,
  readDelivered,
  readRelease,
  takeBackDelivery,
} from './release.table.ts'
import { type ReportSettings, readReportSettings } from './settings.ts'
import { guaranteeOf } from './statement.ts'

export const READ_REPORTS = 'Reports/Read'

export interface ReportParts {
  readonly database: Database
  readonly keys: Keys
  /** The source of noise; left out, the operating system's. */
  readonly bits?: RandomBits
}

/** Who asks for which report. */
export interface ReportRequest {
  readonly principal: Principal
  readonly access: Access
  readonly report: string
  /** A scope tag; left out, the whole tenant, or the one tag that the asker's roles have. */
  readonly scopeTag?: string
  /** Milliseconds since 1970. */
  readonly now: number
}

/** A release, and what its recipient has spent in the month when this one cost something. */
export interface Delivered {
  readonly release: Release
  readonly report: ReportDefinition
  readonly spent: Cost | undefined
}

/** The whole tenant, where a scope tag would stand. */
export const WHOLE = '*'
const NOTHING: Cost = { microEpsilon: 0, microRho: 0 }
const MOST_RELEASES = 400

/**
 * The report of the day. There is one for each report, scope and day; it is made when it is first asked for and is the
 * same for everybody from then on. A recipient pays for it once.
 *
 * @returns `role_missing`, `wrong_realm`, `report_unknown`, `scope_tag_not_own`, `report_not_noised`,
 *   `report_budget_spent`
 */
export async function readReport(
  parts: ReportParts,
  request: ReportRequest,
): Promise<Delivered | Refusal> {
  const { database } = parts
  const { tenantId } = request.principal
  const asked = admit(request)
  if (isRefusal(asked)) return database.write(tenantId, (tx) => recordRefusal(tx, request, asked))
  // Settings of a day do not change on that day, so what is planned here holds in the commit below.
  const planned = await database.read(tenantId, (reader) =>
    planRelease(reader, parts, asked, request.now),
  )
  return database.write(tenantId, async (tx) => {
    if (isRefusal(planned)) return recordRefusal(tx, request, planned)
    const { report, key, recipient } = asked
    const { settings, cost, releases } = planned
    if (!(await noteDelivery(tx, recipient, key)))
      return { release: await made(tx, key), report, spent: undefined }
    const spent = await spend(tx, recipient, key.day, cost, settings)
    if (isRefusal(spent)) {
      await takeBackDelivery(tx, recipient, key)
      return recordRefusal(tx, request, spent)
    }
    // Of two that were made at once the first stands, and nobody ever sees the other.
    await keepReleases(tx, releases)
    const release = await made(tx, key)
    await recordRelease(tx, request, release, recipient, cost, spent)
    return { release, report, spent }
  })
}

/** A report over time: its releases that the asker has had, newest first. Nothing new is made or spent. */
export async function readReleases(
  parts: ReportParts,
  request: ReportRequest,
): Promise<{ readonly report: ReportDefinition; readonly releases: readonly Release[] } | Refusal> {
  return parts.database.write(request.principal.tenantId, async (tx) => {
    const asked = admit(request)
    if (isRefusal(asked)) return recordRefusal(tx, request, asked)
    const { report, key, recipient } = asked
    const releases = await readDelivered(tx, { ...key, recipient }, MOST_RELEASES)
    return { report, releases }
  })
}

interface Asked {
  readonly report: ReportDefinition
  readonly key: ReleaseKey
  readonly recipient: string
}

/** The people of a tenant talk to each other, so they are one recipient; each service is one of its own. */
export function recipientOf({ kind, accountId }: Principal): string {
  return kind === 'service' ? `service:${accountId}` : 'people'
}

/**
 * The whole tenant or one scope tag: of a union of tags, and each by itself, one could work out who carries both.
 *
 * @returns `role_missing`, or `scope_tag_not_own` where the asker's roles do not have it or have several to choose of
 */
export function scopeOf({
  access,
  scopeTag,
}: Pick<ReportRequest, 'access' | 'scopeTag'>): string | Refusal {
  if (!access.may(READ_REPORTS)) return refuse('role_missing', { permission: READ_REPORTS })
  const tags = access.tagsFor(READ_REPORTS)
  const only = tags === 'all' ? WHOLE : tags.size === 1 ? [...tags][0] : undefined
  const scope = scopeTag ?? only
  const isOwn = scope !== undefined && (tags === 'all' || tags.has(scope))
  return isOwn ? scope : refuse('scope_tag_not_own')
}

function admit(request: ReportRequest): Asked | Refusal {
  const scope = scopeOf(request)
  if (isRefusal(scope)) return scope
  const report = reportOf(request.report)
  if (!report) return refuse('report_unknown')
  // What happened has no scope tag; whoever sees a part of the tenant does not see it.
  if (report.counts === 'events' && scope !== WHOLE) return refuse('scope_tag_not_own')
  return {
    report,
    key: { report: report.id, scope, day: dayOf(request.now) },
    recipient: recipientOf(request.principal),
  }
}

function planOf(report: ReportDefinition, settings: ReportSettings): NoisePlan | 'none' | Refusal {
  // Events are not people: nobody knows how many of them one person makes.
  if (report.counts === 'events' && settings.noise !== 'none')
    return refuse('report_not_noised', { report: report.id })
  const plan = planNoise(settings, !closedCells(report))
  return plan === 'notNoised' ? refuse('report_not_noised', { report: report.id }) : plan
}

interface Planned {
  readonly settings: ReportSettings
  readonly cost: Cost
  /** What is to be kept if there is none yet; nothing where the day has its release, or it cannot be paid. */
  readonly releases: readonly Release[]
}

/** Without noise all reports on devices are made of one state; with noise each when it is paid for. */
async function planRelease(
  reader: Reader,
  parts: ReportParts,
  asked: Asked,
  now: number,
): Promise<Planned | Refusal> {
  const { report, key } = asked
  const { now: settings } = await readReportSettings(reader, key.day)
  const plan = planOf(report, settings)
  if (isRefusal(plan)) return plan
  const cost = plan === 'none' ? NOTHING : plan
  const counted = await readRelease(reader, key)
  if (counted || !(await hasLeft(reader, asked.recipient, key.day, cost, settings)))
    return { settings, cost, releases: [] }
  const wanted = plan === 'none' && report.counts === 'devices' ? DEVICE_REPORTS : [report]
  const tag = key.scope === WHOLE ? undefined : key.scope
  const counts =
    report.counts === 'events'
      ? new Map([[report.id, await countActivity(reader, now)]])
      : await countReports(reader, wanted, tag, now)
  const { keys, bits = cryptographicBits() } = parts
  const hash = keyedHash(await keys.pseudonymKey(reader, 'reports/steps'))
  const { groupSize: k } = settings
  const releases = wanted.map((one) => {
    const cells = counts.get(one.id) ?? []
    const figures =
      plan === 'none'
        ? steppedFigures(one, key.scope, cells, k, hash)
        : noisedFigures(one, withEmptyGroups(one, cells), k, plan, bits)
    return { ...key, report: one.id, madeAt: now, guarantee: guaranteeOf(settings, plan), figures }
  })
  return { settings, cost, releases }
}

async function made(tx: Transaction, key: ReleaseKey): Promise<Release> {
  const release = await readRelease(tx, key)
  if (!release) throw new Error('a release was delivered but not kept')
  return release
}

function recordRelease(
  tx: Transaction,
  { principal, now }: ReportRequest,
  { report, scope, day, guarantee }: Release,
  recipient: string,
  cost: Cost,
  spent: Cost,
): Promise<void> {
  return append(tx, {
    id: newOrderedId(now),
    at: toTimestamp(now),
    kind: 'report.released',
    actor: actorOf(principal),
    data: {
      report,
      scope,
      day,
      recipient,
      guarantee: { ...guarantee },
      cost: { microEpsilon: cost.microEpsilon, microRho: cost.microRho },
      spent: { ...spent },
    },
  })
}

/** What was asked for is named only where it is one of ours: a caller may put anything there. */
async function recordRefusal(
  tx: Transaction,
  { principal, report, now }: ReportRequest,
  refusal: Refusal,
): Promise<Refusal> {
  await append(tx, {
    id: newOrderedId(now),
    at: toTimestamp(now),
    kind: 'report.refused',
    actor: actorOf(principal),
    data: { reason: refusal.refused, ...(reportOf(report) ? { report } : {}) },
  })
  return refusal
}

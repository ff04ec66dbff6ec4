import { randomBytes } from 'node:crypto'
import type { Transaction } from '#database/handles.ts'
import { sha256Hex } from '#foundation/hashing.ts'
import { type Refusal, isRefusal, refuse } from '#foundation/refusal.ts'
import { streamArchive } from './export-archive.ts'
import type { By, RightsParts } from './parts.ts'
import { recordRights } from './record-rights.ts'
import { readServable } from './requests.ts'
import { type ViewPage, viewPages } from './view.ts'
import type { Cut } from './view-redact.ts'
import { followSightings } from './view-sightings.ts'

const DAY_IN_MS = 86_400_000

/** How long a link to an archive is good for, in days. */
const LINK_DAYS = { usual: 7, most: 30 } as const

/** Where an archive may be fetched, by whoever has the link; it says the tenant, since who fetches has no account. */
export interface ArchiveLink {
  readonly token: string
  readonly expiresAt: number
}

/**
 * Makes a link to the archive of a request. The archive itself is made anew each time that it is fetched and never
 * lies anywhere; the link ends by itself, and when the request is refused or withdrawn. `redactions` are items that
 * this copy leaves out, each with its reason.
 *
 * @returns the refusals of `readServable`
 */
export async function makeArchiveLink(
  tx: Transaction,
  parts: RightsParts,
  requestId: string,
  wanted: { readonly days?: number | undefined; readonly redactions: readonly Cut[] },
  by: By,
): Promise<ArchiveLink | Refusal> {
  const served = await readServable(tx, parts, requestId)
  if (isRefusal(served)) return served
  const secret = randomBytes(32).toString('base64url')
  const days = Math.min(wanted.days ?? LINK_DAYS.usual, LINK_DAYS.most)
  const expiresAt = by.at + days * DAY_IN_MS
  await tx.change(
    `insert into rights_export_links (tenant_id, link_hash, request_id, redactions, expires_at, made_by)
     values ($1, $2, $3, $4, $5, $6)`,
    [
      tx.tenantId,
      sha256Hex(secret),
      requestId,
      JSON.stringify(wanted.redactions),
      new Date(expiresAt),
      by.actor,
    ],
  )
  await recordRights(tx, 'rights.changed', by, {
    request: requestId,
    change: 'archiveLink',
    days,
    redactions: wanted.redactions.length,
  })
  return { token: `${tx.tenantId}.${secret}`, expiresAt }
}

/**
 * The archive that a link leads to, as a stream. That it was fetched is an entry, durable before the first byte.
 *
 * @returns `export_link_over`; the refusals of `readServable`
 */
export async function openArchive(
  parts: RightsParts,
  token: string,
  now: number,
): Promise<{ readonly name: string; readonly bytes: AsyncGenerator<Buffer> } | Refusal> {
  const [, tenantId, secret] = /^([a-z0-9-]{1,63})\.([\w-]{43})$/.exec(token) ?? []
  if (tenantId === undefined || secret === undefined) return refuse('export_link_over')
  const opened = await parts.database.write(tenantId, (tx) => useLink(tx, parts, secret, now))
  if (isRefusal(opened)) return opened
  await followSightings(parts, tenantId)
  const { served, redactions, entryId } = opened
  const signer = await parts.keys.signer('ledger')
  const bytes = streamArchive({
    requestId: served.request.requestId,
    tenantId,
    language: served.request.language,
    madeAt: now,
    entryId,
    ledgerName: parts.ledgerName,
    signer,
    pages: (part) => redacted(viewPages(parts, tenantId, served, now, part), redactions),
  })
  return { name: `rights-${served.request.requestId}.zip`, bytes }
}

async function useLink(tx: Transaction, parts: RightsParts, secret: string, now: number) {
  const [link] = await tx.rows<{ request_id: string; redactions: readonly Cut[] }>(
    `update rights_export_links set used = used + 1
      where tenant_id = $1 and link_hash = $2 and expires_at > $3 returning request_id, redactions`,
    [tx.tenantId, sha256Hex(secret), new Date(now)],
  )
  if (!link) return refuse('export_link_over')
  const served = await readServable(tx, parts, link.request_id)
  if (isRefusal(served)) return served
  const entryId = await recordRights(
    tx,
    'rights.exported',
    { actor: `link:${link.request_id}`, at: now },
    { request: link.request_id, redactions: link.redactions.length },
  )
  return { served, redactions: link.redactions, entryId }
}

/** The same pages without the items that this copy leaves out. */
async function* redacted(
  pages: AsyncIterable<ViewPage>,
  redactions: readonly Cut[],
): AsyncGenerator<ViewPage> {
  const cut = new Map(redactions.map((one) => [one.item, one]))
  for await (const page of pages)
    yield {
      ...page,
      held: page.held.map((thing) => ({
        ...thing,
        items: thing.items.filter((one) => !cut.has(one.item)),
        cut: [...thing.cut, ...thing.items.flatMap((one) => cut.get(one.item) ?? [])],
      })),
    }
}

/** Removes links whose time is over. Answers how many. */
export function removeEndedLinks(tx: Transaction, now: number): Promise<number> {
  return tx.change('delete from rights_export_links where tenant_id = $1 and expires_at <= $2', [
    tx.tenantId,
    new Date(now),
  ])
}

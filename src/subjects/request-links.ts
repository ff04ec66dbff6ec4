import type { Reader, Transaction } from '#database/handles.ts'
import type { Window } from '#records/name-windows.ts'

/** A subject that is the person, or may be, and when. */
export interface Link {
  readonly subjectId: string
  readonly kind: 'record' | 'account'
  readonly state: 'candidate' | 'confirmed' | 'rejected'
  readonly windows: readonly Window[]
}

interface Row {
  readonly subject_id: string
  readonly kind: Link['kind']
  readonly state: Link['state']
  readonly windows: readonly Window[]
}

const NONE = '00000000-0000-0000-0000-000000000000'

/** Adds links; of one that stands already the times are joined by the caller, and a decision stays. */
export async function keepLinks(
  tx: Transaction,
  requestId: string,
  links: readonly Link[],
): Promise<void> {
  if (links.length === 0) return
  await tx.change(
    `insert into rights_links (tenant_id, request_id, subject_id, kind, state, windows)
     select $1, $2, l.* from json_to_recordset($3) as l (subject_id uuid, kind text, state text, windows jsonb)
     on conflict (tenant_id, request_id, subject_id) do update set windows = excluded.windows,
       state = case when rights_links.decided_by is null then excluded.state else rights_links.state end`,
    [
      tx.tenantId,
      requestId,
      JSON.stringify(
        links.map((link) => ({
          subject_id: link.subjectId,
          kind: link.kind,
          state: link.state,
          windows: link.windows,
        })),
      ),
    ],
  )
}

/** One page of links in the order of their subjects; of one state, or all. */
export async function readLinks(
  reader: Reader,
  requestId: string,
  page: {
    readonly state?: Link['state'] | undefined
    readonly subjectIds?: readonly string[]
    readonly after?: string | undefined
    readonly limit: number
  },
): Promise<readonly Link[]> {
  const rows = await reader.rows<Row>(
    `select subject_id, kind, state, windows from rights_links
      where tenant_id = $1 and request_id = $2 and subject_id > $3 and ($4::text is null or state = $4)
        and ($6::uuid[] is null or subject_id = any($6::uuid[]))
      order by subject_id limit $5`,
    [
      reader.tenantId,
      requestId,
      page.after ?? NONE,
      page.state ?? null,
      page.limit,
      page.subjectIds ?? null,
    ],
  )
  return rows.map((row) => ({
    subjectId: row.subject_id,
    kind: row.kind,
    state: row.state,
    windows: row.windows,
  }))
}

export async function countLinks(
  reader: Reader,
  requestId: string,
): Promise<Readonly<Record<Link['state'], number>>> {
  const rows = await reader.rows<{ state: Link['state']; count: number }>(
    'select state, count(*)::int as count from rights_links where tenant_id = $1 and request_id = $2 group by state',
    [reader.tenantId, requestId],
  )
  const counts = { candidate: 0, confirmed: 0, rejected: 0 }
  for (const row of rows) counts[row.state] = row.count
  return counts
}

/** Says whether the subject is the person. Answers whether there is such a link. */
export async function decideLink(
  tx: Transaction,
  requestId: string,
  subjectId: string,
  decision: { readonly state: 'confirmed' | 'rejected'; readonly by: string },
): Promise<boolean> {
  const changed = await tx.change(
    `update rights_links set state = $4, decided_by = $5
      where tenant_id = $1 and request_id = $2 and subject_id = $3`,
    [tx.tenantId, requestId, subjectId, decision.state, decision.by],
  )
  return changed === 1
}

/** Forgets links that nobody decided on, before the person is looked up anew. */
export async function forgetLinks(tx: Transaction, requestId: string): Promise<void> {
  await tx.change(
    'delete from rights_links where tenant_id = $1 and request_id = $2 and decided_by is null',
    [tx.tenantId, requestId],
  )
}

/** All open candidates become so at once: they do not agree with each other about who the person is. */
export async function doubtLinks(tx: Transaction, requestId: string): Promise<void> {
  await tx.change(
    `update rights_links set state = 'candidate'
      where tenant_id = $1 and request_id = $2 and decided_by is null and kind = 'record'`,
    [tx.tenantId, requestId],
  )
}

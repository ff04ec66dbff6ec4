import type { Reader, Transaction } from '#database/handles.ts'
import type { Figures } from './figures.ts'
import type { Guarantee } from './statement.ts'

/** Which release: there is one of each. */
export interface ReleaseKey {
  readonly report: string
  /** `*` for the whole tenant, or the id of a scope tag. */
  readonly scope: string
  /** In UTC. */
  readonly day: string
}

export interface Release extends ReleaseKey {
  /** Milliseconds since 1970. */
  readonly madeAt: number
  readonly guarantee: Guarantee
  readonly figures: Figures
}

interface Row {
  report: string
  scope: string
  day: string
  made_at: Date
  guarantee: Guarantee
  figures: Figures
}

const COLUMNS = `report, scope, to_char(day, 'YYYY-MM-DD') as day, made_at, guarantee, figures`

export async function readRelease(
  reader: Reader,
  { report, scope, day }: ReleaseKey,
): Promise<Release | undefined> {
  const [row] = await reader.rows<Row>(
    `select ${COLUMNS} from report_releases where tenant_id = $1 and report = $2 and scope = $3 and day = $4`,
    [reader.tenantId, report, scope, day],
  )
  return row && toRelease(row)
}

/** What the recipient got of a report and scope, newest first: the report over time. */
export async function readDelivered(
  reader: Reader,
  { report, scope, recipient }: Omit<ReleaseKey, 'day'> & { readonly recipient: string },
  most: number,
): Promise<readonly Release[]> {
  const rows = await reader.rows<Row>(
    `select ${COLUMNS} from report_releases r
      where tenant_id = $1 and report = $2 and scope = $3 and exists (
        select from report_deliveries d where d.tenant_id = $1 and d.recipient = $4
           and d.report = r.report and d.scope = r.scope and d.day = r.day)
      order by r.day desc limit $5`,
    [reader.tenantId, report, scope, recipient, most],
  )
  return rows.map(toRelease)
}

/** Keeps releases where there are none yet: of two nodes that make one, the first to commit has made it. */
export async function keepReleases(tx: Transaction, releases: readonly Release[]): Promise<void> {
  const [first] = releases
  if (!first) return
  await tx.change(
    `insert into report_releases (tenant_id, report, scope, day, made_at, guarantee, figures)
     select $1, r.report, r.scope, r.day::date, $3, r.guarantee, r.figures
       from json_to_recordset($2) as r (report text, scope text, day text, guarantee jsonb, figures jsonb)
      order by r.report
     on conflict do nothing`,
    [tx.tenantId, JSON.stringify(releases), new Date(first.madeAt)],
  )
}

/** Notes that the recipient gets it; false when they have it already. Held until the commit. */
export async function noteDelivery(
  tx: Transaction,
  recipient: string,
  { report, scope, day }: ReleaseKey,
): Promise<boolean> {
  const made = await tx.change(
    `insert into report_deliveries (tenant_id, recipient, report, scope, day) values ($1, $2, $3, $4, $5)
     on conflict do nothing`,
    [tx.tenantId, recipient, report, scope, day],
  )
  return made > 0
}

export async function takeBackDelivery(
  tx: Transaction,
  recipient: string,
  { report, scope, day }: ReleaseKey,
): Promise<void> {
  await tx.change(
    `delete from report_deliveries
      where tenant_id = $1 and recipient = $2 and report = $3 and scope = $4 and day = $5`,
    [tx.tenantId, recipient, report, scope, day],
  )
}

const toRelease = (row: Row): Release => ({
  report: row.report,
  scope: row.scope,
  day: row.day,
  madeAt: row.made_at.getTime(),
  guarantee: row.guarantee,
  figures: row.figures,
})

import type { Reader, Transaction } from '#database/handles.ts'
import { isUuid } from '#foundation/ids.ts'
import type { Keys } from '#keys/keys.ts'
import { unlessErased } from './view-held.ts'

export type CorrectionState = 'disputed' | 'corrected' | 'changed' | 'refused'

/** What a person says is wrong about them. Times in milliseconds since 1970. */
export interface Correction {
  readonly correctionId: string
  readonly requestId: string
  readonly subjectId: string
  readonly item: string
  /** `source`: wrong where it comes from, and corrected there; `here`: entered here, and corrected here. */
  readonly route: 'source' | 'here'
  readonly state: CorrectionState
  readonly openedAt: number
  readonly openedBy: string
  readonly closedAt: number | undefined
  /** What recipients of the old value owe. */
  readonly obligations: readonly string[]
}

/** What stood there and what should; sealed under the subject's key, so that it goes with the person. */
export interface CorrectionValues {
  readonly old: readonly unknown[]
  readonly wanted: string
}

interface Row {
  readonly correction_id: string
  readonly request_id: string
  readonly subject_id: string
  readonly item_id: string
  readonly route: Correction['route']
  readonly state: CorrectionState
  readonly sealed: Buffer
  readonly opened_at: Date
  readonly opened_by: string
  readonly closed_at: Date | null
  readonly obligations: readonly string[]
}

const COLUMNS = `correction_id, request_id, subject_id, item_id, route, state, sealed, opened_at, opened_by, closed_at,
  obligations`

const place = (correctionId: string): string => `rights-correction/${correctionId}`

/** Answers false when the item is disputed already. */
export async function insertCorrection(
  tx: Transaction,
  keys: Keys,
  correction: Correction,
  values: CorrectionValues,
): Promise<boolean> {
  const { correctionId, subjectId } = correction
  const plain = Buffer.from(JSON.stringify(values))
  const made = await tx.change(
    `insert into rights_corrections (tenant_id, correction_id, request_id, subject_id, item_id, route, state, sealed,
       opened_at, opened_by, closed_at, obligations)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) on conflict do nothing`,
    [
      tx.tenantId,
      correctionId,
      correction.requestId,
      subjectId,
      correction.item,
      correction.route,
      correction.state,
      await keys.sealFor(tx, subjectId, place(correctionId), plain),
      new Date(correction.openedAt),
      correction.openedBy,
      correction.closedAt === undefined ? null : new Date(correction.closedAt),
      correction.obligations,
    ],
  )
  return made === 1
}

export async function closeCorrectionRow(
  tx: Transaction,
  correctionId: string,
  closed: {
    readonly state: CorrectionState
    readonly at: number
    readonly obligations: readonly string[]
  },
): Promise<boolean> {
  const changed = await tx.change(
    `update rights_corrections set state = $3, closed_at = $4, obligations = $5
      where tenant_id = $1 and correction_id = $2 and state = 'disputed'`,
    [tx.tenantId, correctionId, closed.state, new Date(closed.at), closed.obligations],
  )
  return changed === 1
}

/** One correction, and its values. */
export async function selectCorrection(
  reader: Reader,
  keys: Keys,
  correctionId: string,
): Promise<{ readonly correction: Correction; readonly values: CorrectionValues } | undefined> {
  if (!isUuid(correctionId)) return undefined
  const [row] = await reader.rows<Row>(
    `select ${COLUMNS} from rights_corrections where tenant_id = $1 and correction_id = $2`,
    [reader.tenantId, correctionId],
  )
  return row && { correction: toCorrection(row), values: await open(reader, keys, row) }
}

/** Corrections of one request, newest first; a request has as many as somebody typed. */
export async function correctionsOf(
  reader: Reader,
  requestId: string,
): Promise<readonly Correction[]> {
  const rows = await reader.rows<Row>(
    `select ${COLUMNS} from rights_corrections where tenant_id = $1 and request_id = $2
      order by opened_at desc, correction_id`,
    [reader.tenantId, requestId],
  )
  return rows.map(toCorrection)
}

/** Corrections that wait for their source; those of erased people are gone. */
export async function openCorrections(
  reader: Reader,
  keys: Keys,
): Promise<readonly { readonly correction: Correction; readonly values: CorrectionValues }[]> {
  const rows = await reader.rows<Row>(
    `select ${COLUMNS} from rights_corrections where tenant_id = $1 and state = 'disputed' order by correction_id`,
    [reader.tenantId],
  )
  await keys.loadSubjectKeys(
    reader,
    rows.map((row) => row.subject_id),
  )
  const opened = []
  for (const row of rows) {
    const values = await unlessErased(() => open(reader, keys, row), undefined)
    if (values) opened.push({ correction: toCorrection(row), values })
  }
  return opened
}

/** `<subject> <item>` of what is disputed. */
export async function disputedItems(
  reader: Reader,
  subjectIds: readonly string[],
): Promise<ReadonlySet<string>> {
  const rows = await reader.rows<{ subject_id: string; item_id: string }>(
    `select subject_id, item_id from rights_corrections
      where tenant_id = $1 and state = 'disputed' and subject_id = any($2::uuid[])`,
    [reader.tenantId, subjectIds],
  )
  return new Set(rows.map((row) => `${row.subject_id} ${row.item_id}`))
}

async function open(reader: Reader, keys: Keys, row: Row): Promise<CorrectionValues> {
  const opened = await keys.openFor(reader, row.subject_id, place(row.correction_id), row.sealed)
  return JSON.parse(opened.toString()) as CorrectionValues
}

function toCorrection(row: Row): Correction {
  return {
    correctionId: row.correction_id,
    requestId: row.request_id,
    subjectId: row.subject_id,
    item: row.item_id,
    route: row.route,
    state: row.state,
    openedAt: row.opened_at.getTime(),
    openedBy: row.opened_by,
    closedAt: row.closed_at?.getTime(),
    obligations: row.obligations,
  }
}

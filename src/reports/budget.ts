import type { Reader, Transaction } from '#database/handles.ts'
import { type Refusal, refuse } from '#foundation/refusal.ts'
import { monthOf } from './day.ts'
import type { ReportSettings } from './settings.ts'

/** What a recipient got in one month and what there is, in whole millionths. */
export interface Meter {
  readonly recipient: string
  /** Its first day. */
  readonly month: string
  readonly spentMicroEpsilon: number
  readonly spentMicroRho: number
  readonly releases: number
}

/** What a release costs. */
export interface Cost {
  readonly microEpsilon: number
  readonly microRho: number
}

/**
 * Spends in the statement that looks at what is left, so that nodes which race cannot overspend together. Both accounts
 * are added up: ε by plain addition, ρ by that of zero-concentrated differential privacy.
 *
 * @returns `report_budget_spent` when either would be more than the month has
 */
export async function spend(
  tx: Transaction,
  recipient: string,
  day: string,
  { microEpsilon, microRho }: Cost,
  limits: Pick<ReportSettings, 'monthMicroEpsilon' | 'monthMicroRho'>,
): Promise<Cost | Refusal> {
  const month = monthOf(day)
  if (microEpsilon <= limits.monthMicroEpsilon && microRho <= limits.monthMicroRho) {
    const [row] = await tx.rows<{ epsilon: number; rho: number }>(
      `insert into report_budgets as b (tenant_id, recipient, month, spent_micro_epsilon, spent_micro_rho, releases)
       values ($1, $2, $3, $4, $5, 1)
       on conflict (tenant_id, recipient, month) do update
         set spent_micro_epsilon = b.spent_micro_epsilon + $4, spent_micro_rho = b.spent_micro_rho + $5,
             releases = b.releases + 1
       where b.spent_micro_epsilon + $4 <= $6 and b.spent_micro_rho + $5 <= $7
       returning spent_micro_epsilon as epsilon, spent_micro_rho as rho`,
      [
        tx.tenantId,
        recipient,
        month,
        microEpsilon,
        microRho,
        limits.monthMicroEpsilon,
        limits.monthMicroRho,
      ],
    )
    if (row) return { microEpsilon: Number(row.epsilon), microRho: Number(row.rho) }
  }
  return refuse('report_budget_spent', { recipient, month })
}

/** Whether there is enough left now: asked before anything is counted for nothing. Only `spend` decides. */
export async function hasLeft(
  reader: Reader,
  recipient: string,
  day: string,
  { microEpsilon, microRho }: Cost,
  limits: Pick<ReportSettings, 'monthMicroEpsilon' | 'monthMicroRho'>,
): Promise<boolean> {
  const month = monthOf(day).slice(0, 7)
  const meter = (await readMeters(reader)).find(
    (one) => one.recipient === recipient && one.month.slice(0, 7) === month,
  )
  return (
    (meter?.spentMicroEpsilon ?? 0) + microEpsilon <= limits.monthMicroEpsilon &&
    (meter?.spentMicroRho ?? 0) + microRho <= limits.monthMicroRho
  )
}

/** What everybody got, newest month first. */
export async function readMeters(reader: Reader): Promise<readonly Meter[]> {
  const rows = await reader.rows<{
    recipient: string
    month: string
    epsilon: number
    rho: number
    releases: number
  }>(
    `select recipient, to_char(month, 'YYYY-MM-DD') as month, spent_micro_epsilon as epsilon, spent_micro_rho as rho, releases
       from report_budgets where tenant_id = $1 order by month desc, recipient`,
    [reader.tenantId],
  )
  return rows.map((row) => ({
    recipient: row.recipient,
    month: row.month,
    spentMicroEpsilon: Number(row.epsilon),
    spentMicroRho: Number(row.rho),
    releases: row.releases,
  }))
}

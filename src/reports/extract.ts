import { actorOf } from '#access/principal.ts'
import type { ItemId } from '#catalog/catalog.ts'
import type { Precision } from '#catalog/precision.ts'
import { QUASI_IDENTIFIER_SETS, type QuasiIdentifierSet } from '#catalog/quasi-identifiers.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { keyedHash } from '#foundation/hashing.ts'
import { newOrderedId } from '#foundation/ids.ts'
import { type Refusal, isRefusal, refuse } from '#foundation/refusal.ts'
import { append } from '#ledger/append.ts'
import { coarsener } from '#minimisation/coarsen.ts'
import { countAlike } from '#records/count-alike.ts'
import { dayOf } from './day.ts'
import { type Ladder, generalise } from './k-anonymity.ts'
import { type ReportParts, type ReportRequest, WHOLE, scopeOf } from './reports.ts'
import { readReportSettings } from './settings.ts'

/** How exactly items may go into an extract of single records so that each is like at least k - 1 others. */
export interface ExtractPlan {
  readonly set: string
  readonly groupSize: number
  readonly precisions: readonly { readonly item: ItemId; readonly precision: Precision }[]
}

/**
 * Works out how coarse the items of a catalogued set must be in an extract of the tenant's devices as they are now, so
 * that every record is like k - 1 others in all of them together. No record is left out to get there.
 *
 * @returns `extract_not_anonymous` when even without any of the items there are fewer than k records; `report_unknown`
 *   for another set; the refusals of `scopeOf`
 */
export async function planExtract(
  { database }: Pick<ReportParts, 'database'>,
  request: Omit<ReportRequest, 'report'> & { readonly set: string },
): Promise<ExtractPlan | Refusal> {
  const { principal, now } = request
  return database.write(principal.tenantId, async (tx) => {
    const scope = scopeOf(request)
    if (isRefusal(scope)) return scope
    const set = QUASI_IDENTIFIER_SETS.find((one) => one.id === request.set)
    if (!set) return refuse('report_unknown')
    const { groupSize } = (await readReportSettings(tx, dayOf(now))).now
    const items = set.items.map(({ item }) => item)
    const alike = await countAlike(tx, items, scope === WHOLE ? undefined : scope)
    const found = generalise(alike, laddersOf(set), groupSize)
    const precisions = set.items.map(({ item, ladder }, i) => ({
      item,
      precision: ladder[found?.steps[i] ?? 0] ?? 'withheld',
    }))
    await append(tx, {
      id: newOrderedId(now),
      at: toTimestamp(now),
      kind: 'report.extract',
      actor: actorOf(principal),
      data: {
        set: set.id,
        scope,
        groupSize,
        precisions: found ? precisions.map((one) => ({ ...one })) : null,
      },
    })
    return found
      ? { set: set.id, groupSize, precisions }
      : refuse('extract_not_anonymous', { set: set.id, groupSize })
  })
}

/** What does not fit a precision is kept back by it, and so is like everything else that is. */
function laddersOf(set: QuasiIdentifierSet): readonly Ladder[] {
  const noPseudonyms = keyedHash(Buffer.alloc(32))
  return set.items.map(({ ladder }) => {
    const isNumber = ladder.some((step) => step.startsWith('round:') || step.startsWith('bucket:'))
    return ladder.map((precision) => {
      const coarsen = coarsener(precision, noPseudonyms)
      return (value: string) => {
        const typed = isNumber && value !== '' ? Number(value) : value
        return value === '' ? '' : String(coarsen(typed) ?? '')
      }
    })
  })
}

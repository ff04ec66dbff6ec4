import type { ItemId } from '#catalog/catalog.ts'
import type { Precision } from '#catalog/precision.ts'
import type { KeyedHash } from '#foundation/hashing.ts'
import { type Coarsen, coarsener } from '#minimisation/coarsen.ts'
import type { OpenedRecord } from '#records/list-records.ts'
import type { ViewPlan, ViewedItem } from './view-plan.ts'

/** An item that is not shown exactly, and why. */
export interface Mark {
  readonly item: ItemId
  /** `withheld` where there is no value beside it. */
  readonly precision: Precision
  readonly reason: ViewedItem['reason']
}

/** A record as its viewer gets it. */
export interface ViewedRecord {
  readonly recordId: string
  readonly kind: OpenedRecord['kind']
  readonly connectionId: string
  readonly scopeTags: readonly string[]
  /** Milliseconds since 1970. */
  readonly firstSeen: number
  readonly lastSeen: number
  /** Values, exact or masked. */
  readonly items: Readonly<Record<ItemId, string | number | boolean>>
  /** One for each item of the record that is masked or withheld. */
  readonly marks: readonly Mark[]
}

/** `only`: items that were asked for; the others are neither shown nor told of. */
export type ViewProjection = (record: OpenedRecord, only?: ReadonlySet<ItemId>) => ViewedRecord

interface Rule {
  readonly exact: boolean
  readonly coarsen: Coarsen
  readonly mark: Mark
  readonly withheld: Mark
}

/**
 * Turns a plan into a function over records: an allow-list that builds its output from planned items. An item that
 * the plan does not name does not pass. A value that does not have the form its mask needs is withheld.
 *
 * `minimisation/compile.ts` serves documents of declared types; records are items by id, and each withheld one
 * keeps its reason, so this is its own small engine over the same precisions.
 */
export function compileView(plan: ViewPlan, pseudonymise: KeyedHash): ViewProjection {
  const rules = new Map(plan.items.map((planned) => [planned.item, ruleOf(planned, pseudonymise)]))
  return (record, only) => {
    const items: Record<ItemId, string | number | boolean> = {}
    const marks: Mark[] = []
    for (const id of Object.keys(record.items)) {
      const rule = rules.get(id)
      const value = record.items[id]
      if (!rule || value === undefined || (only && !only.has(id))) continue
      if (rule.exact) {
        items[id] = value
        continue
      }
      const masked = rule.coarsen(value)
      if (masked !== undefined) items[id] = masked
      marks.push(masked === undefined ? rule.withheld : rule.mark)
    }
    return {
      recordId: record.recordId,
      kind: record.kind,
      connectionId: record.connectionId,
      scopeTags: record.scopeTags,
      firstSeen: record.firstSeen,
      lastSeen: record.lastSeen,
      items,
      marks,
    }
  }
}

function ruleOf({ item, show, precision, reason }: ViewedItem, pseudonymise: KeyedHash): Rule {
  const shown = show === 'withheld' ? 'withheld' : precision
  return {
    exact: show === 'exact' && precision === 'exact',
    coarsen: coarsener(shown, pseudonymise),
    mark: Object.freeze({ item, precision: shown, reason }),
    withheld: Object.freeze({ item, precision: 'withheld', reason }),
  }
}

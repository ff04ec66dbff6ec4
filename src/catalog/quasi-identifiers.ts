import type { ItemId } from './catalog.ts'
import type { Precision } from './precision.ts'

/**
 * Items that name nobody each by itself and may name somebody together, with the ways to make each coarser, from exact to
 * withheld. Sets are small: the ways to combine them multiply, and beyond a handful nobody can look through them all.
 */
export interface QuasiIdentifierSet {
  readonly id: string
  readonly title: string
  readonly items: readonly {
    readonly item: ItemId
    /** Each step can be worked out of the one before. */
    readonly ladder: readonly Precision[]
  }[]
}

const STORAGE: readonly Precision[] = ['exact', 'bucket:0,8,32,128', 'bucket:0,32', 'withheld']

/** Only plain items of the catalog: what is sealed identifies, and goes to no extract without a decision of its own. */
export const QUASI_IDENTIFIER_SETS: readonly QuasiIdentifierSet[] = [
  {
    id: 'device-inventory',
    title: 'What a device is and what it runs',
    items: [
      { item: 'device.model', ladder: ['exact', 'truncate:6', 'withheld'] },
      { item: 'device.osVersion', ladder: ['exact', 'truncate:4', 'truncate:2', 'withheld'] },
      { item: 'device.availableStorageSpace', ladder: STORAGE },
      { item: 'device.supervised', ladder: ['exact', 'withheld'] },
    ],
  },
  {
    id: 'device-enrolment',
    title: 'When and how a device was enrolled',
    items: [
      { item: 'device.model', ladder: ['exact', 'truncate:6', 'withheld'] },
      { item: 'device.profileAssignTime', ladder: ['exact', 'day', 'month', 'withheld'] },
      { item: 'device.enrolledAutomatically', ladder: ['exact', 'withheld'] },
      { item: 'device.color', ladder: ['exact', 'withheld'] },
    ],
  },
]

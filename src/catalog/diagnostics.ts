import type { ItemClass, ItemId, Need, PurposeId } from './catalog.ts'
import {
  DIAGNOSTICS_ROWS,
  type DiagnosticsForm,
  type DiagnosticsLevel,
} from './items/diagnostics-rows.ts'

export type { DiagnosticsForm, DiagnosticsLevel } from './items/diagnostics-rows.ts'

/** One item of what an on-premises Configuration Manager site may report about itself. */
export interface DiagnosticsItem {
  readonly id: ItemId
  readonly level: DiagnosticsLevel
  readonly area: string
  /** The item as the source says it. */
  readonly says: string
  readonly class: ItemClass
  readonly form: DiagnosticsForm
  /** Whether people may be named in it: then it is never taken in. */
  readonly personal: boolean
  readonly secret: false
  readonly need: Need
}

/** From least to most; each has all of those before it. */
export const DIAGNOSTICS_LEVELS: readonly DiagnosticsLevel[] = ['basic', 'enhanced', 'full']

/** What a tenant sends until it chooses. The source starts at `enhanced`; Sluss starts at the least. */
export const DEFAULT_DIAGNOSTICS_LEVEL: DiagnosticsLevel = 'basic'

/** How long what was sent in is kept, in days. */
export const DIAGNOSTICS_KEPT_IN_DAYS = 365

/** The only purposes that diagnostics are read for, with the words of the source that each stands for. */
export const DIAGNOSTICS_PURPOSES: ReadonlyMap<PurposeId, readonly string[]> = new Map([
  [
    'installation-experience',
    ['keep the product up to date', 'better install and update experience'],
  ],
  ['quality', ['quality and security of future releases', 'choose which configurations to test']],
  ['security', ['quality and security of future releases']],
])

/** What the source forbids by name. Anything that is not one of the three is refused like it. */
export const DIAGNOSTICS_FORBIDDEN: ReadonlyMap<PurposeId, string> = new Map([
  ['licence-audit', 'licence audits'],
  ['unsupported-product-audit', 'audits of products out of support'],
  ['advertising', 'advertising'],
  ['identification', 'identifying the customer'],
  ['contact', 'contacting the customer'],
])

/**
 * Identifiers that never stand in clear in what is kept, at any level: also not at `full`, where the source is less
 * strict. Addresses are recognised and dropped. A name cannot be recognised, so every text that is not a word of the
 * product is kept in keyed form at most.
 */
export const NEVER_IN_DIAGNOSTICS: readonly string[] = [
  'IP addresses',
  'user names',
  'computer names',
  'physical addresses',
  'email addresses',
  'site codes',
  'site names',
]

/** Every item, by id. */
export const DIAGNOSTICS_ITEMS: ReadonlyMap<ItemId, DiagnosticsItem> = byId(
  DIAGNOSTICS_ROWS.map(([level, area, says, itemClass, form]) =>
    Object.freeze({
      id: `diagnostics.${level}.${slug(area)}.${slug(says)}`,
      level,
      area,
      says,
      class: itemClass,
      form,
      personal: form === 'files',
      secret: false as const,
      need: needOf(level, form),
    }),
  ),
)

/** 1 for basic, 3 for full. */
export function rankOf(level: DiagnosticsLevel): number {
  return DIAGNOSTICS_LEVELS.indexOf(level) + 1
}

function needOf(level: DiagnosticsLevel, form: DiagnosticsForm): Need {
  if (form === 'files') return 'never'
  return level === 'basic' ? 'required' : 'optional'
}

function slug(text: string): string {
  return text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '')
}

function byId(items: readonly DiagnosticsItem[]): ReadonlyMap<ItemId, DiagnosticsItem> {
  const map = new Map(items.map((item) => [item.id, item]))
  if (map.size !== items.length) throw new Error('two diagnostics items share an id')
  return map
}

import type { FeatureId, FlowId, ItemId, PurposeId } from '#catalog/catalog.ts'
import { COMPUTER_FIELDS, type JamfFields, MOBILE_FIELDS } from '#catalog/jamf-fields.ts'
import { JAMF_COMPLIANCE, JAMF_HISTORIC } from '#catalog/jamf-profiles.ts'
import { jamfItemOf } from '#catalog/jamf-shapes.ts'

export interface FeatureIds {
  readonly feature: FeatureId
  readonly purpose: PurposeId
}

/** What of the inventory a connection can see at all. What is not in its items is never asked for. */
export interface Profile extends FeatureIds {
  readonly connectorId: string
  readonly inbound: FlowId
  readonly items: ReadonlySet<ItemId>
  readonly computerFields: JamfFields
  /** Sections by Jamf Pro's names, with the items each can bring. */
  readonly computerSections: ReadonlyMap<string, readonly ItemId[]>
  readonly mobileSections: ReadonlyMap<string, readonly ItemId[]>
  /** Item of every selector of the list of computers, of withheld ones too. */
  readonly computerSelectors: Readonly<Record<string, ItemId>>
}

/** The default: `jamf_pro.minimalForCompliance` of the protocols facts. */
export const COMPLIANCE: Profile = profile('jamf-pro', 'jamf-pro-compliance', JAMF_COMPLIANCE)

/** Historic: the list is no longer published, and the link that it was for ended on 2024-09-01. Computers only. */
export const HISTORIC: Profile = profile(
  'jamf-pro-historic',
  'jamf-compliance-connector',
  JAMF_HISTORIC,
)

function profile(connectorId: string, feature: FeatureId, items: readonly ItemId[]): Profile {
  const known = new Set(items)
  return {
    connectorId,
    feature,
    purpose: 'compliance-check',
    inbound: `${feature}/inbound`,
    items: known,
    computerFields: COMPUTER_FIELDS,
    computerSections: sectionsOf(COMPUTER_FIELDS, known),
    mobileSections:
      feature === 'jamf-pro-compliance' ? sectionsOf(MOBILE_FIELDS, known) : new Map(),
    computerSelectors: Object.fromEntries(
      Object.entries(COMPUTER_FIELDS)
        .filter(([path, what]) => !path.includes('[]') && !what.startsWith('json '))
        .map(([path, what]) => [path, jamfItemOf(what)]),
    ),
  }
}

/** `userAndLocation` is the section USER_AND_LOCATION; what lies beside the sections comes without being asked for. */
function sectionsOf(fields: JamfFields, items: ReadonlySet<ItemId>) {
  const sections = new Map<string, ItemId[]>()
  for (const [path, what] of Object.entries(fields)) {
    const [key = '', ...below] = path.split(/\.|\[\]/)
    const item = jamfItemOf(what)
    if (below.length === 0 || !items.has(item)) continue
    const name = key.replace(/[A-Z]/g, '_$&').toUpperCase()
    sections.set(name, [...(sections.get(name) ?? []), item])
  }
  return sections
}

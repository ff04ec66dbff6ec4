import type { Catalog, DataItem, Direction, Feature, Flow, FlowItem, Status } from './catalog.ts'
import { protocolRows } from './flows/apple-device-enrollment.ts'
import { androidProtocolRows } from './flows/android-management.ts'
import { appsAndBooksRows } from './flows/apple-apps-and-books.ts'
import { mdmRows } from './flows/apple-mdm.ts'
import { applePushRows } from './flows/apple-push.ts'
import { appleRows } from './flows/apple-rows.ts'
import { configurationManagerRows } from './flows/configuration-manager-rows.ts'
import { googleRows } from './flows/google-rows.ts'
import { jamfProtocolRows } from './flows/jamf-pro.ts'
import { jamfProRows } from './flows/jamf-pro-rows.ts'
import { partnerProtocolRows } from './flows/partner-protocol.ts'
import { partnersRows } from './flows/partners-rows.ts'
import { androidItems } from './items/android.ts'
import { androidNeverItems } from './items/android-never.ts'
import { appItems } from './items/app.ts'
import { appleAppsAndBooksItems } from './items/apple-apps-and-books.ts'
import { appleMdmItems } from './items/apple-mdm.ts'
import { applePushItems } from './items/apple-push.ts'
import { deviceItems } from './items/device.ts'
import { jamfItems } from './items/jamf.ts'
import { neverItems } from './items/never.ts'
import { optionalItems } from './items/optional.ts'
import { organisationItems } from './items/organisation.ts'
import { partnerItems } from './items/partner.ts'
import { peopleItems } from './items/people.ts'
import { protocolItems } from './items/protocol.ts'
import { requiredItems } from './items/required.ts'
import { PARTIES } from './parties.ts'
import { PURPOSES } from './purposes.ts'

const items: ReadonlyMap<string, DataItem> = byId([
  ...deviceItems,
  ...peopleItems,
  ...organisationItems,
  ...appItems,
  ...appleMdmItems,
  ...appleAppsAndBooksItems,
  ...applePushItems,
  ...androidItems,
  ...androidNeverItems,
  ...jamfItems,
  ...partnerItems,
  ...protocolItems,
  ...requiredItems,
  ...optionalItems,
  ...neverItems,
])

const rows = [
  ...appleRows,
  ...googleRows,
  ...jamfProRows,
  ...partnersRows,
  ...configurationManagerRows,
]

/** Feature: title, party, service as the facts name it, purpose. A flow stands for each direction it has rows in. */
const FEATURES: readonly (readonly [string, string, string, string, string])[] = [
  [
    'apple-device-enrollment',
    'Apple automated device enrolment',
    'apple',
    'ASM/DEP',
    'device-enrolment-management',
  ],
  ['apple-school-roster', 'Apple School Manager roster', 'apple', 'ASM/DEP', 'school-roster'],
  [
    'apple-mdm-checkin',
    'Check-ins and inventory of Apple devices',
    'apple',
    'MDM',
    'device-management',
  ],
  ['apple-mdm-push', 'Apple push notifications', 'apple', 'APNs', 'device-management'],
  [
    'apple-push-tunnel',
    "Tunnel to Apple's push service, contents unseen",
    'apple',
    'APNs',
    'device-management',
  ],
  ['apple-volume-purchase', 'Apple Apps and Books', 'apple', 'VPP', 'app-licensing'],
  ['android-enterprise', 'Android Enterprise', 'google', 'Android Enterprise', 'device-management'],
  [
    'chrome-enterprise-connector',
    'Chrome Enterprise',
    'google',
    'Chrome Enterprise',
    'device-management',
  ],
  [
    'jamf-pro-compliance',
    'Jamf Pro, only what compliance needs',
    'jamf-pro',
    'Inventory and webhooks',
    'compliance-check',
  ],
  [
    'jamf-pro-management',
    'Jamf Pro, finding devices and sending commands',
    'jamf-pro',
    'Device commands',
    'device-management',
  ],
  [
    'jamf-compliance-connector',
    'Jamf Pro, the old profile of 40 items (historic)',
    'jamf-pro',
    'Partner device management',
    'compliance-check',
  ],
  [
    'zebra-lifeguard-ota',
    'Zebra LifeGuard Over-the-Air',
    'zebra',
    'LifeGuard Over-the-Air',
    'firmware-update',
  ],
  [
    'mtd-ios-app-sync',
    'App list for Mobile Threat Defense',
    'mobile-threat-defense-partner',
    'App sync (iOS/iPadOS)',
    'threat-protection',
  ],
  [
    'mtd-ios-personal-app-inventory',
    'Personal app list for Mobile Threat Defense',
    'mobile-threat-defense-partner',
    'App sync (iOS/iPadOS)',
    'threat-protection',
  ],
  [
    'mobile-threat-defense',
    'Mobile Threat Defense',
    'mobile-threat-defense-partner',
    'Threat status',
    'threat-protection',
  ],
  ['teamviewer-connector', 'TeamViewer', 'teamviewer', 'Remote assistance', 'remote-assistance'],
  [
    'compliance-partner',
    'Device compliance partner',
    'device-compliance-partner',
    'Partner compliance',
    'compliance-check',
  ],
  [
    'configmgr-tenant-attach',
    'Configuration Manager tenant attach',
    'configuration-manager',
    'Tenant attach',
    'tenant-attach',
  ],
]

const flows = FEATURES.flatMap(flowsOf)

/** All that ships. One frozen value; `grow.ts` makes others from it. */
export const shippedCatalog: Catalog = Object.freeze({
  items,
  flows: byId(flows),
  parties: byId(PARTIES),
  features: byId(FEATURES.map(featureOf)),
  purposes: byId(PURPOSES),
})

function flowsOf([feature, , party, service, purpose]: (typeof FEATURES)[number]): Flow[] {
  return (['outbound', 'inbound'] as const).flatMap((direction) => {
    const flowItems = rowsOf(feature, direction)
    if (flowItems.length === 0) return []
    return [
      {
        id: `${feature}/${direction}`,
        party,
        service,
        direction,
        feature,
        status: weakest(flowItems.map((flowItem) => flowItem.status)),
        purposes: [purpose],
        items: flowItems,
      },
    ]
  })
}

function rowsOf(feature: string, direction: Direction): readonly FlowItem[] {
  const published = rows
    .filter((row) => row.flow === `${feature}/${direction}`)
    .map((row) => row.flowItem)
  if (feature === 'apple-device-enrollment')
    return [...published, ...protocolRows(direction, items, false)]
  if (feature === 'apple-mdm-push')
    return [...published, ...applePushRows(feature, direction, items)]
  if (feature === 'apple-push-tunnel') return applePushRows(feature, direction, items)
  if (feature === 'apple-mdm-checkin') return direction === 'inbound' ? mdmRows(items) : []
  if (feature === 'apple-school-roster') return protocolRows(direction, items, true)
  if (feature === 'apple-volume-purchase') return appsAndBooksRows(direction, published, items)
  if (feature.startsWith('jamf-'))
    return [...published, ...jamfProtocolRows(feature, direction, items)]
  if (feature === 'android-enterprise')
    return [...published, ...androidProtocolRows(direction, items)]
  return [...published, ...partnerProtocolRows(feature, direction, items)]
}

function featureOf([id, title]: (typeof FEATURES)[number]): Feature {
  return { id, title, flows: flows.flatMap((flow) => (flow.feature === id ? [flow.id] : [])) }
}

/** A flow is as well known as its least well known row. */
function weakest(statuses: readonly Status[]): Status {
  return (
    (['partial', 'historic', 'published'] as const).find((status) => statuses.includes(status)) ??
    'protocol'
  )
}

function byId<Thing extends { readonly id: string }>(
  things: readonly Thing[],
): ReadonlyMap<string, Thing> {
  const map = new Map(things.map((thing) => [thing.id, Object.freeze(thing)]))
  if (map.size !== things.length) throw new Error('two things of the catalog share an id')
  return map
}

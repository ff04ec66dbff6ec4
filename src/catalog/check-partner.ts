import { type Refusal, refuse } from '#foundation/refusal.ts'
import { namesConfigurationManager } from './boundary-name.ts'
import type { Catalog, DataItem, FeatureId, PartyId } from './catalog.ts'
import { DERIVED } from './partner-derived.ts'
import { whyNotHost } from './partner-host.ts'
import { type PartnerDescription, partnerDescription } from './partner-description.ts'
import {
  PARTNER_ACCESS,
  type PartnerExchange,
  type ReadPartner,
  readPartner,
} from './read-partner.ts'
import type { ObjectShape } from './shape.ts'

/** Shipped features that a description may say how to speak, and the party of each: its sources publish no protocol. */
export const PARTNER_FEATURES: Readonly<Record<FeatureId, PartyId>> = {
  'zebra-lifeguard-ota': 'zebra',
  'mtd-ios-app-sync': 'mobile-threat-defense-partner',
  'mtd-ios-personal-app-inventory': 'mobile-threat-defense-partner',
  'mobile-threat-defense': 'mobile-threat-defense-partner',
  'teamviewer-connector': 'teamviewer',
  'compliance-partner': 'device-compliance-partner',
  'chrome-enterprise-connector': 'google',
}

export function isPartnerFeature(feature: FeatureId): boolean {
  return Object.hasOwn(PARTNER_FEATURES, feature)
}

/** What a description is checked against. */
export interface CheckedAgainst {
  /** As it ships: without what descriptions add. */
  readonly catalog: Catalog
  /** The newest version of each of the others. */
  readonly others: readonly PartnerDescription[]
  /** Ids of the connectors that ship. */
  readonly taken: ReadonlySet<string>
  /** A party on this machine, without TLS: for the sample and for tests. */
  readonly allowLoopback: boolean
}

/**
 * Reads what somebody describes, and holds it to every rule.
 *
 * @returns `standing_none` for Configuration Manager, however it is spelled, and for whom nothing may be shared with;
 *   `item_never`, `item_unclassified`, `item_secret` or `item_not_in_flow` for what may not stand in a body;
 *   `purpose_undeclared`, `purpose_forbidden`; `name_taken`; else `description_invalid`, naming the member
 */
export function checkPartner(given: unknown, against: CheckedAgainst): ReadPartner | Refusal {
  const parsed = partnerDescription.safeParse(given)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    return invalid(issue?.path.map(String).join('.') ?? '', issue?.message ?? 'a description')
  }
  const description = parsed.data
  let read: ReadPartner
  try {
    read = readPartner(description)
  } catch (fault) {
    if (!(fault instanceof RangeError)) throw fault
    return invalid('exchanges', fault.message)
  }
  return (
    whyNotParty(description, against) ??
    whyNotPlaces(description, against) ??
    whyNotFlows(description, against) ??
    whyNotItems(read, against) ??
    whyNotExchanges(read) ??
    whyNotEvents(read) ??
    read
  )
}

function invalid(field: string, expected: string): Refusal {
  return refuse('description_invalid', { field, expected })
}

/** P15: by id, name, title or host, and whatever standing is asked for. */
function whyNotParty(
  { id, party, flows, hosts, source }: PartnerDescription,
  { catalog, others, taken }: CheckedAgainst,
): Refusal | undefined {
  const words = [
    id,
    party.id,
    party.name,
    ...hosts,
    ...flows.flatMap((flow) => [flow.feature, flow.title, flow.service]),
  ]
  const shipped = catalog.parties.get(party.id)
  if (
    party.standing === 'none' ||
    shipped?.standing === 'none' ||
    [...words, source].some(namesConfigurationManager)
  )
    return refuse('standing_none', { party: party.id })
  if (taken.has(id)) return refuse('name_taken', { field: 'id' })
  if (shipped && flows.some(({ feature }) => PARTNER_FEATURES[feature] !== party.id))
    return refuse('name_taken', { field: 'party.id' })
  if (shipped && shipped.standing !== party.standing)
    return invalid('party.standing', shipped.standing)
  const other = others.find((one) => one.party.id === party.id)?.party
  return other && JSON.stringify(other) !== JSON.stringify(party)
    ? refuse('name_taken', { field: 'party' })
    : undefined
}

function whyNotPlaces(
  { hosts, auth }: PartnerDescription,
  { allowLoopback }: CheckedAgainst,
): Refusal | undefined {
  for (const host of hosts) {
    const why = whyNotHost(host, allowLoopback)
    if (why !== undefined) return invalid('hosts', why)
  }
  if (!('tokenEndpoint' in auth)) return undefined
  const url = URL.canParse(auth.tokenEndpoint) ? new URL(auth.tokenEndpoint) : undefined
  if (!url || !hosts.includes(url.origin))
    return invalid('auth.tokenEndpoint', 'at one of the hosts')
  return `${url.origin}${url.pathname}` === auth.tokenEndpoint
    ? undefined
    : invalid('auth.tokenEndpoint', 'an address without query and fragment')
}

function whyNotFlows(
  { id, party, flows }: PartnerDescription,
  { catalog, others }: CheckedAgainst,
): Refusal | undefined {
  const seen = new Set<FeatureId>()
  for (const { feature, service, purpose } of flows) {
    if (seen.has(feature)) return invalid('flows', 'each feature once')
    seen.add(feature)
    const declared = catalog.purposes.get(purpose)
    if (!declared) return refuse('purpose_undeclared', { field: 'flows.purpose' })
    if (declared.forbidden) return refuse('purpose_forbidden', { purpose })
    const shipped = [...catalog.flows.values()].filter((one) => one.feature === feature)
    if (PARTNER_FEATURES[feature] === party.id) {
      if (shipped.some((one) => one.service !== service || !one.purposes.includes(purpose)))
        return invalid('flows', `service and purpose of ${feature} as they ship`)
    } else if (feature !== id && !feature.startsWith(`${id}-`))
      return invalid('flows.feature', `${id}, or ${id}-…`)
    else if (shipped.length > 0 || catalog.features.has(feature))
      return refuse('name_taken', { field: 'flows.feature' })
    // One recipient for one feature: a consent to it is to a party, not to whoever is described next.
    if (others.some((one) => one.flows.some((flow) => flow.feature === feature)))
      return refuse('name_taken', { field: 'flows.feature' })
  }
  return undefined
}

function whyNotItems({ items }: ReadPartner, { catalog }: CheckedAgainst): Refusal | undefined {
  for (const [feature, both] of items) {
    for (const direction of ['outbound', 'inbound'] as const) {
      const shipped = catalog.flows.get(`${feature}/${direction}`)
      const rows = new Set(shipped?.items.map((row) => row.item))
      for (const id of both[direction]) {
        const item = catalog.items.get(id)
        if (!item) return refuse('item_unclassified', { item: id })
        if (direction === 'outbound' && WHOLE_LISTS.has(id))
          return refuse('item_not_in_flow', { item: id, expected: Object.keys(DERIVED) })
        if (item.need === 'never') return refuse('item_never', { item: id })
        if (isPartnerFeature(feature) && !rows.has(id))
          return refuse('item_not_in_flow', { item: id, flow: `${feature}/${direction}` })
        if (isSecret(item) && id !== PARTNER_ACCESS && !rows.has(id))
          return refuse('item_secret', { item: id })
      }
    }
  }
  return undefined
}

/** App lists go out by whose device it is: a list of either would take personal ones along. */
const WHOLE_LISTS: ReadonlySet<string> = new Set(Object.values(DERIVED).map(({ from }) => from))

/** Keys and passwords of other systems have no place in a body, whoever would agree to it. */
function isSecret({ secret, class: itemClass }: DataItem): boolean {
  return secret || itemClass === 'credential'
}

function whyNotExchanges({ exchanges, description }: ReadPartner): Refusal | undefined {
  const ids = new Set<string>()
  const places = new Set<string>()
  for (const exchange of exchanges) {
    const [method] = exchange.methods
    // Parameters take a segment whatever they are called: two that differ in the name only would be one address.
    const place = `${method} ${exchange.path.replaceAll(/\{\w+=/g, '{=')}`
    const field = `exchanges.${exchange.id}`
    if (ids.has(exchange.id) || places.has(place))
      return invalid(field, 'each id and each place once')
    ids.add(exchange.id)
    places.add(place)
    if (method === 'GET' && !exchange.idempotent) return invalid(field, 'a GET is idempotent')
    if (method === 'GET' && exchange.request) return invalid(field, 'a GET has no body')
    const named = [...exchange.path.matchAll(/\{(\w+)=/g)].map(([, name]) => name)
    if (String(named.toSorted()) !== String(Object.keys(exchange.parameters ?? {}).toSorted()))
      return invalid(field, 'the parameters that the path has')
    const sent = new Set([
      ...exchange.carries,
      ...Object.values(exchange.parameters ?? {}).map((one) => one.item),
      ...(exchange.request ? leavesIn(exchange.request) : []),
    ])
    const missing = exchange.essential.find((item) => !sent.has(item))
    if (missing !== undefined)
      return invalid(`${field}.essential`, `an item that it sends, not ${missing}`)
    const fault = whyNotPush(exchange)
    if (fault !== undefined) return invalid(`${field}.push`, fault)
  }
  if (exchanges.length === 0 && !description.events)
    return invalid('exchanges', 'an exchange or an event')
  return overlap(exchanges)
}

/** A fixed segment where another path takes any: which of them a call is would depend on their order. */
function overlap(exchanges: readonly PartnerExchange[]): Refusal | undefined {
  for (const one of exchanges)
    for (const other of exchanges) {
      if (one === other || one.methods[0] !== other.methods[0]) continue
      const pattern = new RegExp(
        `^${one.path
          .split(/(\{\w+=\*\})/)
          .map((part) =>
            part.startsWith('{') ? '[^/:]+' : part.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`),
          )
          .join('')}$`,
      )
      if (pattern.test(other.path.replaceAll(/\{\w+=\*\}/g, 'x')))
        return invalid(`exchanges.${other.id}`, `a path that is not also one of ${one.id}`)
    }
  return undefined
}

/** What Sluss sends of itself may be sent again after a failure, so it has to be such that this does no harm. */
function whyNotPush({
  push,
  request,
  idempotent,
  permanent,
  parameters,
}: PartnerExchange): string | undefined {
  if (!push) return undefined
  if (!idempotent || permanent) return 'an idempotent call that can be undone'
  if (parameters) return 'a path without parameters'
  const list = request?.kind === 'object' ? request.fields[push.list] : undefined
  const flat =
    list?.kind === 'array' &&
    list.of.kind === 'object' &&
    Object.values(list.of.fields).every((part) => part.kind === 'leaf' && part.type !== 'json')
  return flat ? undefined : 'a list of flat objects in the request'
}

function whyNotEvents({ events }: ReadPartner): Refusal | undefined {
  for (const [type, { shape, subjectItem, removal }] of events?.types ?? []) {
    const leaves = Object.values(shape.fields)
    if (leaves.some((part) => part.kind !== 'leaf'))
      return invalid(`events.${type}.shape`, 'a flat object')
    const items = leavesIn(shape)
    if (new Set(items).size !== items.length)
      return invalid(`events.${type}.shape`, 'each item once')
    if (!items.includes(subjectItem))
      return invalid(`events.${type}.subject`, 'an item of the shape')
    if (!items.includes(removal.item))
      return invalid(`events.${type}.removal`, 'an item of the shape')
  }
  return undefined
}

function leavesIn(shape: PartnerExchange['request'] | ObjectShape): string[] {
  if (!shape) return []
  switch (shape.kind) {
    case 'leaf':
      return [shape.item]
    case 'array':
      return leavesIn(shape.of)
    case 'map':
      return [shape.key.item, ...leavesIn(shape.value)]
    case 'object':
      return Object.values(shape.fields).flatMap(leavesIn)
  }
}

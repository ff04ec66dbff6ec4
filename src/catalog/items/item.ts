import type { DataItem, FeatureId, ItemClass, ItemId, Need, PurposeId } from '../catalog.ts'
import type { Precision } from '../precision.ts'

/** What a value looks like, which is what decides how it can be made less exact. */
export type Form =
  | 'identifier'
  | 'email'
  | 'phone'
  | 'address'
  | 'time'
  | 'count'
  | 'text'
  | 'fact'
  | 'secret'

/** Most exact first. `withheld` is always possible and not listed. */
const PRECISIONS: Readonly<Record<Form, readonly Precision[]>> = {
  identifier: ['exact', 'pseudonym'],
  email: ['exact', 'domain', 'pseudonym'],
  phone: ['exact', 'truncate:4', 'pseudonym'],
  address: ['exact', 'network', 'pseudonym'],
  time: ['exact', 'day', 'month'],
  count: ['exact', 'round:10', 'bucket:0,10,100,1000,10000'],
  text: ['exact'],
  fact: ['exact'],
  secret: ['exact'],
}

/**
 * Terms of the W3C Data Privacy Vocabulary and its personal-data extension. It has no term for most
 * identifiers of devices, so those take the broader `DeviceBased` or `UID`.
 */
const DPV_BY_FORM: Partial<Record<Form, string>> = {
  email: 'pd:EmailAddress',
  phone: 'pd:TelephoneNumber',
  address: 'pd:IPAddress',
}
const DPV_BY_CLASS: Readonly<Record<ItemClass, string>> = {
  person: 'pd:Identifying',
  'device-identifier': 'pd:UID',
  'device-attribute': 'pd:DeviceBased',
  credential: 'pd:Authenticating',
  organisation: 'dpv:NonPersonalData',
  app: 'pd:DeviceSoftware',
  policy: 'dpv:NonPersonalData',
  protocol: 'dpv:NonPersonalData',
  aggregate: 'dpv:AnonymisedData',
  sensitive: 'dpv:SensitivePersonalData',
}

const CATEGORY: Readonly<Record<ItemClass, string>> = {
  person: 'People',
  'device-identifier': 'Device identifiers',
  'device-attribute': 'Device facts',
  credential: 'Credentials',
  organisation: 'Organisation',
  app: 'Apps',
  policy: 'Policies',
  protocol: 'Protocol',
  aggregate: 'Aggregates',
  sensitive: 'Never collected',
}

interface Rest {
  readonly personal?: boolean
  readonly secret?: boolean
  readonly need?: Need
  readonly feature?: FeatureId
  readonly retention?: string
  readonly category?: string
  readonly mamOnly?: boolean
}

/** One row of an item table. */
export function item(
  id: ItemId,
  title: string,
  itemClass: ItemClass,
  form: Form,
  purposes: readonly PurposeId[],
  rest: Rest = {},
): DataItem {
  const precisions = rest.need === 'never' ? [] : PRECISIONS[form]
  return {
    id,
    title,
    category: rest.category ?? CATEGORY[itemClass],
    class: itemClass,
    personal: rest.personal ?? false,
    secret: rest.secret ?? false,
    need: rest.need ?? 'required',
    ...(rest.feature === undefined ? {} : { feature: rest.feature }),
    ...(rest.mamOnly === undefined ? {} : { mamOnly: rest.mamOnly }),
    purposes,
    precisions,
    retention: rest.retention ?? 'retention.general-personal-data',
    dpv: DPV_BY_FORM[form] ?? DPV_BY_CLASS[itemClass],
  }
}

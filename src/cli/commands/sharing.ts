import type { JsonObject } from '../api-client.ts'
import type { Context } from '../context.ts'
import { sheet } from '../layout.ts'
import { segment, showList, timeOption } from './listing.ts'

const FEATURES = '/deviceManagement/dataSharingFeatures'
const CONSENTS = '/deviceManagement/dataSharingConsents'
const CONSENT_MEMBERS = [
  'id',
  'serviceDisplayName',
  'partyId',
  'direction',
  'purposes',
  'itemCount',
  'state',
  'featureId',
  'featureIsOn',
  'grantDateTime',
  'grantedByUserId',
  'expirationDateTime',
  'withdrawnDateTime',
  'waitingItems',
  'manifestHash',
]

export function tenantsList(context: Context): Promise<void> {
  return showList(context, '/operator/tenants', ['id', 'displayName', 'region', 'state'])
}

export async function tenantsCreate(
  context: Context,
  id: string,
  options: { name: string; region: string; privacyContact?: string },
): Promise<void> {
  const api = await context.api()
  const made = await api.change('POST', '/operator/tenants', {
    id,
    displayName: options.name,
    region: options.region,
    ...(options.privacyContact === undefined ? {} : { privacyContact: options.privacyContact }),
  })
  context.show(made, () => [
    ...sheet(made, ['id', 'displayName', 'region', 'state']),
    ...(typeof made.firstAdminLink === 'string'
      ? [context.say('createdLink', { link: made.firstAdminLink })]
      : []),
  ])
}

export function featuresList(context: Context): Promise<void> {
  return showList(context, FEATURES, ['id', 'displayName', 'isOn', 'consentIds'])
}

export async function featuresSwitch(context: Context, id: string, isOn: boolean): Promise<void> {
  const api = await context.api()
  const changed = await api.change('PATCH', `${FEATURES}/${segment(id)}`, { isOn })
  context.show(changed, () => sheet(changed, ['id', 'displayName', 'isOn', 'consentIds']))
}

export function consentsList(context: Context, options: { state?: string }): Promise<void> {
  const filter: Record<string, string> = options.state
    ? { $filter: `state eq '${options.state.replaceAll("'", "''")}'` }
    : {}
  return showList(context, CONSENTS, ['id', 'partyId', 'direction', 'state', 'itemCount'], filter)
}

export async function consentsShow(context: Context, id: string): Promise<void> {
  const consent = await (await context.api()).get(`${CONSENTS}/${segment(id)}`)
  context.show(consent, () => sheet(consent, CONSENT_MEMBERS))
}

/** Shows the flow first: what is consented to is the manifest that was shown, and no later one. */
export async function consentsGive(
  context: Context,
  id: string,
  options: { until?: string; preview?: string },
): Promise<void> {
  const api = await context.api()
  const expirationDateTime = timeOption(context, options.until)
  const shown = await api.get(`${CONSENTS}/${segment(id)}`)
  for (const line of sheet(shown, CONSENT_MEMBERS)) context.tell(line)
  await context.confirm(context.say('askConsent'))
  const body: JsonObject = {
    manifestHash: shown.manifestHash ?? null,
    ...(options.preview === undefined ? {} : { previewId: options.preview }),
    ...(expirationDateTime === undefined ? {} : { expirationDateTime }),
  }
  const given = await api.change('POST', `${CONSENTS}/${segment(id)}/consentToDataSharing`, body)
  context.show(given, () => [
    context.say('done'),
    ...sheet(given, ['id', 'state', 'grantDateTime', 'expirationDateTime', 'featureIsOn']),
  ])
}

export async function consentsWithdraw(
  context: Context,
  id: string,
  options: { reason?: string },
): Promise<void> {
  await context.confirm(context.say('askWithdraw', { id }))
  const body = options.reason === undefined ? {} : { reason: options.reason }
  const api = await context.api()
  const withdrawn = await api.change('POST', `${CONSENTS}/${segment(id)}/withdraw`, body)
  context.show(withdrawn, () => [
    context.say('done'),
    ...sheet(withdrawn, ['id', 'state', 'withdrawnDateTime']),
  ])
}

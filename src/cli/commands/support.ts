import type { Api, Json, JsonObject } from '../api-client.ts'
import type { Context } from '../context.ts'
import { type KeyFile, readKeyFile } from '../key-file.ts'
import { sheet, textOf } from '../layout.ts'
import { EXIT, Failure } from '../terminal.ts'
import { registeredKey } from './keys.ts'
import { listOption, numberOption, segment, showList } from './listing.ts'

const REQUESTS = '/support/accessRequests'
const GRANTS = '/support/accessGrants'
const MINUTES_IN_AN_HOUR = 60
const MINUTE_IN_MS = 60_000
const REQUEST_MEMBERS = [
  'id',
  'state',
  'caseId',
  'operatorId',
  'reason',
  'purpose',
  'scope.kind',
  'scope.count',
  'items',
  'precision',
  'durationMinutes',
  'createdDateTime',
  'expirationDateTime',
  'providerApprovedBy',
  'providerApprovedDateTime',
  'decidedBy',
  'decidedDateTime',
  'denialReason',
  'grantId',
]

/** The state follows from the time, so that the server cannot filter by it; what is listed is what it says. */
export function requestsList(context: Context, options: { state?: string }): Promise<void> {
  return showList(
    context,
    REQUESTS,
    ['id', 'state', 'caseId', 'createdDateTime', 'expirationDateTime'],
    { $orderby: 'createdDateTime desc' },
    undefined,
    (request) => options.state === undefined || request.state === options.state,
  )
}

export async function requestsShow(context: Context, id: string): Promise<void> {
  const request = await (await context.api()).get(`${REQUESTS}/${segment(id)}`)
  context.show(request, () => sheet(request, REQUEST_MEMBERS))
}

export interface ApproveOptions {
  readonly key: string
  readonly items?: string
  readonly records?: string
  readonly hours?: string
  readonly masked?: boolean
}

/**
 * Shows what is asked and what exactly would be signed, asks, signs and hands it in. What is shown is read from the
 * text that is signed, and compared with the request: a server that shows one thing and has another signed is found.
 */
export async function requestsApprove(
  context: Context,
  id: string,
  options: ApproveOptions,
): Promise<void> {
  const { say } = context
  const key = await readKeyFile(options.key, say)
  const hours = numberOption(context, options.hours)
  const narrowing: JsonObject = {
    ...member('items', listOption(options.items)),
    ...member('records', listOption(options.records)),
    ...(hours === undefined
      ? {}
      : { durationMinutes: Math.max(1, Math.round(hours * MINUTES_IN_AN_HOUR)) }),
    ...(options.masked ? { precision: 'masked' } : {}),
  }
  const api = await context.api()
  const known = await registeredKey(api, key)
  if (!known)
    throw new Failure(
      EXIT.usage,
      say('keyNotRegistered', { path: options.key }),
      say('keyNotRegisteredHint', { path: options.key }),
    )
  const request = await api.get(`${REQUESTS}/${segment(id)}`)
  const offer = await offerFor(api, id, narrowing)
  const signed = checkedText(context, id, request, offer)
  for (const line of sheet(request, REQUEST_MEMBERS)) context.tell(line)
  context.tell('')
  context.tell(say('approveHead'))
  for (const [name, value] of Object.entries(signed)) context.tell(`  ${name}: ${textOf(value)}`)
  context.tell(`  recordIds: ${textOf(offer.records)}`)
  context.tell(say(Object.keys(narrowing).length > 0 ? 'narrowed' : 'notNarrowed'))
  await context.confirm(say('askApprove'))
  const approved = await handIn(api, id, narrowing, offer, key, String(known.id))
  context.show(approved, () => [say('approved', { id: textOf(approved.grantId ?? approved.id) })])
}

const member = (name: string, value: string[] | undefined): JsonObject =>
  value === undefined ? {} : { [name]: value }

interface Offer {
  readonly text: string
  readonly records: Json
}

async function offerFor(api: Api, id: string, narrowing: JsonObject): Promise<Offer> {
  const offer = await api.change('POST', `${REQUESTS}/${segment(id)}/textToSign`, narrowing)
  return { text: String(offer.text), records: offer.records ?? null }
}

/** The text, once it is known to be about the request that was shown and to ask for nothing more. */
function checkedText(
  { say }: Context,
  id: string,
  request: JsonObject,
  { text, records }: Offer,
): JsonObject {
  const foreign = (field: string): Failure =>
    new Failure(EXIT.negative, say('textForeign', { field }), say('textForeignHint'))
  let signed: JsonObject
  try {
    signed = JSON.parse(text) as JsonObject
  } catch {
    throw foreign('text')
  }
  if (signed.type !== 'sluss.support.approval') throw foreign('type')
  if (signed.request !== id) throw foreign('request')
  for (const [name, shown] of [
    ['tenant', request.tenantId],
    ['case', request.caseId],
    ['asker', request.operatorId],
    ['purpose', request.purpose],
  ] as const)
    if (signed[name] !== shown) throw foreign(name)
  const asked = new Set(Array.isArray(request.items) ? request.items : [])
  if (!Array.isArray(signed.items) || signed.items.some((item) => !asked.has(item)))
    throw foreign('items')
  const most = Number(request.durationMinutes) * MINUTE_IN_MS
  if (!(Number(signed.durationMs) <= most)) throw foreign('durationMs')
  const { count } = (signed.records ?? {}) as JsonObject
  if (!Array.isArray(records) || count !== records.length) throw foreign('records')
  if (signed.precision === 'exact' && request.precision === 'masked') throw foreign('precision')
  return signed
}

function handIn(
  api: Api,
  id: string,
  narrowing: JsonObject,
  { text, records }: Offer,
  key: KeyFile,
  keyId: string,
): Promise<JsonObject> {
  return api.change('POST', `${REQUESTS}/${segment(id)}/approve`, {
    ...narrowing,
    // As they were shown: what a query finds meanwhile is not approved.
    records,
    text,
    signature: { kind: 'ed25519', keyId, signature: key.sign(text) },
  })
}

export async function requestsDeny(
  context: Context,
  id: string,
  options: { reason: string },
): Promise<void> {
  await context.confirm(context.say('askDeny', { id }))
  const api = await context.api()
  const denied = await api.change('POST', `${REQUESTS}/${segment(id)}/deny`, {
    reason: options.reason,
  })
  context.show({ id, ...denied }, () => [context.say('denied')])
}

export function grantsList(context: Context): Promise<void> {
  return showList(context, GRANTS, [
    'id',
    'state',
    'caseId',
    'kind',
    'operatorId',
    'approvedDateTime',
    'endDateTime',
  ])
}

export async function grantsEnd(context: Context, id: string): Promise<void> {
  await context.confirm(context.say('askEnd', { id }))
  const ended = await (await context.api()).change('POST', `${GRANTS}/${segment(id)}/end`)
  context.show({ id, ...ended }, () => [context.say('done')])
}

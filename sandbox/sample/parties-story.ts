import { request } from 'undici'
import { isRefusal } from '#foundation/refusal.ts'
import { agreeOn } from '../agree.ts'
import type { Node } from '../../src/compose.ts'
import { synchroniseInventory } from '../../src/node/synchronise-inventory.ts'
import { PUSH_CONNECTION, connectPush } from '../apns/connect.ts'
import { GOOGLE_CONNECTION, GOOGLE_IN, connectGoogle } from '../google/connect.ts'
import { JAMF_CONNECTION, connectJamf } from '../jamf/connect.ts'
import { TENANT } from './organisation.ts'
import { type Page, listed } from './page.ts'
import { PARTNER, describePartner, expectPushes, reasonsOf } from './parties.ts'
import type { StandIns } from './stand-ins.ts'
import type { Words } from './words.ts'

export interface PartiesStage {
  readonly page: Page
  readonly words: Words
  readonly node: Node
  readonly standIns: StandIns
}

/** The same gates for the other parties: refused before anything is agreed, then exactly what is agreed. */
export async function otherParties(stage: PartiesStage, port: number): Promise<void> {
  stage.page.title(stage.words.others)
  await deviceIsWoken(stage)
  await androidDevice(stage, port)
  await inventoryForCompliance(stage)
  await partnerOfData(stage)
}

/** Apple's push service: Sluss holds the certificate, the server's push goes through the gateway. */
async function deviceIsWoken({ page, words, node, standIns }: PartiesStage): Promise<void> {
  const { apns } = standIns
  page.party('Apple push', words.push)
  const { push: token } = await connectPush(node, TENANT, apns)
  const port = await gatewayOf(node, PUSH_CONNECTION)
  const push = (message: object) =>
    ask(port, 'POST', `/3/device/${'5e'.repeat(32)}`, token, message, {
      'apns-collapse-id': 'anna@example.org',
    })
  showRefusal({ page, words }, await push({ mdm: 'magic-1' }), apns.received)
  await agreeOn(node, TENANT, {
    party: 'apple',
    purposes: ['device-enrolment-management', 'device-management'],
    features: ['apple-mdm-push'],
  })
  await push({ mdm: 'magic-1' })
  const arrived = apns.received.at(-1)
  if (!arrived || arrived.bytes.includes('anna')) throw new Error('a push left as it came')
  page.passed(words.leaves, arrived.body)
  page.kept(words.unknown, 'apns-collapse-id: anna@example.org')
  const { length } = apns.received
  const spoken = await push({ mdm: 'magic-1', alert: 'Hello Anna' })
  if (apns.received.length !== length) throw new Error('a message left with a push')
  page.stopped(words.refused, `{"mdm":…,"alert":…} (${spoken.refusal})`)
}

/** Android: a policy goes out and a device's answer comes back through the gateway, its report by Pub/Sub. */
async function androidDevice(stage: PartiesStage, port: number): Promise<void> {
  const { page, words, node, standIns } = stage
  const { google, pubsub } = standIns
  page.party('Google Android Management', words.google)
  const token = await connectGoogle(node, TENANT, google)
  const gateway = await gatewayOf(node, GOOGLE_CONNECTION)
  const { enterprise, kept } = google.service
  const policy = `/v1/${enterprise}/policies/default`
  const body = { cameraDisabled: true, frpAdminEmails: ['anna@example.org'] }
  showRefusal(stage, await ask(gateway, 'PATCH', policy, token, body), google.received)
  const keptBack = ['person.devicePhoneNumber', 'device.imei', 'device.enrolmentData'] as const
  await agreeOn(node, TENANT, {
    party: 'google',
    purposes: ['device-management'],
    features: ['android-enterprise'],
    keptBack,
  })
  await ask(gateway, 'PATCH', policy, token, body)
  page.passed(words.leaves, google.received.at(-1)?.body.toString() ?? '')
  const device = [...kept.values()].find((one) => String(one.name).includes('/devices/')) ?? {}
  const { text } = await ask(gateway, 'GET', `/v1/${String(device.name)}`, token)
  for (const value of ['+1-555-0101', '356938035643801'])
    if (text.includes(value)) throw new Error('a value came back that the admin keeps back')
  page.passed(words.comesBack, `${text.slice(0, 72)}… (${text.length} B)`)
  page.kept(words.withheld, await withReasons(stage, GOOGLE_IN, 'device-management', keptBack))
  await expectPushes(node, `http://127.0.0.1:${port}/ingest/${TENANT}.${GOOGLE_CONNECTION}`)
  await pubsub.deliver(pubsub.message('STATUS_REPORT', device))
  page.passed('Pub/Sub', words.event)
  const forged = await pubsub.push(pubsub.message('STATUS_REPORT', device), { foreignKey: true })
  page.stopped('Pub/Sub', `${words.forged} ${forged}`)
}

/** Jamf Pro: only the sections that compliance needs are asked for, and only their compliance fields are kept. */
async function inventoryForCompliance(stage: PartiesStage): Promise<void> {
  const { page, words, node, standIns } = stage
  const { jamf } = standIns
  page.party('Jamf Pro', words.jamf)
  await connectJamf(node, TENANT, jamf)
  const target = { tenantId: TENANT, connectionId: JAMF_CONNECTION, connectorId: 'jamf-pro' }
  const before = await synchroniseInventory(node, target)
  if (!isRefusal(before) || jamf.received.length > 0) throw new Error('it asked before consent')
  page.stopped(words.refused, `${before.refused}; ${words.nothingLeft}`)
  const [purpose, feature] = ['compliance-check', 'jamf-pro-compliance']
  await agreeOn(node, TENANT, { party: 'jamf-pro', purposes: [purpose], features: [feature] })
  const sum = await synchroniseInventory(node, target)
  if (isRefusal(sum)) throw new Error(sum.message)
  const asked = jamf.received.find((one) => one.target.includes('/computers-inventory'))
  page.passed(words.leaves, `GET ${decodeURIComponent(asked?.target ?? '')}`)
  page.passed(String(sum.kept), words.devices)
  const items = Object.keys(sum.withheld)
  const reasons = await reasonsOf(node, `${feature}/inbound`, purpose, items)
  for (const reason of new Set(reasons.values())) {
    const because = items.filter((item) => reasons.get(item) === reason)
    page.kept(words.notKept, `${because.length} ${words.items} (${reason}): ${listed(because)}`)
  }
  page.stopped(words.unknown, String(sum.unknown))
}

/** A party that is described in JSON, told of a device by a job that knows more than it may say. */
async function partnerOfData(stage: PartiesStage): Promise<void> {
  const { page, words, node, standIns } = stage
  const { partner } = standIns
  const lines = await describePartner(node, standIns)
  page.party('Example Threat Watch', `${words.partner} (${lines} ${words.lines}):`)
  const device = { serial: 'SYNC0000003', os: '15.3', firewall: true, model: 'Mac', owner: 'Anna' }
  const tell = async () => {
    const exchange = node.parts.connectors.get(PARTNER)?.exchanges[0]
    if (!exchange) throw new Error('the description has no exchange')
    const body = Buffer.from(JSON.stringify({ devices: [device] }))
    const call = { method: 'POST' as const, query: new URLSearchParams(), body }
    const place = { tenantId: TENANT, connectionId: PARTNER, exchange }
    return node.sharing.share({ ...place, call, actor: 'job:sample' })
  }
  const before = await tell()
  if (!isRefusal(before) || partner.received.length > 0) throw new Error('it left before consent')
  page.stopped(words.refused, `${before.refused}; ${words.nothingLeft}`)
  const purpose = 'threat-protection'
  const terms = { party: PARTNER, purposes: [purpose], features: [PARTNER] }
  await agreeOn(node, TENANT, { ...terms, keptBack: ['device.model'] })
  const shared = await tell()
  const arrived = partner.received.at(-1)?.body.toString() ?? ''
  if (isRefusal(shared) || 'failed' in shared || /Anna|model/.test(arrived))
    throw new Error('the partner did not get what was agreed')
  page.passed(words.leaves, arrived)
  const flow = `${PARTNER}/outbound`
  page.kept(words.withheld, await withReasons(stage, flow, purpose, ['device.model']))
  page.stopped(words.unknown, 'owner')
}

interface Answered {
  readonly status: number
  readonly text: string
  readonly refusal: string | undefined
}

/** A call as the tenant's own client makes it. */
async function ask(
  port: number,
  method: string,
  path: string,
  token: string,
  body?: object,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answered> {
  const answer = await request(`http://127.0.0.1:${port}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body ? { 'content-type': 'application/json' } : {}),
      ...headers,
    },
    body: body ? JSON.stringify(body) : null,
  })
  const refusal = answer.headers['sluss-refusal']
  return {
    status: answer.statusCode,
    text: await answer.body.text(),
    refusal: typeof refusal === 'string' ? refusal : undefined,
  }
}

async function gatewayOf(node: Node, connectionId: string): Promise<number> {
  const connectorId =
    connectionId === GOOGLE_CONNECTION ? 'google-android-management' : connectionId
  const opened = await node.openGateway({ tenantId: TENANT, connectionId, connectorId, port: 0 })
  return opened.port
}

function showRefusal(
  { page, words }: Pick<PartiesStage, 'page' | 'words'>,
  { status, refusal }: Answered,
  received: readonly unknown[],
): void {
  if (refusal === undefined || received.length > 0) throw new Error('something left before consent')
  page.stopped(words.refused, `${status} (${refusal}); ${words.nothingLeft}`)
}

async function withReasons(
  { node, words }: Pick<PartiesStage, 'node' | 'words'>,
  flowId: string,
  purpose: string,
  items: readonly string[],
): Promise<string> {
  const reasons = await reasonsOf(node, flowId, purpose, items)
  const said = (reason: string): string => (reason === 'chosen' ? words.chosen : reason)
  return listed([...reasons].map(([item, reason]) => `${item}: ${said(reason)}`))
}

import { request } from 'node:http'

type Fields = Readonly<Record<string, unknown>>

export interface WebhookOptions {
  readonly at: number
  readonly form?: 'json' | 'xml'
  readonly webhookId?: number
  readonly webhookName?: string
}

/** A body as a Jamf Pro server posts it, in the form that the webhook is set to. */
export function webhookBody(
  webhookEvent: string,
  event: Fields,
  { at, form = 'json', webhookId = 1, webhookName = 'Sluss' }: WebhookOptions,
): Buffer {
  const webhook = { id: webhookId, name: webhookName, webhookEvent, eventTimestamp: at }
  if (form === 'json') return Buffer.from(JSON.stringify({ webhook, event }))
  const head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
  return Buffer.from(`${head}<JSSEvent>${xml('webhook', webhook)}${xml('event', event)}</JSSEvent>`)
}

function xml(name: string, value: unknown): string {
  if (value === null || value === undefined) return `<${name}/>`
  if (Array.isArray(value)) return value.map((one) => xml(name, one)).join('')
  if (typeof value === 'object')
    return `<${name}>${Object.entries(value)
      .map(([inner, one]) => xml(inner, one))
      .join('')}</${name}>`
  const text = String(value)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
  return `<${name}>${text}</${name}>`
}

/** Posts bodies one after another, as they are given: several times, or in another order, is the caller's choice. */
export async function sendWebhooks(
  url: string,
  bodies: readonly Buffer[],
  headers: Readonly<Record<string, string>>,
): Promise<readonly number[]> {
  const statuses: number[] = []
  for (const body of bodies)
    statuses.push(
      await new Promise<number>((resolve, reject) => {
        const type = body.toString('utf8', 0, 1) === '<' ? 'text/xml' : 'application/json'
        const sent = request(
          url,
          { method: 'POST', headers: { 'content-type': type, ...headers } },
          (answer) => {
            answer.resume()
            answer.on('end', () => resolve(answer.statusCode ?? 0))
          },
        )
        sent.on('error', reject)
        sent.end(body)
      }),
    )
  return statuses
}

/** What a computer's events hold, every documented field filled. */
export function computerEvent(number: number, rest: Fields = {}): Fields {
  return {
    alternateMacAddress: '00:00:5E:00:53:02',
    building: `Building ${number}`,
    department: 'IT',
    deviceName: `Anna-${number}'s Mac`,
    emailAddress: `anna-${number}@example.org`,
    ipAddress: '192.0.2.1',
    jssID: number,
    macAddress: '00:00:5E:00:53:01',
    managementId: `d0000000-0000-4000-8000-${String(number).padStart(12, '0')}`,
    model: 'MacBook Air (synthetic)',
    osBuild: '24A300',
    osVersion: '15.0',
    phone: '+1-555-0100',
    position: 'Engineer',
    realName: `Anna Example ${number}`,
    reportedIpAddress: '198.51.100.1',
    room: '12',
    serialNumber: `SYNC${String(number).padStart(7, '0')}`,
    udid: `c0000000-0000-4000-8000-${String(number).padStart(12, '0')}`,
    userDirectoryID: '-1',
    username: `anna-${number}`,
    ...rest,
  }
}

export function mobileDeviceEvent(number: number, rest: Fields = {}): Fields {
  return {
    bluetoothMacAddress: '00:00:5E:00:53:04',
    deviceName: `Anna-${number}'s iPhone`,
    icciID: `8901${number}`,
    imei: `3569380356438${number}`,
    ipAddress: '203.0.113.1',
    jssID: number,
    model: 'iPhone16,1',
    modelDisplay: 'iPhone (synthetic)',
    osBuild: '22C152',
    osVersion: '18.2',
    product: 'synthetic',
    room: '12',
    serialNumber: `SYNM${String(number).padStart(7, '0')}`,
    udid: `e0000000-0000-4000-8000-${String(number).padStart(12, '0')}`,
    userDirectoryID: '-1',
    username: `anna-${number}`,
    version: '18.2',
    wifiMacAddress: '00:00:5E:00:53:03',
    ...rest,
  }
}

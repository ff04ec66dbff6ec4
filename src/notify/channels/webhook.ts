import { isIP } from 'node:net'
import { Webhook } from 'standardwebhooks'
import { Agent, request } from 'undici'
import type { WebhookSettings } from '../parts.ts'
import type { SendOutcome } from './outcome.ts'
import { PRIVATE_ADDRESS, isPrivateAddress, publicLookup } from './private-address.ts'

export interface WebhookCall {
  readonly url: string
  /** As Standard Webhooks writes them (`whsec_…`), the newest first; each signs. */
  readonly secrets: readonly string[]
  /** The same for every attempt: by it the receiver knows what it has seen. */
  readonly id: string
  /** Milliseconds since 1970, of this attempt. */
  readonly at: number
  readonly body: string
}

const TIMEOUT_IN_MS = 15_000

/** Why an address is not taken as a receiver, or undefined. Names are checked again when they are looked up. */
export function whyNotReceiver(address: string, settings: WebhookSettings): string | undefined {
  const url = URL.canParse(address) ? new URL(address) : undefined
  if (!url) return 'not an address'
  if (url.protocol !== 'https:' && !(settings.allowHttp && url.protocol === 'http:'))
    return 'only https'
  if (url.username !== '' || url.password !== '') return 'no user or password in the address'
  if (url.hash !== '') return 'no fragment in the address'
  const host = url.hostname.replace(/^\[|\]$/g, '')
  if (settings.allowPrivateAddresses) return undefined
  if (isIP(host) ? isPrivateAddress(host) : !host.includes('.') || /(?:^|\.)localhost$/.test(host))
    return 'no private address'
  return undefined
}

/** Posts one event as Standard Webhooks says. Redirects are not followed, and the answer's body is not read. */
export async function callWebhook(
  settings: WebhookSettings,
  call: WebhookCall,
): Promise<SendOutcome> {
  if (whyNotReceiver(call.url, settings)) return { outcome: 'failed', code: 'address_refused' }
  const timeout = settings.timeoutMs ?? TIMEOUT_IN_MS
  const agent = new Agent({
    headersTimeout: timeout,
    bodyTimeout: timeout,
    connect: {
      timeout,
      ...(settings.allowPrivateAddresses ? {} : { lookup: publicLookup }),
      ...(settings.ca === undefined ? {} : { ca: settings.ca }),
    },
  })
  try {
    const { statusCode, body } = await request(call.url, {
      method: 'POST',
      dispatcher: agent,
      headers: { 'content-type': 'application/json', 'user-agent': 'sluss', ...signed(call) },
      body: call.body,
    })
    body.on('error', () => undefined)
    body.destroy()
    if (statusCode >= 200 && statusCode < 300)
      return { outcome: 'sent', code: `http_${statusCode}` }
    return { outcome: statusCode === 410 ? 'failed' : 'again', code: `http_${statusCode}` }
  } catch (thrown) {
    const { code = 'fault' } = thrown as { code?: string }
    // The receiver knows by the id what it has: what may have arrived is simply sent again.
    return { outcome: code === PRIVATE_ADDRESS ? 'failed' : 'again', code: code.toLowerCase() }
  } finally {
    await agent.destroy()
  }
}

function signed({ secrets, id, at, body }: WebhookCall): Record<string, string> {
  const time = new Date(at)
  return {
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(at / 1000)),
    'webhook-signature': secrets
      .map((secret) => new Webhook(secret).sign(id, time, body))
      .join(' '),
  }
}

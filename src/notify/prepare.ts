import { INSTALLATION, type Reader, type Transaction } from '#database/handles.ts'
import type { Json } from '#foundation/canonical-json.ts'
import { type RefusalCode } from '#foundation/refusal.ts'
import { type Mail, sendMail } from './channels/mail.ts'
import type { SendOutcome } from './channels/outcome.ts'
import { type WebhookCall, callWebhook } from './channels/webhook.ts'
import type { SendRow } from './notice.table.ts'
import type { NotifyParts } from './parts.ts'
import { acknowledgementCode, documentOf } from './document.ts'
import { asHtml, asText, renderNotice } from './render.ts'
import { ADDRESS_ITEM, PURPOSE, noticeAgentRefusal } from './notice-agent.ts'
import { readNoticeSettings, webhookReceiver } from './settings.ts'

/** The parties that notices go to where no agent runs them: the operator's own relay, and receivers of webhooks. */
const MAIL_RELAY = 'mail-relay'
const TENANT_RECEIVER = 'tenant-webhook'

/** The operator's side of the gate, read anew in each round. */
export interface RelaySwitch {
  readonly on: boolean
}

/** What stands ready to be sent, with what its entry says; or why nothing may leave. */
export type Prepared =
  | {
      readonly evidence: { readonly [key: string]: Json }
      /** What a delivery report quotes of a mail. */
      readonly mailId?: string
      send(now: number): Promise<SendOutcome>
    }
  | { readonly refused: RefusalCode; readonly party?: string }
  | { readonly failed: string }

export function prepare(
  parts: NotifyParts,
  reader: Transaction,
  send: SendRow,
  relay: RelaySwitch,
  now: number,
): Promise<Prepared> {
  return send.channel === 'mail'
    ? prepareMail(parts, reader, send, relay, now)
    : prepareWebhook(parts, reader, send, now)
}

/**
 * The gate of the relay: set up, switched on by the operator, wanted by the tenant, and where an agent runs it, listed
 * for this with its lead time over and without the tenant's objection. What passes is the address and the words of the template with the identifiers of the notice; there is nothing else that could.
 */
async function prepareMail(
  parts: NotifyParts,
  reader: Transaction,
  send: SendRow,
  relay: RelaySwitch,
  now: number,
): Promise<Prepared> {
  const { keys, mail: settings } = parts
  if (!settings) return { refused: 'connection_unknown' }
  if (!relay.on) return { refused: 'connection_disabled' }
  const chosen = await readNoticeSettings(reader, keys)
  if (!chosen.mailOn) return { refused: 'feature_off' }
  const party = settings.runBy === 'operator' ? MAIL_RELAY : settings.runBy.agent
  const refusal = await noticeAgentRefusal(reader, settings.runBy, send, now)
  if (refusal) return { refused: refusal.refused, party }
  const address = await parts.audiences.addressOf(reader, send.recipient)
  if (!address || !isAddress(address.mail)) return { failed: 'no_address' }
  const language = address.language ?? chosen.language
  const { template, about } = send
  const document = await documentOf(reader, keys, about)
  const code = document && (await acknowledgementCode(reader, keys, String(about.documentId)))
  const rendered = renderNotice(
    { template, about, tenantId: reader.tenantId, document, code },
    language,
    chosen.timeZone,
  )
  const messageId = await stableId(parts, reader, send)
  const mail: Mail = {
    to: address.mail,
    messageId,
    envelopeId: `${reader.tenantId}.${messageId}`,
    sender: rendered.sender,
    subject: rendered.subject,
    text: asText(rendered),
    html: asHtml(rendered, language),
    language,
  }
  const commit = await keys.payloadCommitment(reader)
  return {
    evidence: {
      party,
      standing: settings.runBy === 'operator' ? 'operator' : 'agent',
      purpose: PURPOSE,
      items: [ADDRESS_ITEM],
      about: Object.keys(about).sort(),
      message: commit(messageId),
      payload: commit(`${mail.to}\n${mail.subject}\n${mail.text}`),
    },
    mailId: messageId,
    send: () => sendMail(settings, mail),
  }
}

/** The members of a notice that a tenant's receiver learns: identifiers of the tenant's own things, and times. */
const WEBHOOK_MEMBERS: ReadonlySet<string> = new Set([
  'requestId',
  'caseId',
  'grantId',
  'emergencyId',
  'entryId',
  'connectionId',
  'incidentId',
  'documentId',
  'until',
])

async function prepareWebhook(
  parts: NotifyParts,
  reader: Transaction,
  send: SendRow,
  now: number,
): Promise<Prepared> {
  const { keys } = parts
  const receiver = await webhookReceiver(reader, keys, now)
  if (!receiver) return { refused: 'feature_off' }
  const runBy = receiverRunBy(parts, reader.tenantId)
  const refusal = await noticeAgentRefusal(reader, runBy, send, now)
  const party = runBy === 'operator' ? TENANT_RECEIVER : runBy.agent
  if (refusal) return { refused: refusal.refused, party }
  const about = Object.entries(send.about).filter(([name]) => WEBHOOK_MEMBERS.has(name))
  const body = JSON.stringify({
    type: send.template,
    timestamp: send.queuedAt.toISOString(),
    data: { noticeId: send.noticeId, tenantId: reader.tenantId, ...Object.fromEntries(about) },
  })
  const id = `msg_${send.noticeId}`
  const commit = await keys.payloadCommitment(reader)
  const call: Omit<WebhookCall, 'at'> = { ...receiver, id, body }
  return {
    evidence: {
      party,
      purpose: PURPOSE,
      items: [],
      about: about.map(([name]) => name).sort(),
      receiver: commit(receiver.url),
      message: commit(id),
      payload: commit(body),
    },
    send: (at) => callWebhook(parts.webhook, { ...call, at }),
  }
}

/** A tenant's receiver is the tenant's own affair: what runs it is no agent of ours. */
function receiverRunBy({ webhook }: NotifyParts, tenantId: string) {
  return tenantId === INSTALLATION ? (webhook.operatorsRunBy ?? 'operator') : 'operator'
}

/** One message id for a notice and recipient, whatever the attempt; keyed, so that it tells nothing. */
async function stableId(parts: NotifyParts, reader: Reader, send: SendRow): Promise<string> {
  const hash = await parts.keys.blindIndex(reader, 'notice-message')
  return hash(`${send.noticeId} ${send.recipient} ${send.channel}`)
}

/** Enough to keep a second address or a header from riding along; whether it exists the relay knows. */
function isAddress(text: string): boolean {
  return /^[^\s@<>,;:"()[\]\\]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/.test(text)
}

import type { Reader, Transaction } from '#database/handles.ts'
import { type Refusal, refuse } from '#foundation/refusal.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { newOrderedId } from '#foundation/ids.ts'
import { newWebhookSecret } from '#foundation/standard-webhooks.ts'
import type { Keys } from '#keys/keys.ts'
import { append } from '#ledger/append.ts'
import { bumpFactsVersion } from '#tenants/facts-version.ts'
import { whyNotReceiver } from './channels/webhook.ts'
import type { NotifyParts } from './parts.ts'
import type { Language } from './template.ts'

/** A tenant's choice of channels; the message centre is always on. Without a row, these. */
export interface NoticeSettings {
  readonly mailOn: boolean
  /** Mail to approvers, who otherwise see requests in the message centre only. */
  readonly approverMailOn: boolean
  readonly webhookOn: boolean
  readonly webhookUrl: string | undefined
  /** For recipients without a language of their own. */
  readonly language: Language
  /** IANA name; times in notices are told in it. */
  readonly timeZone: string
}

const USUAL: NoticeSettings = {
  mailOn: true,
  approverMailOn: true,
  webhookOn: false,
  webhookUrl: undefined,
  language: 'en',
  timeZone: 'UTC',
}
/** Both secrets sign this long after a change. */
const OLD_SECRET_IN_MS = 24 * 3_600_000
const URL_CONTEXT = 'notice-settings/webhook-url'
const SECRET_CONTEXT = 'notice-settings/webhook-secret'

interface Row {
  readonly mail_on: boolean
  readonly approver_mail_on: boolean
  readonly webhook_on: boolean
  readonly webhook_url: Buffer | null
  readonly webhook_secret: Buffer | null
  readonly webhook_old_secret: Buffer | null
  readonly webhook_old_until: Date | null
  readonly language: Language
  readonly time_zone: string
}

async function readRow(reader: Reader): Promise<Row | undefined> {
  const [row] = await reader.rows<Row>(
    `select mail_on, approver_mail_on, webhook_on, webhook_url, webhook_secret, webhook_old_secret,
            webhook_old_until, language, time_zone
       from notice_settings where tenant_id = $1`,
    [reader.tenantId],
  )
  return row
}

/** The settings of the handle's tenant; under `INSTALLATION`, the operator's: its `mailOn` is the switch of the relay. */
export async function readNoticeSettings(reader: Reader, keys: Keys): Promise<NoticeSettings> {
  const row = await readRow(reader)
  if (!row) return USUAL
  return {
    mailOn: row.mail_on,
    approverMailOn: row.approver_mail_on,
    webhookOn: row.webhook_on,
    webhookUrl:
      row.webhook_url === null
        ? undefined
        : (await keys.openForTenant(reader, URL_CONTEXT, row.webhook_url)).toString(),
    language: row.language,
    timeZone: row.time_zone,
  }
}

/**
 * Changes what is given and leaves the rest. Giving a receiver for the first time makes a secret, which is answered
 * once and never again.
 *
 * @returns the secret, where one was made; `query_invalid` for an address or a time zone that cannot be
 */
export async function changeNoticeSettings(
  tx: Transaction,
  parts: Pick<NotifyParts, 'keys' | 'webhook'>,
  change: Partial<NoticeSettings>,
  by: { readonly actor: string; readonly at: number },
): Promise<{ readonly secret: string | undefined } | Refusal> {
  const { keys } = parts
  const whyNot =
    change.webhookUrl === undefined ? undefined : whyNotReceiver(change.webhookUrl, parts.webhook)
  if (whyNot) return refuse('query_invalid', { field: 'webhookUrl', expected: whyNot })
  if (change.timeZone !== undefined && !isTimeZone(change.timeZone))
    return refuse('query_invalid', { field: 'timeZone', expected: 'an IANA time zone' })
  const row = await readRow(tx)
  const next = { ...(await readNoticeSettings(tx, keys)), ...given(change) }
  if (next.webhookOn && next.webhookUrl === undefined)
    return refuse('query_invalid', { field: 'webhookUrl', expected: 'an address before it is on' })
  const fresh =
    row?.webhook_secret || next.webhookUrl === undefined ? undefined : newWebhookSecret()
  await tx.change(
    `insert into notice_settings (tenant_id, mail_on, approver_mail_on, webhook_on, webhook_url, webhook_secret,
                                  language, time_zone, changed_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
     on conflict (tenant_id) do update set mail_on = $2, approver_mail_on = $3, webhook_on = $4, webhook_url = $5,
       webhook_secret = coalesce(notice_settings.webhook_secret, $6), language = $7, time_zone = $8, changed_at = $9`,
    [
      tx.tenantId,
      next.mailOn,
      next.approverMailOn,
      next.webhookOn,
      next.webhookUrl === undefined
        ? null
        : await keys.sealForTenant(tx, URL_CONTEXT, Buffer.from(next.webhookUrl)),
      fresh === undefined ? null : await keys.sealForTenant(tx, SECRET_CONTEXT, Buffer.from(fresh)),
      next.language,
      next.timeZone,
      new Date(by.at),
    ],
  )
  await recordSettings(tx, by, {
    changed: Object.keys(given(change)).sort(),
    mailOn: next.mailOn,
    webhookOn: next.webhookOn,
  })
  return { secret: fresh }
}

/** Makes a new secret; the old one signs beside it for a day. Answered once. `not_found` where there is no receiver. */
export async function rotateWebhookSecret(
  tx: Transaction,
  keys: Keys,
  by: { readonly actor: string; readonly at: number },
): Promise<{ readonly secret: string } | Refusal> {
  const secret = newWebhookSecret()
  const changed = await tx.change(
    `update notice_settings set webhook_old_secret = webhook_secret, webhook_old_until = $3, webhook_secret = $2,
            changed_at = $4 where tenant_id = $1 and webhook_secret is not null`,
    [
      tx.tenantId,
      await keys.sealForTenant(tx, SECRET_CONTEXT, Buffer.from(secret)),
      new Date(by.at + OLD_SECRET_IN_MS),
      new Date(by.at),
    ],
  )
  if (changed === 0) return refuse('not_found', { field: 'webhookUrl' })
  await recordSettings(tx, by, { changed: ['webhookSecret'] })
  return { secret }
}

/** The receiver gone for good: nothing is sent there until an admin says so. */
export async function switchWebhookOff(tx: Transaction, at: number): Promise<boolean> {
  const changed = await tx.change(
    'update notice_settings set webhook_on = false, changed_at = $2 where tenant_id = $1 and webhook_on',
    [tx.tenantId, new Date(at)],
  )
  if (changed > 0)
    await recordSettings(
      tx,
      { actor: 'job:notices', at },
      { changed: ['webhookOn'], webhookOn: false },
    )
  return changed > 0
}

/** Where and with which secrets to sign now; undefined when the channel is off. */
export async function webhookReceiver(
  reader: Reader,
  keys: Keys,
  now: number,
): Promise<{ readonly url: string; readonly secrets: readonly string[] } | undefined> {
  const row = await readRow(reader)
  if (!row?.webhook_on || !row.webhook_url || !row.webhook_secret) return undefined
  const old =
    row.webhook_old_secret && (row.webhook_old_until?.getTime() ?? 0) > now
      ? [row.webhook_old_secret]
      : []
  const secrets: string[] = []
  for (const sealed of [row.webhook_secret, ...old])
    secrets.push((await keys.openForTenant(reader, SECRET_CONTEXT, sealed)).toString())
  return {
    url: (await keys.openForTenant(reader, URL_CONTEXT, row.webhook_url)).toString(),
    secrets,
  }
}

function given(change: Partial<NoticeSettings>): Partial<NoticeSettings> {
  return Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined))
}

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== ''
  } catch {
    return false
  }
}

async function recordSettings(
  tx: Transaction,
  by: { readonly actor: string; readonly at: number },
  data: { readonly [key: string]: string | boolean | readonly string[] },
): Promise<void> {
  await bumpFactsVersion(tx)
  await append(tx, {
    id: newOrderedId(by.at),
    at: toTimestamp(by.at),
    kind: 'notice.settings',
    actor: by.actor,
    data,
  })
}

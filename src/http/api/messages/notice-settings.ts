import { z } from 'zod'
import type { Database } from '#database/handles.ts'
import { isRefusal } from '#foundation/refusal.ts'
import type { Keys } from '#keys/keys.ts'
import { queueNotice } from '#notify/notice.ts'
import type { WebhookSettings } from '#notify/parts.ts'
import { changeNoticeSettings, readNoticeSettings, rotateWebhookSecret } from '#notify/settings.ts'
import { type Call, type Endpoint, SIGNED_IN, changeEndpoint, getEndpoint } from '../endpoint.ts'

export interface NoticeSettingsParts {
  readonly database: Database
  readonly keys: Keys
  readonly webhook: WebhookSettings
}

const PATH = '/admin/noticeSettings'

const settings = z.object({
  mailOn: z.boolean(),
  approverMailOn: z.boolean(),
  webhookOn: z.boolean(),
  webhookUrl: z.string().nullable(),
  language: z.enum(['en', 'sv']),
  timeZone: z.string(),
})
type Settings = z.input<typeof settings>

const change = z.strictObject({
  mailOn: z.boolean().optional(),
  approverMailOn: z.boolean().optional(),
  webhookOn: z.boolean().optional(),
  webhookUrl: z.string().min(1).max(2_000).optional(),
  language: z.enum(['en', 'sv']).optional(),
  timeZone: z.string().min(1).max(64).optional(),
})

/** Shown once: there is no address that answers it again. */
const secretShown = z.object({ webhookSecret: z.string() })

/**
 * `admin/noticeSettings`: which channels a tenant's notices take. In the operator's realm `operator/noticeSettings`,
 * whose `mailOn` is the switch of the mail relay for everybody.
 */
export function noticeSettingsEndpoints(parts: NoticeSettingsParts): readonly Endpoint[] {
  return [...reading(parts), ...changing(parts), secretEndpoint(parts), testEndpoint(parts)]
}

const by = (call: Call) => ({ actor: call.actor, at: call.now })
const noParams = z.strictObject({})

const REALMS = [
  {
    realms: ['tenant'],
    path: PATH,
    read: 'Organization/Read',
    update: 'Organization/Update',
    name: 'NoticeSettings',
  },
  {
    realms: ['operator'],
    path: '/operator/noticeSettings',
    read: 'Tenants/Read',
    update: 'Operator accounts/Manage',
    name: 'OperatorNoticeSettings',
  },
] as const

async function current(
  { database, keys }: NoticeSettingsParts,
  tenantId: string,
): Promise<Settings> {
  const found = await database.read(tenantId, (reader) => readNoticeSettings(reader, keys))
  return { ...found, webhookUrl: found.webhookUrl ?? null }
}

function reading(parts: NoticeSettingsParts): readonly Endpoint[] {
  return REALMS.map(({ realms, path, read, name }) =>
    getEndpoint({
      id: `get${name}`,
      path,
      summary: 'Which channels notices take',
      realms,
      permission: read,
      params: noParams,
      answer: settings,
      get: ({ tenantId }) => current(parts, tenantId),
    }),
  )
}

function changing(parts: NoticeSettingsParts): readonly Endpoint[] {
  return REALMS.map(({ realms, path, update, name }) =>
    changeEndpoint({
      id: `update${name}`,
      path,
      method: 'PATCH',
      summary:
        'Changes the channels; a receiver given for the first time is answered with its secret, once',
      realms,
      permission: update,
      stepUp: true,
      params: noParams,
      body: change,
      answer: settings.extend({ webhookSecret: z.string().optional() }),
      success: 200,
      current: ({ tenantId }) => current(parts, tenantId),
      change: async (call, _, body) => {
        const given = Object.fromEntries(
          Object.entries(body).filter(([, value]) => value !== undefined),
        )
        const changed = await parts.database.write(call.tenantId, (tx) =>
          changeNoticeSettings(tx, parts, given, by(call)),
        )
        if (isRefusal(changed)) return changed
        const now = await current(parts, call.tenantId)
        return changed.secret === undefined ? now : { ...now, webhookSecret: changed.secret }
      },
    }),
  )
}

function secretEndpoint({ database, keys }: NoticeSettingsParts): Endpoint {
  return changeEndpoint({
    id: 'rotateNoticeWebhookSecret',
    path: `${PATH}/rotateWebhookSecret`,
    method: 'POST',
    summary: 'Makes a new secret, shown once; the old one signs beside it for a day',
    realms: ['tenant'],
    permission: 'Organization/Update',
    stepUp: true,
    params: noParams,
    body: noParams,
    answer: secretShown,
    success: 200,
    change: async (call) => {
      const rotated = await database.write(call.tenantId, (tx) =>
        rotateWebhookSecret(tx, keys, by(call)),
      )
      return isRefusal(rotated) ? rotated : { webhookSecret: rotated.secret }
    },
  })
}

function testEndpoint({ database }: NoticeSettingsParts): Endpoint {
  return changeEndpoint({
    id: 'sendTestNotice',
    path: '/me/sendTestNotice',
    method: 'POST',
    summary: 'Sends a notice to oneself, over every channel that is on',
    realms: ['tenant', 'operator'],
    permission: SIGNED_IN,
    params: noParams,
    body: noParams,
    answer: z.object({ noticeId: z.uuid() }),
    success: 202,
    change: async ({ tenantId, principal, now }) => ({
      noticeId: await database.write(tenantId, (tx) =>
        queueNotice(
          tx,
          {
            template: 'notice.test',
            audience: 'account',
            about: { accountId: principal.accountId },
          },
          now,
        ),
      ),
    }),
  })
}

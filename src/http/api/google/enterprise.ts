import { z } from 'zod'
import { openCredentials, storeCredentials, storeEventSender } from '#connections/credentials.ts'
import {
  type ConnectionRecord,
  listTenantConnections,
  readTenantConnection,
} from '#connections/list-connections.ts'
import type { Reader, Transaction } from '#database/handles.ts'
import { type Refusal, isRefusal, refuse } from '#foundation/refusal.ts'
import { type Call, type Endpoint, changeEndpoint, getEndpoint, listEndpoint } from '../endpoint.ts'
import { slug } from '../sharing/connections.ts'
import { PAGE, TENANT_ONLY, both, by, iso, noBody, noParams, nothing } from '../sharing/shared.ts'
import {
  type AndroidEnterpriseParts,
  BIND,
  CONNECTOR,
  PATH,
  READ_ANDROID,
  ask,
  enterpriseOf,
  text,
} from './shared.ts'

const setting = z.object({
  id: z.string(),
  displayName: z.string(),
  /** Graph's words; `boundAndValidated` once devices were fetched. */
  bindStatus: z.enum(['notBound', 'bound', 'boundAndValidated']),
  enterpriseName: z.string().nullable(),
  lastDeviceSyncDateTime: z.string().nullable(),
})

/**
 * `deviceManagement/androidManagedStoreAccountEnterpriseSettings`: the link to managed Google Play, as Graph names it. A
 * tenant may have several, so it is a list here; of Graph's members those that Sluss knows something about. There is no
 * `syncApps`: the Android Management API has no list of apps.
 */
export function enterpriseEndpoints(parts: AndroidEnterpriseParts): readonly Endpoint[] {
  return [...reading(parts), ...binding(parts), ...watching(parts)]
}

function reading({ database, keys }: AndroidEnterpriseParts): readonly Endpoint[] {
  const describe = async (
    reader: Reader,
    { id, title, synchronisedAt }: ConnectionRecord,
  ): Promise<z.input<typeof setting>> => {
    const enterprise = (await openCredentials(reader, keys, id))?.enterprise
    const bound = synchronisedAt ? 'boundAndValidated' : 'bound'
    return {
      id,
      displayName: title,
      bindStatus: enterprise === undefined ? 'notBound' : bound,
      enterpriseName: enterprise ?? null,
      lastDeviceSyncDateTime: iso(synchronisedAt),
    }
  }
  return [
    listEndpoint({
      id: 'listAndroidEnterpriseSettings',
      path: PATH,
      summary: 'Links to managed Google Play',
      realms: TENANT_ONLY,
      permission: READ_ANDROID,
      params: noParams,
      answer: setting,
      pageSize: PAGE,
      fields: { id: both, displayName: both },
      list: ({ tenantId }, _, query) =>
        database.read(tenantId, async (reader) => {
          const page = await listTenantConnections(reader, query, CONNECTOR)
          const rows: z.input<typeof setting>[] = []
          for (const row of page.rows) rows.push(await describe(reader, row))
          return { ...page, rows }
        }),
    }),
    getEndpoint({
      id: 'getAndroidEnterpriseSetting',
      path: `${PATH}/{id}`,
      summary: 'One link',
      realms: TENANT_ONLY,
      permission: READ_ANDROID,
      params: slug,
      answer: setting,
      get: ({ tenantId }, { id }) =>
        database.read(tenantId, async (reader) => {
          const found = await readTenantConnection(reader, id, CONNECTOR)
          return found && describe(reader, found)
        }),
    }),
  ]
}

function binding(parts: AndroidEnterpriseParts): readonly Endpoint[] {
  const { database } = parts
  const bind = (call: Call, id: string, enterprise: string | undefined) =>
    database.write(call.tenantId, (tx) => rebind(tx, parts, call, id, enterprise))
  return [
    changeEndpoint({
      id: 'requestSignupUrl',
      path: `${PATH}/{id}/requestSignupUrl`,
      method: 'POST',
      summary: 'Asks Google for the address at which an administrator signs the organisation up',
      realms: TENANT_ONLY,
      permission: BIND,
      params: slug,
      body: z.strictObject({
        /** Where Google sends the administrator back to, with the token of the enterprise. */
        callbackUrl: z.url({ protocol: /^https$/ }).max(2_000),
        projectId: z.string().regex(/^[a-z0-9:.-]{1,100}$/),
      }),
      answer: z.object({ value: z.string(), signupUrlName: z.string() }),
      success: 200,
      change: async (call, { id }, { callbackUrl, projectId }) => {
        const query = { callbackUrl, projectId }
        const made = await ask(parts, call, id, 'signupUrls.create', { query })
        if (isRefusal(made)) return made
        return { value: text(made.url) ?? '', signupUrlName: text(made.name) ?? '' }
      },
    }),
    changeEndpoint({
      id: 'completeSignup',
      path: `${PATH}/{id}/completeSignup`,
      method: 'POST',
      summary:
        'Binds the enterprise that was signed up; the connection reaches no other from then on',
      realms: TENANT_ONLY,
      permission: BIND,
      stepUp: true,
      params: slug,
      body: z.strictObject({
        enterpriseToken: z.string().min(1).max(2_000),
        signupUrlName: z.string().min(1).max(400),
        projectId: z.string().regex(/^[a-z0-9:.-]{1,100}$/),
      }),
      answer: z.object({ enterpriseName: z.string() }),
      success: 200,
      change: async (call, { id }, query) => {
        const made = await ask(parts, call, id, 'enterprises.create', { query, body: {} })
        if (isRefusal(made)) return made
        const enterpriseName = text(made.name)
        if (enterpriseName === null) return refuse('party_refused', { field: 'name' })
        return (await bind(call, id, enterpriseName)) ?? { enterpriseName }
      },
    }),
    changeEndpoint({
      id: 'unbindAndroidEnterprise',
      path: `${PATH}/{id}/unbind`,
      method: 'POST',
      summary: 'Deletes the enterprise at Google, which cannot be undone: needs an approval for it',
      realms: TENANT_ONLY,
      permission: BIND,
      stepUp: true,
      params: slug,
      body: noBody,
      answer: nothing,
      success: 204,
      change: async (call, { id }) => {
        const name = await enterpriseOf(parts, call.tenantId, id)
        if (isRefusal(name)) return name
        const done = await ask(parts, call, id, 'enterprises.delete', { parameters: { name } })
        return isRefusal(done) ? done : bind(call, id, undefined)
      },
    }),
  ]
}

async function rebind(
  tx: Transaction,
  { keys }: AndroidEnterpriseParts,
  call: Call,
  id: string,
  enterprise: string | undefined,
): Promise<Refusal | undefined> {
  const { enterprise: _, ...kept } = (await openCredentials(tx, keys, id)) ?? {}
  const credentials = enterprise === undefined ? kept : { ...kept, enterprise }
  return storeCredentials(tx, keys, id, credentials, { force: true }, by(call))
}

const NOTIFICATIONS = [
  'ENROLLMENT',
  'COMPLIANCE_REPORT',
  'STATUS_REPORT',
  'COMMAND',
  'USAGE_LOGS',
] as const

/** Devices are fetched by Sluss itself, and Google tells of changes. */
function watching(parts: AndroidEnterpriseParts): readonly Endpoint[] {
  const { database, keys, origin, androidEnterprise } = parts
  return [
    changeEndpoint({
      id: 'syncAndroidDevices',
      path: `${PATH}/{id}/syncDevices`,
      method: 'POST',
      summary: 'Asks for the devices to be fetched now',
      realms: TENANT_ONLY,
      permission: BIND,
      params: slug,
      body: noBody,
      answer: nothing,
      success: 204,
      change: async ({ tenantId }, { id }) => {
        const enterprise = await enterpriseOf(parts, tenantId, id)
        if (isRefusal(enterprise)) return enterprise
        await androidEnterprise.synchronise(tenantId, id)
        return undefined
      },
    }),
    changeEndpoint({
      id: 'setAndroidEventSender',
      path: `${PATH}/{id}/setEventSender`,
      method: 'POST',
      summary:
        'Says which service account pushes notifications, and answers where it pushes them to',
      realms: TENANT_ONLY,
      permission: BIND,
      stepUp: true,
      params: slug,
      body: z.strictObject({
        serviceAccountEmail: z.email().max(320),
        /** What the subscription's tokens are for; the address itself where left out, as at Google. */
        audience: z.string().min(1).max(2_000).optional(),
      }),
      answer: z.object({ pushEndpoint: z.string(), audience: z.string() }),
      success: 200,
      change: (call, { id }, { serviceAccountEmail: email, audience: given }) =>
        database.write(call.tenantId, async (tx) => {
          if (!(await readTenantConnection(tx, id, CONNECTOR))) return refuse('connection_unknown')
          const pushEndpoint = `${origin}/ingest/${call.tenantId}.${id}`
          const audience = given ?? pushEndpoint
          await storeEventSender(tx, keys, id, { email, audience }, by(call))
          return { pushEndpoint, audience }
        }),
    }),
    changeEndpoint({
      id: 'configureAndroidNotifications',
      path: `${PATH}/{id}/configureNotifications`,
      method: 'POST',
      summary: 'Tells Google to which topic it publishes what',
      realms: TENANT_ONLY,
      permission: BIND,
      params: slug,
      body: z.strictObject({
        pubsubTopic: z.string().regex(/^projects\/[\w:.-]{1,100}\/topics\/[\w.~+%-]{1,255}$/),
        notificationTypes: z.array(z.enum(NOTIFICATIONS)).min(1).max(NOTIFICATIONS.length),
      }),
      answer: nothing,
      success: 204,
      change: async (call, { id }, { pubsubTopic, notificationTypes }) => {
        const name = await enterpriseOf(parts, call.tenantId, id)
        if (isRefusal(name)) return name
        const patched = await ask(parts, call, id, 'enterprises.patch', {
          parameters: { name },
          query: { updateMask: 'pubsubTopic,enabledNotificationTypes' },
          body: { pubsubTopic, enabledNotificationTypes: notificationTypes },
        })
        return isRefusal(patched) ? patched : undefined
      },
    }),
  ]
}

import { z } from 'zod'
import { refuseOutranked, refuseWiderGroups } from '#access/account-rank.ts'
import { createAccount, enableAccount, setGroups, updateAccount } from '#access/account-updates.ts'
import { type AccountRow, accountsSource, readAccountRow } from '#access/account.ts'
import {
  addSecret,
  clientIdOf,
  listSecrets,
  removeSecret,
  SECRET_LIFETIME_IN_MS,
} from '#access/service-principal.ts'
import type { Reader, Transaction } from '#database/handles.ts'
import { listPage } from '#database/list.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { isRefusal, type Refusal, refuse } from '#foundation/refusal.ts'
import { type Call, changeEndpoint, type Endpoint, getEndpoint, listEndpoint } from '../endpoint.ts'
import { listInMemory } from '../odata/list-in-memory.ts'
import {
  type AccountEndpointParts,
  allOrNothing,
  askerOf,
  BOTH,
  by,
  byId,
  displayName,
  eraseOf,
  groups,
  noBody,
  noParams,
  nothing,
  type Opened,
  open,
  PAGE,
  type RealmNames,
  SEALED,
  servicePrincipal,
} from './shared.ts'

const DAY = 24 * 60 * 60_000
const password = z.object({
  keyId: z.string(),
  startDateTime: z.string(),
  endDateTime: z.string(),
})

/** `servicePrincipals`: programs that sign in with a secret of their own. */
export function servicePrincipalEndpoints(
  parts: AccountEndpointParts,
  names: RealmNames,
): readonly Endpoint[] {
  const { database } = parts
  const { prefix, suffix, realms, manage } = names
  return [
    ...readingServices(parts, names),
    changeEndpoint({
      id: `createServicePrincipal${suffix}`,
      path: `${prefix}/servicePrincipals`,
      method: 'POST',
      summary: 'Makes a service principal; it has no secret and no role yet',
      realms,
      permission: manage,
      stepUp: true,
      params: noParams,
      body: z.strictObject({ displayName, groups: groups.optional() }),
      answer: servicePrincipal,
      success: 201,
      change: async (call, _, body) => {
        const made = await database.write(call.tenantId, async (tx) => {
          const wider = await refuseWiderGroups(tx, askerOf(call), body.groups ?? [])
          return wider ?? createAccount(tx, parts, { kind: 'service', ...body }, by(call))
        })
        return isRefusal(made) ? made : readService(parts, call.tenantId, made)
      },
    }),
    changeEndpoint({
      id: `updateServicePrincipal${suffix}`,
      path: `${prefix}/servicePrincipals/{id}`,
      method: 'PATCH',
      summary: 'Changes a service principal; switched off, its tokens end within a second',
      realms,
      permission: manage,
      stepUp: true,
      params: byId,
      body: z.strictObject({
        displayName: displayName.optional(),
        accountEnabled: z.boolean().optional(),
        groups: groups.optional(),
      }),
      answer: servicePrincipal,
      success: 200,
      current: (call, { id }) => readService(parts, call.tenantId, id),
      change: async (call, { id }, body) => {
        const refusal = await allOrNothing(database, call.tenantId, (tx) =>
          updateService(tx, parts, call, id, body),
        )
        return refusal ?? readService(parts, call.tenantId, id)
      },
    }),
    changeEndpoint({
      id: `eraseServicePrincipal${suffix}`,
      path: `${prefix}/servicePrincipals/{id}`,
      method: 'DELETE',
      summary: 'Takes it away for good; what it did stays in the log under its id',
      realms,
      permission: manage,
      stepUp: true,
      params: byId,
      body: noBody,
      answer: nothing,
      success: 204,
      change: (call, { id }) => eraseOf(parts, call, id, 'service'),
    }),
    changeEndpoint({
      id: `addServicePrincipalPassword${suffix}`,
      path: `${prefix}/servicePrincipals/{id}/addPassword`,
      method: 'POST',
      summary: 'Makes a secret, shown this once; two may be valid at a time',
      realms,
      permission: manage,
      stepUp: true,
      params: byId,
      body: z.strictObject({
        lifetimeInDays: z
          .int()
          .min(1)
          .max(SECRET_LIFETIME_IN_MS / DAY)
          .optional(),
      }),
      answer: password.extend({ secretText: z.string() }),
      success: 200,
      change: (call, { id }, { lifetimeInDays }) =>
        database.write(call.tenantId, async (tx) => {
          const refusal = await refuseOutranked(tx, askerOf(call), id)
          if (refusal) return refusal
          const lifetime = lifetimeInDays === undefined ? undefined : lifetimeInDays * DAY
          const made = await addSecret(tx, id, by(call), lifetime)
          return isRefusal(made) ? made : { ...describeSecret(made), secretText: made.secret }
        }),
    }),
    changeEndpoint({
      id: `removeServicePrincipalPassword${suffix}`,
      path: `${prefix}/servicePrincipals/{id}/removePassword`,
      method: 'POST',
      summary: 'Takes a secret away; tokens that it got end within a second',
      realms,
      permission: manage,
      params: byId,
      body: z.strictObject({ keyId: z.uuid().toLowerCase() }),
      answer: nothing,
      success: 204,
      change: (call, { id }, { keyId }) =>
        database.write(call.tenantId, (tx) => removeSecret(tx, id, keyId, by(call))),
    }),
  ]
}

function readingServices(parts: AccountEndpointParts, names: RealmNames): readonly Endpoint[] {
  const { database, keys } = parts
  const { prefix, suffix, realms, read } = names
  return [
    listEndpoint({
      id: `listServicePrincipals${suffix}`,
      path: `${prefix}/servicePrincipals`,
      summary: 'Programs that sign in with a secret of their own',
      realms,
      permission: read,
      params: noParams,
      answer: servicePrincipal,
      pageSize: PAGE,
      fields: {
        id: BOTH,
        accountEnabled: { filter: true, sort: false },
        createdDateTime: BOTH,
        displayName: SEALED,
      },
      list: ({ tenantId }, _, query) =>
        database.read(tenantId, async (reader) => {
          const source = accountsSource(tenantId, 'service')
          const page = await listPage<AccountRow>(reader, source, query)
          const opened = await Promise.all(page.rows.map((row) => open(reader, keys, row)))
          return { ...page, rows: opened.map((one) => describe(tenantId, one)) }
        }),
    }),
    getEndpoint({
      id: `getServicePrincipal${suffix}`,
      path: `${prefix}/servicePrincipals/{id}`,
      summary: 'One service principal',
      realms,
      permission: read,
      params: byId,
      answer: servicePrincipal,
      get: ({ tenantId }, { id }) => readService(parts, tenantId, id),
    }),
    listEndpoint({
      id: `listServicePrincipalPasswords${suffix}`,
      path: `${prefix}/servicePrincipals/{id}/passwordCredentials`,
      summary: 'Its valid secrets, never what they are',
      realms,
      permission: read,
      params: byId,
      answer: password,
      pageSize: PAGE,
      fields: { keyId: BOTH },
      list: async (call, { id }, query) => {
        const secrets = await database.read(call.tenantId, async (reader) =>
          (await isService(reader, id)) ? listSecrets(reader, id, call.now) : undefined,
        )
        return secrets
          ? listInMemory(secrets.map(describeSecret), 'keyId', query)
          : refuse('account_unknown', { account: id })
      },
    }),
  ]
}

async function updateService(
  tx: Transaction,
  parts: AccountEndpointParts,
  call: Call,
  id: string,
  change: {
    displayName?: string | undefined
    accountEnabled?: boolean | undefined
    groups?: readonly string[] | undefined
  },
): Promise<Refusal | undefined> {
  if (!(await isService(tx, id))) return refuse('account_unknown', { account: id })
  const wider = await refuseOutranked(tx, askerOf(call), id, change.groups)
  if (wider) return wider
  if (change.groups !== undefined) {
    const refusal = await setGroups(tx, parts, id, change.groups, by(call))
    if (refusal) return refusal
  }
  if (change.accountEnabled !== undefined) {
    const refusal = await enableAccount(tx, parts, id, change.accountEnabled, by(call))
    if (refusal) return refusal
  }
  return change.displayName === undefined
    ? undefined
    : updateAccount(tx, parts, id, { displayName: change.displayName }, by(call))
}

async function isService(reader: Reader, id: string): Promise<boolean> {
  return (await readAccountRow(reader, id))?.account.kind === 'service'
}

async function readService(
  { database, keys }: AccountEndpointParts,
  tenantId: string,
  id: string,
): Promise<z.input<typeof servicePrincipal> | undefined> {
  return database.read(tenantId, async (reader) => {
    const found = await readAccountRow(reader, id)
    if (found?.account.kind !== 'service') return undefined
    return describe(tenantId, await open(reader, keys, found.row))
  })
}

function describe(tenantId: string, { account, displayName }: Opened) {
  return {
    id: account.accountId,
    appId: clientIdOf(tenantId, account.accountId),
    displayName,
    accountEnabled: account.state === 'active',
    groups: [...account.groups],
    createdDateTime: toTimestamp(account.createdAt),
  }
}

function describeSecret(secret: { secretId: string; createdAt: number; expiresAt: number }) {
  return {
    keyId: secret.secretId,
    startDateTime: toTimestamp(secret.createdAt),
    endDateTime: toTimestamp(secret.expiresAt),
  }
}

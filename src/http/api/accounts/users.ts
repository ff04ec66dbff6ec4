import { z } from 'zod'
import { refuseOutranked, refuseWiderGroups } from '#access/account-rank.ts'
import {
  createAccount,
  enableAccount,
  setGroups,
  signOutEverywhere,
  updateAccount,
} from '#access/account-updates.ts'
import { type AccountRow, accountsSource, readAccountRow } from '#access/account.ts'
import { createLink, type LinkPurpose, LINK_LIFETIME_IN_MS } from '#access/one-time-link.ts'
import type { Transaction } from '#database/handles.ts'
import { listPage } from '#database/list.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { isRefusal, type Refusal, refuse } from '#foundation/refusal.ts'
import { type Call, changeEndpoint, type Endpoint, getEndpoint, listEndpoint } from '../endpoint.ts'
import {
  type AccountEndpointParts,
  account,
  allOrNothing,
  askerOf,
  BOTH,
  by,
  byId,
  describe,
  displayName,
  eraseOf,
  groups,
  language,
  mail,
  noBody,
  noParams,
  nothing,
  openAll,
  PAGE,
  type RealmNames,
  SEALED,
  withMailHashes,
  tellAccount,
} from './shared.ts'

const link = z.object({ url: z.string(), expirationDateTime: z.string() })

/** `users`: the people who may sign in, of one realm. */
export function userEndpoints(parts: AccountEndpointParts, names: RealmNames): readonly Endpoint[] {
  const { prefix, suffix, realms, manage } = names
  const current = (call: Call, { id }: { id: string }) => readUser(parts, call, id)
  return [
    ...readingUsers(parts, names),
    changeEndpoint({
      id: `createUser${suffix}`,
      path: `${prefix}/users`,
      method: 'POST',
      summary: 'Makes an account; an invitation or the organisation’s provider lets its person in',
      realms,
      permission: manage,
      stepUp: true,
      params: noParams,
      body: z.strictObject({
        displayName,
        mail: mail.optional(),
        preferredLanguage: language.optional(),
        groups: groups.optional(),
      }),
      answer: account,
      success: 201,
      change: async (call, _, body) => {
        const made = await allOrNothing(parts.database, call.tenantId, async (tx) => {
          const wider = await refuseWiderGroups(tx, askerOf(call), body.groups ?? [])
          if (wider) return wider
          const { preferredLanguage, ...rest } = body
          const wanted = { kind: 'person', ...rest, language: preferredLanguage } as const
          return createAccount(tx, parts, wanted, by(call))
        })
        return isRefusal(made) ? made : readUser(parts, call, made)
      },
    }),
    changeEndpoint({
      id: `updateUser${suffix}`,
      path: `${prefix}/users/{id}`,
      method: 'PATCH',
      summary: 'Changes an account; switched off, its sign-ins end on every node within a second',
      realms,
      permission: manage,
      stepUp: true,
      params: byId,
      body: z.strictObject({
        displayName: displayName.optional(),
        mail: mail.optional(),
        preferredLanguage: language.optional(),
        accountEnabled: z.boolean().optional(),
        groups: groups.optional(),
      }),
      answer: account,
      success: 200,
      current,
      change: async (call, { id }, body) => {
        const refusal = await changing(parts, call, id, (tx) => update(tx, parts, call, id, body))
        return refusal ?? readUser(parts, call, id)
      },
    }),
    changeEndpoint({
      id: `eraseUser${suffix}`,
      path: `${prefix}/users/{id}`,
      method: 'DELETE',
      summary: 'Takes the account away for good; what it did stays in the log under its id',
      realms,
      permission: manage,
      stepUp: true,
      params: byId,
      body: noBody,
      answer: nothing,
      success: 204,
      change: (call, { id }) => eraseOf(parts, call, id, 'person'),
    }),
    linkEndpoint(parts, names, 'invitation'),
    linkEndpoint(parts, names, 'recovery'),
    changeEndpoint({
      id: `revokeUserSignIns${suffix}`,
      path: `${prefix}/users/{id}/revokeSignInSessions`,
      method: 'POST',
      summary: 'Signs the account out everywhere',
      realms,
      permission: manage,
      params: byId,
      body: noBody,
      answer: nothing,
      success: 204,
      change: (call, { id }) =>
        parts.database.write(call.tenantId, (tx) => signOutEverywhere(tx, id, by(call))),
    }),
  ]
}

function readingUsers(parts: AccountEndpointParts, names: RealmNames): readonly Endpoint[] {
  const { prefix, suffix, realms, read } = names
  return [
    listEndpoint({
      id: `listUsers${suffix}`,
      path: `${prefix}/users`,
      summary: 'The people who may sign in',
      realms,
      permission: read,
      params: noParams,
      answer: account,
      pageSize: PAGE,
      fields: {
        id: BOTH,
        accountEnabled: { filter: true, sort: false },
        preferredLanguage: { filter: true, sort: false },
        createdDateTime: BOTH,
        mail: { filter: true, sort: false },
        displayName: SEALED,
      },
      list: (call, _, query) =>
        // Looking writes an entry, so that even a list is a change.
        parts.database.write(call.tenantId, async (tx) => {
          const filter = await withMailHashes(tx, parts.keys, query.filter)
          if (isRefusal(filter)) return filter
          const { filter: _given, ...rest } = query
          const page = await listPage<AccountRow>(tx, accountsSource(tx.tenantId, 'person'), {
            ...rest,
            ...(filter ? { filter } : {}),
          })
          const opened = await openAll(tx, parts.keys, page.rows, call)
          return { ...page, rows: opened.map(describe) }
        }),
    }),
    getEndpoint({
      id: `getUser${suffix}`,
      path: `${prefix}/users/{id}`,
      summary: 'One account',
      realms,
      permission: read,
      params: byId,
      answer: account,
      get: (call, { id }) => readUser(parts, call, id),
    }),
  ]
}

function linkEndpoint(
  parts: AccountEndpointParts,
  { prefix, suffix, realms, manage }: RealmNames,
  purpose: Exclude<LinkPurpose, 'firstAdmin'>,
): Endpoint {
  const word = purpose === 'invitation' ? 'invite' : 'recover'
  return changeEndpoint({
    id: `${word}User${suffix}`,
    path: `${prefix}/users/{id}/${word}`,
    method: 'POST',
    summary: 'Makes a link for a passkey: once, within 24 hours; shown this once',
    realms,
    permission: manage,
    stepUp: true,
    params: byId,
    body: noBody,
    answer: link,
    success: 200,
    change: (call, { id }) =>
      changing(parts, call, id, async (tx) => {
        const token = await createLink(tx, { accountId: id, purpose }, by(call))
        if (isRefusal(token)) return token
        const until = call.now + LINK_LIFETIME_IN_MS
        const told = purpose === 'invitation' ? 'account.invited' : 'account.recoveryLink'
        await tellAccount(tx, told, id, call.now, until)
        return {
          url: `${parts.origin}/sign-in/link?token=${token}`,
          expirationDateTime: toTimestamp(until),
        }
      }),
  })
}

/** Does it in one commit, unless the account holds more than the asker does. */
function changing<Result>(
  { database }: AccountEndpointParts,
  call: Call,
  id: string,
  work: (tx: Transaction) => Promise<Result | Refusal>,
): Promise<Result | Refusal> {
  return allOrNothing(database, call.tenantId, async (tx) => {
    const refusal = await refuseOutranked(tx, askerOf(call), id)
    return refusal ?? work(tx)
  })
}

interface Change {
  readonly displayName?: string | undefined
  readonly mail?: string | undefined
  readonly preferredLanguage?: 'en' | 'sv' | undefined
  readonly accountEnabled?: boolean | undefined
  readonly groups?: readonly string[] | undefined
}

async function update(
  tx: Transaction,
  parts: AccountEndpointParts,
  call: Call,
  id: string,
  change: Change,
): Promise<Refusal | undefined> {
  const found = await readAccountRow(tx, id)
  if (found?.account.kind !== 'person') return refuse('account_unknown', { account: id })
  if (change.groups !== undefined) {
    const wider =
      (await refuseOutranked(tx, askerOf(call), id, change.groups)) ??
      (await setGroups(tx, parts, id, change.groups, by(call)))
    if (wider) return wider
  }
  if (change.accountEnabled !== undefined) {
    const refusal = await enableAccount(tx, parts, id, change.accountEnabled, by(call))
    if (refusal) return refusal
  }
  const { displayName: name, mail: address, preferredLanguage } = change
  if (name === undefined && address === undefined && preferredLanguage === undefined)
    return undefined
  const wanted = { displayName: name, mail: address, language: preferredLanguage }
  return updateAccount(tx, parts, id, wanted, by(call))
}

async function readUser(
  { database, keys }: AccountEndpointParts,
  call: Call,
  id: string,
): Promise<z.input<typeof account> | undefined> {
  return database.write(call.tenantId, async (tx) => {
    const found = await readAccountRow(tx, id)
    if (found?.account.kind !== 'person') return undefined
    const [opened] = await openAll(tx, keys, [found.row], call)
    return opened && describe(opened)
  })
}

import type { RegistrationResponseJSON } from '@simplewebauthn/server'
import { z } from 'zod'
import { listPasskeys, removePasskey, renamePasskey } from '#access/passkey-changes.ts'
import {
  beginRegistration,
  checkRegistration,
  keepPasskey,
  type PasskeyUse,
} from '#access/passkey.ts'
import {
  listSigningKeys,
  registerSigningKey,
  removeSigningKey,
  type SigningKey,
} from '#access/signing-keys.ts'
import type { Transaction } from '#database/handles.ts'
import { isRefusal, type Refusal, refuse } from '#foundation/refusal.ts'
import { type Call, changeEndpoint, type Endpoint, listEndpoint } from '../endpoint.ts'
import { listInMemory } from '../odata/list-in-memory.ts'
import {
  type AccountEndpointParts,
  BOTH,
  by,
  iso,
  noBody,
  noParams,
  nothing,
  PAGE,
  tellAccount,
} from './shared.ts'

const COMMON = { realms: ['tenant', 'operator'], permission: 'signedIn' } as const
const BASE64URL = /^[A-Za-z0-9_-]+$/
/** A credential id is 16 bytes at least, and those of other keys are longer still. */
const byKey = z.strictObject({ id: z.string().min(22).max(900).regex(BASE64URL) })
const name = z.string().trim().min(1).max(80)
const ceremony = z.string().min(1).max(100)
const credential = z.looseObject({
  id: z.string().min(1).max(900),
  response: z.looseObject({}),
})
const begun = z.object({ ceremony: z.string(), options: z.looseObject({}) })
const passkey = z.object({
  id: z.string(),
  displayName: z.string(),
  registeredDateTime: z.string(),
  lastUsedDateTime: z.string().nullable(),
})
const signingKey = z.object({
  id: z.string(),
  kind: z.enum(['passkey', 'ed25519']),
  publicKey: z.string(),
  registeredDateTime: z.string(),
  removedDateTime: z.string().nullable(),
})

/** `me/passkeys` and `me/signingKeys`: one's own ways in, and the keys one signs approvals with. */
export function ownKeyEndpoints(parts: AccountEndpointParts): readonly Endpoint[] {
  return [...passkeyEndpoints(parts), ...signingKeyEndpoints(parts)]
}

function passkeyEndpoints(parts: AccountEndpointParts): readonly Endpoint[] {
  const { database, keys } = parts
  const all = async (call: Call) =>
    (
      await database.read(call.tenantId, (reader) =>
        listPasskeys(reader, keys, call.principal.accountId),
      )
    ).map((key) => ({
      id: key.passkeyId,
      displayName: key.name,
      registeredDateTime: iso(key.registeredAt) ?? '',
      lastUsedDateTime: iso(key.usedAt),
    }))
  return [
    listEndpoint({
      ...COMMON,
      id: 'listOwnPasskeys',
      path: '/me/passkeys',
      summary: 'Your ways in',
      params: noParams,
      answer: passkey,
      pageSize: PAGE,
      fields: { id: BOTH },
      list: async (call, _, query) => listInMemory(await all(call), 'id', query),
    }),
    beginEndpoint(parts, 'sign-in', 'beginPasskey', '/me/passkeys/begin'),
    changeEndpoint({
      ...COMMON,
      id: 'registerOwnPasskey',
      path: '/me/passkeys',
      method: 'POST',
      summary: 'Registers another passkey, with what your browser answered',
      stepUp: true,
      params: noParams,
      body: z.strictObject({ displayName: name, ceremony, response: credential }),
      answer: z.object({ id: z.string() }),
      success: 201,
      change: (call, _, body) =>
        database.write(call.tenantId, async (tx) => {
          const checked = await checkOwn(tx, parts, call, 'sign-in', body)
          if (isRefusal(checked)) return checked
          const kept = await keepPasskey(tx, keys, checked, body.displayName, by(call))
          return kept ?? { id: checked.passkeyId }
        }),
    }),
    changeEndpoint({
      ...COMMON,
      id: 'renameOwnPasskey',
      path: '/me/passkeys/{id}',
      method: 'PATCH',
      summary: 'Gives it another name',
      params: byKey,
      body: z.strictObject({ displayName: name }),
      answer: nothing,
      success: 204,
      change: (call, { id }, { displayName }) =>
        database.write(call.tenantId, (tx) =>
          renamePasskey(tx, keys, call.principal.accountId, id, displayName),
        ),
    }),
    changeEndpoint({
      ...COMMON,
      id: 'removeOwnPasskey',
      path: '/me/passkeys/{id}',
      method: 'DELETE',
      summary: 'Takes it away and signs you out everywhere; never your last way in',
      stepUp: true,
      params: byKey,
      body: noBody,
      answer: nothing,
      success: 204,
      change: (call, { id }) =>
        database.write(call.tenantId, (tx) =>
          removePasskey(tx, call.principal.accountId, id, by(call)),
        ),
    }),
  ]
}

function signingKeyEndpoints(parts: AccountEndpointParts): readonly Endpoint[] {
  const { database } = parts
  return [
    listEndpoint({
      ...COMMON,
      id: 'listOwnSigningKeys',
      path: '/me/signingKeys',
      summary: 'The keys you sign approvals with, removed ones too',
      params: noParams,
      answer: signingKey,
      pageSize: PAGE,
      fields: { id: BOTH, kind: { filter: true, sort: false } },
      list: async (call, _, query) => {
        const found = await database.read(call.tenantId, (reader) =>
          listSigningKeys(reader, call.principal.accountId),
        )
        return listInMemory(found.map(describe), 'id', query)
      },
    }),
    beginEndpoint(parts, 'signing', 'beginSigningKey', '/me/signingKeys/begin'),
    changeEndpoint({
      ...COMMON,
      id: 'registerOwnSigningKey',
      path: '/me/signingKeys',
      method: 'POST',
      summary: 'Registers a key of your own: an Ed25519 key, or a passkey your browser made for it',
      stepUp: true,
      params: noParams,
      body: z.discriminatedUnion('kind', [
        z.strictObject({
          kind: z.literal('ed25519'),
          publicKey: z.string().length(43).regex(BASE64URL),
        }),
        z.strictObject({ kind: z.literal('passkey'), ceremony, response: credential }),
      ]),
      answer: z.object({ id: z.string() }),
      success: 201,
      change: (call, _, body) =>
        database.write(call.tenantId, async (tx) => {
          const { accountId, kind } = call.principal
          if (kind !== 'person') return refuse('role_missing', { needed: 'person' })
          const key =
            body.kind === 'ed25519'
              ? { publicKey: Buffer.from(body.publicKey, 'base64url') }
              : await checkOwn(tx, parts, call, 'signing', body)
          if (isRefusal(key)) return key
          const id = await registerSigningKey(
            tx,
            {
              accountId,
              kind: body.kind,
              publicKey: key.publicKey,
              ...('passkeyId' in key ? { keyId: key.passkeyId } : {}),
            },
            by(call),
          )
          if (isRefusal(id)) return id
          await tellAccount(tx, 'key.registered', accountId, call.now)
          return { id }
        }),
    }),
    changeEndpoint({
      ...COMMON,
      id: 'removeOwnSigningKey',
      path: '/me/signingKeys/{id}',
      method: 'DELETE',
      summary: 'Nothing new is signed with it from now on; what it signed can still be checked',
      stepUp: true,
      params: byKey,
      body: noBody,
      answer: nothing,
      success: 204,
      change: async (call, { id }) => {
        const removed = await database.write(call.tenantId, (tx) =>
          removeSigningKey(tx, call.principal.accountId, id, by(call)),
        )
        return removed ? undefined : refuse('not_found', { key: id })
      },
    }),
  ]
}

function beginEndpoint(
  parts: AccountEndpointParts,
  use: PasskeyUse,
  id: string,
  path: string,
): Endpoint {
  return changeEndpoint({
    ...COMMON,
    id,
    path,
    method: 'POST',
    summary: 'Options for your browser’s navigator.credentials.create',
    stepUp: true,
    params: noParams,
    body: noBody,
    answer: begun,
    success: 200,
    change: async (call): Promise<z.input<typeof begun> | Refusal> => {
      const { accountId } = call.principal
      const made = await parts.database.write(call.tenantId, (tx) =>
        beginRegistration(tx, parts, accountId, use, call.now),
      )
      return isRefusal(made) ? made : { ceremony: made.ceremony, options: { ...made.options } }
    },
  })
}

/** Checks what a browser answered to a ceremony that this account began. */
async function checkOwn(
  tx: Transaction,
  parts: AccountEndpointParts,
  call: Call,
  use: PasskeyUse,
  body: { ceremony: string; response: object },
) {
  const response = body.response as RegistrationResponseJSON
  const answer = { ceremony: body.ceremony, response, use }
  const checked = await checkRegistration(tx, parts, answer, call.now)
  if (isRefusal(checked) || checked.accountId === call.principal.accountId) return checked
  return refuse('passkey_invalid', { why: 'account' })
}

function describe(key: SigningKey): z.input<typeof signingKey> {
  return {
    id: key.keyId,
    kind: key.kind,
    publicKey: key.publicKey.toString('base64url'),
    registeredDateTime: iso(key.registeredAt) ?? '',
    removedDateTime: iso(key.removedAt),
  }
}

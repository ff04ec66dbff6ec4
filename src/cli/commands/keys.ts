import type { Api, JsonObject } from '../api-client.ts'
import type { Context } from '../context.ts'
import { type KeyFile, makeKeyFile, readKeyFile } from '../key-file.ts'
import { segment, showList } from './listing.ts'

const KEYS = '/me/signingKeys'

/** Makes a key and, unless told otherwise, registers its public half; the private half never leaves the file. */
export async function keysMake(
  context: Context,
  path: string,
  options: { register: boolean },
): Promise<void> {
  // Who is not signed in hears of it before there is a key.
  const api = options.register ? await context.api() : undefined
  await (options.register ? (await context.signIn()).token() : undefined)
  const key = await makeKeyFile(path, context.say)
  context.terminal.err(context.say('keyMade', { path }))
  if (api) return register(context, api, key, path)
  const made = { path, publicKey: key.publicKey }
  context.show(made, () => [key.publicKey])
}

export async function keysRegister(context: Context, path: string): Promise<void> {
  const key = await readKeyFile(path, context.say)
  await register(context, await context.api(), key, path)
}

async function register(context: Context, api: Api, key: KeyFile, path: string): Promise<void> {
  const made = await api.change('POST', KEYS, { kind: 'ed25519', publicKey: key.publicKey })
  context.show({ path, ...made }, () => [context.say('keyRegistered', { id: String(made.id) })])
}

export function keysList(context: Context): Promise<void> {
  return showList(context, KEYS, ['id', 'kind', 'registeredDateTime', 'removedDateTime'])
}

export async function keysRemove(context: Context, id: string): Promise<void> {
  await (await context.api()).change('DELETE', `${KEYS}/${segment(id)}`)
  context.show({ id, removed: true }, () => [context.say('done')])
}

/** The account's own registered key of that public half. */
export async function registeredKey(api: Api, key: KeyFile): Promise<JsonObject | undefined> {
  for await (const known of api.list(KEYS))
    if (known.publicKey === key.publicKey && !known.removedDateTime) return known
  return undefined
}

import type { JsonObject } from '../api-client.ts'
import type { Context } from '../context.ts'
import { sheet, textOf } from '../layout.ts'

export async function signIn(
  context: Context,
  options: { organisation?: string; again?: boolean },
): Promise<void> {
  const session = await context.signIn()
  await session.byDevice(options)
  const url = await context.origin()
  context.show({ url, signedIn: true }, () => [context.say('signedIn', { url })])
}

/** Everywhere: on every machine and in every browser, by the account itself. */
export async function signOut(context: Context, options: { everywhere?: boolean }): Promise<void> {
  const url = await context.origin()
  if (options.everywhere) await (await context.api()).change('POST', '/me/revokeSignInSessions')
  await (await context.signIn()).out()
  context.show({ url, signedIn: false }, () => [context.say('signedOut', { url })])
}

/** The account, and every permission with what gave it. */
export async function whoami(context: Context): Promise<void> {
  const api = await context.api()
  const account = await api.get('/me/account')
  const permissions: JsonObject[] = []
  for await (const permission of api.list('/me/effectivePermissions')) permissions.push(permission)
  context.show({ url: await context.origin(), account, permissions }, () => [
    ...sheet(account, ACCOUNT_MEMBERS),
    '',
    ...permissions.map((permission) => textOf(permission.id)).toSorted(),
  ])
}

const ACCOUNT_MEMBERS = [
  'displayName',
  'mail',
  'id',
  'tenantId',
  'accountKind',
  'preferredLanguage',
  'groups',
  'authenticatedDateTime',
  'authenticationMethods',
]

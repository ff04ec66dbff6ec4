import { readAccount } from '#access/account.ts'
import type { AccessReader } from '#access/effective.ts'
import type { PermissionId } from '#access/permission.ts'
import { type Principal, actorOf } from '#access/principal.ts'
import { accountOfSubject, checkSecret } from '#access/service-principal.ts'
import type { TokenCheck } from '#access/tokens.ts'
import type { Database } from '#database/handles.ts'
import { isRefusal } from '#foundation/refusal.ts'
import { readTenant } from '#tenants/tenant.ts'

const PROVISION: PermissionId = 'Directory/Provision'

export interface ScimTokenParts {
  readonly database: Database
  readonly access: AccessReader
  readonly tokens: Pick<TokenCheck, 'authenticate'>
  readonly lease: { held(): boolean }
}

/** The tenant's provisioning client, after its token was checked. */
export interface Provisioner {
  readonly tenantId: string
  readonly actor: string
}

/**
 * Who provisions. Directories keep one long-lived token: `<client id>/<secret>` of a service principal with the
 * permission `Directory/Provision`. An access token of the installation's issuer is as good.
 *
 * @returns 401 without a valid token, 403 without the permission, 503 while the node is cut off from the database
 */
export async function provisionerOf(
  parts: ScimTokenParts,
  authorization: string | undefined,
  now: number,
): Promise<Provisioner | 401 | 403 | 503> {
  if (!parts.lease.held()) return 503
  const principal = await principalOf(parts, authorization, now)
  if (!principal) return 401
  const access = await parts.access.of(principal)
  if (isRefusal(access)) return 503
  if (principal.kind !== 'service' || !access.may(PROVISION)) return 403
  return { tenantId: principal.tenantId, actor: actorOf(principal) }
}

async function principalOf(
  { database, tokens }: ScimTokenParts,
  authorization: string | undefined,
  now: number,
): Promise<Principal | undefined> {
  const [, client, secret] = /^Bearer ([a-z0-9-]+\/[0-9a-f-]{36})\/([\w-]{20,200})$/i.exec(
    authorization ?? '',
  ) ?? ['', '', '']
  const named = accountOfSubject(client ?? '')
  if (!named) {
    const principal = await tokens.authenticate(authorization, now)
    return isRefusal(principal) ? undefined : principal
  }
  const { tenantId, accountId } = named
  return database.read(tenantId, async (reader) => {
    if (!(await checkSecret(reader, accountId, secret ?? '', now))) return undefined
    const account = await readAccount(reader, accountId)
    const tenant = await readTenant(reader)
    if (!account || !tenant || tenant.state === 'closed') return undefined
    return {
      tenantId,
      accountId,
      kind: account.kind,
      groups: account.groups,
      personMarks: account.personMarks,
      language: account.language,
      authenticatedAt: now,
      methods: ['client'],
    }
  })
}

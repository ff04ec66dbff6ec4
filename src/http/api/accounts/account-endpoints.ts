import type { Endpoint } from '../endpoint.ts'
import { identityProviderEndpoints } from './identity-providers.ts'
import { ownAccountEndpoints } from './me.ts'
import { ownKeyEndpoints } from './own-keys.ts'
import { servicePrincipalEndpoints } from './service-principals.ts'
import { type AccountEndpointParts, OPERATOR_NAMES, TENANT_NAMES } from './shared.ts'
import { userEndpoints } from './users.ts'

export type { AccountEndpointParts }

/** Accounts, service principals and sign-ins of both realms, and everybody's own account and keys. */
export function accountEndpoints(parts: AccountEndpointParts): readonly Endpoint[] {
  return [
    ...[TENANT_NAMES, OPERATOR_NAMES].flatMap((names) => [
      ...userEndpoints(parts, names),
      ...servicePrincipalEndpoints(parts, names),
      ...identityProviderEndpoints(parts, names),
    ]),
    ...ownAccountEndpoints(parts),
    ...ownKeyEndpoints(parts),
  ]
}

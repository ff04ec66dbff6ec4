import { toTimestamp } from '#foundation/clock.ts'
import { GROUP_SCHEMA, type KeptGroup } from '#subjects/scim-groups.ts'
import type { KeptUser } from '#subjects/scim-users.ts'
import { USER_SCHEMA } from '#subjects/scim-user.ts'

export const LIST_SCHEMA = 'urn:ietf:params:scim:api:messages:2.0:ListResponse'
const CONFIG_SCHEMA = 'urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig'
const TYPE_SCHEMA = 'urn:ietf:params:scim:schemas:core:2.0:ResourceType'

export type Resource = Readonly<Record<string, unknown>>

const versionOf = (version: number): string => `W/"${version}"`

/** A user as the protocol shows it. */
export function userResource(base: string, kept: KeptUser): Resource {
  const { userName, externalId, active, emails } = kept.user
  return {
    schemas: [USER_SCHEMA],
    id: kept.userId,
    ...(externalId === undefined ? {} : { externalId }),
    userName,
    active,
    ...(emails.length > 0 ? { emails } : {}),
    meta: meta(base, 'User', `Users/${kept.userId}`, kept),
  }
}

export function groupResource(base: string, kept: KeptGroup): Resource {
  return {
    schemas: [GROUP_SCHEMA],
    id: kept.groupId,
    ...(kept.externalId === undefined ? {} : { externalId: kept.externalId }),
    displayName: kept.displayName,
    members: kept.members.map((value) => ({ value, $ref: `${base}/Users/${value}`, type: 'User' })),
    meta: meta(base, 'Group', `Groups/${kept.groupId}`, kept),
  }
}

function meta(
  base: string,
  resourceType: string,
  path: string,
  { createdAt, modifiedAt, version }: Pick<KeptUser, 'createdAt' | 'modifiedAt' | 'version'>,
) {
  return {
    resourceType,
    created: toTimestamp(createdAt.getTime()),
    lastModified: toTimestamp(modifiedAt.getTime()),
    location: `${base}/${path}`,
    version: versionOf(version),
  }
}

/** RFC 7643 section 5: what this server does, as it really does it. */
export function serviceProviderConfig(base: string, maxResults: number): Resource {
  return {
    schemas: [CONFIG_SCHEMA],

    patch: { supported: true },
    bulk: { supported: false, maxOperations: 0, maxPayloadSize: 0 },
    filter: { supported: true, maxResults },
    changePassword: { supported: false },
    sort: { supported: false },
    etag: { supported: true },
    authenticationSchemes: [
      {
        type: 'oauthbearertoken',
        name: 'Bearer token',
        description: 'The secret of a service principal that may provision, or its access token',
        primary: true,
      },
    ],
    meta: { resourceType: 'ServiceProviderConfig', location: `${base}/ServiceProviderConfig` },
  }
}

export function resourceTypes(base: string): readonly Resource[] {
  const type = (id: string, endpoint: string, schema: string): Resource => ({
    schemas: [TYPE_SCHEMA],
    id,
    name: id,
    endpoint,
    schema,
    schemaExtensions: [],
    meta: { resourceType: 'ResourceType', location: `${base}/ResourceTypes/${id}` },
  })
  return [type('User', '/Users', USER_SCHEMA), type('Group', '/Groups', GROUP_SCHEMA)]
}

/** Only the attributes that are kept: a directory that reads this need not send the others. */
export function schemas(base: string): readonly Resource[] {
  const schema = (id: string, name: string, attributes: readonly Resource[]): Resource => ({
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:Schema'],
    id,
    name,
    description: `${name}, the attributes that are kept`,
    attributes,
    meta: { resourceType: 'Schema', location: `${base}/Schemas/${id}` },
  })
  return [
    schema(USER_SCHEMA, 'User', [
      attribute('userName', 'string', { required: true, uniqueness: 'server' }),
      attribute('active', 'boolean'),
      attribute('emails', 'complex', {
        multiValued: true,
        subAttributes: [
          attribute('value', 'string'),
          attribute('type', 'string'),
          attribute('primary', 'boolean'),
        ],
      }),
    ]),
    schema(GROUP_SCHEMA, 'Group', [
      attribute('displayName', 'string', { required: true, uniqueness: 'server' }),
      attribute('members', 'complex', {
        multiValued: true,
        subAttributes: [
          attribute('value', 'string', { mutability: 'immutable', caseExact: true }),
          attribute('$ref', 'reference', { mutability: 'immutable', referenceTypes: ['User'] }),
          attribute('type', 'string', { mutability: 'immutable', canonicalValues: ['User'] }),
        ],
      }),
    ]),
  ]
}

function attribute(name: string, type: string, over: Resource = {}): Resource {
  return {
    name,
    type,
    multiValued: false,
    description: name,
    required: false,
    caseExact: false,
    mutability: 'readWrite',
    returned: 'default',
    uniqueness: 'none',
    ...over,
  }
}

/** RFC 7644 section 3.9. `id`, `schemas` and `meta` are always there. */
export function selectAttributes(
  resource: Resource,
  only: string | undefined,
  without: string | undefined,
): Resource {
  const names = (text: string): ReadonlySet<string> =>
    new Set(text.split(',').map((name) => (name.trim().split('.')[0] ?? '').toLowerCase()))
  const kept = only === undefined ? undefined : names(only)
  const dropped = names(without ?? '')
  return Object.fromEntries(
    Object.entries(resource).filter(([name]) => {
      if (['id', 'schemas', 'meta'].includes(name)) return true
      const lower = name.toLowerCase()
      return kept ? kept.has(lower) : !dropped.has(lower)
    }),
  )
}

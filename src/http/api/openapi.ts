import { z } from 'zod'
import { ISSUER_PREFIX } from '#access/issuer.ts'
import { BATCH_PATH, batchAnswer, batchBody } from './batch.ts'
import type { Endpoint } from './endpoint.ts'
import { parameterNames } from './router.ts'

type Part = Record<string, unknown>

const SCOPE = 'api'

/**
 * The description of the API in OpenAPI 3.1, made from the very schemas that validate calls and filter answers.
 * What each needs stands in `x-sluss-permission`.
 */
export function openApiDocument(endpoints: readonly Endpoint[]): Part {
  const paths: Record<string, Part> = {}
  for (const endpoint of endpoints.toSorted((a, b) => a.path.localeCompare(b.path))) {
    const path = paths[endpoint.path] ?? {}
    path[endpoint.method.toLowerCase()] = operation(endpoint)
    paths[endpoint.path] = path
  }
  paths[BATCH_PATH] = { post: batchOperation() }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Sluss',
      version: 'v1.0',
      description: 'Names, queries, paging and errors are those of Microsoft Graph.',
    },
    servers: [{ url: '/v1.0' }],
    security: [{ bearer: [] }, { oauth: [SCOPE] }],
    paths,
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
        oauth: { type: 'oauth2', flows: flows() },
      },
      schemas: { error: errorSchema() },
      responses: errorResponses(),
    },
  }
}

function flows(): Part {
  const scopes = { [SCOPE]: 'What the roles of the account allow.' }
  const tokenUrl = `${ISSUER_PREFIX}/token`
  return {
    authorizationCode: { authorizationUrl: `${ISSUER_PREFIX}/auth`, tokenUrl, scopes },
    clientCredentials: { tokenUrl, scopes },
    // RFC 8628, by the name that OpenAPI 3.2 gives it.
    'x-deviceAuthorization': {
      deviceAuthorizationUrl: `${ISSUER_PREFIX}/device/auth`,
      tokenUrl,
      scopes,
    },
  }
}

function operation(endpoint: Endpoint): Part {
  return {
    operationId: endpoint.id,
    summary: endpoint.summary,
    tags: [endpoint.path.split('/')[1]],
    'x-sluss-permission': endpoint.permission,
    'x-sluss-realms': endpoint.realms,
    ...(endpoint.stepUp ? { 'x-sluss-step-up': true } : {}),
    parameters: [...declaredParameters(endpoint), ...usualParameters(endpoint)],
    ...(endpoint.kind === 'change' && endpoint.method !== 'DELETE'
      ? { requestBody: { content: json(schemaOf(endpoint.body, 'input')) } }
      : {}),
    responses: responses(endpoint),
  }
}

function declaredParameters({ params, path }: Endpoint): readonly Part[] {
  const inPath = parameterNames(path)
  const schema = schemaOf(params, 'input') as {
    properties?: Record<string, Part>
    required?: readonly string[]
  }
  return Object.entries(schema.properties ?? {}).map(([name, of]) => ({
    name,
    in: inPath.includes(name) ? 'path' : 'query',
    required: inPath.includes(name) || (schema.required?.includes(name) ?? false),
    schema: of,
  }))
}

function usualParameters(endpoint: Endpoint): readonly Part[] {
  const query = (name: string, schema: Part, description: string): Part => ({
    name,
    in: 'query',
    schema,
    description,
  })
  const header = (name: string, description: string): Part => ({
    name,
    in: 'header',
    schema: { type: 'string' },
    description,
  })
  if (endpoint.kind === 'change')
    return [
      header('Idempotency-Key', 'The same call under the same key runs once.'),
      ...(endpoint.current ? [header('If-Match', 'Refused when it was changed meanwhile.')] : []),
    ]
  const select = query('$select', { type: 'string' }, 'Names of members, with commas.')
  if (endpoint.kind === 'get') return [select, header('If-None-Match', '304 when it is the same.')]
  const { most } = endpoint.pageSize
  const named = (use: 'filter' | 'sort'): string =>
    Object.keys(endpoint.fields)
      .filter((name) => endpoint.fields[name]?.[use])
      .join(', ') || 'none'
  return [
    select,
    query('$filter', { type: 'string', maxLength: 4_000 }, `Fields: ${named('filter')}.`),
    query('$orderby', { type: 'string' }, `Fields: ${named('sort')}.`),
    query('$top', { type: 'integer', minimum: 1 }, `Size of a page, at most ${most}.`),
    query('$skip', { type: 'integer', minimum: 0 }, 'Rows to leave out.'),
    query('$count', { type: 'boolean' }, 'Also how many there are in all.'),
    query('$skiptoken', { type: 'string' }, 'As @odata.nextLink has it.'),
    header('Prefer', 'odata.maxpagesize=n'),
  ]
}

function responses(endpoint: Endpoint): Part {
  const item = schemaOf(endpoint.answer, 'output')
  const errors = Object.fromEntries(
    errorsOf(endpoint).map((status) => [status, { $ref: `#/components/responses/${status}` }]),
  )
  if (endpoint.kind === 'list')
    return { 200: success('One page', json(collectionOf(item))), ...errors }
  if (endpoint.kind === 'get')
    return { 200: success('It', json(item)), 304: { description: 'The same as before' }, ...errors }
  const done =
    endpoint.success === 204 ? { description: 'Done' } : success('What stands now', json(item))
  return { [endpoint.success]: done, ...errors }
}

function errorsOf(endpoint: Endpoint): readonly string[] {
  const usual = ['400', '401', '403', '404', '405', '406', '429', '500', '503']
  return endpoint.kind === 'change' ? [...usual, '409', '412', '413', '415', '422'] : usual
}

const success = (description: string, content: Part): Part => ({ description, content })
const json = (schema: Part): Part => ({ 'application/json': { schema } })

function collectionOf(item: Part): Part {
  return {
    type: 'object',
    required: ['value'],
    properties: {
      '@odata.context': { type: 'string' },
      '@odata.count': { type: 'integer' },
      '@odata.nextLink': { type: 'string' },
      value: { type: 'array', items: item },
    },
  }
}

/** JSON Schema 2020-12, which is what OpenAPI 3.1 speaks. What cannot be said in it is left open. */
function schemaOf(schema: z.ZodType, io: 'input' | 'output'): Part {
  const { $schema: _, $defs: __, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' })
  return withoutReferences(rest) as Part
}

/** Only what may be any JSON refers to itself, by a place that is none in the whole document. */
function withoutReferences(part: unknown): unknown {
  if (Array.isArray(part)) return part.map(withoutReferences)
  if (typeof part !== 'object' || part === null) return part
  if ('$ref' in part) return {}
  return Object.fromEntries(
    Object.entries(part).map(([name, value]) => [name, withoutReferences(value)]),
  )
}

function batchOperation(): Part {
  return {
    operationId: 'batch',
    summary: 'Up to 20 calls in one',
    tags: ['$batch'],
    'x-sluss-permission': 'signedIn',
    'x-sluss-realms': ['tenant', 'operator'],
    requestBody: { required: true, content: json(schemaOf(batchBody, 'input')) },
    responses: {
      200: success('An answer for each', json(schemaOf(batchAnswer, 'output'))),
      ...Object.fromEntries(
        ['400', '401', '413', '415', '503'].map((status) => [
          status,
          { $ref: `#/components/responses/${status}` },
        ]),
      ),
    },
  }
}

const ERRORS: Readonly<Record<string, string>> = {
  400: 'What was sent is not valid; `details` names the fields',
  401: 'No sign-in that is good here, or not a fresh one',
  403: 'Refused; `innerError.code` says why',
  404: 'There is nothing at this address',
  405: 'The address does not know this method',
  406: 'Answers are JSON',
  409: 'What stands does not allow it',
  412: 'It was changed meanwhile',
  413: 'The body is larger than allowed',
  415: 'The body is not JSON in UTF-8',
  422: 'The idempotency key was used for another call',
  429: 'Too many calls; `Retry-After` says when to come again',
  500: 'A fault; the request id leads to it',
  503: 'Not now; come again',
}

function errorResponses(): Part {
  return Object.fromEntries(
    Object.entries(ERRORS).map(([status, description]) => [
      status,
      success(description, json({ $ref: '#/components/schemas/error' })),
    ]),
  )
}

function errorSchema(): Part {
  const text = { type: 'string' }
  return {
    type: 'object',
    required: ['error'],
    properties: {
      error: {
        type: 'object',
        required: ['code', 'message'],
        properties: {
          code: text,
          message: text,
          target: text,
          details: {
            type: 'array',
            items: { type: 'object', properties: { code: text, target: text, message: text } },
          },
          innerError: {
            type: 'object',
            properties: {
              code: text,
              about: { type: 'object' },
              date: text,
              'request-id': text,
              'client-request-id': text,
            },
          },
        },
      },
    },
  }
}

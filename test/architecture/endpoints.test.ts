import assert from 'node:assert/strict'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { z } from 'zod'
import { PERMISSIONS } from '#access/role-facts.ts'
import { type Endpoint, SIGNED_IN } from '#http/api/endpoint.ts'
import { memberNames } from '#http/api/entity-tag.ts'
import { openApiDocument } from '#http/api/openapi.ts'
import { createRouter, parameterNames } from '#http/api/router.ts'
import { declaredEndpoints } from './endpoint-stubs.ts'

const endpoints = declaredEndpoints()
const FIELD = /^[A-Za-z_]\w*(?:[./][A-Za-z_]\w*)*$/
const API = join(import.meta.dirname, '..', '..', 'src', 'http', 'api')

/** What an endpoint's declaration breaks. */
function complaints(endpoint: Endpoint): readonly string[] {
  const { id, path, permission, realms, params } = endpoint
  const names = parameterNames(path)
  const members = memberNames(endpoint.answer)
  const rules: [boolean, string][] = [
    [/^[a-z][A-Za-z]+$/.test(id), 'its id is no name'],
    [/^(?:\/(?:[a-z]\w*|\{[a-z]\w*\}))+$/.test(path), 'its path is not in the way of Graph'],
    [endpoint.summary.length > 2 && !endpoint.summary.endsWith('.'), 'it has no summary'],
    [permission === SIGNED_IN || PERMISSIONS.has(permission), `no role can give ${permission}`],
    [
      permission === SIGNED_IN ||
        realms.every((realm) => PERMISSIONS.get(permission)?.realms.includes(realm)),
      `${permission} is not of its realm`,
    ],
    [realms.length > 0, 'it is for nobody'],
    [names.every((name) => name in params.shape), 'a name of its path is not among its params'],
    [
      endpoint.kind !== 'list' || Object.keys(endpoint.fields).every((field) => FIELD.test(field)),
      'a field has a name that no filter can say',
    ],
    [
      endpoint.kind !== 'list' || endpoint.pageSize.usual <= endpoint.pageSize.most,
      'its page is larger than its largest',
    ],
    [endpoint.kind !== 'change' || isStrict(endpoint.body), 'its body lets unknown fields pass'],
    [
      endpoint.kind !== 'change' || endpoint.success !== 201 || (members?.size ?? 0) > 0,
      'it makes something and does not say what',
    ],
  ]
  return rules.filter(([holds]) => !holds).map(([, complaint]) => `${id}: ${complaint}`)
}

/** An unknown field must be refused: a misspelt choice that is silently dropped is a choice not made. */
function isStrict(body: z.ZodType): boolean {
  const schema = z.toJSONSchema(body, { io: 'input', unrepresentable: 'any' })
  const parts = [schema, ...(schema.anyOf ?? []), ...(schema.oneOf ?? [])] as {
    type?: string
    additionalProperties?: unknown
  }[]
  return parts
    .filter((part) => part.type === 'object')
    .every((part) => part.additionalProperties === false)
}

describe('the endpoints', () => {
  it('keep the rules of their declaration', () => {
    assert.deepEqual(endpoints.flatMap(complaints), [])
  })

  it('are each found at their own address, and no two share one', () => {
    const find = createRouter(endpoints)
    for (const endpoint of endpoints) {
      const found = find(endpoint.method, endpoint.path.replaceAll(/[{}]/g, ''))
      assert.ok(found && 'endpoint' in found && found.endpoint === endpoint, endpoint.id)
    }
    const [first] = endpoints
    assert.ok(first)
    assert.throws(() => createRouter([first, { ...first, id: 'another' }]))
    assert.throws(() => createRouter([first, { ...first, path: '/another' }]))
  })

  it('are all in one list: every file that declares some is read by it', () => {
    const list = readFileSync(join(API, 'all-endpoints.ts'), 'utf8')
    const declaring = readdirSync(API, { recursive: true, encoding: 'utf8' }).filter(
      (path) =>
        path.includes('/') &&
        path.endsWith('.ts') &&
        /export function \w+Endpoints\(/.test(readFileSync(join(API, path), 'utf8')),
    )
    assert.ok(declaring.length > 10)
    const reads = (path: string): boolean =>
      list.includes(`'./${path}'`) ||
      // An area may gather its own in one file.
      declaring.some(
        (other) =>
          other.split('/')[0] === path.split('/')[0] &&
          list.includes(`'./${other}'`) &&
          readFileSync(join(API, other), 'utf8').includes(`'./${path.split('/')[1]}'`),
      )
    assert.deepEqual(
      declaring.filter((path) => !reads(path)),
      [],
    )
  })

  it('P8 leave no way to change what is audited', () => {
    const changing = endpoints.filter(
      (one) => one.kind === 'change' && /audit(?:Events|Logs\/(?!auditorTokens))/i.test(one.path),
    )
    assert.deepEqual(changing, [])
  })

  it('that break a rule are noticed', () => {
    const [list] = endpoints.filter((one) => one.kind === 'list')
    const [change] = endpoints.filter((one) => one.kind === 'change')
    assert.ok(list && change)
    const wrong: Endpoint[] = [
      { ...list, path: '/deviceManagement/{id}/x y' },
      { ...list, path: '/deviceManagement/{nope}' },
      { ...list, permission: 'Everything/Do' },
      { ...list, permission: 'Tenants/Create' },
      { ...list, fields: { 'no name': { filter: true, sort: true } } },
      { ...change, body: z.object({}) },
    ]
    for (const one of wrong) assert.notDeepEqual(complaints(one), [])
  })
})

describe('the OpenAPI document', () => {
  const document = JSON.parse(JSON.stringify(openApiDocument(endpoints))) as {
    openapi: string
    paths: Record<string, Record<string, Operation>>
    components: Record<string, Record<string, unknown>>
  }
  interface Operation {
    operationId: string
    parameters?: { name: string; in: string; required?: boolean; schema: object }[]
    requestBody?: { content: Record<string, { schema: { type?: string } }> }
    responses: Record<string, { $ref?: string; description?: string }>
    'x-sluss-permission': string
  }
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  )

  it('has every endpoint, with its permission, and nothing else but the batch', () => {
    assert.equal(document.openapi, '3.1.0')
    const ids = operations.map(({ operation }) => operation.operationId)
    assert.deepEqual(ids.toSorted(), [...endpoints.map(({ id }) => id), 'batch'].toSorted())
    for (const one of endpoints) {
      const operation = document.paths[one.path]?.[one.method.toLowerCase()]
      assert.equal(operation?.['x-sluss-permission'], one.permission)
    }
  })

  it('is sound: parameters of each path, a success and errors, and references that lead somewhere', () => {
    for (const { path, operation } of operations) {
      const inPath = (operation.parameters ?? []).filter((one) => one.in === 'path')
      assert.deepEqual(
        inPath.map(({ name }) => name).toSorted(),
        [...parameterNames(path)].toSorted(),
        path,
      )
      for (const one of inPath) assert.equal(one.required, true)
      const statuses = Object.keys(operation.responses)
      assert.ok(statuses.some((status) => status.startsWith('2')))
      for (const status of ['400', '401', '503']) assert.ok(statuses.includes(status), path)
    }
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)]
    assert.ok(references.length > 0)
    for (const [, reference = ''] of references) {
      let here: unknown = document
      for (const step of reference.split('/')) here = (here as Record<string, unknown>)?.[step]
      assert.ok(here, reference)
    }
  })

  it('says what a body may hold, as the validator does', () => {
    const schema =
      document.paths['/deviceManagement/dataSharingFeatures/{id}']?.patch?.requestBody?.content[
        'application/json'
      ]?.schema
    assert.deepEqual(schema, {
      type: 'object',
      properties: { isOn: { type: 'boolean' } },
      required: ['isOn'],
      additionalProperties: false,
    })
  })
})

import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { z } from 'zod'
import { readTenant } from '#tenants/tenant.ts'
import { allEndpoints } from '#http/api/all-endpoints.ts'
import { type Endpoint, changeEndpoint, getEndpoint } from '#http/api/endpoint.ts'
import { changePrivacyContact } from '#tenants/change-tenant.ts'
import { type ApiWorld, BETA, startApiWorld } from './api-world.ts'
import { endpointCases, seedOther } from './endpoint-cases.ts'
import { type EndpointCase, complaintsAbout } from './endpoint-checks.ts'

const TWINS: Readonly<Record<string, [EndpointCase | undefined, RegExp]>> = {
  twinThatTellsOfOthers: [{ of: 'catalog' }, /tells something of another tenant/],
  twinThatChangesOthers: [{ of: 'catalog', body: {} }, /changes something of another tenant/],
  twinThatAdmitsThereIsSuchAThing: [
    { of: 'tenant', params: { id: BETA } },
    /answers 200 about a thing of another tenant/,
  ],
  twinWithLooseBody: [{ of: 'catalog', body: {} }, /answers 200 to an unknown field/],
  twinWithLooseParams: [{ of: 'catalog', params: { id: 'x' } }, /answers 200 to a malformed id/],
  twinThatFails: [{ of: 'catalog' }, /fails with 500/],
  twinWithoutCase: [undefined, /has no case/],
}

describe('every endpoint', () => {
  let world: ApiWorld
  let cases: Readonly<Record<string, EndpointCase>>
  before(async () => {
    world = await startApiWorld({ endpoints: (parts) => [...allEndpoints(parts), ...twins(parts)] })
    cases = endpointCases(await seedOther(world))
  })
  after(() => world.stop())

  it('P9 answers 401 without a token, 403 and an entry without permission, 400 naming the field, and nothing of other tenants', async () => {
    const complaints: Record<string, readonly string[]> = {}
    for (const endpoint of allEndpoints(world.endpointParts)) {
      const found = await complaintsAbout(world, endpoint, cases[endpoint.id])
      if (found.length > 0) complaints[endpoint.id] = found
    }
    assert.deepEqual(complaints, {})
  })

  it('and no case is of an endpoint that does not exist', () => {
    const ids = new Set(allEndpoints(world.endpointParts).map(({ id }) => id))
    assert.deepEqual(
      Object.keys(cases).filter((id) => !ids.has(id)),
      [],
    )
  })

  it('catches one that does not: each wrong twin', async () => {
    for (const endpoint of twins(world.endpointParts)) {
      const [one, complaint] = TWINS[endpoint.id] ?? []
      const found = await complaintsAbout(world, endpoint, one)
      assert.ok(
        complaint && found.some((text) => complaint.test(text)),
        `${endpoint.id}: ${found.join('; ')}`,
      )
    }
  })
})

/** Endpoints with one fault each. */
function twins({ database }: Pick<ApiWorld['endpointParts'], 'database'>): readonly Endpoint[] {
  const common = {
    summary: 'A wrong twin',
    realms: ['tenant' as const],
    permission: 'Organization/Read',
    answer: z.object({ told: z.string() }),
  }
  const read = {
    ...common,
    params: z.strictObject({}),
  }
  const change = {
    ...read,
    method: 'POST' as const,
    success: 200 as const,
    body: z.strictObject({}),
  }
  return [
    getEndpoint({
      ...read,
      id: 'twinThatTellsOfOthers',
      path: '/twins/tells',
      get: async () => ({
        told: (await database.read(BETA, readTenant))?.privacyContact ?? '',
      }),
    }),
    changeEndpoint({
      ...change,
      id: 'twinThatChangesOthers',
      path: '/twins/changes',
      change: async ({ actor, now }) => {
        await database.write(BETA, (tx) =>
          changePrivacyContact(tx, 'canary@example.org', { actor, at: now }),
        )
        return { told: '' }
      },
    }),
    getEndpoint({
      ...common,
      id: 'twinThatAdmitsThereIsSuchAThing',
      path: '/twins/admits/{id}',
      params: z.strictObject({ id: z.string().max(63) }),
      get: async (_, { id }) => ((await database.read(id, readTenant)) ? { told: '' } : undefined),
    }),
    changeEndpoint({
      ...change,
      id: 'twinWithLooseBody',
      path: '/twins/loose',
      body: z.object({}),
      change: async () => ({ told: '' }),
    }),
    getEndpoint({
      ...common,
      id: 'twinWithLooseParams',
      path: '/twins/loose/{id}',
      params: z.object({ id: z.string() }),
      get: async () => ({ told: '' }),
    }),
    getEndpoint({
      ...read,
      id: 'twinThatFails',
      path: '/twins/fails',
      get: async () => {
        throw new Error('on purpose')
      },
    }),
    getEndpoint({
      ...read,
      id: 'twinWithoutCase',
      path: '/twins/none',
      get: async () => ({ told: '' }),
    }),
  ]
}

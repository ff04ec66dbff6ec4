import { actorOf, realmOf } from '#access/principal.ts'
import { INSTALLATION } from '#database/handles.ts'
import { type Endpoint, SIGNED_IN } from '#http/api/endpoint.ts'
import { parameterNames } from '#http/api/router.ts'
import { ACME, type ApiWorld, BETA, type Called, type Person } from './api-world.ts'

/** What a test must say of an endpoint so that it can be called for good. */
export interface EndpointCase {
  /**
   * `tenant`: the params name a thing of the other tenant, which must look as if it were not there. `catalog`: they
   * name something that everybody has, or nothing at all; the answer must hold only what is the caller's own.
   */
  readonly of: 'tenant' | 'catalog'
  readonly params?: Readonly<Record<string, string>>
  readonly body?: unknown
}

/** Stands in everything that the other tenant has, and so in nothing that this one may see. */
export const CANARY = /canary|be7abe7a/i

/** What is wrong with an endpoint, in words; nothing when it keeps every rule. */
export async function complaintsAbout(
  world: ApiWorld,
  endpoint: Endpoint,
  one: EndpointCase | undefined,
): Promise<readonly string[]> {
  if (!one) return ['has no case']
  return [
    ...(await withoutToken(world, endpoint, one)),
    ...(await withoutPermission(world, endpoint, one)),
    ...(await inWrongRealm(world, endpoint, one)),
    ...(await withMalformedParams(world, endpoint, one)),
    ...(await withMalformedBody(world, endpoint, one)),
    ...(await acrossTenants(world, endpoint, one)),
  ]
}

const homeOf = ({ realms }: Endpoint): string => (realms.includes('tenant') ? ACME : INSTALLATION)

const administrators = new WeakMap<ApiWorld, Map<string, Promise<Person>>>()

/** One for each realm: the rooms themselves know that they may do everything. */
function administratorOf(world: ApiWorld, tenantId: string): Promise<Person> {
  const known = administrators.get(world) ?? new Map<string, Promise<Person>>()
  administrators.set(world, known)
  const found = known.get(tenantId) ?? world.administrator(tenantId)
  known.set(tenantId, found)
  return found
}

function addressOf({ path }: Endpoint, params: Readonly<Record<string, string>> = {}): string {
  return path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ''))
}

function send(
  world: ApiWorld,
  person: Person | undefined,
  endpoint: Endpoint,
  one: EndpointCase,
  over: { params?: Record<string, string>; body?: unknown } = {},
): Promise<Called> {
  const address = addressOf(endpoint, { ...one.params, ...over.params })
  const changes = endpoint.kind === 'change' && endpoint.method !== 'DELETE'
  const body = changes ? ('body' in over ? over.body : (one.body ?? {})) : undefined
  return world.call(person, endpoint.method, address, body)
}

function unless(holds: boolean, complaint: string): readonly string[] {
  return holds ? [] : [complaint]
}

async function withoutToken(world: ApiWorld, endpoint: Endpoint, one: EndpointCase) {
  const none = await send(world, undefined, endpoint, one)
  const forged = await send(world, { ...world.person(ACME, 'all'), token: 'forged' }, endpoint, one)
  return unless(
    none.status === 401 && forged.status === 401,
    `answers ${none.status} without a token and ${forged.status} to a forged one`,
  )
}

async function withoutPermission(world: ApiWorld, endpoint: Endpoint, one: EndpointCase) {
  if (endpoint.permission === SIGNED_IN) return []
  const person = world.person(homeOf(endpoint), new Set())
  const answer = await send(world, person, endpoint, one)
  const entries = await world.entries(person.principal.tenantId)
  const recorded = entries.some(
    (entry) =>
      entry.kind === 'access.refused' &&
      entry.actor === actorOf(person.principal) &&
      entry.data.endpoint === endpoint.id &&
      entry.data.reason === 'role_missing',
  )
  return [
    ...unless(
      answer.status === 403 && answer.body?.error.innerError.code === 'role_missing',
      `answers ${answer.status} without the permission`,
    ),
    ...unless(recorded, 'does not record who was refused'),
    ...unless(!CANARY.test(answer.text), 'tells something in its refusal'),
  ]
}

async function inWrongRealm(world: ApiWorld, endpoint: Endpoint, one: EndpointCase) {
  if (endpoint.realms.length > 1) return []
  const stranger = world.person(homeOf(endpoint) === ACME ? INSTALLATION : ACME, 'all')
  const answer = await send(world, stranger, endpoint, one)
  return unless(
    answer.status === 403 && answer.body?.error.innerError.code === 'wrong_realm',
    `answers ${answer.status} to the ${realmOf(stranger.principal)} realm`,
  )
}

async function withMalformedParams(world: ApiWorld, endpoint: Endpoint, one: EndpointCase) {
  const person = await administratorOf(world, homeOf(endpoint))
  const complaints: string[] = []
  for (const name of parameterNames(endpoint.path)) {
    const params = { [name]: 'x'.repeat(3_000) }
    const answer = await send(world, person, endpoint, one, { params })
    const named = answer.status === 400 && answer.body?.error.target === name
    complaints.push(...unless(named, `answers ${answer.status} to a malformed ${name}`))
  }
  const address = `${addressOf(endpoint, one.params)}?noSuchParameter=1`
  const answer = await world.call(person, endpoint.method, address, bodyOf(endpoint, one))
  const refused = answer.status === 400 && answer.body?.error.target === 'noSuchParameter'
  return [...complaints, ...unless(refused, `answers ${answer.status} to an unknown parameter`)]
}

const bodyOf = (endpoint: Endpoint, one: EndpointCase): unknown =>
  endpoint.kind === 'change' && endpoint.method !== 'DELETE' ? (one.body ?? {}) : undefined

async function withMalformedBody(world: ApiWorld, endpoint: Endpoint, one: EndpointCase) {
  if (endpoint.kind !== 'change' || endpoint.method === 'DELETE') return []
  const person = await administratorOf(world, homeOf(endpoint))
  const complaints: string[] = []
  const wrong: [string, unknown, string][] = [
    ['no JSON', '{"a":', 'body'],
    ['a list', [], 'body'],
    ['an unknown field', { ...(one.body as object), noSuchField: 'canary' }, 'noSuchField'],
  ]
  for (const [what, body, target] of wrong) {
    const answer = await send(world, person, endpoint, one, { body })
    const targets = (answer.body?.error?.details ?? []).map(
      (each: { target: string }) => each.target,
    )
    complaints.push(
      ...unless(
        answer.status === 400 && targets.includes(target) && !CANARY.test(answer.text),
        `answers ${answer.status} to ${what}`,
      ),
    )
  }
  return complaints
}

async function acrossTenants(world: ApiWorld, endpoint: Endpoint, one: EndpointCase) {
  const person = await administratorOf(world, homeOf(endpoint))
  const before = (await world.entries(BETA)).length
  const answer = await send(world, person, endpoint, one)
  const after = (await world.entries(BETA)).length
  const hidden = one.of === 'catalog' || [403, 404].includes(answer.status)
  return [
    ...unless(hidden, `answers ${answer.status} about a thing of another tenant`),
    ...unless(answer.status < 500, `fails with ${answer.status}: ${answer.text}`),
    ...unless(!CANARY.test(answer.text), 'tells something of another tenant'),
    ...unless(after === before, 'changes something of another tenant'),
    ...(one.of === 'tenant' ? await likeInvented(world, endpoint, one, { person, answer }) : []),
  ]
}

/** A thing of another tenant and one that never was must be answered alike. */
async function likeInvented(
  world: ApiWorld,
  endpoint: Endpoint,
  one: EndpointCase,
  guessed: { person: Person; answer: Called },
): Promise<readonly string[]> {
  const isId = (value: string): boolean => /^[0-9a-f-]{36}$/.test(value)
  const given = Object.entries(one.params ?? {})
  const params = Object.fromEntries(
    given.map(([name, value]) => {
      if (isId(value)) return [name, '00000000-0000-4000-8000-000000000000']
      return [name, given.some(([, other]) => isId(other)) ? value : 'never-was']
    }),
  )
  const invented = await send(world, guessed.person, endpoint, one, { params })
  const plain = (answer: Called): string =>
    JSON.stringify({ ...answer.body?.error, innerError: answer.body?.error?.innerError?.code })
  return unless(
    invented.status === guessed.answer.status && plain(invented) === plain(guessed.answer),
    'answers differently about what is not there',
  )
}

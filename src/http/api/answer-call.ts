import { needsStepUp } from '#access/tokens.ts'
import { type Principal, actorOf, realmOf } from '#access/principal.ts'
import { DatabaseFault } from '#database/fault.ts'
import { UnknownField } from '#database/list.ts'
import { type Refusal, type RefusalCode, isRefusal, refuse } from '#foundation/refusal.ts'
import { type AnswerNames, type Detail, faultBody, refusalBody, statusOf } from '../problem.ts'
import { answerChange } from './answer-change.ts'
import { answerGet, answerList } from './answer-read.ts'
import type { ApiAnswer, ApiParts, ApiRequest } from './api-parts.ts'
import type { Call, Endpoint } from './endpoint.ts'
import { QueryFault } from './odata/lexer.ts'
import { type RefusedAccessLog, UNKNOWN_CALLER } from './record-refused-access.ts'
import type { Found } from './router.ts'
import { validate } from './validate.ts'

/** What `answerCall` needs beside the parts: made once, when the API is. */
export interface ApiTools {
  find(method: string, path: string): Found | undefined
  /** Takes one call of an account; in how many seconds to come again, or 0. */
  limit(account: string): number
  readonly refused: RefusedAccessLog
}

/** A call that got as far as its handler. */
export interface Admitted {
  readonly endpoint: Endpoint
  readonly call: Call
  readonly params: Record<string, unknown>
}

/** A refusal on its way out, with the fields it is about and what the answer's headers say of it. */
export interface Refused {
  readonly refusal: Refusal
  readonly details?: readonly Detail[]
  readonly headers?: Readonly<Record<string, string>>
}

/** Refusals that say that somebody asked for what is not theirs: each is an entry of their tenant's log. */
const RECORDED: ReadonlySet<RefusalCode> = new Set([
  'role_missing',
  'wrong_realm',
  'out_of_scope',
  'scope_tag_not_own',
  'step_up_needed',
  'page_token_invalid',
  'query_invalid',
  'filter_unserved',
  'not_found',
  'record_unknown',
  'account_unknown',
  'role_unknown',
  'case_unknown',
  'request_unknown',
  'connection_unknown',
  'tenant_unknown',
])

/**
 * Answers one call: find, authenticate, admit, validate, handle. Every answer is a value; a fault inside becomes an
 * opaque one.
 *
 * @param known who is asking, where that was established before: inside a batch
 */
export async function answerCall(
  parts: ApiParts,
  tools: ApiTools,
  request: ApiRequest,
  names: AnswerNames,
  known?: Principal,
): Promise<ApiAnswer> {
  let endpoint: Endpoint | undefined
  try {
    const found = tools.find(request.method, request.path)
    if (!found) return refused(names, { refusal: refuse('not_found') })
    if ('methods' in found) return methodRefused(names, found.methods)
    endpoint = found.endpoint
    const answer = await answerFound(parts, tools, request, names, { ...found, known })
    return { ...answer, endpoint: endpoint.id }
  } catch (fault) {
    return { ...faulty(parts, names, fault), ...(endpoint ? { endpoint: endpoint.id } : {}) }
  }
}

async function answerFound(
  parts: ApiParts,
  tools: ApiTools,
  request: ApiRequest,
  names: AnswerNames,
  found: {
    endpoint: Endpoint
    params: Readonly<Record<string, string>>
    known?: Principal | undefined
  },
): Promise<ApiAnswer> {
  const { endpoint } = found
  if (!parts.lease.held()) return refused(names, { refusal: refuse('lease_expired') })
  const principal = found.known ?? (await authenticate(parts, tools, request, endpoint.id))
  if (isRefusal(principal)) return refused(names, unauthenticated(principal))
  const { tenantId } = principal
  const wait = tools.limit(`${tenantId}/${principal.accountId}`)
  if (wait > 0) return refused(names, tooMany(wait))
  const record = async (refusal: Refusal): Promise<void> => {
    if (!RECORDED.has(refusal.refused)) return
    const actor = actorOf(principal)
    await tools.refused.record({ tenantId, actor, endpoint: endpoint.id, reason: refusal.refused })
  }
  try {
    const call = await admit(parts, endpoint, principal, names)
    if (isRefusal(call)) {
      await record(call)
      return refused(names, { refusal: call, ...stepUpHeaders(call) })
    }
    const params = readParams(endpoint, found.params, request.query)
    if ('refusal' in params) return refused(names, params)
    const answer = await handle(parts, request, { endpoint, call, params: params.value })
    if (!('refusal' in answer)) return answer
    await record(answer.refusal)
    return refused(names, answer)
  } catch (fault) {
    const query = queryRefusal(fault)
    if (!query) throw fault
    await record(query)
    return refused(names, { refusal: query })
  }
}

/** Who is asking. A token that is not good here is recorded in the installation's log; a missing one is only counted. */
export async function authenticate(
  parts: ApiParts,
  tools: ApiTools,
  request: ApiRequest,
  endpoint: string,
): Promise<Principal | Refusal> {
  const who = await parts.tokens.authenticate(request.header('authorization'), parts.now())
  if (isRefusal(who) && who.refused !== 'unauthenticated' && who.refused !== 'lease_expired') {
    await tools.refused.record({ ...UNKNOWN_CALLER, endpoint, reason: who.refused })
  }
  return who
}

/** Realm, permission, and a fresh sign-in where one is needed: in this order, so that the plainest reason is told. */
async function admit(
  parts: ApiParts,
  endpoint: Endpoint,
  principal: Principal,
  names: AnswerNames,
): Promise<Call | Refusal> {
  const { permission } = endpoint
  if (!endpoint.realms.includes(realmOf(principal))) return refuse('wrong_realm')
  const access = await parts.access.of(principal)
  if (isRefusal(access)) return access
  if (permission !== 'signedIn' && !access.may(permission))
    return refuse('role_missing', { permission })
  const now = parts.now()
  if (endpoint.stepUp && needsStepUp(principal, now)) return refuse('step_up_needed')
  const { requestId } = names
  const { tenantId } = principal
  return { principal, actor: actorOf(principal), tenantId, access, now, requestId }
}

function handle(
  parts: ApiParts,
  request: ApiRequest,
  admitted: Admitted,
): Promise<ApiAnswer | Refused> {
  switch (admitted.endpoint.kind) {
    case 'list':
      return answerList(parts, request, admitted, admitted.endpoint)
    case 'get':
      return answerGet(parts, request, admitted, admitted.endpoint)
    case 'change':
      return answerChange(parts, request, admitted, admitted.endpoint)
  }
}

/** Parameters of the path and of the query, as one object. A query parameter that nothing reads is refused by name. */
function readParams(
  { params }: Endpoint,
  inPath: Readonly<Record<string, string>>,
  query: URLSearchParams,
): { readonly value: Record<string, unknown> } | Refused {
  const given: Record<string, string> = { ...inPath }
  for (const [name, value] of query) {
    if (name.startsWith('$')) continue
    if (!Object.hasOwn(params.shape, name) || Object.hasOwn(given, name)) {
      const target = /^\w{1,64}$/.test(name) ? name : 'query'
      const details = [{ code: 'unknown', target, message: 'there is no such parameter' }]
      return { refusal: refuse('query_invalid', { field: target }), details }
    }
    given[name] = value
  }
  return validate(params, given)
}

/** A refusal as the answer it becomes. */
export function refused(names: AnswerNames, { refusal, details, headers }: Refused): ApiAnswer {
  return {
    status: statusOf(refusal.refused),
    headers: {
      ...(statusOf(refusal.refused) === 503 ? { 'retry-after': '5' } : {}),
      ...(refusal.refused === 'idempotency_running' ? { 'retry-after': '1' } : {}),
      ...headers,
    },
    body: refusalBody(refusal, names, details),
    refusedFor: refusal.refused,
  }
}

function methodRefused(names: AnswerNames, methods: readonly string[]): ApiAnswer {
  const headers = { allow: methods.join(', ') }
  return refused(names, { refusal: refuse('method_unsupported', { methods }), headers })
}

/** Whatever is wrong with a token is one answer: which account is switched off is nobody's business. */
export function unauthenticated(refusal: Refusal): Refused {
  if (refusal.refused === 'lease_expired') return { refusal }
  const missing = refusal.refused === 'unauthenticated'
  return {
    refusal: missing ? refusal : refuse('token_invalid'),
    headers: { 'www-authenticate': missing ? 'Bearer' : 'Bearer error="invalid_token"' },
  }
}

function stepUpHeaders(refusal: Refusal): Pick<Refused, 'headers'> {
  if (refusal.refused !== 'step_up_needed') return {}
  // RFC 9470.
  const challenge = 'Bearer error="insufficient_user_authentication", max_age="300"'
  return { headers: { 'www-authenticate': challenge } }
}

function tooMany(seconds: number): Refused {
  return {
    refusal: refuse('too_many_requests', { seconds }),
    headers: { 'retry-after': String(seconds) },
  }
}

function queryRefusal(fault: unknown): Refusal | undefined {
  if (fault instanceof QueryFault)
    return refuse('query_invalid', { field: fault.option, expected: fault.expected })
  if (fault instanceof UnknownField)
    return refuse('query_invalid', {
      field: fault.field,
      expected: 'a field of this collection, compared with a value of its type',
    })
  return undefined
}

function faulty(parts: ApiParts, names: AnswerNames, fault: unknown): ApiAnswer {
  const code = fault instanceof DatabaseFault ? fault.code : nameOf(fault)
  parts.log.error('a call of the API failed', { requestId: names.requestId, code })
  if (code === 'connection') return refused(names, { refusal: refuse('evidence_unavailable') })
  return { status: 500, headers: {}, body: faultBody(names) }
}

const nameOf = (fault: unknown): string => (fault instanceof Error ? fault.name : 'unknown')

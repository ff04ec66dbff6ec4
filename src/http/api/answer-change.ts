import type { z } from 'zod'
import { runOnce } from '#access/idempotency.ts'
import { type Json, canonicalJson } from '#foundation/canonical-json.ts'
import { sha256Hex } from '#foundation/hashing.ts'
import { isRefusal, refuse } from '#foundation/refusal.ts'
import { isRetryable } from '../problem.ts'
import type { Admitted, Refused } from './answer-call.ts'
import type { ApiAnswer, ApiParts, ApiRequest } from './api-parts.ts'
import type { ChangeEndpoint } from './endpoint.ts'
import { declared } from './entity-tag.ts'
import { refuseOptions } from './odata/query.ts'
import { changeIfMatches } from './precondition.ts'
import { malformed, readJson, validate } from './validate.ts'

type Change = ChangeEndpoint<z.ZodObject, z.ZodType, z.ZodType>

/** A change: its body checked, what it rests on unchanged, and once only under its idempotency key. */
export async function answerChange(
  parts: ApiParts,
  request: ApiRequest,
  admitted: Admitted,
  endpoint: Change,
): Promise<ApiAnswer | Refused> {
  refuseOptions(request.query)
  const body = readBody(request, endpoint)
  if ('refusal' in body) return body
  const key = request.header('idempotency-key')
  if (key !== undefined && !/^[\x21-\x7e]{1,255}$/.test(key))
    return malformed('Idempotency-Key', '1 to 255 visible characters of ASCII are expected')
  if (key === undefined) return change(parts, request, admitted, endpoint, body.value)
  return changeOnce(parts, request, admitted, endpoint, body.value, key)
}

async function change(
  parts: ApiParts,
  request: ApiRequest,
  admitted: Admitted,
  endpoint: Change,
  body: unknown,
): Promise<ApiAnswer | Refused> {
  const header = request.header('if-match')
  const run = () => endpoint.change(admitted.call, admitted.params, body)
  const answer = await (header === undefined
    ? run()
    : changeIfMatches(parts, header, admitted, endpoint, run))
  if (isRefusal(answer)) return { refusal: answer }
  if (answer === undefined || endpoint.success === 204)
    return { status: 204, headers: {}, body: undefined }
  const thing = declared(endpoint.answer, answer)
  const id = isAddressable(parts, endpoint) && typeof thing.id === 'string' ? thing.id : undefined
  return {
    status: endpoint.success,
    headers:
      id === undefined
        ? {}
        : { location: `${request.origin}/v1.0${request.path}/${encodeURIComponent(id)}` },
    body: {
      '@odata.context': `${request.origin}/v1.0/$metadata#${request.path.slice(1)}/$entity`,
      ...thing,
    },
  }
}

/** Whether what was made can be read at an address of its own. */
function isAddressable({ endpoints }: ApiParts, { success, path }: Change): boolean {
  return (
    success === 201 && endpoints.some((one) => one.kind === 'get' && one.path === `${path}/{id}`)
  )
}

/** The first answer is kept, a refusal too; only one that says "come again" is not. */
async function changeOnce(
  parts: ApiParts,
  request: ApiRequest,
  admitted: Admitted,
  endpoint: Change,
  body: unknown,
  key: string,
): Promise<ApiAnswer | Refused> {
  const { tenantId, principal } = admitted.call
  const repeatable = {
    tenantId,
    accountId: principal.accountId,
    key,
    request: canonicalJson([
      request.method,
      request.path,
      request.header('if-match') ?? null,
      sha256Hex(request.body ?? Buffer.alloc(0)),
    ]),
  }
  try {
    const kept = await runOnce(parts, repeatable, parts.now, async () => {
      const answer = await change(parts, request, admitted, endpoint, body)
      if ('refusal' in answer && isRetryable(answer.refusal.refused)) throw new Again(answer)
      return { status: 'refusal' in answer ? 0 : answer.status, body: answer as unknown as Json }
    })
    if (isRefusal(kept)) return { refusal: kept }
    const answer = kept.body as unknown as ApiAnswer | Refused
    if (!kept.repeated) return answer
    return { ...answer, headers: { ...answer.headers, 'idempotency-replayed': 'true' } }
  } catch (fault) {
    if (fault instanceof Again) return fault.refused
    throw fault
  }
}

/** Carries a refusal that is worth another try past the keeping of answers. */
class Again extends Error {
  readonly refused: Refused
  constructor(refused: Refused) {
    super('worth another try')
    this.name = 'Again'
    this.refused = refused
  }
}

function readBody(request: ApiRequest, endpoint: Change): { readonly value: unknown } | Refused {
  if (request.body === undefined) return { refusal: refuse('body_too_large') }
  if ((request.header('content-encoding') ?? 'identity') !== 'identity')
    return { refusal: refuse('encoding_unsupported') }
  const type = request.header('content-type')
  if (request.body.length > 0 && !isJson(type))
    return { refusal: refuse('content_type_unsupported', { expected: 'application/json' }) }
  const json = readJson(request.body)
  return 'refusal' in json ? json : validate(endpoint.body, json.value)
}

/** `application/json`, in UTF-8 where it says a character set. */
export function isJson(type: string | undefined): boolean {
  const [name = '', ...parameters] = (type ?? '').toLowerCase().split(';')
  const charset = parameters.find((one) => one.trim().startsWith('charset='))
  return (
    name.trim() === 'application/json' &&
    (charset === undefined || /^charset="?utf-8"?$/.test(charset.trim()))
  )
}

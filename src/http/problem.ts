import type { Context } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { Refusal, RefusalCode } from '#foundation/refusal.ts'

/** An error in the shape that Microsoft Graph gives it. What it says carries identifiers, never values. */
export function problem(
  context: Context,
  status: ContentfulStatusCode,
  code: string,
  message: string,
  requestId: string,
): Response {
  return context.json(
    { error: { code, message, innerError: { 'request-id': requestId } } },
    status,
    { 'request-id': requestId },
  )
}

/** How each reason to say no looks from outside: the status, and the code that clients of Graph know. */
const STATUS = {
  unauthenticated: [401, 'InvalidAuthenticationToken'],
  token_invalid: [401, 'InvalidAuthenticationToken'],
  client_unauthenticated: [401, 'InvalidAuthenticationToken'],
  tunnel_destination: [403, 'Forbidden'],
  step_up_needed: [401, 'InteractionRequired'],
  sign_in_failed: [401, 'AuthenticationFailed'],
  passkey_invalid: [401, 'AuthenticationFailed'],
  link_used: [410, 'Gone'],
  wrong_realm: [403, 'Forbidden'],
  role_missing: [403, 'Forbidden'],
  out_of_scope: [403, 'Forbidden'],
  account_disabled: [403, 'Forbidden'],
  tenant_closed: [403, 'Forbidden'],
  feature_off: [403, 'Forbidden'],
  consent_missing: [403, 'Forbidden'],
  consent_withdrawn: [403, 'Forbidden'],
  consent_expired: [403, 'Forbidden'],
  standing_none: [403, 'Forbidden'],
  agent_lead_time: [403, 'Forbidden'],
  agent_objection: [403, 'Forbidden'],
  agent_not_listed: [403, 'Forbidden'],
  permission_missing: [403, 'Forbidden'],
  permission_withdrawn: [403, 'Forbidden'],
  contract_missing: [403, 'Forbidden'],
  contract_not_yet: [403, 'Forbidden'],
  contract_expired: [403, 'Forbidden'],
  purpose_undeclared: [403, 'Forbidden'],
  purpose_forbidden: [403, 'Forbidden'],
  diagnostics_purpose: [403, 'Forbidden'],
  item_not_in_flow: [403, 'Forbidden'],
  item_never: [403, 'Forbidden'],
  item_optional_off: [403, 'Forbidden'],
  item_masked: [403, 'Forbidden'],
  item_secret: [403, 'Forbidden'],
  nothing_allowed: [403, 'Forbidden'],
  policy_error: [403, 'Forbidden'],
  policy_denied: [403, 'Forbidden'],
  approval_missing: [403, 'Forbidden'],
  self_approval: [403, 'Forbidden'],
  approver_missing: [403, 'Forbidden'],
  approval_signature: [403, 'Forbidden'],
  emergency_not_allowed: [403, 'Forbidden'],
  review_outstanding: [403, 'Forbidden'],
  scope_tag_not_own: [403, 'Forbidden'],
  role_built_in: [403, 'Forbidden'],
  role_wider: [403, 'Forbidden'],
  grant_missing: [403, 'Forbidden'],
  grant_ended: [403, 'Forbidden'],
  grant_lapsed: [403, 'Forbidden'],
  not_found: [404, 'ResourceNotFound'],
  tenant_unknown: [404, 'ResourceNotFound'],
  account_unknown: [404, 'ResourceNotFound'],
  role_unknown: [404, 'ResourceNotFound'],
  scope_tag_unknown: [404, 'ResourceNotFound'],
  assignment_unknown: [404, 'ResourceNotFound'],
  record_unknown: [404, 'ResourceNotFound'],
  case_unknown: [404, 'ResourceNotFound'],
  incident_unknown: [404, 'ResourceNotFound'],
  notice_unknown: [404, 'ResourceNotFound'],
  pause_unknown: [404, 'ResourceNotFound'],
  signal_unknown: [404, 'ResourceNotFound'],
  request_unknown: [404, 'ResourceNotFound'],
  report_unknown: [404, 'ResourceNotFound'],
  connection_unknown: [404, 'ResourceNotFound'],
  legacy_read_only: [405, 'MethodNotAllowed'],
  exchange_unknown: [404, 'ResourceNotFound'],
  report_budget_spent: [409, 'Conflict'],
  report_not_noised: [409, 'Conflict'],
  extract_not_anonymous: [409, 'Conflict'],
  consent_lapsed: [409, 'Conflict'],
  agent_state: [409, 'Conflict'],
  impact_changed: [409, 'Conflict'],
  step_state: [409, 'Conflict'],
  rights_deadline_passed: [409, 'Conflict'],
  identity_not_shown: [409, 'Conflict'],
  identity_ambiguous: [409, 'Conflict'],
  not_collected: [409, 'Conflict'],
  look_delay_own: [403, 'Forbidden'],
  look_delay_too_long: [400, 'BadRequest'],
  export_link_over: [404, 'ResourceNotFound'],
  connection_disabled: [409, 'Conflict'],
  credentials_missing: [409, 'Conflict'],
  credentials_expired: [409, 'Conflict'],
  token_file_changed: [409, 'Conflict'],
  push_certificate_topic: [409, 'Conflict'],
  last_admin: [409, 'Conflict'],
  last_way_in: [409, 'Conflict'],
  scope_tag_in_use: [409, 'Conflict'],
  scope_tag_last: [409, 'Conflict'],
  limit_reached: [409, 'Conflict'],
  description_kept: [409, 'Conflict'],
  name_taken: [409, 'NameAlreadyExists'],
  case_closed: [409, 'Conflict'],
  incident_state: [409, 'Conflict'],
  notice_state: [409, 'Conflict'],
  notice_incomplete: [400, 'BadRequest'],
  scope_missing: [409, 'Conflict'],
  keys_not_confirmed: [409, 'Conflict'],
  request_state: [409, 'Conflict'],
  request_expired: [409, 'Conflict'],
  approval_replayed: [409, 'Conflict'],
  idempotency_running: [409, 'Conflict'],
  idempotency_answer_lost: [409, 'Conflict'],
  precondition_failed: [412, 'PreconditionFailed'],
  body_too_large: [413, 'RequestEntityTooLarge'],
  content_type_unsupported: [415, 'UnsupportedMediaType'],
  encoding_unsupported: [415, 'UnsupportedMediaType'],
  idempotency_mismatch: [422, 'UnprocessableEntity'],
  permission_unknown: [400, 'BadRequest'],
  item_unclassified: [400, 'BadRequest'],
  description_invalid: [400, 'BadRequest'],
  body_malformed: [400, 'BadRequest'],
  token_file_invalid: [400, 'BadRequest'],
  token_file_foreign: [400, 'BadRequest'],
  token_file_expired: [400, 'BadRequest'],
  push_certificate_invalid: [400, 'BadRequest'],
  push_certificate_foreign: [400, 'BadRequest'],
  push_certificate_expired: [400, 'BadRequest'],
  reveal_reason_missing: [400, 'BadRequest'],
  filter_unserved: [400, 'BadRequest'],
  request_wider: [400, 'BadRequest'],
  report_less_protected: [400, 'BadRequest'],
  reason_too_thin: [400, 'BadRequest'],
  duration_too_long: [400, 'BadRequest'],
  page_token_invalid: [400, 'BadRequest'],
  query_invalid: [400, 'BadRequest'],
  method_unsupported: [405, 'MethodNotAllowed'],
  answer_unacceptable: [406, 'NotAcceptable'],
  too_many_requests: [429, 'TooManyRequests'],
  rate_limited: [429, 'TooManyRequests'],
  party_refused: [502, 'BadGateway'],
  party_unreachable: [502, 'BadGateway'],
  evidence_unavailable: [503, 'ServiceUnavailable'],
  lease_expired: [503, 'ServiceUnavailable'],
} as const satisfies Record<RefusalCode, readonly [ContentfulStatusCode, string]>

/** One field of what was sent that cannot be accepted: which, and why in words without its value. */
export interface Detail {
  readonly code: string
  readonly target: string
  readonly message: string
}

export interface GraphError {
  readonly error: {
    readonly code: string
    readonly message: string
    readonly target?: string
    readonly details?: readonly Detail[]
    readonly innerError: {
      /** Ours, from the closed list of refusals. */
      readonly code?: string
      /** What the refusal is about, by identifiers. */
      readonly about?: Refusal['about']
      readonly date: string
      readonly 'request-id': string
      readonly 'client-request-id'?: string
    }
  }
}

/** The names of one answer: its time, its id, and the id the client gave it. */
export interface AnswerNames {
  readonly date: string
  readonly requestId: string
  readonly clientRequestId: string | undefined
}

export function statusOf(code: RefusalCode): ContentfulStatusCode {
  return STATUS[code][0]
}

/** Whether a call that got this answer may be sent again as it is. */
export function isRetryable(code: RefusalCode): boolean {
  return statusOf(code) === 429 || statusOf(code) === 503 || code === 'idempotency_running'
}

/** A refusal as clients of Graph expect it: Graph's code outside, ours in `innerError`. */
export function refusalBody(
  refusal: Refusal,
  names: AnswerNames,
  details: readonly Detail[] = [],
): GraphError {
  const target = refusal.about.field ?? details[0]?.target
  return {
    error: {
      code: STATUS[refusal.refused][1],
      message: refusal.message,
      ...(typeof target === 'string' ? { target } : {}),
      ...(details.length > 0 ? { details } : {}),
      innerError: {
        code: refusal.refused,
        ...(Object.keys(refusal.about).length > 0 ? { about: refusal.about } : {}),
        ...namesOf(names),
      },
    },
  }
}

/** Any fault: opaque, because what failed inside is not for outside. The request id leads to it. */
export function faultBody(names: AnswerNames): GraphError {
  return {
    error: {
      code: 'InternalServerError',
      message: 'something went wrong; the request id leads to it',
      innerError: namesOf(names),
    },
  }
}

function namesOf({ date, requestId, clientRequestId }: AnswerNames) {
  return {
    date,
    'request-id': requestId,
    ...(clientRequestId === undefined ? {} : { 'client-request-id': clientRequestId }),
  }
}

/**
 * Every reason for which Sluss says no. The list is closed: a door's answer is one of these, an entry
 * names it, and `http/problem.ts` knows how each looks from outside.
 */
export const REFUSALS = {
  feature_off: 'the feature is switched off',
  consent_missing: 'no consent covers this flow',
  consent_withdrawn: 'the consent was withdrawn',
  consent_expired: 'the consent has run out',
  consent_lapsed: 'the manifest grew; these items wait for renewed consent',
  standing_none: 'nothing may be shared with this party',
  agent_lead_time: 'the lead time of this agent is not over',
  agent_objection: 'the tenant objects to this agent',
  agent_not_listed: 'the party is not on the list of agents',
  agent_state: 'the agent does not stand in a way that allows this',
  impact_changed: 'what would stop is not what was shown; look again',
  step_state: 'this does not wait for anybody to do or answer it',
  permission_missing: 'no explicit permission for this party',
  permission_withdrawn: 'the permission was withdrawn',
  contract_missing: 'no contract with this party',
  contract_not_yet: 'the contract is not yet in force',
  contract_expired: 'the contract has run out',
  purpose_undeclared: 'the purpose is not declared for this flow',
  purpose_forbidden: 'profiling, advertising and marketing are never a purpose',
  item_not_in_flow: 'the item is not part of the flow',
  item_never: 'the item is never collected',
  item_optional_off: 'the optional item is switched off',
  item_unclassified: 'the item is not in the catalog',
  nothing_allowed: 'no item of the call may pass',
  policy_error: 'the policy could not be evaluated',
  policy_denied: 'no policy permits it',
  exchange_unknown: 'the call is not a known exchange of this party',
  legacy_read_only: 'this legacy service is only read here; its successor takes changes',
  approval_missing: 'the call cannot be undone and needs an explicit approval',
  connection_unknown: 'no connection at this address',
  connection_disabled: 'the connection is switched off',
  credentials_missing: 'the connection has no usable credentials',
  credentials_expired: 'the credentials of the connection have expired',
  client_unauthenticated: 'the caller is not the client of this connection',
  body_too_large: 'the body is larger than allowed',
  body_malformed: 'the body is not valid for this call',
  content_type_unsupported: 'the content type is not supported',
  encoding_unsupported: 'the content encoding is not supported',
  evidence_unavailable: 'the ledger cannot be written, and what cannot be recorded is refused',
  lease_expired: 'this node has been cut off for longer than its lease',
  rate_limited: 'the party asked to wait',
  party_refused: 'the party refused the call',
  party_unreachable:
    'the party could not be asked, or nobody saw its answer; the ledger says which',
  token_file_invalid: 'the token file cannot be read',
  token_file_foreign: 'the token file was made for another key',
  token_file_expired: 'the token file has expired',
  token_file_changed: 'the token file belongs to another server of the party',
  push_certificate_invalid: 'this is no push certificate of device management that can be read',
  push_certificate_foreign: 'the push certificate belongs to another private key',
  push_certificate_expired: 'the push certificate is not in force now',
  push_certificate_topic:
    'the push certificate is of another topic; devices would have to enrol anew, so renew the one you have',
  tunnel_destination: 'the tunnel leads to the push service of Apple only',
  rights_deadline_passed: 'the time in which this could be done for the request is over',
  identity_not_shown: 'it is not known yet who asks, so nothing about anybody is shown',
  identity_ambiguous: 'some of what was found may be of somebody else; say first which is theirs',
  not_collected: 'what is held about the person is being looked up; ask again soon',
  look_delay_own: 'nobody keeps back their own look',
  look_delay_too_long: 'a look is kept back no longer after it than the organisation allows',
  export_link_over: 'the link is unknown, or its time is over',
  tenant_unknown: 'no such tenant',
  tenant_closed: 'the tenant is closed',
  unauthenticated: 'sign in first',
  token_invalid: 'the token is not valid here',
  step_up_needed: 'prove again who you are; then this is allowed for five minutes',
  wrong_realm: 'this is for the other realm',
  role_missing: 'no role of yours allows this',
  out_of_scope: 'the object is outside the scope of your roles',
  account_unknown: 'no such account',
  account_disabled: 'the account is switched off',
  sign_in_failed: 'the sign-in could not be completed',
  link_used: 'the link was used, has run out or is not known',
  passkey_invalid: 'the passkey does not fit',
  last_admin: 'at least one administrator must remain',
  last_way_in: 'the last way in of an account cannot be taken away',
  limit_reached: 'there are as many of these as there may be',
  role_unknown: 'no such role',
  role_built_in: 'a built-in role cannot be changed, only assigned or copied',
  role_wider:
    'nobody gives a permission or a tag that they do not hold themselves, nor raises themselves',
  permission_unknown: 'there is no such permission in this realm',
  scope_tag_unknown: 'no such scope tag',
  scope_tag_in_use: 'the scope tag is still in use',
  scope_tag_last: 'one scope tag must remain',
  assignment_unknown: 'no such role assignment',
  name_taken: 'the name is taken',
  scope_tag_not_own: 'only a scope tag of your own roles can be given',
  record_unknown: 'no such record',
  item_masked: 'the value is masked for this viewer',
  item_secret: 'a secret is never part of a list or record; it can only be revealed by itself',
  reveal_reason_missing: 'a reason is needed to see the exact value',
  filter_unserved: 'a sealed item can only be looked up by equality, and not by this role',
  case_unknown: 'no such case',
  case_closed: 'the case is closed',
  request_unknown: 'no such request',
  request_state: 'the request is not in a state that allows this',
  request_expired: 'the request was not answered in time',
  request_wider: 'an approval can only narrow what was asked',
  reason_too_thin: 'the reason must say what will be done and why, in at least 20 characters',
  duration_too_long: 'the duration is longer than allowed',
  self_approval: 'nobody approves what they asked for themselves, by whichever account',
  approver_missing: 'the approver no longer holds the role that approves',
  approval_signature: 'the signature does not fit the request',
  approval_replayed: 'this signature was used before',
  grant_missing: 'no grant in force covers this',
  grant_ended: 'the grant has ended',
  grant_lapsed: 'the grant was not used in time',
  review_outstanding: 'an earlier emergency access still waits for its review',
  emergency_not_allowed: 'emergency access needs two operators',
  precondition_failed: 'it was changed meanwhile; read it again',
  idempotency_mismatch: 'this idempotency key was used for another call',
  idempotency_running: 'the first call with this idempotency key is still under way; ask again',
  idempotency_answer_lost:
    'the first call with this idempotency key took effect, but its answer was lost; read what stands',
  too_many_requests: 'too many requests; wait',
  method_unsupported: 'this address does not know this method',
  answer_unacceptable: 'answers are JSON',
  page_token_invalid: 'the page token does not belong to this list',
  query_invalid: 'the query cannot be understood',
  diagnostics_purpose:
    'diagnostics serve the installation, the quality and the security of future releases, and nothing else',
  description_invalid: 'the description of the party is not valid',
  description_kept:
    'a new version keeps its party, features, purposes and the way it signs in; describe another one instead',
  incident_unknown: 'no such incident',
  incident_state: 'the incident is not in a state that allows this',
  notice_unknown: 'no such notice',
  notice_state: 'the notice is not in a state that allows this',
  notice_incomplete: 'the notice lacks what it must say, in English and Swedish',
  scope_missing: 'the scope of the incident was not computed yet',
  keys_not_confirmed:
    'what was unreadable is left out only on a recorded decision that the keys are safe',
  pause_unknown: 'no such pause of the clock',
  signal_unknown: 'no such signal',
  report_unknown: 'no such report',
  report_less_protected: 'a tenant can only protect its reports more than they are by default',
  report_budget_spent: 'what may be told to this recipient in this month has been told',
  report_not_noised: 'this report cannot be made with the noise that the tenant chose',
  extract_not_anonymous: 'however coarse these items are made, somebody stays in too small a group',
  not_found: 'there is nothing at this address',
} as const

export type RefusalCode = keyof typeof REFUSALS

/**
 * An expected no. It is a value, never thrown: thrown inside a transaction it would roll back its own entry.
 * `about` names what it is about by identifiers (an item, a party, a field), never by personal values.
 */
export interface Refusal {
  readonly refused: RefusalCode
  readonly message: string
  readonly about: Readonly<Record<string, string | number | boolean | readonly string[]>>
}

export function refuse(code: RefusalCode, about: Refusal['about'] = {}): Refusal {
  return Object.freeze({
    refused: code,
    message: REFUSALS[code],
    about: Object.freeze({ ...about }),
  })
}

export function isRefusal(value: unknown): value is Refusal {
  return typeof value === 'object' && value !== null && 'refused' in value
}

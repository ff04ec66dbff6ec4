import {
  policyToJson,
  preparsePolicySet,
  preparseSchema,
  statefulIsAuthorized,
  validate,
} from '@cedar-policy/cedar-wasm/nodejs'
import { canonicalJson } from '#foundation/canonical-json.ts'
import { sha256Hex } from '#foundation/hashing.ts'
import type { RefusalCode } from '#foundation/refusal.ts'
import type { Decider, DecisionFacts, ItemDecision, ItemQuestion } from './decide.ts'
import { decideDiagnostics } from './diagnostics-decide.ts'
import type { PolicyTexts } from './policies.ts'
import { decideView, rememberViews } from './view-decide.ts'

/** Of several reasons against an item, the one that is told: what lies deepest comes first. */
export const REASON_ORDER: readonly RefusalCode[] = [
  'tenant_closed',
  'item_never',
  'standing_none',
  'purpose_forbidden',
  'item_not_in_flow',
  'feature_off',
  'agent_not_listed',
  'agent_lead_time',
  'agent_objection',
  'permission_missing',
  'permission_withdrawn',
  'contract_missing',
  'contract_not_yet',
  'contract_expired',
  'consent_missing',
  'consent_withdrawn',
  'consent_expired',
  'consent_lapsed',
  'purpose_undeclared',
  'item_optional_off',
  'approval_missing',
]

const FLOWING = ['disclose', 'receive']
const LOOKING = ['view', 'reveal']
const DIAGNOSING = ['diagnose']
const ACTIONS = [...FLOWING, ...LOOKING, ...DIAGNOSING]

/**
 * Prepares the policies once. Each question is then decided with the two entities it is about and nothing
 * else, validated against the schema.
 *
 * @throws Error listing every policy that does not fit the schema
 */
export function createDecider(texts: PolicyTexts): Decider {
  const policyHash = sha256Hex(canonicalJson({ policies: texts.policies, schema: texts.schema }))
  refuseInvalid(texts, setOf(texts.policies))
  const flowing = prepare(texts, `${policyHash} flowing`, FLOWING)
  const looking = prepare(texts, `${policyHash} looking`, LOOKING)
  const diagnosing = prepare(texts, `${policyHash} diagnosing`, DIAGNOSING)
  const look = rememberViews((facts, item) => decideView(looking, texts.refusals, facts, item))
  return {
    policyHash,
    decide: (facts, questions) =>
      questions.map((question) => decideOne(texts, flowing, facts, question)),
    decideDiagnostics: (facts, items) =>
      items.map((item) => decideDiagnostics(diagnosing, texts.refusals, facts, item)),
    decideView: (facts, items) => items.map((item) => look(facts, item)),
  }
}

/** Prepares those policies that can bear on the actions: the others cost time and change nothing. */
function prepare(texts: PolicyTexts, name: string, actions: readonly string[]): string {
  const policies = Object.fromEntries(
    Object.entries(texts.policies).filter(([, policy]) => mayConcern(policy, actions)),
  )
  const prepared = [preparsePolicySet(name, setOf(policies)), preparseSchema(name, texts.schema)]
  if (prepared.some((answer) => answer.type === 'failure'))
    throw new Error('the policies cannot be prepared')
  return name
}

/** False only where the head of the policy names other actions; whatever is unclear may concern them. */
function mayConcern(policy: string, actions: readonly string[]): boolean {
  const parsed = policyToJson(policy)
  if (parsed.type === 'failure') return true
  const { action } = parsed.json
  if (!('entity' in action) && !('entities' in action)) return true
  const named = 'entities' in action ? action.entities : [action.entity]
  return named.some((one) => {
    const { id } = '__entity' in one ? one.__entity : one
    return actions.includes(id) || !ACTIONS.includes(id)
  })
}

function setOf(staticPolicies: PolicyTexts['policies']) {
  return { staticPolicies, templates: {}, templateLinks: [] }
}

function decideOne(
  texts: PolicyTexts,
  prepared: string,
  facts: DecisionFacts,
  { item, switchedOn }: ItemQuestion,
): ItemDecision {
  const principal = { type: 'Party', id: facts.party.id }
  const resource = { type: 'DataItem', id: item.id }
  const answer = statefulIsAuthorized({
    principal,
    action: { type: 'Action', id: facts.door === 'out' ? 'disclose' : 'receive' },
    resource,
    context: {
      tenantOpen: facts.tenantOpen,
      featureOn: facts.featureOn,
      inFlow: facts.flowItems.has(item.id),
      consentState: facts.consentState,
      consented: facts.consentedItems.has(item.id),
      agentState: facts.agentState,
      permissionState: facts.permissionState,
      contractState: facts.contractState,
      purposeDeclared: facts.purposeDeclared,
      purposeForbidden: facts.purposeForbidden,
      permanentCall: facts.permanentCall,
      approvalInForce: facts.approvalInForce,
    },
    entities: [
      { uid: principal, attrs: { kind: facts.party.kind }, parents: [] },
      {
        uid: resource,
        attrs: {
          class: item.class,
          personal: item.personal,
          secret: item.secret,
          need: item.need,
          switchedOn,
        },
        parents: [],
      },
    ],
    preparsedPolicySetId: prepared,
    preparsedSchemaName: prepared,
    validateRequest: true,
  })
  // Cedar skips a policy that errors, a forbid too: an answer with any error in it is a no.
  if (answer.type === 'failure' || answer.response.diagnostics.errors.length > 0) {
    return { item: item.id, allowed: false, reason: 'policy_error', policies: [] }
  }
  // Cedar names them in no order.
  const policies = answer.response.diagnostics.reason.toSorted()
  if (answer.response.decision === 'allow')
    return { item: item.id, allowed: true, reason: 'permitted', policies }
  const reasons = new Set(policies.map((policy) => texts.refusals[policy]))
  const reason = REASON_ORDER.find((code) => reasons.has(code)) ?? 'policy_denied'
  return { item: item.id, allowed: false, reason, policies }
}

function refuseInvalid(
  texts: PolicyTexts,
  policies: Parameters<typeof validate>[0]['policies'],
): void {
  const answer = validate({ schema: texts.schema, policies })
  // The call reports success even when policies are wrong; the list is what counts.
  const errors =
    answer.type === 'failure'
      ? answer.errors.map((error) => error.message)
      : answer.validationErrors.map(({ policyId, error }) => `${policyId}: ${error.message}`)
  if (errors.length > 0)
    throw new Error(`the policies do not fit their schema: ${errors.join('; ')}`)
}

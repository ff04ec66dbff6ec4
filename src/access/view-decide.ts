import { statefulIsAuthorized } from '@cedar-policy/cedar-wasm/nodejs'
import { BoundedCache } from '#foundation/bounded-cache.ts'
import type { RefusalCode } from '#foundation/refusal.ts'
import type { ViewDecision, ViewFacts, ViewItem } from './view-facts.ts'

/** Of several reasons against showing an item, the one that is told: what lies deepest comes first. */
export const VIEW_REASON_ORDER: readonly RefusalCode[] = [
  'tenant_closed',
  'item_never',
  'grant_missing',
  'grant_ended',
  'role_missing',
  'item_secret',
  'reveal_reason_missing',
  'item_masked',
]

interface Answer {
  readonly allowed: boolean
  readonly reason: 'permitted' | RefusalCode
  readonly policies: readonly string[]
}

type DecideView = (facts: ViewFacts, item: ViewItem) => ViewDecision

const REMEMBERED = 20_000

/**
 * Remembers answers. They hang on nothing but what is in the name here, and the policies of a decider never
 * change; whose data it is, and where, is no part of the question.
 */
export function rememberViews(decide: DecideView): DecideView {
  const known = new BoundedCache<string, ViewDecision>(REMEMBERED)
  return (facts, item) => {
    const { viewer, grant } = facts
    const name = [
      facts.action,
      viewer.kind,
      viewer.mayRead,
      viewer.mayReadPersonal,
      viewer.mayReveal,
      viewer.maySeeSecrets,
      facts.tenantOpen,
      grant.state,
      grant.items.has(item.id),
      grant.exactItems?.has(item.id) === true,
      facts.purposeStated,
      item.id,
      item.class,
      item.personal,
      item.secret,
      item.need,
    ].join(' ')
    const found = known.get(name)
    if (found) return found
    const made = Object.freeze(decide(facts, item))
    known.set(name, made)
    return made
  }
}

/**
 * Asks whether the item may be seen exactly and, where a view may not, whether it may be seen masked.
 *
 * @param prepared name under which policies and schema were prepared
 */
export function decideView(
  prepared: string,
  refusals: Readonly<Record<string, RefusalCode>>,
  facts: ViewFacts,
  item: ViewItem,
): ViewDecision {
  const exactly = ask(prepared, refusals, facts, item, true)
  if (exactly.allowed) return { item: item.id, show: 'exact', ...told(exactly) }
  // Only masking can be mended by showing less; and a reveal asks for the exact value or nothing.
  if (facts.action === 'reveal' || exactly.reason !== 'item_masked')
    return { item: item.id, show: 'withheld', ...told(exactly) }
  const masked = ask(prepared, refusals, facts, item, false)
  if (!masked.allowed) return { item: item.id, show: 'withheld', ...told(masked) }
  const policies = [...exactly.policies, ...masked.policies]
  return { item: item.id, show: 'masked', reason: 'item_masked', policies }
}

function told({ reason, policies }: Answer): Pick<ViewDecision, 'reason' | 'policies'> {
  return { reason, policies }
}

function ask(
  prepared: string,
  refusals: Readonly<Record<string, RefusalCode>>,
  facts: ViewFacts,
  item: ViewItem,
  exactly: boolean,
): Answer {
  const principal = { type: 'Viewer', id: facts.viewer.kind }
  const resource = { type: 'DataItem', id: item.id }
  const { kind, mayRead, mayReadPersonal, mayReveal, maySeeSecrets } = facts.viewer
  const answer = statefulIsAuthorized({
    principal,
    action: { type: 'Action', id: facts.action },
    resource,
    context: {
      tenantOpen: facts.tenantOpen,
      exactly,
      grantState: facts.grant.state,
      inGrant: facts.grant.items.has(item.id),
      exactInGrant: facts.grant.items.has(item.id) && facts.grant.exactItems?.has(item.id) === true,
      purposeStated: facts.purposeStated,
    },
    entities: [
      {
        uid: principal,
        attrs: { kind, mayRead, mayReadPersonal, mayReveal, maySeeSecrets },
        parents: [],
      },
      {
        uid: resource,
        attrs: {
          class: item.class,
          personal: item.personal,
          secret: item.secret,
          need: item.need,
          switchedOn: true,
        },
        parents: [],
      },
    ],
    preparsedPolicySetId: prepared,
    preparsedSchemaName: prepared,
    validateRequest: true,
  })
  // As at the other doors: an answer with any error in it is a no.
  if (answer.type === 'failure' || answer.response.diagnostics.errors.length > 0)
    return { allowed: false, reason: 'policy_error', policies: [] }
  // Cedar names them in no order.
  const policies = answer.response.diagnostics.reason.toSorted()
  if (answer.response.decision === 'allow') return { allowed: true, reason: 'permitted', policies }
  const reasons = new Set(policies.map((policy) => refusals[policy]))
  const reason = VIEW_REASON_ORDER.find((code) => reasons.has(code)) ?? 'policy_denied'
  return { allowed: false, reason, policies }
}

import { statefulIsAuthorized } from '@cedar-policy/cedar-wasm/nodejs'
import type { DiagnosticsItem } from '#catalog/diagnostics.ts'
import type { RefusalCode } from '#foundation/refusal.ts'
import type { ItemDecision } from './decide.ts'

/** Who wants to read diagnostics, whose, and what for. Built by the door; the purpose is what the reader stated. */
export interface DiagnosticsFacts {
  readonly realm: 'operator' | 'tenant'
  /** Holds the permission that the reader's realm has for it. */
  readonly mayDiagnose: boolean
  readonly tenantOpen: boolean
  readonly purpose: string
  /** The reader's own tenant sent them in. */
  readonly own: boolean
}

export type DiagnosticsQuestion = Pick<
  DiagnosticsItem,
  'id' | 'class' | 'personal' | 'secret' | 'need'
>

/** Of several reasons against it, the one that is told. */
const REASONS: readonly RefusalCode[] = [
  'tenant_closed',
  'item_never',
  'wrong_realm',
  'role_missing',
  'diagnostics_purpose',
]

/** @param prepared name under which policies and schema were prepared */
export function decideDiagnostics(
  prepared: string,
  refusals: Readonly<Record<string, RefusalCode>>,
  facts: DiagnosticsFacts,
  item: DiagnosticsQuestion,
): ItemDecision {
  const principal = { type: 'DiagnosticsReader', id: facts.realm }
  const resource = { type: 'DataItem', id: item.id }
  const { realm, mayDiagnose, tenantOpen, purpose, own } = facts
  const { personal, secret, need } = item
  const answer = statefulIsAuthorized({
    principal,
    action: { type: 'Action', id: 'diagnose' },
    resource,
    context: { tenantOpen, purpose, own },
    entities: [
      { uid: principal, attrs: { realm, mayDiagnose }, parents: [] },
      {
        uid: resource,
        attrs: { class: item.class, personal, secret, need, switchedOn: true },
        parents: [],
      },
    ],
    preparsedPolicySetId: prepared,
    preparsedSchemaName: prepared,
    validateRequest: true,
  })
  // As at the other doors: an answer with any error in it is a no.
  if (answer.type === 'failure' || answer.response.diagnostics.errors.length > 0)
    return { item: item.id, allowed: false, reason: 'policy_error', policies: [] }
  const policies = answer.response.diagnostics.reason.toSorted()
  if (answer.response.decision === 'allow')
    return { item: item.id, allowed: true, reason: 'permitted', policies }
  const found = new Set(policies.map((policy) => refusals[policy]))
  const reason = REASONS.find((code) => found.has(code)) ?? 'policy_denied'
  return { item: item.id, allowed: false, reason, policies }
}

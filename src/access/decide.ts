import type { DataItem } from '#catalog/catalog.ts'
import type { RefusalCode } from '#foundation/refusal.ts'
import type { DiagnosticsFacts, DiagnosticsQuestion } from './diagnostics-decide.ts'
import type { ViewDecision, ViewFacts, ViewItem } from './view-facts.ts'

/** The facts of one door, flat, as the Cedar schema names them. Built by the door, never from a request body. */
export interface DecisionFacts {
  readonly door: 'in' | 'out'
  readonly tenantId: string
  readonly party: { readonly id: string; readonly kind: 'agent' | 'thirdParty' | 'none' }
  readonly tenantOpen: boolean
  readonly featureOn: boolean
  readonly consentState: 'inForce' | 'missing' | 'withdrawn' | 'expired'
  readonly consentedItems: ReadonlySet<string>
  readonly flowItems: ReadonlySet<string>
  readonly agentState: 'listed' | 'notListed' | 'leadTime' | 'objected' | 'notAgent'
  readonly permissionState: 'given' | 'missing' | 'withdrawn' | 'notNeeded'
  readonly contractState: 'inForce' | 'missing' | 'notYet' | 'expired' | 'notNeeded'
  readonly purposeDeclared: boolean
  readonly purposeForbidden: boolean
  readonly permanentCall: boolean
  readonly approvalInForce: boolean
}

export interface ItemQuestion {
  readonly item: DataItem
  /** For optional items: is it switched on by the tenant? */
  readonly switchedOn: boolean
}

export interface ItemDecision {
  readonly item: string
  readonly allowed: boolean
  readonly reason: 'permitted' | RefusalCode
  /** Names of the policies that determined the answer. */
  readonly policies: readonly string[]
}

/** The one Cedar engine. Any diagnostic error is a refusal with `policy_error`. */
export interface Decider {
  /** One answer per item, in order. */
  decide(facts: DecisionFacts, questions: readonly ItemQuestion[]): readonly ItemDecision[]
  /** How exactly each item may be seen, in order: exactly, masked or not at all, and why. */
  decideView(facts: ViewFacts, items: readonly ViewItem[]): readonly ViewDecision[]
  /** Which items of diagnostics may be read, for what they are read for, in order. */
  decideDiagnostics(
    facts: DiagnosticsFacts,
    items: readonly DiagnosticsQuestion[],
  ): readonly ItemDecision[]
  /** SHA-256 of the policies and schema in force, for entries. */
  readonly policyHash: string
}

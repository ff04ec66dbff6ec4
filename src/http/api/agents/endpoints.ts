import type { Endpoint } from '../endpoint.ts'
import { obligationEndpoints } from './obligations.ts'
import { type OffBoardingEndpointParts, offBoardingEndpoints } from './off-boarding.ts'
import { type OperatorAgentParts, operatorAgentEndpoints } from './operator-agents.ts'
import { tenantAgentEndpoints } from './tenant-agents.ts'

export type AgentEndpointParts = OperatorAgentParts & OffBoardingEndpointParts

/** The list of agents, objections to it, leaving a feature, and what recipients owe. */
export function agentEndpoints(parts: AgentEndpointParts): readonly Endpoint[] {
  return [
    ...operatorAgentEndpoints(parts),
    ...tenantAgentEndpoints(parts),
    ...offBoardingEndpoints(parts),
    ...obligationEndpoints(parts),
  ]
}

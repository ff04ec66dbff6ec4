import { shippedCatalog } from '#catalog/shipped.ts'
import { type EndpointParts, allEndpoints } from '#http/api/all-endpoints.ts'
import type { Endpoint } from '#http/api/endpoint.ts'

/** Every endpoint as it is declared; none of them can be called. */
export function declaredEndpoints(): readonly Endpoint[] {
  const rooms = { catalog: shippedCatalog, sharing: { catalog: shippedCatalog } }
  return allEndpoints(rooms as unknown as EndpointParts)
}

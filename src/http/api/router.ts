import type { Endpoint } from './endpoint.ts'

export type Found =
  | { readonly endpoint: Endpoint; readonly params: Readonly<Record<string, string>> }
  /** The address is known, and these methods of it. */
  | { readonly methods: readonly string[] }

interface Branch {
  readonly literals: Map<string, Branch>
  parameter: Branch | undefined
  readonly endpoints: Map<string, { endpoint: Endpoint; names: readonly string[] }>
}

/**
 * Finds the endpoint of an address. A segment that is spelled out goes before one that is a parameter.
 *
 * @throws RangeError when two endpoints have the same method and address, or the same id
 */
export function createRouter(
  endpoints: readonly Endpoint[],
): (method: string, path: string) => Found | undefined {
  const root = branch()
  const ids = new Set<string>()
  for (const endpoint of endpoints) {
    if (ids.has(endpoint.id)) throw new RangeError(`two endpoints are called ${endpoint.id}`)
    ids.add(endpoint.id)
    add(root, endpoint)
  }
  return (method, path) => {
    const segments = decoded(path)
    const found = segments && walk(root, segments, 0, [])
    if (!found) return undefined
    const asked = method === 'HEAD' ? 'GET' : method
    const here = found.branch.endpoints.get(asked)
    if (!here) return { methods: methodsOf(found.branch) }
    const params = here.names.map((name, i) => [name, found.values[i] ?? ''])
    return { endpoint: here.endpoint, params: Object.fromEntries(params) as Record<string, string> }
  }
}

/** The names in braces of a path, in order. */
export function parameterNames(path: string): readonly string[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? '')
}

function branch(): Branch {
  return { literals: new Map(), parameter: undefined, endpoints: new Map() }
}

function add(root: Branch, endpoint: Endpoint): void {
  let at = root
  for (const segment of endpoint.path.split('/').slice(1)) {
    if (segment.startsWith('{')) {
      at.parameter ??= branch()
      at = at.parameter
    } else {
      const next = at.literals.get(segment) ?? branch()
      at.literals.set(segment, next)
      at = next
    }
  }
  if (at.endpoints.has(endpoint.method))
    throw new RangeError(`two endpoints answer ${endpoint.method} ${endpoint.path}`)
  at.endpoints.set(endpoint.method, { endpoint, names: parameterNames(endpoint.path) })
}

function walk(
  from: Branch,
  segments: readonly string[],
  index: number,
  values: readonly string[],
): { branch: Branch; values: readonly string[] } | undefined {
  const segment = segments[index]
  if (segment === undefined) return from.endpoints.size > 0 ? { branch: from, values } : undefined
  const literal = from.literals.get(segment)
  const found = literal && walk(literal, segments, index + 1, values)
  if (found || !from.parameter || segment === '') return found
  return walk(from.parameter, segments, index + 1, [...values, segment])
}

function decoded(path: string): readonly string[] | undefined {
  try {
    return path.split('/').slice(1).map(decodeURIComponent)
  } catch {
    return undefined
  }
}

function methodsOf({ endpoints }: Branch): readonly string[] {
  const methods = [...endpoints.keys()]
  return (methods.includes('GET') ? [...methods, 'HEAD'] : methods).toSorted()
}

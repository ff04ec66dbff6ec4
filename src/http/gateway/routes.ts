import type { Exchange } from '#sharing/exchange.ts'
import { hasParameters, pathMatcher } from '#sharing/path-template.ts'

export interface Route {
  readonly exchange: Exchange
  readonly parameters?: Readonly<Record<string, string>>
}

/** Finds the exchange that a method and a path stand for. Fixed paths are looked up; only others are tried in turn. */
export function routesOf(
  exchanges: readonly Exchange[],
): (method: string, path: string) => Route | undefined {
  const fixed = new Map<string, Route>()
  const patterns = new Map<
    string,
    { exchange: Exchange; match: ReturnType<typeof pathMatcher> }[]
  >()
  for (const exchange of exchanges) {
    for (const method of exchange.methods) {
      if (!hasParameters(exchange.path)) fixed.set(`${method} ${exchange.path}`, { exchange })
      else {
        const known = patterns.get(method) ?? []
        patterns.set(method, [...known, { exchange, match: pathMatcher(exchange.path) }])
      }
    }
  }
  return (method, path) => {
    const found = fixed.get(`${method} ${path}`)
    if (found) return found
    for (const { exchange, match } of patterns.get(method) ?? []) {
      const parameters = match(path)
      if (parameters) return { exchange, parameters }
    }
    return undefined
  }
}

/**
 * Paths with parameters, as Google writes them: `/v1/{name=enterprises/*\/devices/*}:issueCommand`. A parameter
 * takes as many segments as its pattern has, `*` being any one of them.
 */
const PARAMETER = /\{(\w+)=([^}]+)\}/g
/** A segment that means nothing but itself: no dots alone, nothing that a server could read as a separator. */
const SEGMENT = /^(?!\.{1,2}$)[\w.~@+-]{1,200}$/

export function hasParameters(path: string): boolean {
  return path.includes('{')
}

/** Reads the parameters of a path of this template; undefined for any other path. */
export function pathMatcher(
  template: string,
): (path: string) => Readonly<Record<string, string>> | undefined {
  const names: string[] = []
  let source = ''
  let from = 0
  for (const found of template.matchAll(PARAMETER)) {
    const [whole, name = '', pattern = ''] = found
    names.push(name)
    source += literal(template.slice(from, found.index))
    source += `(${pattern.split('/').map(segmentPattern).join('/')})`
    from = found.index + whole.length
  }
  const expression = new RegExp(`^${source}${literal(template.slice(from))}$`)
  return (path) => {
    const found = expression.exec(path)
    if (!found) return undefined
    const read = names.map((name, i) => [name, decoded(found[i + 1] ?? '')] as const)
    return read.every(([, value]) => value !== undefined)
      ? (Object.fromEntries(read) as Record<string, string>)
      : undefined
  }
}

/** The path with its parameters filled in; undefined where one is missing. */
export function fillPath(
  template: string,
  values: Readonly<Record<string, unknown>>,
): string | undefined {
  let missing = false
  const path = template.replace(PARAMETER, (_, name: string) => {
    const value = values[name]
    if (typeof value !== 'string') missing = true
    return String(value).split('/').map(encodeURIComponent).join('/')
  })
  return missing ? undefined : path
}

function segmentPattern(segment: string): string {
  return segment === '*' ? '[^/:]+' : literal(segment)
}

function literal(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}

function decoded(text: string): string | undefined {
  try {
    const segments = text.split('/').map(decodeURIComponent)
    return segments.every((segment) => SEGMENT.test(segment)) ? segments.join('/') : undefined
  } catch {
    // A broken escape: no path of ours.
    return undefined
  }
}

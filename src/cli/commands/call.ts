import type { JsonObject } from '../api-client.ts'
import type { Context } from '../context.ts'
import { EXIT, Failure } from '../terminal.ts'

const METHODS = ['GET', 'POST', 'PATCH', 'DELETE'] as const

/**
 * Any call of the API, for what has no command of its own: `/openapi.json` of the installation names them all. A
 * collection is answered whole, page after page.
 */
export async function call(
  context: Context,
  method: string,
  path: string,
  options: { body?: string },
): Promise<void> {
  const verb = METHODS.find((one) => one === method.toUpperCase())
  if (!verb)
    throw new Failure(EXIT.usage, context.say('callMethod', { methods: METHODS.join(', ') }))
  if (!path.startsWith('/')) throw new Failure(EXIT.usage, context.say('callPath'))
  const api = await context.api()
  const answer =
    verb === 'GET' ? await read(api, path) : await api.change(verb, path, bodyOf(context, options))
  context.show(answer, () => [JSON.stringify(answer, null, 2)])
}

async function read(api: Awaited<ReturnType<Context['api']>>, path: string): Promise<JsonObject> {
  const first = await api.get(path)
  if (!Array.isArray(first.value) || first['@odata.nextLink'] === undefined) return first
  const [address = '', query] = path.split('?')
  const value: JsonObject[] = []
  for await (const one of api.list(address, Object.fromEntries(new URLSearchParams(query))))
    value.push(one)
  return { ...first, value, '@odata.nextLink': null }
}

function bodyOf({ say }: Context, { body }: { body?: string }): JsonObject {
  if (body === undefined) return {}
  try {
    const parsed: unknown = JSON.parse(body)
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed))
      return parsed as JsonObject
  } catch {
    // Said below, in words of its own.
  }
  throw new Failure(EXIT.usage, say('callBody'))
}

import { randomBytes } from 'node:crypto'
import { type Answer, fail, ok } from './answer.ts'
import { syntheticDevice } from './devices.ts'

type Resource = Record<string, unknown>

/** What the stand-in keeps of one enterprise, and how it answers each method on it. */
export function createService(devices: number, enterpriseId: string, now: () => number) {
  const enterprise = `enterprises/${enterpriseId}`
  /** Everything that has a name, by that name. */
  const kept = new Map<string, Resource>([
    [enterprise, { name: enterprise, enterpriseDisplayName: 'Example organisation' }],
  ])
  for (let i = 1; i <= devices; i++) {
    const device = syntheticDevice(enterprise, i, now())
    kept.set(device.name, device)
  }
  const below = (name: string): Resource[] => {
    const depth = name.split('/').length + 1
    return [...kept.entries()]
      .filter(([one]) => one.startsWith(`${name}/`) && one.split('/').length === depth)
      .map(([, resource]) => resource)
  }
  const list = (name: string, query: URLSearchParams): Answer => {
    const all = below(name)
    const size = Number(query.get('pageSize') ?? 100)
    const from = query.get('pageToken') ? Number(query.get('pageToken')) : 0
    if (!Number.isInteger(size) || size < 1 || !Number.isInteger(from) || from > all.length)
      return fail(400, 'INVALID_ARGUMENT')
    const [last = ''] = name.split('/').slice(-1)
    const more = from + size < all.length
    return ok({
      [last]: all.slice(from, from + size),
      ...(more ? { nextPageToken: String(from + size) } : {}),
    })
  }
  const patch = (name: string, body: Resource, query: URLSearchParams): Answer => {
    const known = kept.get(name)
    if (!known && !name.includes('/policies/')) return fail(404, 'NOT_FOUND')
    const mask = query.get('updateMask')?.split(',')
    const changed = mask
      ? { ...known, ...Object.fromEntries(mask.map((field) => [field, body[field]])) }
      : { ...known, ...body }
    const version = String(Number(known?.version ?? 0) + 1)
    const next = name.includes('/policies/') ? { ...changed, name, version } : { ...changed, name }
    kept.set(name, next)
    return ok(next)
  }
  const create = (list: string, body: Resource): Answer => {
    const name = `${list}/${randomBytes(6).toString('hex')}`
    const secret = /Tokens$/.test(list) ? { value: randomBytes(10).toString('hex') } : {}
    const made = { ...body, ...secret, name }
    kept.set(name, made)
    return ok(made)
  }
  const command = (name: string, body: Resource): Answer => {
    if (!kept.has(name)) return fail(404, 'NOT_FOUND')
    // Google takes parameters of a command for its type, and refuses those of another one.
    const implied = 'wipeParams' in body ? 'WIPE' : undefined
    const type = body.type ?? implied
    if (typeof type !== 'string' || (implied && type !== implied))
      return fail(400, 'INVALID_ARGUMENT')
    const operation = {
      name: `${name}/operations/${now()}${randomBytes(2).toString('hex')}`,
      metadata: {
        '@type': 'type.googleapis.com/google.android.devicemanagement.v1.Command',
        ...body,
        type,
        createTime: new Date(now()).toISOString(),
      },
    }
    kept.set(operation.name, operation)
    return ok(operation)
  }
  const act = (name: string, verb: string, body: Resource): Answer => {
    if (verb === 'issueCommand') return command(name, body)
    if (!kept.has(name)) return fail(404, 'NOT_FOUND')
    switch (verb) {
      case 'cancel':
        return ok()
      case 'generateEnterpriseUpgradeUrl':
        return ok({ url: 'https://accounts.example.org/upgrade' })
      case 'modifyPolicyApplications':
      case 'removePolicyApplications':
        return ok({ policy: kept.get(name) })
      default:
        return fail(404, 'NOT_FOUND')
    }
  }
  return {
    enterprise,
    kept,
    call: (method: string, path: string, body: Resource, query: URLSearchParams): Answer => {
      const [, full = ''] = /^\/v1\/(.+)$/.exec(path) ?? []
      const [name = '', verb] = decodeURIComponent(full).split(':')
      if (full === 'signupUrls' && method === 'POST')
        return ok({ name: 'signupUrls/synthetic', url: 'https://play.example.org/signup' })
      if (full === 'enterprises' && method === 'GET')
        return ok({ enterprises: [kept.get(enterprise)] })
      if (full === 'enterprises' && method === 'POST')
        return ok({ ...body, name: 'enterprises/LC01synthetic' })
      if (name.startsWith('provisioningInfo/'))
        return ok({
          name,
          enterprise,
          serialNumber: 'SYN0000001',
          authenticatedUserEmail: 'anna@example.org',
        })
      if (!name.startsWith(enterprise)) return fail(403, 'PERMISSION_DENIED')
      if (name.includes('/applications/')) return ok({ name, title: 'Synthetic app' })
      if (verb !== undefined)
        return method === 'POST' ? act(name, verb, body) : fail(404, 'NOT_FOUND')
      const isList = name.split('/').length % 2 === 1
      switch (method) {
        case 'GET':
          if (isList) return list(name, query)
          return kept.has(name) ? ok(kept.get(name)) : fail(404, 'NOT_FOUND')
        case 'POST':
          return isList ? create(name, body) : fail(404, 'NOT_FOUND')
        case 'PATCH':
          return patch(name, body, query)
        case 'DELETE':
          return kept.delete(name) ? ok() : fail(404, 'NOT_FOUND')
        default:
          return fail(404, 'NOT_FOUND')
      }
    },
  }
}

import { randomUUID } from 'node:crypto'
import { type Answer, fail, ok } from './answer.ts'
import { type Limits, type SandboxAssignment, type SandboxUser, userOf } from './organisation.ts'

interface Failure {
  readonly errorInfo: Readonly<Record<string, unknown>>
  readonly errorMessage: string
  readonly errorNumber: number
}
interface Event {
  readonly type: string
  readonly readyAt: number
  readonly run: () => { requested: number; failures: Failure[] }
  done?: { requested: number; failures: Failure[] }
}
type Body = Record<string, unknown>

/** One organisational unit with its users, assets and assignments, and how each call on it is answered. */
export function createService(options: {
  readonly now: () => number
  readonly assets: number
  readonly devices: readonly string[]
  readonly users: number
  readonly pageSize: number
  readonly eventMs: number
  readonly expiresAt: number
}) {
  const { now } = options
  const limits: Limits = {
    maxAssets: 25,
    maxClientUserIds: 1_000,
    maxSerialNumbers: 1_000,
    maxUsers: 1_000,
  }
  const state = { pageSize: options.pageSize, eventMs: options.eventMs, failWith: 0 }
  const users: SandboxUser[] = []
  const devices = new Set(options.devices)
  const assets = new Map<string, { adamId: string; pricingParam: string; total: number }>()
  let assignments: SandboxAssignment[] = []
  const events = new Map<string, Event>()
  const version = { users: randomUUID(), assets: randomUUID(), assignments: randomUUID() }
  let config: Body = {}
  for (let i = 1; i <= options.assets; i++)
    assets.set(`4087097${String(i).padStart(2, '0')}`, {
      adamId: `4087097${String(i).padStart(2, '0')}`,
      pricingParam: 'STDQ',
      total: 10_000,
    })
  for (let i = 1; i <= options.users; i++)
    users.push(userOf({ clientUserId: `earlier-${i}`, email: `person-${i}@example.org` }))

  const library = () => ({
    ...(config.mdmInfo === undefined ? {} : { mdmInfo: config.mdmInfo }),
    tokenExpirationDate: `${new Date(options.expiresAt).toISOString().slice(0, 19)}+0000`,
    uId: '2049025000431439',
  })
  const active = (id: unknown) =>
    users.find((one) => one.clientUserId === id && one.status !== 'Retired')
  const paged = (name: keyof typeof version, rows: readonly unknown[], query: URLSearchParams) => {
    const index = Number(query.get('pageIndex') ?? 0)
    const totalPages = Math.max(1, Math.ceil(rows.length / state.pageSize))
    if (!Number.isInteger(index) || index < 0 || index >= totalPages) return fail(400, 9602)
    const page = rows.slice(index * state.pageSize, (index + 1) * state.pageSize)
    return ok({
      ...library(),
      currentPageIndex: index,
      ...(index + 1 < totalPages ? { nextPageIndex: index + 1 } : {}),
      size: page.length,
      totalPages,
      versionId: version[name],
      [name]: page,
    })
  }
  const begin = (type: string, run: Event['run']): Answer => {
    const eventId = randomUUID()
    events.set(eventId, { type, run, readyAt: now() + state.eventMs })
    return ok({ ...library(), eventId })
  }
  /** What Apple does in its own time happens when somebody looks. */
  const settle = (): void => {
    for (const event of events.values())
      if (!event.done && event.readyAt <= now()) event.done = event.run()
  }
  const failure = (errorNumber: number, errorInfo: Failure['errorInfo']): Failure => ({
    errorInfo,
    errorMessage: `wrong: ${JSON.stringify(errorInfo)}`,
    errorNumber,
  })
  const manage = (type: string, body: Body): Answer => {
    const wanted = (body.assets ?? []) as { adamId: string; pricingParam?: string }[]
    const clientUserIds = (body.clientUserIds ?? []) as string[]
    const serialNumbers = (body.serialNumbers ?? []) as string[]
    if (clientUserIds.length + serialNumbers.length === 0) return fail(400, 9600)
    if (type !== 'REVOKE' && wanted.length === 0) return fail(400, 9600)
    if (
      wanted.length > limits.maxAssets ||
      clientUserIds.length > limits.maxClientUserIds ||
      serialNumbers.length > limits.maxSerialNumbers
    )
      return fail(400, 9602)
    return begin(type, () => {
      const failures: Failure[] = []
      const targets = [
        ...clientUserIds.map((clientUserId) => ({ clientUserId })),
        ...serialNumbers.map((serialNumber) => ({ serialNumber })),
      ]
      const several = type === 'REVOKE' ? [undefined] : wanted
      for (const asset of several)
        for (const target of targets) failures.push(...manageOne(type, asset, target))
      version.assignments = randomUUID()
      version.assets = randomUUID()
      return { requested: several.length * targets.length, failures }
    })
  }
  const manageOne = (
    type: string,
    asset: { adamId: string; pricingParam?: string } | undefined,
    target: { clientUserId?: string; serialNumber?: string },
  ): Failure[] => {
    const info = {
      ...(asset ? { assets: [asset] } : {}),
      ...(target.clientUserId === undefined ? {} : { clientUserIds: [target.clientUserId] }),
      ...(target.serialNumber === undefined ? {} : { serialNumbers: [target.serialNumber] }),
    }
    if (state.failWith > 0) return [failure(state.failWith, info)]
    if (target.clientUserId !== undefined && !active(target.clientUserId))
      return [failure(9609, info)]
    if (target.serialNumber !== undefined && !devices.has(target.serialNumber))
      return [failure(9602, info)]
    const is = (one: SandboxAssignment) =>
      (!asset || one.adamId === asset.adamId) &&
      one.clientUserId === target.clientUserId &&
      one.serialNumber === target.serialNumber
    const held = assignments.some(is)
    if (type === 'ASSOCIATE') {
      if (!asset || !assets.has(asset.adamId)) return [failure(9604, info)]
      if (held) return [failure(9616, info)]
      assignments.push({
        adamId: asset.adamId,
        pricingParam: asset.pricingParam ?? 'STDQ',
        ...target,
      })
      return []
    }
    if (!held) return [failure(9619, info)]
    assignments = assignments.filter((one) => !is(one))
    return []
  }
  const manageUsers = (type: string, body: Body): Answer => {
    const given = (body.users ?? []) as SandboxUser[]
    if (given.length === 0 || given.some((one) => !one.clientUserId)) return fail(400, 9600)
    if (given.length > limits.maxUsers) return fail(400, 9602)
    return begin(type, () => {
      const failures = given.flatMap((one) => {
        const info = { clientUserIds: [one.clientUserId] }
        if (state.failWith > 0) return [failure(state.failWith, info)]
        const known = active(one.clientUserId)
        if (type === 'CREATE') {
          if (!known) users.push(userOf(one))
          return []
        }
        if (!known) return [failure(9609, info)]
        const place = users.indexOf(known)
        users[place] = type === 'RETIRE' ? { ...known, status: 'Retired' } : { ...known, ...one }
        if (type === 'RETIRE')
          assignments = assignments.filter((held) => held.clientUserId !== one.clientUserId)
        return []
      })
      version.users = randomUUID()
      return { requested: given.length, failures }
    })
  }

  return {
    state,
    limits,
    users,
    devices,
    assets,
    events,
    get assignments() {
      settle()
      return assignments
    },
    get config() {
      return config
    },
    /** The next event that comes, and whatever comes, ends now. */
    settleAll: () => {
      for (const event of events.values()) event.done ??= event.run()
    },
    serviceConfig: (origin: string) =>
      ok({
        errorCodes: [{ errorMessage: 'Invalid token', errorNumber: 9622 }],
        limits,
        notificationTypes: [
          'ASSET_COUNT',
          'ASSET_MANAGEMENT',
          'USER_MANAGEMENT',
          'USER_ASSOCIATED',
        ],
        urls: { getAssets: `${origin}/mdm/v2/assets` },
      }),
    setConfig: (body: Body) => {
      config = { ...config, ...body }
    },
    clientConfig: () => {
      const { notificationTypes, notificationAuthToken, ...rest } = config
      return ok({
        ...rest,
        ...library(),
        countryISO2ACode: 'SE',
        defaultPlatform: 'enterprisestore',
        locationName: 'Example site',
        ...(notificationAuthToken === undefined ? {} : { notificationAuthToken }),
        subscribedNotificationTypes: notificationTypes ?? [],
        websiteURL: 'https://business.apple.com',
      })
    },
    call: (method: string, path: string, body: Body, query: URLSearchParams): Answer => {
      settle()
      switch (`${method} ${path}`) {
        case 'GET /assets': {
          const rows = [...assets.values()].map(({ adamId, pricingParam, total }) => {
            const used = assignments.filter((one) => one.adamId === adamId).length
            return {
              adamId,
              assignedCount: used,
              availableCount: total - used,
              deviceAssignable: true,
              pricingParam,
              productType: 'App',
              retiredCount: 0,
              revocable: true,
              supportedPlatforms: ['iOS'],
              totalCount: total,
            }
          })
          const id = query.get('adamId')
          return paged(
            'assets',
            id === null ? rows : rows.filter((row) => row.adamId === id),
            query,
          )
        }
        case 'GET /assignments': {
          const fits = (one: SandboxAssignment) =>
            (['adamId', 'clientUserId', 'serialNumber'] as const).every(
              (name) => !query.has(name) || query.get(name) === one[name],
            )
          return paged('assignments', assignments.filter(fits), query)
        }
        case 'GET /users': {
          const fits = (one: SandboxUser) =>
            (query.get('activeOnly') !== 'true' || one.status !== 'Retired') &&
            (!query.has('clientUserId') || query.get('clientUserId') === one.clientUserId)
          return paged('users', users.filter(fits), query)
        }
        case 'GET /status': {
          const event = events.get(query.get('eventId') ?? '')
          if (!event) return fail(404, 9604)
          const { done } = event
          const { requested = 0, failures = [] } = done ?? {}
          return ok({
            ...library(),
            eventStatus: done ? (failures.length > 0 ? 'FAILED' : 'COMPLETE') : 'PENDING',
            eventType: event.type,
            ...(failures.length > 0 ? { failures } : {}),
            numCompleted: requested - failures.length,
            numRequested: requested,
          })
        }
        case 'POST /assets/associate':
          return manage('ASSOCIATE', body)
        case 'POST /assets/disassociate':
          return manage('DISASSOCIATE', body)
        case 'POST /assets/revoke':
          return manage('REVOKE', body)
        case 'POST /users/create':
          return manageUsers('CREATE', body)
        case 'POST /users/update':
          return manageUsers('UPDATE', body)
        case 'POST /users/retire':
          return manageUsers('RETIRE', body)
        default:
          return fail(405, 9726)
      }
    },
  }
}

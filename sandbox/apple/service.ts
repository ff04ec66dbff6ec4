import { randomUUID } from 'node:crypto'
import { type Answer, fail, ok } from './answer.ts'
import type { SandboxDevice } from './devices.ts'

const DAY = 86_400_000
const CURSOR_LIFE = 7 * DAY
const LIMITS: Readonly<Record<string, readonly [number, string]>> = {
  profile_name: [125, 'CONFIG_NAME_INVALID'],
  url: [2000, 'CONFIG_URL_INVALID'],
  department: [125, 'DEPARTMENT_INVALID'],
  org_magic: [256, 'MAGIC_INVALID'],
  support_email_address: [250, 'SUPPORT_EMAIL_INVALID'],
  support_phone_number: [50, 'SUPPORT_PHONE_INVALID'],
}

interface Operation {
  readonly serial: string
  readonly op_type: 'added' | 'modified' | 'deleted'
  readonly op_date: string
}

interface Cursor {
  readonly fetched: number
  readonly operations: number
  readonly at: number
}

type Body = Readonly<Record<string, unknown>>

/** The account's data and the calls on it. Knows nothing of HTTP. */
export function createService(devices: SandboxDevice[], now: () => number, version: () => number) {
  const byserial = new Map(devices.map((device) => [device.serial_number, device]))
  const profiles = new Map<string, Body>()
  const operations: Operation[] = []
  let discovery: { mdm_service_discovery_url: string; last_updated_timestamp: string } | undefined

  const operate = (serial: string, op_type: Operation['op_type']): void => {
    operations.push({ serial, op_type, op_date: new Date(now()).toISOString() })
  }
  const writeCursor = (cursor: Cursor): string =>
    Buffer.from(JSON.stringify(cursor)).toString('base64url')
  const readCursor = (text: string): Cursor | undefined => {
    try {
      const cursor = JSON.parse(Buffer.from(text, 'base64url').toString()) as Cursor
      return typeof cursor.fetched === 'number' && typeof cursor.at === 'number'
        ? cursor
        : undefined
    } catch {
      return undefined
    }
  }
  const limitOf = (body: Body): number =>
    Math.min(1000, typeof body.limit === 'number' && body.limit > 0 ? body.limit : 100)

  const fetchDevices = (body: Body): Answer => {
    let from: Cursor = { fetched: 0, operations: operations.length, at: now() }
    if (body.cursor !== undefined) {
      const cursor = readCursor(String(body.cursor))
      if (!cursor) return fail(400, 'INVALID_CURSOR')
      if (cursor.fetched >= devices.length) return fail(400, 'EXHAUSTED_CURSOR')
      from = cursor
    }
    const end = Math.min(devices.length, from.fetched + limitOf(body))
    return ok({
      devices: devices.slice(from.fetched, end),
      fetched_until: new Date(now()).toISOString(),
      cursor: writeCursor({ ...from, fetched: end, at: now() }),
      more_to_follow: end < devices.length,
    })
  }
  const syncDevices = (body: Body): Answer => {
    if (typeof body.cursor !== 'string') return fail(400, 'CURSOR_REQUIRED')
    const cursor = readCursor(body.cursor)
    if (!cursor) return fail(400, 'INVALID_CURSOR')
    if (now() - cursor.at > CURSOR_LIFE) return fail(400, 'EXPIRED_CURSOR')
    const end = Math.min(operations.length, cursor.operations + limitOf(body))
    const changed = operations
      .slice(cursor.operations, end)
      .map(({ serial, op_type, op_date }) => ({
        ...(op_type === 'deleted' ? { serial_number: serial } : byserial.get(serial)),
        op_type,
        op_date,
      }))
    return ok({
      devices: changed,
      fetched_until: new Date(now()).toISOString(),
      cursor: writeCursor({ fetched: devices.length, operations: end, at: now() }),
      more_to_follow: end < operations.length,
    })
  }
  const each = (
    body: Body,
    change: (device: SandboxDevice) => string | undefined,
  ): Record<string, string> =>
    Object.fromEntries(
      serials(body).map((serial) => {
        const device = byserial.get(serial)
        return [serial, device ? (change(device) ?? 'SUCCESS') : 'NOT_ACCESSIBLE']
      }),
    )
  const assign = (uuid: string, body: Body) =>
    each(body, (device) => {
      device.profile_uuid = uuid
      device.profile_status = 'assigned'
      device.profile_assign_time = new Date(now()).toISOString()
      operate(device.serial_number, 'modified')
      return undefined
    })

  const calls: Record<string, (body: Body, query: URLSearchParams) => Answer> = {
    'GET /account': () =>
      ok({
        server_name: 'Sandbox server',
        server_uuid: '00000000-0000-4000-8000-000000000001',
        admin_id: 'admin@example.org',
        facilitator_id: 'facilitator@example.org',
        org_name: 'Example organisation',
        org_email: 'contact@example.org',
        org_phone: '+1-555-0100',
        org_address: '1 Example Street',
        ...(version() >= 3
          ? {
              org_id: '1000001',
              org_id_hash: 'a'.repeat(64),
              org_type: 'org',
              org_version: 'v2',
              urls: [
                {
                  uri: '/devices/sync',
                  http_method: ['POST'],
                  limit: { default: 100, maximum: 1000 },
                },
              ],
            }
          : {}),
      }),
    'POST /server/devices': fetchDevices,
    'POST /devices/sync': syncDevices,
    'POST /devices': (body) =>
      ok({
        devices: Object.fromEntries(
          serials(body).map((serial) => {
            const device = byserial.get(serial)
            return [
              serial,
              device
                ? { ...device, response_status: 'SUCCESS' }
                : { serial_number: serial, response_status: 'NOT_ACCESSIBLE' },
            ]
          }),
        ),
      }),
    'POST /devices/disown': needSerials((body) =>
      ok({
        devices: each(body, (device) => {
          byserial.delete(device.serial_number)
          devices.splice(devices.indexOf(device), 1)
          operate(device.serial_number, 'deleted')
          return undefined
        }),
      }),
    ),
    'POST /device/activationlock': (body) => {
      if (typeof body.device !== 'string') return fail(400, 'DEVICE_ID_REQUIRED')
      return ok({
        serial_number: body.device,
        response_status: byserial.has(body.device) ? 'SUCCESS' : 'NOT_ACCESSIBLE',
      })
    },
    'POST /profile': (body) => {
      const problem = profileProblem(body)
      if (problem) return fail(400, problem)
      const uuid = randomUUID().replaceAll('-', '').toUpperCase()
      profiles.set(uuid, { ...body, profile_uuid: uuid })
      return ok({ profile_uuid: uuid, devices: assign(uuid, body) })
    },
    'GET /profile': (_, query) => {
      const profile = profiles.get(query.get('profile_uuid') ?? '')
      return profile ? ok(profile) : fail(404, 'PROFILE_NOT_FOUND')
    },
    'DELETE /profile/devices': needSerials((body) =>
      ok({
        ...(body.profile_uuid === undefined ? {} : { profile_uuid: body.profile_uuid }),
        devices: each(body, (device) => {
          device.profile_status = 'removed'
          operate(device.serial_number, 'modified')
          return undefined
        }),
      }),
    ),
    'GET /account-driven-enrollment/profile': () =>
      discovery ? ok(discovery) : fail(404, 'NOT_FOUND'),
    'POST /account-driven-enrollment/profile': ({ mdm_service_discovery_url: url }) => {
      if (typeof url !== 'string') return fail(400, 'MDM_SERVICE_DISCOVERY_URL_REQUIRED')
      if (!url.startsWith('https://')) return fail(400, 'MDM_SERVICE_DISCOVERY_URL_NOT_VALID')
      discovery = {
        mdm_service_discovery_url: url,
        last_updated_timestamp: new Date(now()).toISOString(),
      }
      return ok()
    },
    'GET /os-beta-enrollment/tokens': () =>
      ok({
        betaEnrollmentTokens: [{ os: 'iOS', title: 'iOS beta', token: 'synthetic-beta-token' }],
        seedBuildTokens: [],
      }),
    'POST /roster/class/person': () =>
      ok({
        cursor: writeCursor({ fetched: 1, operations: 0, at: now() }),
        more_to_follow: false,
        persons: [
          {
            unique_identifier: 'p1',
            first_name: 'Synthetic',
            last_name: 'Pupil',
            email_address: 'pupil@example.org',
          },
        ],
      }),
    'POST /roster/class': () =>
      ok({
        cursor: writeCursor({ fetched: 1, operations: 0, at: now() }),
        more_to_follow: false,
        classes: [],
      }),
    'POST /roster/class/location': () =>
      ok({
        cursor: writeCursor({ fetched: 1, operations: 0, at: now() }),
        more_to_follow: false,
        locations: [],
      }),
  }
  const assignCall = needSerials((body) => {
    if (typeof body.profile_uuid !== 'string') return fail(400, 'PROFILE_UUID_REQUIRED')
    return profiles.has(body.profile_uuid)
      ? ok({ profile_uuid: body.profile_uuid, devices: assign(body.profile_uuid, body) })
      : fail(404, 'PROFILE_NOT_FOUND')
  })
  for (const method of ['PUT', 'POST']) calls[`${method} /profile/devices`] = assignCall
  for (const path of ['/roster/class/person', '/roster/class', '/roster/class/location']) {
    calls[`POST ${path}/sync`] = (body, query) =>
      typeof body.cursor === 'string'
        ? (calls[`POST ${path}`]?.(body, query) ?? fail(404, 'NOT_FOUND'))
        : fail(400, 'CURSOR_REQUIRED')
  }

  return {
    devices,
    profiles,
    /** Something happens to a device at Apple: shows up in the next sync. */
    operate,
    call: (method: string, path: string, body: Body, query: URLSearchParams): Answer =>
      calls[`${method} ${path}`]?.(body, query) ?? fail(404, 'NOT_FOUND'),
  }
}

function serials(body: Body): string[] {
  return Array.isArray(body.devices) ? body.devices.map(String) : []
}

function needSerials(call: (body: Body) => Answer): (body: Body) => Answer {
  return (body) => {
    const count = serials(body).length
    return count === 0 || count > 1000 ? fail(400, 'DEVICE_ID_REQUIRED') : call(body)
  }
}

function profileProblem(body: Body): string | undefined {
  if (typeof body.profile_name !== 'string' || body.profile_name === '')
    return 'CONFIG_NAME_REQUIRED'
  if (typeof body.url !== 'string' || body.url === '') return 'CONFIG_URL_REQUIRED'
  if (!body.url.startsWith('https://')) return 'CONFIG_URL_INVALID'
  const tooLong = Object.entries(LIMITS).find(
    ([field, [most]]) => String(body[field] ?? '').length > most,
  )
  if (tooLong) return tooLong[1][1]
  return body.is_mdm_removable === false && body.is_supervised !== true
    ? 'FLAGS_INVALID'
    : undefined
}

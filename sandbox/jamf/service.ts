import { randomUUID } from 'node:crypto'
import {
  COMPUTER_SECTIONS,
  MOBILE_SECTIONS,
  type Row,
  syntheticComputer,
  syntheticMobile,
} from './devices.ts'
import type { JsonAnswer } from '../send-answer.ts'
import { order, readFilter, valueAt } from './rsql.ts'

export type Answer = JsonAnswer

export const ok = (body: unknown = {}): Answer => ({ status: 200, body })
/** Jamf Pro's form of an error. */
export const fail = (status: number, code: string, field: string | null = null): Answer => ({
  status,
  body: { httpStatus: status, errors: [{ code, description: 'synthetic', id: '0', field }] },
})

/** One inventory: made when it is asked for, so that a hundred thousand devices take no memory. */
export interface Inventory {
  /** Ids that are there, ascending. */
  readonly ids: number[]
  /** Records that are not as they would be made. */
  readonly changed: Map<number, Row>
  at(id: number): Row
}

function inventory(count: number, make: (id: number) => Row): Inventory {
  const changed = new Map<number, Row>()
  return {
    ids: Array.from({ length: count }, (_, i) => i + 1),
    changed,
    at: (id) => changed.get(id) ?? make(id),
  }
}

interface ListOf {
  readonly idField: string
  readonly defaultSort: string
  readonly filterable: ReadonlySet<string>
  readonly sortable: ReadonlySet<string>
  readonly sections: Readonly<Record<string, string>>
  readonly sectionsByDefault: readonly string[]
  readonly flat?: (row: Row) => Row
}

/** Of jamf-pro-sdk's lists, those that the synthetic records have. */
const COMPUTER_LIST: ListOf = {
  idField: 'id',
  defaultSort: 'general.name:asc',
  filterable: new Set(
    `general.name udid id general.assetTag general.lastIpAddress general.lastContactTime general.reportDate
     general.lastReportedIp general.managementId general.remoteManagement.managed general.platform hardware.macAddress
     hardware.make hardware.model hardware.modelIdentifier hardware.serialNumber hardware.appleSilicon
     operatingSystem.activeDirectoryStatus operatingSystem.fileVault2Status operatingSystem.build operatingSystem.name
     operatingSystem.version security.activationLockEnabled security.recoveryLockEnabled security.firewallEnabled
     userAndLocation.buildingId userAndLocation.departmentId userAndLocation.email userAndLocation.realname
     userAndLocation.phone userAndLocation.position userAndLocation.room userAndLocation.username purchasing.vendor
     purchasing.warrantyDate`.split(/\s+/),
  ),
  sortable: new Set(
    `general.name udid id general.assetTag general.lastContactTime general.reportDate
     general.remoteManagement.managementUsername general.platform hardware.make hardware.model operatingSystem.build
     operatingSystem.name operatingSystem.version userAndLocation.realname purchasing.warrantyDate`.split(
      /\s+/,
    ),
  ),
  sections: COMPUTER_SECTIONS,
  sectionsByDefault: ['GENERAL'],
}
const MOBILE_NAMES: Readonly<Record<string, string>> = {
  mobileDeviceId: 'mobileDeviceId',
  serialNumber: 'hardware.serialNumber',
  model: 'hardware.model',
  modelIdentifier: 'hardware.modelIdentifier',
  osVersion: 'general.osVersion',
  osBuild: 'general.osBuild',
  udid: 'general.udid',
  displayName: 'general.displayName',
  assetTag: 'general.assetTag',
  ipAddress: 'general.ipAddress',
  wifiMacAddress: 'hardware.wifiMacAddress',
  bluetoothMacAddress: 'hardware.bluetoothMacAddress',
  username: 'userAndLocation.username',
}
const MOBILE_LIST: ListOf = {
  idField: 'mobileDeviceId',
  defaultSort: 'displayName:asc',
  filterable: new Set(Object.keys(MOBILE_NAMES)),
  sortable: new Set(Object.keys(MOBILE_NAMES)),
  sections: MOBILE_SECTIONS,
  sectionsByDefault: ['GENERAL'],
  flat: (row) =>
    Object.fromEntries(
      Object.entries(MOBILE_NAMES).map(([name, path]) => [name, valueAt(row, path)]),
    ),
}

const KNOWN = new Set(['page', 'page-size', 'sort', 'filter', 'section'])

/** What the stand-in keeps, and how it answers each call. Nothing of the API that it does not check is answered. */
export function createService(computers: number, mobiles: number, now: () => number) {
  const kept = {
    computers: inventory(computers, syntheticComputer),
    mobiles: inventory(mobiles, syntheticMobile),
    commands: [] as Row[],
  }
  const call = (method: string, path: string, query: URLSearchParams, body: Row): Answer => {
    for (const name of query.keys()) if (!KNOWN.has(name)) return fail(400, 'INVALID_FIELD', name)
    const [, computer] = /^\/api\/v[13]\/computers-inventory(?:-detail)?\/(\d+)$/.exec(path) ?? []
    const [, mobile] = /^\/api\/v2\/mobile-devices\/(\d+)\/detail$/.exec(path) ?? []
    if (method === 'GET') {
      if (/^\/api\/v[13]\/computers-inventory$/.test(path))
        return list(kept.computers, COMPUTER_LIST, query)
      if (computer !== undefined) return oneComputer(kept.computers, path, Number(computer), query)
      if (path === '/api/v2/mobile-devices/detail') return list(kept.mobiles, MOBILE_LIST, query)
      if (path === '/api/v2/mobile-devices') return plainList(kept.mobiles, query)
      if (mobile !== undefined)
        return kept.mobiles.ids.includes(Number(mobile))
          ? ok({ ...plainMobile(kept.mobiles.at(Number(mobile))), ios: {} })
          : fail(404, 'INVALID_ID', 'id')
      if (path === '/api/v2/mdm/commands')
        return query.has('filter')
          ? ok({ totalCount: kept.commands.length, results: kept.commands })
          : fail(400, 'INVALID_FIELD', 'filter')
      if (path === '/JSSResource/webhooks')
        return ok({ webhooks: [{ id: 1, name: 'Sluss computers' }] })
    }
    if (method === 'POST') {
      if (path === '/api/v2/mdm/commands') return command(kept.commands, body, now)
      if (
        /^\/api\/preview\/remote-administration-configurations\/team-viewer\/\d+\/sessions$/.test(
          path,
        )
      )
        return ok({ id: randomUUID(), href: '/api/preview/sessions/1' })
    }
    return fail(404, 'NOT_FOUND')
  }
  return { ...kept, call }
}

function list({ ids, at }: Inventory, rules: ListOf, query: URLSearchParams): Answer {
  const page = Number(query.get('page') ?? 0)
  const size = Number(query.get('page-size') ?? 100)
  if (!Number.isInteger(page) || page < 0) return fail(400, 'INVALID_FIELD', 'page')
  if (!Number.isInteger(size) || size < 1 || size > 2_000)
    return fail(400, 'INVALID_FIELD', 'page-size')
  const sections = sectionsOf(rules, query)
  if (!sections) return fail(400, 'INVALID_FIELD', 'section')
  const sorts = (query.has('sort') ? query.getAll('sort') : [rules.defaultSort]).flatMap((s) =>
    s.split(','),
  )
  const keys = sorts.map((sort) => /^([\w.]+):(asc|desc)$/.exec(sort))
  if (keys.some((key) => !key || !rules.sortable.has(key[1] ?? '')))
    return fail(400, 'INVALID_FIELD', 'sort')
  const filter = query.get('filter')
  // A walk by id is answered without making every record.
  const beyond = new RegExp(`^${rules.idField}>"?(\\d+)"?$`).exec(filter ?? '')
  if (beyond && sorts[0] === `${rules.idField}:asc`) {
    const from = firstBeyond(ids, Number(beyond[1]))
    const found = ids.slice(from + page * size, from + (page + 1) * size)
    return ok({
      totalCount: ids.length - from,
      results: found.map((id) => shown(at(id), rules, sections)),
    })
  }
  const test = filter ? readFilter(filter, rules.filterable) : () => true
  if (!test) return fail(400, 'INVALID_FIELD', 'filter')
  const flat = rules.flat ?? ((row: Row) => row)
  const found = ids.map(at).filter((row) => test(flat(row)))
  const ordered = found.toSorted((a, b) => {
    for (const key of keys) {
      const by = order(valueAt(flat(a), key?.[1] ?? ''), valueAt(flat(b), key?.[1] ?? ''))
      if (by !== 0) return key?.[2] === 'desc' ? -by : by
    }
    // Ties go by the default order, as a server may well do it.
    const [field = ''] = rules.defaultSort.split(':')
    return order(valueAt(flat(a), field), valueAt(flat(b), field))
  })
  return ok({
    totalCount: ordered.length,
    results: ordered
      .slice(page * size, (page + 1) * size)
      .map((row) => shown(row, rules, sections)),
  })
}

function firstBeyond(ids: readonly number[], after: number): number {
  let low = 0
  let high = ids.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((ids[middle] ?? 0) > after) high = middle
    else low = middle + 1
  }
  return low
}

function sectionsOf(rules: ListOf, query: URLSearchParams): ReadonlySet<string> | undefined {
  const asked = query.has('section')
    ? query.getAll('section').flatMap((names) => names.split(','))
    : rules.sectionsByDefault
  if (asked.includes('ALL')) return new Set(Object.values(rules.sections))
  return asked.every((section) => Object.hasOwn(rules.sections, section))
    ? new Set(asked.map((section) => rules.sections[section] ?? ''))
    : undefined
}

/** Sections that were not asked for are there, as null. */
function shown(row: Row, rules: ListOf, sections: ReadonlySet<string>): Row {
  const all = new Set(Object.values(rules.sections))
  return Object.fromEntries(
    Object.entries(row).map(([key, value]) => [
      key,
      all.has(key) && !sections.has(key) ? null : value,
    ]),
  )
}

function oneComputer(
  { ids, at }: Inventory,
  path: string,
  id: number,
  query: URLSearchParams,
): Answer {
  if (!ids.includes(id)) return fail(404, 'INVALID_ID', 'id')
  if (path.includes('-detail/')) return ok(at(id))
  const sections = sectionsOf(COMPUTER_LIST, query)
  return sections
    ? ok(shown(at(id), COMPUTER_LIST, sections))
    : fail(400, 'INVALID_FIELD', 'section')
}

function plainMobile(row: Row): Row {
  const get = (path: string) => valueAt(row, path)
  return {
    id: row.mobileDeviceId,
    name: get('general.displayName'),
    serialNumber: get('hardware.serialNumber'),
    wifiMacAddress: get('hardware.wifiMacAddress'),
    udid: get('general.udid'),
    phoneNumber: get('network.phoneNumber'),
    model: get('hardware.model'),
    modelIdentifier: get('hardware.modelIdentifier'),
    username: get('userAndLocation.username'),
    type: 'ios',
    managementId: get('general.managementId'),
    softwareUpdateDeviceId: 'iPhone16,1',
  }
}

function plainList({ ids, at }: Inventory, query: URLSearchParams): Answer {
  if (query.has('section') || query.has('filter')) return fail(400, 'INVALID_FIELD', 'section')
  const page = Number(query.get('page') ?? 0)
  const size = Number(query.get('page-size') ?? 100)
  const rows = ids.map((id) => plainMobile(at(id)))
  return ok({ totalCount: rows.length, results: rows.slice(page * size, (page + 1) * size) })
}

function command(commands: Row[], body: Row, now: () => number): Answer {
  const clients = body.clientData
  const { commandType } = (body.commandData ?? {}) as Row
  if (!Array.isArray(clients) || clients.length === 0)
    return fail(400, 'INVALID_FIELD', 'clientData')
  if (typeof commandType !== 'string') return fail(400, 'INVALID_FIELD', 'commandType')
  const made = (clients as Row[]).map(({ managementId }) => {
    const uuid = randomUUID()
    const time = new Date(now()).toISOString()
    commands.push({
      uuid,
      client: { managementId, clientType: 'COMPUTER' },
      commandState: 'ACKNOWLEDGED',
      commandType,
      dateSent: time,
      dateCompleted: time,
    })
    return { id: uuid, href: `/v2/mdm/commands?filter=uuid==${uuid}` }
  })
  return { status: 201, body: made }
}

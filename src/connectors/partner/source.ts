import { leaf, object } from '#catalog/shape.ts'
import type { PartnerEvents } from '#catalog/read-partner.ts'
import { sha256Hex } from '#foundation/hashing.ts'
import { asObject, isKeepable, parsedJson } from '#foundation/json.ts'
import { refuse } from '#foundation/refusal.ts'
import type { EventSource, SourceEvent } from '#intake/event-source.ts'

/** An event that names itself longer than this is named by its bytes. */
const LONGEST_NAME = 200

/**
 * Events of a described party, signed as Standard Webhooks says. Of a body only the described members get further; an
 * event of a kind that is not described is counted, and nothing of it is kept.
 *
 * @param events what is described at the moment
 */
export function partnerSource(connectorId: string, events: () => PartnerEvents): EventSource {
  return {
    connectorId,
    get flow() {
      return events().flow
    },
    get purpose() {
      return events().purpose
    },
    proof: 'standard-webhooks',
    read: (body) => {
      const { at, types } = events()
      const read = parsedJson(body)
      const type = memberAt(read, at.type)
      const time = memberAt(read, at.time)
      const when = typeof time === 'string' ? Date.parse(time) : Number.NaN
      if (typeof type !== 'string' || Number.isNaN(when))
        return refuse('body_malformed', { expected: 'an event with type and time' })
      const named = at.name === undefined ? undefined : memberAt(read, at.name)
      const isNamed = typeof named === 'string' && named !== '' && named.length <= LONGEST_NAME
      const base = {
        name: JSON.stringify(isNamed ? ['name', named] : ['bytes', sha256Hex(body)]),
        at: when,
      }
      const kind = types.get(type)
      if (!kind) return { ...base, ...UNKNOWN_KIND }
      const data = asObject(memberAt(read, at.data))
      if (!data) return refuse('body_malformed', { expected: at.data })
      return {
        ...base,
        section: type,
        record: withoutUnkeepable(data),
        shape: kind.shape,
        subjectItem: kind.subjectItem,
        removal: kind.removal,
      }
    },
  }
}

/** Without a subject: nothing is kept, and the one unknown member is counted. */
const UNKNOWN_KIND: Omit<SourceEvent, 'name' | 'at'> = {
  section: 'unknown',
  record: { '? 0': 1 },
  shape: object({ serialNumber: leaf('device.serialNumber', { subject: true }) }),
  subjectItem: 'device.serialNumber',
  removal: { item: 'device.serialNumber', word: '' },
}

function memberAt(value: unknown, path: string): unknown {
  let at = value
  for (const member of path.split('.')) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, member)) return undefined
    at = (at as Record<string, unknown>)[member]
  }
  return at
}

/** A text that no database can hold (a half character, a zero) is no value of anything: it is counted as unknown. */
function withoutUnkeepable(data: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(data).map(([name, value]) => [
      name,
      typeof value === 'string' && !isKeepable(value) ? null : value,
    ]),
  )
}

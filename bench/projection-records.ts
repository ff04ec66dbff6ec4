import { type Shape, array, leaf, object } from '#catalog/shape.ts'
import { type Plan, makePlan } from '#minimisation/plan.ts'
import { seededRandom } from '#minimisation/scan/test/seeded-random.ts'

/** Synthetic device records of about 2 KB and 93 leaves, as an inventory of managed devices holds them. */
export function deviceRecords(count: number): readonly unknown[] {
  const random = seededRandom(20_261_124)
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T
  const digits = (length: number) =>
    Array.from({ length }, () => Math.floor(random() * 10)).join('')
  return Array.from({ length: count }, (_, i) => {
    const [given, family, city] = [pick(GIVEN), pick(FAMILY), pick(CITIES)]
    const mail = `${given}.${family}${i}`.toLowerCase().replace(/[^a-z0-9.]/g, '')
    return {
      id: `00000000-0000-4000-8000-${String(i).padStart(12, '0')}`,
      serial_number: `SYN${String(i).padStart(7, '0')}`,
      udid: `00008110-${digits(16)}`,
      asset_tag: `TAG-${digits(6)}`,
      device_name: `${given}s iPad – ${city}`,
      model: 'iPad (10th generation)',
      model_identifier: 'iPad13,18',
      color: pick(['SILVER', 'BLÅ', 'ROSA', 'GUL']),
      os: { name: 'iPadOS', version: `26.${i % 5}.1`, build: `23C${digits(3)}`, rsr: null },
      imei: `35${digits(13)}`,
      eid: `8904${digits(28)}`,
      wifi_mac: `02:00:5e:${digits(2)}:${digits(2)}:${digits(2)}`,
      ip_address: `192.0.2.${i % 254}`,
      phone_number: `+1-555-01${digits(2)}`,
      carrier: pick(['Nät Öst', 'Telefon Väst', 'Syd Mobil']),
      roaming: i % 7 === 0,
      battery_level: (i % 100) / 100,
      storage: { total: 256_000_000_000, free: 1_000_000 * (i % 200_000), used_percent: i % 100 },
      user: {
        name: `${given} ${family}`,
        mail: `${mail}@example.org`,
        department: pick(['Skolförvaltningen', 'Äldreomsorg', 'Räddningstjänst']),
        city,
        employee_number: digits(6),
        manager: `${pick(GIVEN)} ${pick(FAMILY)}`,
      },
      enrolled_at: `2026-0${1 + (i % 9)}-1${i % 9}T08:30:00Z`,
      last_seen: `2026-11-2${i % 4}T1${i % 10}:15:27.381Z`,
      profile_status: pick(['assigned', 'pushed', 'removed', 'empty']),
      profile_uuid: `88FC4E378${digits(7)}`,
      supervised: true,
      lost_mode: false,
      passcode: { present: true, compliant: i % 9 !== 0, grace_minutes: 15 },
      compliance: {
        state: i % 9 === 0 ? 'nonCompliant' : 'compliant',
        policy: 'grund-2026',
        score: 97,
      },
      groups: ['skola-9b', 'alla-iPad', pick(['norr', 'söder'])],
      location: { latitude: 59 + random(), longitude: 18 + random(), at: '2026-11-20T08:01:02Z' },
      notes: `Utlämnad vid ${city}, låda ${i % 40}; skärmen bytt på våren.`,
      tokens: { push: digits(24), unlock: digits(24) },
      apps: Array.from({ length: 4 + (i % 10) }, (_, j) => ({
        name: pick(APPS),
        id: `org.example.app${j}`,
        version: `${j}.${i % 10}.0`,
        size: 1_000_000 + i * 37,
        managed: j % 2 === 0,
      })),
    }
  })
}

const GIVEN = ['Åsa', 'Örjan', 'Märta', 'Erik', 'Saga', 'Nils', 'Göran', 'Linnéa']
const FAMILY = ['Exempel', 'Provsson', 'Testström', 'Påhittad', 'Övning']
const CITIES = ['Malmö', 'Västerås', 'Luleå', 'Stockholm', 'Jönköping']
const APPS = ['Lärplattform', 'Ordbok', 'Kartor', 'Möten', 'Skriv', 'Räkna Ut']

/** What the narrow plan lets pass: 18 leaves, in the order of the record. The first ten can be pseudonyms. */
export const NARROW = [
  'id',
  'serial_number',
  'udid',
  'asset_tag',
  'imei',
  'eid',
  'wifi_mac',
  'phone_number',
  'user.mail',
  'user.employee_number',
  'model',
  'model_identifier',
  'os.name',
  'os.version',
  'enrolled_at',
  'profile_status',
  'supervised',
  'compliance.score',
] as const

/** A shape with all leaves of the records, or with only those that the narrow plan lets pass. */
export function shapeOf(record: unknown, only?: readonly string[]): Shape {
  const build = (value: unknown, path: string): Shape | undefined => {
    if (Array.isArray(value)) {
      const of = build(value[0], path)
      return of && array(of)
    }
    if (typeof value === 'object' && value !== null) {
      const fields = Object.entries(value)
        .map(([name, inner]) => [name, build(inner, path ? `${path}.${name}` : name)] as const)
        .filter((field): field is readonly [string, Shape] => field[1] !== undefined)
      return fields.length > 0 ? object(Object.fromEntries(fields)) : undefined
    }
    if (only && !only.includes(path)) return undefined
    return leaf(path, {
      type:
        typeof value === 'number' || typeof value === 'boolean'
          ? (typeof value as 'number')
          : 'string',
      subject: path === 'serial_number',
    })
  }
  return build(record, '') as Shape
}

/** Lets the narrow leaves pass, the first `pseudonyms` of them as pseudonyms. */
export function narrowPlan(pseudonyms: number): Plan {
  return makePlan({
    door: 'out',
    tenantId: 'bench',
    flow: 'bench/outbound',
    recipient: 'apple',
    purpose: 'device-enrolment-management',
    manifestHash: '',
    items: NARROW.map((item, i) => ({
      item,
      precision: i < pseudonyms ? 'pseudonym' : 'exact',
      reason: 'permitted',
      policies: [],
    })),
  })
}

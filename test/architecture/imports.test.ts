import assert from 'node:assert/strict'
import { readFileSync, readdirSync } from 'node:fs'
import { dirname, join, normalize, relative } from 'node:path'
import { describe, it } from 'node:test'

const SRC = join(import.meta.dirname, '..', '..', 'src')

/** The rooms from the ground up, and which of the rooms above them in this list each may import. */
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  foundation: [],
  database: ['foundation'],
  keys: ['foundation', 'database'],
  ledger: ['foundation', 'database', 'keys'],
  catalog: ['foundation'],
  minimisation: ['foundation', 'catalog'],
  tenants: ['foundation', 'database', 'keys', 'ledger'],
  access: allBut('access', 'minimisation'),
  agreements: allBut('agreements'),
  connections: allBut('connections', 'minimisation'),
  records: allBut('records', 'access', 'connections'),
  reports: allBut('reports', 'connections'),
  intake: allBut('intake'),
  viewing: allBut('viewing', 'intake'),
  sharing: allBut('sharing', 'intake', 'viewing'),
  notify: allBut('notify', 'intake', 'viewing'),
  support: allBut('support', 'intake'),
  subjects: allBut('subjects', 'intake', 'support'),
  breach: allBut('breach', 'intake', 'support', 'subjects'),
  trust: ['foundation', 'database', 'ledger', 'catalog', 'tenants', 'agreements', 'breach'],
  connectors: ['foundation', 'catalog', 'sharing', 'intake'],
  http: allBut('http', 'records', 'connectors'),
  cli: ['foundation', 'ledger'],
  /** What makes a running node of the rooms: like `compose.ts` it sees them all, and no room sees it. */
  node: allBut('node'),
}

function allBut(room: string, ...without: string[]): string[] {
  const order = [
    'foundation',
    'database',
    'keys',
    'ledger',
    'catalog',
    'minimisation',
    'tenants',
    'access',
    'agreements',
    'connections',
    'records',
    'reports',
    'intake',
    'viewing',
    'sharing',
    'notify',
    'support',
    'subjects',
    'breach',
    'trust',
    'connectors',
    'http',
    'cli',
    'node',
  ]
  return order.slice(0, order.indexOf(room)).filter((name) => !without.includes(name))
}

/** Packages that only some rooms may import. */
const PACKAGES: readonly (readonly [RegExp, (file: string) => boolean])[] = [
  [/^pg$/, (file) => room(file) === 'database'],
  [/^@cedar-policy\//, (file) => room(file) === 'access'],
  [
    /^(?:node:(?:http|https|http2|net|tls|dgram)|undici|hono|@hono\/.*)$/,
    (file) =>
      ['http', 'connectors', 'cli'].includes(room(file)) ||
      /^access\/issuer\/|^notify\/channels\//.test(file),
  ],
  [/^(?:oidc-provider|openid-client)$/, (file) => ['access', 'cli'].includes(room(file))],
  [/^(?:nodemailer|standardwebhooks)$/, (file) => file.startsWith('notify/channels/')],
]

/** Words that only some files may say. */
const WORDS: readonly (readonly [RegExp, string, (file: string) => boolean])[] = [
  [
    /\bprocess\.env\b/,
    'reads the environment',
    (file) => ['main.ts', 'cli/sluss.ts'].includes(file),
  ],
  [
    /\bDate\.now\(|\bnew Date\(\)|\bperformance\.now\(/,
    'reads the time',
    (file) => file === 'foundation/clock.ts',
  ],
  [/sandbox/i, 'knows of a sandbox', () => false],
]

interface File {
  readonly path: string
  readonly text: string
}

const files: File[] = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts'))
  .map((path) => ({ path, text: readFileSync(join(SRC, path), 'utf8') }))

function room(path: string): string {
  return path.includes('/') ? (path.split('/')[0] ?? '') : ''
}

function importsOf({ text }: File): string[] {
  return [...text.matchAll(/(?:from|import)\s*\(?\s*['"]([^'"]+)['"]/g)].map(
    (match) => match[1] ?? '',
  )
}

/** Everything that breaks the plan of the rooms. */
function complaints(all: readonly File[]): string[] {
  return all.flatMap((file) => [
    ...importsOf(file).flatMap((target) => importComplaint(file.path, target)),
    ...WORDS.flatMap(([word, what, allowed]) =>
      word.test(file.text) && !allowed(file.path) ? [`${file.path} ${what}`] : [],
    ),
  ])
}

function importComplaint(path: string, target: string): string[] {
  const from = room(path) === 'node' ? '' : room(path)
  const rule = PACKAGES.find(([name]) => name.test(target))
  if (rule && !rule[1](path) && from !== '') return [`${path} imports ${target}`]
  const inside = target.startsWith('#')
    ? target.slice(1)
    : target.startsWith('.')
      ? relative(SRC, normalize(join(SRC, dirname(path), target)))
      : undefined
  if (inside === undefined || from === '') return []
  if (inside.startsWith('..')) return [`${path} reaches outside src`]
  const to = room(inside)
  if (to === from) {
    const verifies = inside.startsWith('ledger/verify/') || !path.startsWith('ledger/verify/')
    return verifies ? [] : [`${path} imports ${inside}, but the verifier imports hashing only`]
  }
  const allowed = ROOMS[from]?.includes(to) ?? false
  if (!allowed) return [`${path} imports ${inside}`]
  if (path.startsWith('ledger/verify/') && inside !== 'foundation/canonical-json.ts')
    return [`${path} imports ${inside}`]
  if (from === 'cli' && to === 'ledger' && !inside.startsWith('ledger/verify/'))
    return [`${path} imports ${inside}`]
  const isPrivate =
    inside.split('/').length > 2 && !PUBLIC_SUBFOLDERS.some((folder) => inside.startsWith(folder))
  return isPrivate ? [`${path} imports ${inside}, which is private to its room`] : []
}

/** `ledger/verify` is a face of its own; a connector is a folder of the room of connectors. */
const PUBLIC_SUBFOLDERS = [
  'ledger/verify/',
  'connectors/',
  'catalog/flows/apple-device-enrollment-fields.ts',
]

describe('architecture', () => {
  it('rooms import only rooms above them, and only those named', () =>
    assert.deepEqual(complaints(files), []))

  it('every folder is a room of the plan', () => {
    const rooms = new Set(files.map((file) => room(file.path)).filter(Boolean))
    for (const name of rooms) assert.ok(name in ROOMS, name)
  })

  it('would notice every kind of trespass', () => {
    const wrong: [string, string][] = [
      ['catalog/x.ts', "import { a } from '#database/handles.ts'"],
      ['ledger/x.ts', "import { a } from '#sharing/share.ts'"],
      ['sharing/x.ts', "import { a } from '#intake/receive.ts'"],
      ['http/x.ts', "import { a } from '#node/front-door.ts'"],
      ['http/x.ts', "import { a } from '#records/read.ts'"],
      ['keys/x.ts', "import pg from 'pg'"],
      ['agreements/x.ts', "import { request } from 'undici'"],
      ['ledger/verify/x.ts', "import { a } from '../append.ts'"],
      ['cli/x.ts', "import { a } from '#ledger/append.ts'"],
      ['sharing/x.ts', "import { a } from '#database/bundled/server.ts'"],
      ['keys/x.ts', 'const now = Date.now()'],
      ['keys/x.ts', 'const home = process.env.HOME'],
      ['sharing/x.ts', "const at = 'the sandbox'"],
      ['keys/x.ts', "import { a } from '../../sandbox/apple/server.ts'"],
    ]
    for (const [path, text] of wrong)
      assert.notDeepEqual(complaints([{ path, text }]), [], `${path}: ${text}`)
  })

  it('files stay small enough to be read: at most 330 lines, tables of facts aside', () => {
    const large = files.filter(
      ({ path, text }) =>
        text.split('\n').length > 331 && !/^catalog\/(items|flows)\/|\/exchanges\.ts$/.test(path),
    )
    assert.deepEqual(
      large.map((file) => file.path),
      [],
    )
  })
})

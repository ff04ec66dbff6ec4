import { rm } from 'node:fs/promises'
import pg from 'pg'
import { Pool } from 'undici'
import { driverConfig } from '#database/pool.ts'
import { systemClock } from '#foundation/clock.ts'
import { silentLog } from '#foundation/log.ts'
import { isRefusal } from '#foundation/refusal.ts'
import { countRecords } from '#records/read.ts'
import { createTenant } from '#tenants/create-tenant.ts'
import { JAMF_CONNECTION, agreeWithJamf, connectJamf } from '../sandbox/jamf/connect.ts'
import type { SandboxJamf } from '../sandbox/jamf/server.ts'
import { compose } from '../src/compose.ts'
import { readSettings } from '../src/settings.ts'
import { synchroniseInventory } from '../src/node/synchronise-inventory.ts'
import { temporaryFolder } from '../test/folder.ts'

const TENANT = 'example'
const SECTIONS = ['HARDWARE', 'DISK_ENCRYPTION', 'SECURITY', 'OPERATING_SYSTEM']

/** What one run measured. Memory is of this process alone: server and stand-in have their own. */
export interface Measured {
  readonly seconds: number
  readonly devices: number
  readonly startMb: number
  readonly peakMb: number
}

const [mode, devices, origin = '', client_id = '', client_secret = ''] = process.argv.slice(2)
process.stdout.write(`${JSON.stringify(await measure(mode === 'floor', Number(devices)))}\n`)
process.exit(0)

async function measure(floor: boolean, count: number): Promise<Measured> {
  const folder = await temporaryFolder('first-sync')
  const node = await compose({
    settings: readSettings({ SLUSS_FOLDER: folder, SLUSS_PORT: '0' }, true),
    clock: systemClock,
    log: silentLog,
  })
  try {
    await node.database.write(TENANT, (tx) =>
      createTenant(tx, node.keys, {
        name: 'Example',
        region: 'EU',
        actor: 'operator:1',
        at: systemClock.now(),
      }),
    )
    const jamf = { origin, client: { client_id, client_secret } } as SandboxJamf
    await connectJamf(node, TENANT, jamf)
    await agreeWithJamf(node, TENANT, ['jamf-pro-compliance'])
    globalThis.gc?.()
    const startMb = toMb(process.memoryUsage().rss)
    let peak = 0
    const watch = setInterval(() => {
      peak = Math.max(peak, process.memoryUsage().rss)
    }, 20)
    const began = performance.now()
    const kept = floor ? await storeRaw(node, count) : await takeIn(node)
    const seconds = (performance.now() - began) / 1_000
    clearInterval(watch)
    if (kept !== count) throw new Error(`kept ${kept} of ${count}`)
    return { seconds, devices: count, startMb, peakMb: toMb(peak) }
  } finally {
    await node.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

async function takeIn(node: Awaited<ReturnType<typeof compose>>): Promise<number> {
  const target = { tenantId: TENANT, connectionId: JAMF_CONNECTION, connectorId: 'jamf-pro' }
  const result = await synchroniseInventory(node, target)
  if (isRefusal(result)) throw new Error(result.message)
  await node.sharing.outcomes.idle()
  await node.sequencer.settled()
  return node.database.read(TENANT, (reader) => countRecords(reader, JAMF_CONNECTION))
}

/** The floor: the same pages, asked for in the same way, each body stored as it came. */
async function storeRaw(node: Awaited<ReturnType<typeof compose>>, count: number): Promise<number> {
  if (!node.bundled) throw new Error('no bundled server')
  const database = new pg.Pool({ ...driverConfig(node.bundled.owner), max: 1 })
  const server = new Pool(origin, { connections: 1 })
  await database.query('create table raw_pages (id bigserial primary key, body bytea not null)')
  const form = { grant_type: 'client_credentials', client_id, client_secret }
  const granted = await server.request({
    method: 'POST',
    path: '/api/oauth/token',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(form).toString(),
  })
  const { access_token: token } = (await granted.body.json()) as { access_token: string }
  const sections = SECTIONS.map((section) => `section=${section}`).join('&')
  let stored = 0
  for (let after = 0; stored < count; ) {
    const answer = await server.request({
      method: 'GET',
      path: `/api/v1/computers-inventory?page-size=500&${sections}&sort=id%3Aasc&filter=id%3E${after}`,
      headers: { authorization: `Bearer ${token}`, accept: 'application/json' },
    })
    const body = Buffer.from(await answer.body.arrayBuffer())
    const { results } = JSON.parse(body.toString()) as { results: { id: string }[] }
    await database.query('insert into raw_pages (body) values ($1)', [body])
    stored += results.length
    after = Number(results.at(-1)?.id)
  }
  await server.close()
  await database.end()
  return stored
}

function toMb(bytes: number): number {
  return bytes / 1024 / 1024
}

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Pool } from 'undici'
import { mdmWorld, TENANT } from '../test/mdm/world.ts'
import { sign, webhookBody } from '../test/mdm/webhook.ts'
import { type BenchResult, spread } from './result.ts'

const ROUNDS = 5
const EVENTS = 1_500
const AT_ONCE = 48
/** A fleet, in which hardly two events at once are of one device, and few devices that all talk at once. */
const LOADS = [
  { name: 'webhook events to durable, many devices', devices: 300, bar: 0.5 },
  { name: 'webhook events to durable, the same 8 devices', devices: 8, bar: 0.5 },
] as const

/**
 * Events of a management server, from the socket to durable: taken in by the door, against a handler that checks the
 * same signature and stores the raw body in the same database.
 */
export async function run(): Promise<BenchResult[]> {
  const world = await mdmWorld()
  const raw = await rawHandler(world)
  const results: BenchResult[] = []
  try {
    await world.test.ownerQuery('create table raw_events (id bigserial primary key, body bytea)')
    for (const { name, devices, bar } of LOADS) {
      const ours: number[] = []
      const ratios: number[] = []
      for (let round = -1; round < ROUNDS; round++) {
        const load = (side: string) => ({
          secret: world.secret,
          name: `${side}${devices}-${round}`,
          devices,
        })
        const reference = await rate(raw.port, '/raw', load('raw'))
        const measured = await rate(world.port, `/ingest/${TENANT}.nano`, load('ours'))
        if (round < 0) continue
        ours.push(measured)
        ratios.push(measured / reference)
      }
      results.push({
        name,
        unit: 'events/s',
        ours: spread(ours),
        reference: 'the same handler storing the raw body',
        ratio: spread(ratios),
        bar,
      })
    }
  } finally {
    await raw.close()
    await world.stop()
  }
  return results
}

async function rate(
  port: number,
  path: string,
  {
    secret,
    name,
    devices,
  }: { readonly secret: string; readonly name: string; readonly devices: number },
): Promise<number> {
  const pool = new Pool(`http://127.0.0.1:${port}`, { connections: AT_ONCE })
  const bodies = Array.from({ length: EVENTS }, (_, i) => eventOf(`${name}-${i}`, i, i % devices))
  const began = performance.now()
  let next = 0
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let body = bodies[next++]; body; body = bodies[next++]) {
        const headers = { 'x-hmac-signature': sign(secret, body) }
        const answer = await pool.request({ method: 'POST', path, headers, body })
        if (answer.statusCode !== 200) throw new Error(`answered ${answer.statusCode}`)
        await answer.body.dump()
      }
    }),
  )
  const seconds = (performance.now() - began) / 1_000
  await pool.close()
  return EVENTS / seconds
}

/** What devices send most: inventories. Something of each is new. */
function eventOf(name: string, i: number, device: number): Buffer {
  return webhookBody({
    topic: 'mdm.Connect',
    at: Date.parse('2030-01-01T00:00:00Z'),
    eventId: name,
    message: {
      UDID: `SYN-${device}`,
      Status: 'Acknowledged',
      CommandUUID: name,
      QueryResponses: {
        DeviceName: `Device ${i}`,
        SerialNumber: `SYN${device}`,
        OSVersion: '18.2',
        BuildVersion: '22C152',
        ModelName: 'iPhone',
        IsSupervised: true,
        DeviceCapacity: 119.5,
        TimeZone: 'Europe/Stockholm',
        PhoneNumber: '+460000000',
      },
    },
  })
}

async function rawHandler(
  world: Awaited<ReturnType<typeof mdmWorld>>,
): Promise<{ port: number; close(): Promise<void> }> {
  const pool = await world.rawPool()
  const server = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      const body = Buffer.concat(parts)
      if (sign(world.secret, body) !== request.headers['x-hmac-signature'])
        return response.writeHead(401).end()
      JSON.parse(body.toString())
      pool.query('insert into raw_events (body) values ($1)', [body]).then(
        () => response.writeHead(200).end(),
        () => response.writeHead(500).end(),
      )
      return undefined
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    // The pool ends before its server does, or its idle connections are errors that nobody hears.
    close: async () => {
      await new Promise((resolve) => server.close(resolve))
      await pool.end()
    },
  }
}

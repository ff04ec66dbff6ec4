import { createServer } from 'node:http'
import { Pool } from 'undici'
import { durableRows } from './gateway-durable.ts'

/**
 * The floor: a plain reverse proxy on the same HTTP parts, bodies read whole, nothing looked at. Told `durable`, it
 * makes one row durable before it passes a request on, and one after.
 */
const [origin = '', durable] = process.argv.slice(2)
const rows = durable === undefined ? undefined : await durableRows()
const pool = new Pool(origin, { connections: 64 })
const server = createServer((request, response) => {
  const forward = async (): Promise<void> => {
    const parts: Buffer[] = []
    for await (const part of request as AsyncIterable<Buffer>) parts.push(part)
    await rows?.write()
    const answer = await pool.request({
      method: (request.method ?? 'GET') as 'GET',
      path: request.url ?? '/',
      headers: { 'content-type': request.headers['content-type'] ?? '' },
      body: Buffer.concat(parts),
    })
    const body = Buffer.from(await answer.body.arrayBuffer())
    void rows?.write()
    response.writeHead(answer.statusCode, { 'content-length': body.length })
    response.end(body)
  }
  forward().catch(() => response.destroy())
})
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  process.send?.({ port: typeof address === 'object' && address !== null ? address.port : 0 })
})
process.on('message', (message) => {
  if (message === 'stop') void Promise.resolve(rows?.stop()).then(() => process.exit(0))
  else process.send?.({ cpu: process.cpuUsage(), memory: process.memoryUsage().rss })
})

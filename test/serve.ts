import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'

export interface Served {
  readonly port: number
  readonly origin: string
  /** Ends every connection. */
  stop(): Promise<void>
}

/** Routes on a port of their own, on loopback only. */
export async function serve(routes: {
  readonly fetch: Parameters<typeof getRequestListener>[0]
}): Promise<Served> {
  const listener = getRequestListener(routes.fetch)
  const server = createServer((request, response) => void listener(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    port,
    origin: `http://127.0.0.1:${port}`,
    stop: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

import { type Socket, connect, createServer } from 'node:net'

export interface Proxy {
  readonly port: number
  /** Nothing passes any more and nobody is told: the connections stay open and silent. */
  cut(): void
  restore(): void
  stop(): Promise<void>
}

/** A wire that can be cut, between a node on 127.0.0.1 and a server at a Unix socket path. */
export async function startProxy(target: string): Promise<Proxy> {
  const pairs = new Set<readonly [Socket, Socket]>()
  let whole = true
  const server = createServer((near) => {
    const far = connect(target)
    const pair = [near, far] as const
    pairs.add(pair)
    for (const [from, to] of [pair, [far, near] as const]) {
      from.on('data', (part: Buffer) => {
        if (whole) to.write(part)
      })
      from.on('error', () => to.destroy())
      from.on('close', () => {
        to.destroy()
        pairs.delete(pair)
      })
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    cut: () => {
      whole = false
    },
    restore: () => {
      whole = true
      for (const [near, far] of pairs) {
        near.destroy()
        far.destroy()
      }
    },
    stop: async () => {
      for (const [near, far] of pairs) {
        near.destroy()
        far.destroy()
      }
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

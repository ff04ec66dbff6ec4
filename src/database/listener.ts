import pg from 'pg'
import type { Log } from '#foundation/log.ts'
import type { Database, ListenHandler } from './handles.ts'
import { type PoolSettings, driverConfig } from './pool.ts'

const RETRY_IN_MS = 250
const PROBE_IN_MS = 1_000
const CHANNEL = /^[a-z_]{1,60}$/

interface Subscription {
  readonly channel: string
  readonly handler: ListenHandler
  readonly onGap: (() => void) | undefined
}

/**
 * One connection for all notifications of a node. After a loss it subscribes anew and calls every `onGap`,
 * since what was said meanwhile is lost. A probe each second notices a connection that was cut in silence.
 */
export function openListener(
  settings: PoolSettings,
  log: Log,
): { listen: Database['listen']; close(): Promise<void> } {
  const subscriptions = new Set<Subscription>()
  let client: pg.Client | undefined
  let opening: Promise<void> | undefined
  let closed = false
  let retry: NodeJS.Timeout | undefined

  const open = async (): Promise<void> => {
    const next = new pg.Client(driverConfig(settings, PROBE_IN_MS))
    next.on('error', () => lose(next))
    next.on('end', () => lose(next))
    next.on('notification', ({ channel, payload }) => {
      for (const one of subscriptions) if (one.channel === channel) one.handler(payload ?? '')
    })
    await next.connect()
    for (const channel of new Set([...subscriptions].map((one) => one.channel))) {
      await next.query(`listen ${channel}`)
    }
    client = next
    if (closed) await next.end()
  }

  const ensure = (): Promise<void> => {
    opening ??= open().finally(() => {
      opening = undefined
    })
    return opening
  }

  const lose = (lost: pg.Client): void => {
    if (client !== lost) return
    client = undefined
    void lost.end().catch(() => log.info('a lost listening connection is gone'))
    reopen()
  }

  const reopen = (): void => {
    if (closed || retry) return
    log.warn('notifications of the database are interrupted')
    for (const one of subscriptions) one.onGap?.()
    const attempt = (): void => {
      retry = undefined
      if (closed) return
      ensure().then(
        () => {
          for (const one of subscriptions) one.onGap?.()
        },
        () => {
          retry = setTimeout(attempt, RETRY_IN_MS)
        },
      )
    }
    retry = setTimeout(attempt, RETRY_IN_MS)
  }

  const probe = setInterval(() => {
    const probed = client
    probed?.query('select 1').catch(() => lose(probed))
  }, PROBE_IN_MS)
  probe.unref()

  return {
    listen: async (channel, handler, onGap) => {
      if (!CHANNEL.test(channel))
        throw new Error('a channel name is lower-case letters and underscores')
      const subscription: Subscription = { channel, handler, onGap }
      subscriptions.add(subscription)
      if (client) await client.query(`listen ${channel}`)
      else await ensure()
      return async () => {
        subscriptions.delete(subscription)
      }
    },
    close: async () => {
      closed = true
      clearInterval(probe)
      clearTimeout(retry)
      await opening?.catch(() => log.info('closing while notifications were being opened'))
      await client?.end().catch(() => log.info('the listening connection was already gone'))
    },
  }
}

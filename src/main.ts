import { systemClock } from '#foundation/clock.ts'
import { jsonLog } from '#foundation/log.ts'
import { startServer } from '#http/server.ts'
import { compose } from './compose.ts'
import { readSettings } from './settings.ts'

/** Production: refuses to start half-configured, opens every gateway, and stops in order when it is told to. */
const log = jsonLog(systemClock, (line) => process.stdout.write(line))
try {
  const settings = readSettings(process.env, false)
  const node = await compose({ settings, clock: systemClock, log })
  const server = await startServer({ ...settings, ...node.parts })
  const gateways = await node.openGateways()
  await node.startJobs()
  log.info('sluss is ready', {
    port: server.port,
    count: gateways.length,
    nodeId: node.database.nodeId,
  })
  const stop = async (): Promise<void> => {
    await server.close()
    await node.stop()
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void stop())
} catch (fault) {
  console.error(fault instanceof Error ? fault.message : 'sluss does not start')
  process.exitCode = 1
}

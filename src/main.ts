import { systemClock } from '#foundation/clock.ts'
import { jsonLog } from '#foundation/log.ts'
import { startServer } from '#http/server.ts'
import { compose } from './compose.ts'
import { Stopped, stopOnSignal } from './run.ts'
import { readSettings } from './settings.ts'

/** Production: refuses to start half-configured, opens every gateway, and stops in order when it is told to. */
const log = jsonLog(systemClock, (line) => process.stdout.write(line))
const run = stopOnSignal()
try {
  const settings = readSettings(process.env, false)
  const node = await run.start(
    () => compose({ settings, clock: systemClock, log }),
    (composed) => composed.stop(),
  )
  const server = await run.start(
    () => startServer({ ...settings, ...node.parts }),
    (listening) => listening.close(),
  )
  const gateways = await node.openGateways()
  await node.startJobs()
  log.info('sluss is ready', {
    port: server.port,
    count: gateways.length,
    nodeId: node.database.nodeId,
  })
} catch (fault) {
  if (!(fault instanceof Stopped)) {
    console.error(fault instanceof Error ? fault.message : 'sluss does not start')
    process.exitCode = 1
  }
  await run.stop()
}

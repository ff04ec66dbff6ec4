import { systemClock } from '#foundation/clock.ts'
import { jsonLog } from '#foundation/log.ts'
import { compose } from './compose.ts'
import { openFrontDoor } from './front-door.ts'
import { Stopped, stopOnSignal } from './run.ts'
import { readSettings } from './settings.ts'

/** Where the parties' services are, by connector. A server that only sends events here is called nowhere. */
const PARTY_ORIGINS = new Map([
  ['apple-device-enrollment', ['https://mdmenrollment.apple.com']],
  ['google-android-management', ['https://androidmanagement.googleapis.com']],
  ['nanomdm', ['https://nanomdm.invalid']],
  ['micromdm', ['https://micromdm.invalid']],
])

/** Production: refuses to start half-configured, opens every gateway, and stops in order when it is told to. */
const log = jsonLog(systemClock, (line) => process.stdout.write(line))
const run = stopOnSignal()
try {
  const settings = readSettings(process.env, false)
  const node = await run.start(
    () => compose({ settings, clock: systemClock, log }),
    (composed) => composed.stop(),
  )
  const door = await run.start(
    () => openFrontDoor({ node, log, partyOrigins: PARTY_ORIGINS }),
    (opened) => opened.close(),
  )
  const gateways = await node.openGateways()
  log.info('sluss is ready', {
    port: door.port,
    count: gateways.length,
    nodeId: node.database.nodeId,
  })
  // Not in the log: whoever reads a link may use it.
  for (const { tenantId, url } of await door.firstLinks())
    process.stderr.write(`Nobody can sign in to ${tenantId} yet. Once, within 24 hours: ${url}\n`)
} catch (fault) {
  if (!(fault instanceof Stopped)) {
    console.error(fault instanceof Error ? fault.message : 'sluss does not start')
    process.exitCode = 1
  }
  await run.stop()
}

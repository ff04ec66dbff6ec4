import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { recordNodeStart } from '#breach/node-start.ts'
import { systemClock } from '#foundation/clock.ts'
import { jsonLog } from '#foundation/log.ts'
import { compose } from './compose.ts'
import { openFrontDoor } from './node/front-door.ts'
import { Stopped, stopOnSignal } from './node/run.ts'
import { readSettings } from './settings.ts'

/** Where the parties' services are, by connector. A server that only sends events here is called nowhere. */
const PARTY_ORIGINS = new Map([
  ['apple-device-enrollment', ['https://mdmenrollment.apple.com']],
  [
    'apple-push',
    [
      'https://api.push.apple.com',
      'https://api.push.apple.com:2197',
      'https://api.development.push.apple.com',
    ],
  ],
  ['apple-push-tunnel', ['https://api.push.apple.com']],
  ['apple-apps-and-books', ['https://vpp.itunes.apple.com']],
  ['google-android-management', ['https://androidmanagement.googleapis.com']],
  ['nanomdm', ['https://nanomdm.invalid']],
  ['micromdm', ['https://micromdm.invalid']],
  ['jamf-pro', ['https://*.jamfcloud.com']],
  ['jamf-pro-historic', ['https://*.jamfcloud.com']],
])

/** Jamf Pro may also be a server of the operator's or a tenant's own, which the operator names. */
function partyOrigins(jamfOrigins: readonly string[]): ReadonlyMap<string, readonly string[]> {
  return new Map(
    [...PARTY_ORIGINS].map(([connector, origins]) => [
      connector,
      connector.startsWith('jamf-pro') ? [...origins, ...jamfOrigins] : origins,
    ]),
  )
}

/** Production: refuses to start half-configured, opens every gateway, and stops in order when it is told to. */
const log = jsonLog(systemClock, (line) => process.stdout.write(line))
const run = stopOnSignal()
try {
  const settings = readSettings(process.env, false)
  const node = await run.start(
    () => compose({ settings, clock: systemClock, log }),
    (composed) => composed.stop(),
  )
  await recordNodeStart(node.database, await versionOfThis(), systemClock.now())
  const door = await run.start(
    () => openFrontDoor({ node, log, partyOrigins: partyOrigins(settings.jamfOrigins) }),
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

async function versionOfThis(): Promise<string> {
  const text = await readFile(join(import.meta.dirname, '..', 'package.json'), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}

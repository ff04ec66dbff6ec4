import { countRecords } from '#records/read.ts'
import { shippedCatalog } from '#catalog/shipped.ts'
import { systemClock } from '#foundation/clock.ts'
import { silentLog } from '#foundation/log.ts'
import { startServer } from '#http/server.ts'
import { compose } from '../../src/compose.ts'
import { readSettings } from '../../src/settings.ts'
import { startSandboxApple } from '../apple/server.ts'
import { createMdmClient } from './mdm-client.ts'
import { CONNECTION, TENANT, makeOrganisation } from './organisation.ts'
import { createPage } from './page.ts'
import {
  OLDER_CATALOG,
  consentOnSight,
  devicesComeIn,
  ledgerIsVerified,
  newFieldWaits,
  nothingAgreed,
  profileIsAssigned,
  withdrawnAndRenewed,
} from './story.ts'
import { wordsFor } from './words.ts'

/** `npm start`: the main job once before your eyes, on a real database and a stand-in for Apple; then it stays up. */
const GATEWAY_PORT = 7588
const began = systemClock.elapsed()
const words = wordsFor(process.env.SLUSS_LANGUAGE ?? process.env.LC_ALL ?? process.env.LANG)
const page = createPage((text) => process.stdout.write(text), process.stdout.isTTY)
const settings = readSettings(process.env, true)
const gatewayPort = settings.port === 0 ? 0 : GATEWAY_PORT

page.title(words.title)
page.note(words.standIn)
page.progress(`${words.starting} …`)
const apple = await startSandboxApple({ devices: 500 })
const start = (catalog: typeof shippedCatalog) =>
  compose({ settings, clock: systemClock, log: silentLog, catalog })

let node = await start(OLDER_CATALOG)
page.progressDone()
const { fresh, client } = await makeOrganisation(node, apple)
const address = {
  tenantId: TENANT,
  connectionId: CONNECTION,
  connectorId: 'apple-device-enrollment',
  port: gatewayPort,
}
let gateway = await node.openGateway(address)
const pointed = (port: number) => createMdmClient(`http://127.0.0.1:${port}`, client)
const stage = { page, words, apple }

if (fresh) {
  let mdm = pointed(gateway.port)
  await nothingAgreed(stage, mdm)
  await consentOnSight(stage, node)
  await devicesComeIn(stage, node)
  await profileIsAssigned(stage, mdm)
  await mdm.close()
  node = await restarted()
  mdm = pointed(gateway.port)
  await newFieldWaits(stage, mdm)
  await withdrawnAndRenewed(stage, node, mdm)
  await mdm.close()
} else {
  page.note(words.again)
  node = await restarted()
  const held = await node.database.read(TENANT, (reader) => countRecords(reader, CONNECTION))
  page.passed(String(held), words.held)
}

const server = await startServer({ ...settings, ...node.parts })
await ledgerIsVerified(stage, node, server.port)
await node.startJobs()
page.title(words.running)
page.note(`${words.ledger}: http://127.0.0.1:${server.port}/ledger/${TENANT}/checkpoint`)
page.note(`${words.gateway}: http://127.0.0.1:${gateway.port}`)
page.note(`${((systemClock.elapsed() - began) / 1000).toFixed(1)} ${words.took}`)

const stop = async (): Promise<void> => {
  await server.close()
  await node.stop()
  await apple.stop()
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void stop())

/** The newer version takes over, as after an upgrade. */
async function restarted() {
  await node.stop()
  const next = await start(shippedCatalog)
  gateway = await next.openGateway(address)
  return next
}

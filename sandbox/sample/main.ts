import { countRecords } from '#records/read.ts'
import { shippedCatalog } from '#catalog/shipped.ts'
import { systemClock } from '#foundation/clock.ts'
import { silentLog } from '#foundation/log.ts'
import { type Node, compose } from '../../src/compose.ts'
import { openFrontDoor } from '../../src/node/front-door.ts'
import { stopOnSignal } from '../../src/node/run.ts'
import { type Settings, readSettings } from '../../src/settings.ts'
import { startSandboxApple } from '../apple/server.ts'
import { freePort } from '../free-port.ts'
import { GOOGLE_CONNECTION } from '../google/connect.ts'
import { createMdmClient } from './mdm-client.ts'
import { CONNECTION, TENANT, makeOrganisation } from './organisation.ts'
import { createPage } from './page.ts'
import { otherParties } from './parties-story.ts'
import { type StandIns, pointedAt, startStandIns } from './stand-ins.ts'
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
const settings = await withPort(readSettings(process.env, true))
const run = stopOnSignal()
try {
  await tell()
} catch (fault) {
  const stoppedOnPurpose = run.stopping()
  await run.stop()
  // Told to stop in the middle of the story, it finds things gone, and that is no fault.
  if (!stoppedOnPurpose) throw fault
}

async function tell(): Promise<void> {
  page.title(words.title)
  page.note(words.standIn)
  page.progress(`${words.starting} …`)
  const apple = await run.start(
    () => startSandboxApple({ devices: 500 }),
    (standIn) => standIn.stop(),
  )
  let doorPort = settings.port
  const endpoint = () => `http://127.0.0.1:${doorPort}/ingest/${TENANT}.${GOOGLE_CONNECTION}`
  const [older, standIns] = await Promise.all([
    startNode(OLDER_CATALOG),
    startStandIns(run, endpoint),
  ])
  page.progressDone()
  const { fresh, client } = await makeOrganisation(older, apple)
  const stage = { page, words, apple }
  const pointed = (port: number) => createMdmClient(`http://127.0.0.1:${port}`, client)

  if (fresh) {
    const mdm = pointed((await openGateway(older)).port)
    await nothingAgreed(stage, mdm)
    await consentOnSight(stage, older)
    await devicesComeIn(stage, older)
    await profileIsAssigned(stage, mdm)
    await mdm.close()
  }
  // The newer version takes over, as after an upgrade.
  await older.stop()
  const node = await startNode(shippedCatalog, standIns)
  const gateway = await openGateway(node)
  if (fresh) {
    const mdm = pointed(gateway.port)
    await newFieldWaits(stage, mdm)
    await withdrawnAndRenewed(stage, node, mdm)
    await mdm.close()
  } else {
    page.note(words.again)
    const held = await node.database.read(TENANT, (reader) => countRecords(reader, CONNECTION))
    page.passed(String(held), words.held)
  }

  const door = await run.start(
    () =>
      openFrontDoor({
        node,
        log: silentLog,
        partyOrigins: new Map([['apple-device-enrollment', [apple.origin]]]),
      }),
    (opened) => opened.close(),
  )
  doorPort = door.port
  if (fresh) await otherParties({ page, words, node, standIns }, door.port)
  await ledgerIsVerified(stage, node, door.port)
  page.title(words.running)
  for (const { tenantId, url } of await door.firstLinks())
    page.note(`${tenantId === TENANT ? words.firstAdmin : words.firstOperator}: ${url}`)
  page.note(`${words.ledger}: http://127.0.0.1:${door.port}/ledger/${TENANT}/checkpoint`)
  page.note(`${words.gateway}: http://127.0.0.1:${gateway.port}`)
  page.note(`${((systemClock.elapsed() - began) / 1000).toFixed(1)} ${words.took}`)
}

function startNode(catalog: typeof shippedCatalog, standIns?: StandIns): Promise<Node> {
  const parties = standIns ? pointedAt(standIns) : {}
  return run.start(
    () => compose({ settings, clock: systemClock, log: silentLog, catalog, ...parties }),
    (node) => node.stop(),
  )
}

function openGateway(node: Node) {
  return node.openGateway({
    tenantId: TENANT,
    connectionId: CONNECTION,
    connectorId: 'apple-device-enrollment',
    port: process.env.SLUSS_PORT === '0' ? 0 : GATEWAY_PORT,
  })
}

async function withPort(given: Settings): Promise<Settings> {
  if (given.port !== 0) return given
  const port = await freePort(given.host)
  return { ...given, port, origin: `http://localhost:${port}` }
}

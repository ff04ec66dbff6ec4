import { giveConsent } from '#agreements/consent.ts'
import { givePermission, recordContract } from '#agreements/party.ts'
import { switchFeature } from '#agreements/switch-feature.ts'
import { manifestOf } from '#catalog/manifest.ts'
import { createConnection } from '#connections/connection.ts'
import { issueClientCredentials, storeCredentials } from '#connections/credentials.ts'
import { systemClock } from '#foundation/clock.ts'
import { silentLog } from '#foundation/log.ts'
import { createTenant } from '#tenants/create-tenant.ts'
import { createMdmClient } from '../sandbox/sample/mdm-client.ts'
import { compose } from '../src/compose.ts'
import { readSettings } from '../src/settings.ts'

/** A whole node with consent in place, in a process of its own: bundled PostgreSQL, durable entry and outcome. */
const [origin = '', folder = ''] = process.argv.slice(2)
const node = await compose({
  settings: readSettings({ SLUSS_FOLDER: folder, SLUSS_PORT: '0' }, true),
  clock: systemClock,
  log: silentLog,
})
const at = Date.now()
const by = { actor: 'admin:bench', at }
const { catalog, keys, database } = node.parts
const client = await database.write('bench', async (tx) => {
  await createTenant(tx, keys, { name: 'Bench', region: 'EU', actor: 'admin:bench', at })
  await createConnection(
    tx,
    { connectionId: 'apple', connectorId: 'apple-device-enrollment', title: 'Bench', origin },
    by,
  )
  const secrets = { consumer_key: 'a', consumer_secret: 'b', access_token: 'c', access_secret: 'd' }
  await storeCredentials(tx, keys, 'apple', secrets, { expiresAt: at + 86_400_000 }, by)
  const issued = await issueClientCredentials(tx, keys, 'apple', by)
  await switchFeature(tx, catalog, 'apple-device-enrollment', true, by)
  const contract = await recordContract(
    tx,
    { partyId: 'apple', documentHash: 'x', purposes: ['device-enrolment-management'], from: at },
    by,
  )
  await givePermission(tx, 'apple', contract, by)
  for (const flowId of ['apple-device-enrollment/outbound', 'apple-device-enrollment/inbound']) {
    await giveConsent(tx, catalog, { flowId, manifestHash: manifestOf(catalog, flowId).hash }, by)
  }
  return issued
})
const gateway = await node.openGateway({
  tenantId: 'bench',
  connectionId: 'apple',
  connectorId: 'apple-device-enrollment',
  port: 0,
})
const mdm = createMdmClient(`http://127.0.0.1:${gateway.port}`, client)
process.send?.({ port: gateway.port, session: await mdm.session() })
await mdm.close()
process.on('message', (message) => {
  if (message === 'stop') void node.stop().then(() => process.exit(0))
  else process.send?.({ cpu: process.cpuUsage(), memory: process.memoryUsage().rss })
})

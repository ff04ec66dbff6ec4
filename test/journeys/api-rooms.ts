import { join } from 'node:path'
import { createDecider } from '#access/create-decider.ts'
import type { AccessReader } from '#access/effective.ts'
import { loadPolicies } from '#access/policies.ts'
import { createPersonMarks } from '#access/person-mark.ts'
import { administratorsOf, makeAdministrator } from '#access/role-change.ts'
import { createRolePreviewer } from '#access/role-preview.ts'
import { shippedCatalog } from '#catalog/shipped.ts'
import { appleAppsAndBooks } from '#connectors/apple-apps-and-books/client.ts'
import { appleDeviceEnrollment } from '#connectors/apple-device-enrollment/client.ts'
import { PARTNER_DRAFTS } from '#connectors/partner/drafts.ts'
import { makeTokenKeyPair, readTokenFile } from '#connectors/apple-device-enrollment/token-file.ts'
import { EXCHANGES as ANDROID_EXCHANGES } from '#connectors/google-android-management/exchanges.ts'
import type { Database } from '#database/handles.ts'
import type { Clock } from '#foundation/clock.ts'
import { silentLog } from '#foundation/log.ts'
import { isRefusal, refuse } from '#foundation/refusal.ts'
import type { EndpointParts } from '#http/api/all-endpoints.ts'
import type { Keys } from '#keys/keys.ts'
import { countByTags, tagCarried } from '#records/count-by-tags.ts'
import { resolveScope } from '#records/resolve-scope.ts'
import type { Connector } from '#sharing/exchange.ts'
import type { SharingParts } from '#sharing/parts.ts'
import { createSupport } from '#support/support.ts'
import { personalDataHolders } from '../../src/node/subject-rights.ts'
import { tenantOfGrant } from '#viewing/grant-home.ts'
import { createViewing } from '#viewing/view.ts'

export const APPLE_ORIGIN = 'https://mdmenrollment.apple.com'

/** The rooms behind the API, as real as they are in production but for mail and the party itself. */
export async function openRooms(given: {
  database: Database
  keys: Keys
  clock: Clock
  access: AccessReader
  lease: { held(): boolean }
  synchronise(tenantId: string, connectionId: string): Promise<void>
}): Promise<{ parts: EndpointParts; close(): Promise<void> }> {
  const { database, keys, clock, access, lease } = given
  const catalog = shippedCatalog
  const decider = createDecider(await loadPolicies(join(import.meta.dirname, '../../policies')))
  const apple = appleDeviceEnrollment(() => clock.now() / 1000) as Connector
  const viewing = await createViewing({
    database,
    keys,
    catalog,
    decider,
    access,
    lease,
    clock,
    log: silentLog,
  })
  const origin = 'https://sluss.example'
  const holders = async () => []
  const accounts = {
    keys,
    marks: await createPersonMarks(database, keys),
    administrators: administratorsOf,
    makeAdministrator,
  }
  const parts: EndpointParts = {
    database,
    keys,
    catalog,
    access,
    viewing,
    holders,
    origin,
    tagCarried,
    marks: await createPersonMarks(database, keys),
    administrators: administratorsOf,
    makeAdministrator,
    site: { id: 'sluss.example', name: 'Sluss', origins: [origin] },
    previewer: createRolePreviewer({ decider, catalog, countRecords: countByTags }),
    tenantOfGrant: (account, grantId) => tenantOfGrant(database, account, grantId),
    webhook: { allowHttp: false, allowPrivateAddresses: false },
    breach: { database, keys, catalog },
    clock,
    reports: { database, keys },
    rights: {
      database,
      keys,
      catalog,
      accounts,
      ledgerName: 'sluss.example',
      holders: personalDataHolders(accounts, () => clock.now()),
    },
    support: createSupport({
      database,
      keys,
      catalog,
      lease,
      log: silentLog,
      passkeys: { rpId: 'sluss.example', origins: [origin] },
      resolveRecords: (reader, scope) => resolveScope(reader, { keys, catalog }, scope),
      holds: async () => true,
      holders,
      notify: async () => {},
    }),
    sharing: {
      database,
      keys,
      catalog,
      decider,
      connectors: new Map(
        [apple, appleAppsAndBooks(() => clock.now() / 1000) as Connector].map((one) => [
          one.id,
          one,
        ]),
      ),
    } as unknown as SharingParts,
    gatewayPorts: { from: 18_000, to: 18_002, except: [] },
    origins: new Map([
      ['apple-device-enrollment', [APPLE_ORIGIN]],
      ['apple-apps-and-books', ['https://vpp.itunes.apple.com']],
    ]),
    partners: {
      against: { catalog, taken: new Set([apple.id]), allowLoopback: false },
      described: new Map(),
      drafts: PARTNER_DRAFTS,
      load: async () => {},
      push: async () => {},
    },
    vpp: {
      synchronise: given.synchronise,
      subscribe: async () => ({
        entryId: '00000000-0000-4000-8000-000000000001',
        isSubscribed: true,
      }),
    },
    androidEnterprise: {
      exchanges: ANDROID_EXCHANGES,
      share: async () => refuse('feature_off'),
      synchronise: given.synchronise,
    },
    appleEnrollment: {
      makeKeyPair: makeTokenKeyPair,
      readTokenFile: (file, pair, now) => {
        const read = readTokenFile(file, pair, now)
        return isRefusal(read) ? read : { ...read }
      },
      synchronise: given.synchronise,
    },
  }
  return { parts, close: () => viewing.close() }
}

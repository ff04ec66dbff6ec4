import assert from 'node:assert/strict'
import { checkPartner } from '#catalog/check-partner.ts'
import type { ReadPartner } from '#catalog/read-partner.ts'
import { shippedCatalog } from '#catalog/shipped.ts'
import { additionsOf, liveCatalog } from '#catalog/with-partners.ts'
import { sessionOwner } from '#connectors/partner/authorise.ts'
import { partnerConnector } from '#connectors/partner/client.ts'
import { isRefusal } from '#foundation/refusal.ts'
import { newWebhookSecret } from '#foundation/standard-webhooks.ts'
import { acmeThreat } from '../partner/descriptions.ts'
import { connectorContract } from './connector.ts'

const SECONDS = 1_800_000_000
const HOST = 'https://party.example.org'

function read(auth: Record<string, unknown>): ReadPartner {
  const checked = checkPartner(acmeThreat(HOST, auth), {
    catalog: shippedCatalog,
    others: [],
    taken: new Set(),
    allowLoopback: false,
  })
  return isRefusal(checked) ? assert.fail(JSON.stringify(checked)) : checked
}

/** A described party keeps every promise of one that has code, however it is signed in to. */
function underContract(
  auth: Record<string, unknown>,
  credentials: Record<string, string>,
  neverSent: readonly string[],
): void {
  const partner = read(auth)
  const live = liveCatalog(shippedCatalog)
  live.replace(additionsOf(shippedCatalog, [partner]))
  const now = partner.description.auth
  const owner = 'tokenEndpoint' in now ? sessionOwner(credentials, now) : 'none'
  connectorContract({
    connector: partnerConnector(
      () => partner,
      () => SECONDS,
    ),
    credentials,
    neverSent,
    session: `${SECONDS + 3_000} ${owner} synthetic-access-token`,
    catalog: live.catalog,
  })
}

underContract({ kind: 'standardWebhooks' }, { secret: newWebhookSecret() }, ['secret'])
underContract(
  { kind: 'clientCredentials', tokenEndpoint: `${HOST}/token`, scope: 'devices' },
  { client_id: 'sluss', client_secret: 'synthetic-secret' },
  ['client_secret'],
)

import { readFile } from 'node:fs/promises'
import { planFlow } from '#agreements/plan-flow.ts'
import { readFlowFacts } from '#agreements/read-flow-facts.ts'
import type { ItemId } from '#catalog/catalog.ts'
import { createConnection } from '#connections/connection.ts'
import { storeCredentials, storeEventSender } from '#connections/credentials.ts'
import { storeDescription } from '#connections/partner-descriptions.ts'
import { INSTALLATION } from '#database/handles.ts'
import { isRefusal } from '#foundation/refusal.ts'
import { admin } from '../agree.ts'
import type { Node } from '../../src/compose.ts'
import { GOOGLE_CONNECTION } from '../google/connect.ts'
import { TENANT } from './organisation.ts'
import { PUSHER, type StandIns } from './stand-ins.ts'

export const PARTNER = 'example-threat-watch'

/** Why each of these withheld items is kept back in a flow, by the policies that the doors ask; `chosen` by the admin. */
export async function reasonsOf(
  node: Node,
  flowId: string,
  purpose: string,
  items: readonly ItemId[],
): Promise<ReadonlyMap<ItemId, string>> {
  const facts = await node.database.read(TENANT, (reader) =>
    readFlowFacts(reader, node.parts.catalog, flowId),
  )
  const call = { purpose, permanent: false, approved: false }
  const plan = planFlow(node.parts, facts, call, items, node.sharing.gate.now())
  // What policies permit, and does not pass, the admin made so.
  return new Map(
    plan.items.map(({ item, reason }) => [item, reason === 'permitted' ? 'chosen' : reason]),
  )
}

/** Whose pushes are taken for the connection to Google, and for which address they are meant. */
export async function expectPushes(node: Node, audience: string): Promise<void> {
  await node.database.write(TENANT, (tx) =>
    storeEventSender(tx, node.keys, GOOGLE_CONNECTION, { email: PUSHER, audience }, admin(node)),
  )
}

/** A party that nobody has code for: the operator describes it in JSON, the tenant connects it. Answers its lines. */
export async function describePartner(node: Node, { partner }: StandIns): Promise<number> {
  const text = await readFile(new URL('partner.json', import.meta.url), 'utf8')
  const description = { ...JSON.parse(text), hosts: [partner.origin] } as Record<string, unknown>
  const by = admin(node)
  const stored = await node.database.write(INSTALLATION, (tx) =>
    storeDescription(tx, description, node.partners.against, by),
  )
  if (isRefusal(stored)) throw new Error(JSON.stringify(stored))
  await node.partners.load()
  await node.database.write(TENANT, async (tx) => {
    const made = { connectionId: PARTNER, connectorId: PARTNER, title: 'Partner (sandbox)' }
    await createConnection(tx, { ...made, origin: partner.origin }, by)
    await storeCredentials(tx, node.keys, PARTNER, { secret: partner.secret }, {}, by)
  })
  return text.trimEnd().split('\n').length
}

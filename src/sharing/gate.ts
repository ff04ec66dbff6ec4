import { hasApproval } from '#agreements/approval.ts'
import { validUntil } from '#agreements/decision-facts.ts'
import type { FlowFacts } from '#agreements/facts.ts'
import { planFlow } from '#agreements/plan-flow.ts'
import { readFlowFacts } from '#agreements/read-flow-facts.ts'
import { type Shape, itemsOf, object } from '#catalog/shape.ts'
import { openCredentials } from '#connections/credentials.ts'
import { type Connection, readConnection } from '#connections/connection.ts'
import { partySession } from '#connections/party-session.ts'
import type { Reader } from '#database/handles.ts'
import type { KeyedHash } from '#foundation/hashing.ts'
import { type Refusal, isRefusal, refuse } from '#foundation/refusal.ts'
import { type SingleFlight, singleFlight } from '#foundation/single-flight.ts'
import { compileProjection } from '#minimisation/compile.ts'
import type { Plan } from '#minimisation/plan.ts'
import type { Projection } from '#minimisation/projection.ts'
import { FACTS_CHANNEL, readFactsVersion } from '#tenants/facts-version.ts'
import type { Connector, Credentials, Exchange, SessionStore } from './exchange.ts'
import type { SharingParts } from './parts.ts'

/** One exchange of one connection, decided: what may go, what may come back, and everything needed to do it. */
export interface OpenGate {
  readonly connection: Connection
  readonly connector: Connector
  readonly exchange: Exchange
  readonly credentials: Credentials
  readonly session: SessionStore
  /** The facts version this was decided from; a commit checks that it still is the one. */
  readonly version: number
  /** Makes commitments to what leaves, under the tenant's key. */
  readonly commitment: KeyedHash
  readonly outbound: Plan
  readonly inbound: Plan
  readonly body: Projection | undefined
  readonly query: Projection
  /** Of the path's parameters, where it has any. */
  readonly path: Projection | undefined
  readonly response: Projection | undefined
  /** Why nothing of this exchange may go, if so. */
  readonly refusal: Refusal | undefined
}

export interface Gate {
  /** The gate as it stands now; planned once per change of facts, not per call. */
  open(tenantId: string, connectionId: string, exchange: Exchange): Promise<OpenGate | Refusal>
  /** Forgets what was planned for the tenant: the facts moved. With `stale`, unless that was forgotten already. */
  forget(tenantId: string, stale?: OpenGate): void
  /** Whether what was decided still holds; asked of a call that had to wait after its commit. */
  stands(decided: OpenGate): Promise<boolean>
  /** The time the gate goes by: it never runs backwards, whatever the clock does. */
  now(): number
  close(): Promise<void>
}

interface Planned {
  readonly gate: OpenGate
  readonly until: number
}

/** What is planned for one tenant since its facts last moved, and what is being planned. */
interface Plans {
  readonly made: Map<string, Planned>
  readonly underWay: SingleFlight<Planned | Refusal>
}

/** Collects facts, asks for decisions, plans and compiles; remembers the result until facts or time change it. */
export async function createGate(parts: SharingParts): Promise<Gate> {
  const planned = new Map<string, Plans>()
  const sessions = new Map<string, SessionStore>()
  let latest = 0
  const now = (): number => {
    latest = Math.max(latest, parts.clock.now())
    return latest
  }
  const forget: Gate['forget'] = (tenantId, stale) => {
    if (tenantId === '*') planned.clear()
    else if (!stale || planned.get(tenantId)?.made.get(nameOf(stale))?.gate === stale)
      planned.delete(tenantId)
  }
  const stopListening = await parts.database.listen(
    FACTS_CHANNEL,
    (tenantId) => forget(tenantId),
    () => planned.clear(),
  )
  const sessionOf = (tenantId: string, connectionId: string): SessionStore => {
    const name = `${tenantId} ${connectionId}`
    let session = sessions.get(name)
    if (!session) {
      session = partySession(parts.database, parts.keys, tenantId, connectionId)
      sessions.set(name, session)
    }
    return session
  }
  const stopFollowing = parts.database.onCommitted(FACTS_CHANNEL, (tenantId) => forget(tenantId))
  const open: Gate['open'] = async (tenantId, connectionId, exchange) => {
    const name = `${connectionId} ${exchange.id}`
    const plans = planned.get(tenantId) ?? { made: new Map(), underWay: singleFlight() }
    planned.set(tenantId, plans)
    const known = plans.made.get(name)
    // A described party's exchange is another one when its description changes.
    const holds = known?.gate.exchange === exchange && now() < known.until
    if (known && holds && (await stillHolds(parts, tenantId, known.gate))) {
      return known.gate
    }
    const planOne = () =>
      parts.database.read(tenantId, (reader) =>
        plan(parts, reader, connectionId, exchange, now(), sessionOf(tenantId, connectionId)),
      )
    const made = await plans.underWay.share(name, exchange, planOne, letsPass)
    if ('refused' in made) return made
    plans.made.set(name, made)
    return made.gate
  }
  return {
    now,
    forget,
    open,
    stands: async (decided) => {
      const { connection, exchange, outbound, inbound } = decided
      const { tenantId } = outbound
      const known = planned.get(tenantId)?.made.get(nameOf(decided))
      if (known?.gate === decided && now() < known.until) return true
      const again = await open(tenantId, connection.connectionId, exchange)
      return (
        !isRefusal(again) &&
        !again.refusal &&
        again.outbound.hash === outbound.hash &&
        again.inbound.hash === inbound.hash
      )
    },
    close: async () => {
      stopFollowing()
      await stopListening()
    },
  }
}

function nameOf({ connection, exchange }: OpenGate): string {
  return `${connection.connectionId} ${exchange.id}`
}

/** A plan that refuses is never checked in a commit: who asked after it was begun does not take it (P5). */
function letsPass(made: Planned | Refusal): boolean {
  return !('refused' in made) && !made.gate.refusal
}

/**
 * A plan that lets something pass is checked in the commit of the disclosure. One that refuses never gets there, so it
 * is checked here: a node that missed the word of a new consent would else go on refusing.
 */
async function stillHolds(parts: SharingParts, tenantId: string, gate: OpenGate): Promise<boolean> {
  if (!gate.refusal) return true
  return (await parts.database.read(tenantId, readFactsVersion)) === gate.version
}

async function plan(
  parts: SharingParts,
  reader: Reader,
  connectionId: string,
  exchange: Exchange,
  now: number,
  session: SessionStore,
): Promise<Planned | Refusal> {
  const connection = await readConnection(reader, connectionId)
  const connector = connection && parts.connectors.get(connection.connectorId)
  if (!connection || !connector) return refuse('connection_unknown')
  const credentials = await openCredentials(reader, parts.keys, connectionId)
  const out = await readFlowFacts(reader, parts.catalog, exchange.outbound)
  const back = await readFlowFacts(reader, parts.catalog, exchange.inbound)
  const approved = exchange.permanent && (await hasApproval(reader, connectionId, exchange.id, now))
  const call = { purpose: exchange.purpose, permanent: exchange.permanent, approved }
  const queryShape = object(exchange.query)
  const pathShape = exchange.parameters && object(exchange.parameters)
  const sent = unique([
    ...exchange.carries,
    ...(exchange.request ? itemsOf(exchange.request) : []),
    ...itemsOf(queryShape),
    ...(pathShape ? itemsOf(pathShape) : []),
  ])
  const outbound = planFlow(parts, out, call, sent, now)
  const inbound = planFlow(
    parts,
    back,
    call,
    exchange.response ? itemsOf(exchange.response) : [],
    now,
  )
  const recipientKeys = { pseudonymKey: await parts.keys.pseudonymKey(reader, out.party.id) }
  const tenantKeys = { pseudonymKey: await parts.keys.pseudonymKey(reader, 'tenant') }
  const compile = (shape: Shape | undefined, of: Plan, keys: typeof tenantKeys) =>
    shape && compileProjection(of, shape, keys)
  return {
    until: Math.min(
      validUntil(out, now),
      validUntil(back, now),
      connection.credentialsExpireAt ?? Number.POSITIVE_INFINITY,
    ),
    gate: {
      connection,
      connector,
      exchange,
      credentials: credentials ?? {},
      session,
      version: out.version,
      commitment: await parts.keys.payloadCommitment(reader),
      outbound,
      inbound,
      body: compile(exchange.request, outbound, recipientKeys),
      query: compileProjection(outbound, queryShape, recipientKeys),
      path: compile(pathShape, outbound, recipientKeys),
      response: compile(exchange.response, inbound, tenantKeys),
      refusal:
        (exchange.refused && refuse(exchange.refused, { exchange: exchange.id })) ??
        connectionRefusal(connection, connector.withoutCredentials ? {} : credentials, now) ??
        essentialRefusal(exchange, outbound) ??
        inboundRefusal(exchange, inbound, back),
    },
  }
}

function connectionRefusal(
  connection: Connection,
  credentials: Credentials | undefined,
  now: number,
): Refusal | undefined {
  if (!connection.enabled)
    return refuse('connection_disabled', { connection: connection.connectionId })
  if (!credentials) return refuse('credentials_missing', { connection: connection.connectionId })
  const { credentialsExpireAt: end } = connection
  return end !== undefined && end <= now
    ? refuse('credentials_expired', { connection: connection.connectionId })
    : undefined
}

/** A call is refused rather than mutilated when an item is withheld without which it means something else. */
function essentialRefusal(exchange: Exchange, outbound: Plan): Refusal | undefined {
  const named = Object.values(exchange.parameters ?? {}).map((parameter) => parameter.item)
  const needed = new Set([...exchange.carries, ...exchange.essential, ...named])
  const missing = outbound.items.find(
    (item) => needed.has(item.item) && (item.reason !== 'permitted' || item.precision !== 'exact'),
  )
  if (!missing) return undefined
  const reason = missing.reason === 'permitted' ? 'nothing_allowed' : missing.reason
  return refuse(reason, { flow: exchange.outbound, exchange: exchange.id, item: missing.item })
}

/** Nothing of the answer may come in: then the question is not asked. */
function inboundRefusal(exchange: Exchange, inbound: Plan, facts: FlowFacts): Refusal | undefined {
  if (inbound.items.length === 0 || inbound.items.some((item) => item.reason === 'permitted'))
    return undefined
  const [first] = inbound.items
  return refuse(first?.reason === 'permitted' || !first ? 'nothing_allowed' : first.reason, {
    flow: facts.flow,
    exchange: exchange.id,
  })
}

function unique<Thing>(things: readonly Thing[]): Thing[] {
  return [...new Set(things)]
}

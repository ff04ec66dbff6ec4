import type { Catalog } from '#catalog/catalog.ts'
import { type CheckedAgainst, checkPartner } from '#catalog/check-partner.ts'
import type { ReadPartner } from '#catalog/read-partner.ts'
import { additionsOf, liveCatalog, overlay } from '#catalog/with-partners.ts'
import { readDescriptions } from '#connections/partner-descriptions.ts'
import { partnerConnector } from '#connectors/partner/client.ts'
import { partnerSource } from '#connectors/partner/source.ts'
import { type Database, INSTALLATION } from '#database/handles.ts'
import type { Log } from '#foundation/log.ts'
import { isRefusal } from '#foundation/refusal.ts'
import type { EventSource } from '#intake/event-source.ts'
import type { Connector } from '#sharing/exchange.ts'
import { FACTS_CHANNEL } from '#tenants/facts-version.ts'

/** Parties that are described as data, on this node: what ships with the descriptions laid over it. */
export interface Partners {
  /** One and the same object for ever; its parties, features and flows change with the descriptions. */
  readonly catalog: Catalog
  readonly connectors: ReadonlyMap<string, Connector>
  /** What a description is checked against, but for the other descriptions. */
  readonly against: Omit<CheckedAgainst, 'others'>
  /** By description id. */
  readonly described: ReadonlyMap<string, ReadPartner>
  /** Sources of events, those that ship given. */
  sources(shipped: ReadonlyMap<string, EventSource>): ReadonlyMap<string, EventSource>
  /** Where each connector's party is, those that ship given. */
  origins(shipped: ReadonlyMap<string, readonly string[]>): ReadonlyMap<string, readonly string[]>
  /** Reads the descriptions anew. Every node does so by itself when one is stored. */
  load(): Promise<void>
  /** Calls back after each change, when the new descriptions are in force on this node. */
  onChange(told: () => void): void
  close(): Promise<void>
}

export interface PartnersParts {
  readonly database: Database
  readonly shipped: Catalog
  readonly connectors: readonly Connector[]
  readonly seconds: () => number
  /** A party on this machine, without TLS: for the sample and for tests. */
  readonly allowLoopback: boolean
  readonly log: Log
}

/** Reads all descriptions and goes on listening for others: a new one is there on every node without a restart. */
export async function openPartners(parts: PartnersParts): Promise<Partners> {
  const { database, shipped, seconds, allowLoopback, log } = parts
  const live = liveCatalog(shipped)
  const shippedConnectors = new Map(parts.connectors.map((one) => [one.id, one]))
  const connectors = new Map(shippedConnectors)
  const described = new Map<string, ReadPartner>()
  const against = {
    catalog: shipped,
    taken: new Set(TAKEN.concat(...connectors.keys())),
    allowLoopback,
  }
  const mirrors: (() => void)[] = []
  const listeners: (() => void)[] = []
  const now = (id: string) => (): ReadPartner => {
    const found = described.get(id)
    if (!found) throw new Error(`the description ${id} is gone`)
    return found
  }
  // Made once for each id: who holds one sees every later version through it.
  const made = new Map<string, { connector: Connector; source: EventSource }>()
  const madeOf = (id: string) => {
    const known = made.get(id) ?? {
      connector: partnerConnector(now(id), seconds, !allowLoopback),
      source: partnerSource(id, () => {
        const { events } = now(id)()
        if (!events) throw new Error(`the description ${id} has no events`)
        return events
      }),
    }
    made.set(id, known)
    return known
  }
  let version = ''
  const take = (read: readonly ReadPartner[], hash: string): void => {
    if (hash === version) return
    version = hash
    described.clear()
    for (const one of read) described.set(one.description.id, one)
    live.replace(additionsOf(shipped, read))
    overlay(
      connectors,
      shippedConnectors,
      new Map([...described.keys()].map((id) => [id, madeOf(id).connector])),
    )
    for (const mirror of mirrors) mirror()
    for (const told of listeners) told()
  }
  const readAll = async (): Promise<void> => {
    const stored = await database.read(INSTALLATION, readDescriptions)
    const read = stored.flatMap(({ description, version: number }) => {
      const others = stored.map((one) => one.description).filter((one) => one !== description)
      const checked = checkPartner(description, { ...against, others })
      if (!isRefusal(checked)) return [checked]
      // An older Sluss took it, this one does not: then the party is not there.
      log.warn('a description of a party is not valid any more', {
        party: description.party.id,
        version: String(number),
        refusal: checked.refused,
      })
      return []
    })
    take(read, stored.map(({ hash }) => hash).join(' '))
  }
  // One read at a time, and one more for whoever asks while it runs: that one may have missed their change.
  let running: Promise<void> = Promise.resolve()
  let waiting: Promise<void> | undefined
  const load = (): Promise<void> => {
    waiting ??= running
      .catch(() => undefined)
      .then(() => {
        waiting = undefined
        running = readAll()
        return running
      })
    return waiting
  }
  const reload = (): void => {
    load().catch(() => log.warn('the descriptions of parties could not be read and are read again'))
  }
  const close = await database.listen(
    FACTS_CHANNEL,
    (tenantId) => (tenantId === '*' ? reload() : undefined),
    reload,
  )
  await load()
  const mirrored = <Thing>(
    base: ReadonlyMap<string, Thing>,
    of: (read: ReadPartner) => Thing | undefined,
  ): ReadonlyMap<string, Thing> => {
    const into = new Map(base)
    const mirror = (): void =>
      overlay(
        into,
        base,
        new Map(
          [...described].flatMap(([id, read]) => {
            const thing = of(read)
            return thing === undefined ? [] : [[id, thing] as const]
          }),
        ),
      )
    mirrors.push(mirror)
    mirror()
    return into
  }
  return {
    catalog: live.catalog,
    connectors,
    against,
    described,
    sources: (base) =>
      mirrored(base, ({ description, events }) => events && madeOf(description.id).source),
    origins: (base) => mirrored(base, ({ description }) => description.hosts),
    load,
    onChange: (told) => {
      listeners.push(told)
    },
    close,
  }
}

/** Connectors that have only a source of events. */
const TAKEN = ['nanomdm', 'micromdm', 'jamf-pro', 'apple', 'google', 'sluss', 'installation']

import { firstAdminLink } from '#access/one-time-link.ts'
import { EXCHANGES as ANDROID_EXCHANGES } from '#connectors/google-android-management/exchanges.ts'
import { INSTALLATION } from '#database/handles.ts'
import { PARTNER_DRAFTS } from '#connectors/partner/drafts.ts'
import type { Log } from '#foundation/log.ts'
import { type EndpointParts, allEndpoints } from '#http/api/all-endpoints.ts'
import { createApi } from '#http/api/create-api.ts'
import { scimRoutes } from '#http/scim/scim-routes.ts'
import { archiveRoutes } from '#http/api/subjects/archive-routes.ts'
import { startServer } from '#http/server.ts'
import { signInRoutes } from '#http/sign-in/sign-in-routes.ts'
import { tenantIds } from '#tenants/tenant.ts'
import { SYNCHRONISE_ANDROID } from './android-jobs.ts'
import type { Node } from '../compose.ts'
import { ERASE, erasureJobKinds, erasureParts, forgetNamesOfErased } from './erasure-jobs.ts'
import { SYNCHRONISE } from './jobs.ts'
import { personalDataHolders } from './subject-rights.ts'
import { SYNCHRONISE_LICENCES, subscribeToNotifications } from './licences.ts'
import { PUSH_TO_PARTNER } from './push-partners.ts'
import { frontJobKinds } from './front-door-jobs.ts'
import {
  type People,
  appleEnrollment,
  endpointParts,
  linkTo,
  openPeople,
  openRooms,
} from './front-door-rooms.ts'

/** Everything that people and programs reach over the installation's one port. */
export interface FrontDoor {
  readonly port: number
  /** Links for realms that have nobody who could let others in; each can be used once, within 24 hours. */
  firstLinks(): Promise<readonly FirstLink[]>
  close(): Promise<void>
}

export interface FirstLink {
  /** `INSTALLATION` is the operator's own realm. */
  readonly tenantId: string
  readonly url: string
}

export interface FrontDoorOptions {
  readonly node: Node
  readonly log: Log
  /** Where each connector's party is, the usual one first: a tenant chooses from these. */
  readonly partyOrigins: EndpointParts['origins']
}

/**
 * Opens the one port: logs, API, sign-in, health. The node's jobs are started with it, since much of what people ask
 * for is done by them.
 */
export async function openFrontDoor({
  node,
  log,
  partyOrigins,
}: FrontDoorOptions): Promise<FrontDoor> {
  const { settings } = node
  const undo: (() => Promise<unknown>)[] = []
  const keep = <Thing extends { close(): Promise<unknown> }>(thing: Thing): Thing => {
    undo.push(() => thing.close())
    return thing
  }
  const close = async (): Promise<void> => {
    for (const one of undo.toReversed()) await one()
    undo.length = 0
  }
  try {
    const people = await openPeople(node, log)
    keep(people.access)
    keep(people.tokens)
    const rooms = await openRooms(node, log, people)
    keep(rooms.viewing)
    keep(rooms.ingest)
    keep(rooms.notify)
    const parts = endpointParts(node, people, rooms, partyOrigins)
    const erasing = erasureParts(
      node,
      personalDataHolders(people, () => people.clock.now()),
    )
    keep({ close: await forgetNamesOfErased(node) })
    const jobs = await node.startJobs([
      ...frontJobKinds(people, rooms),
      ...erasureJobKinds(erasing, node.keys, () => people.clock.now()),
    ])
    const api = createApi({
      ...people,
      endpoints: allEndpoints({
        ...parts,
        partners: {
          ...node.partners,
          drafts: PARTNER_DRAFTS,
          push: async (tenantId, connectionId) => {
            const key = `${tenantId}/${connectionId}`
            await jobs.add(PUSH_TO_PARTNER, key, { tenantId, connectionId })
          },
        },
        vpp: {
          synchronise: async (tenantId, connectionId) => {
            const key = `${tenantId}/${connectionId}`
            await jobs.add(SYNCHRONISE_LICENCES, key, { tenantId, connectionId })
          },
          subscribe: (tenantId, connectionId, by) =>
            subscribeToNotifications(node, tenantId, connectionId, by),
        },
        androidEnterprise: {
          exchanges: ANDROID_EXCHANGES,
          share: node.sharing.share,
          synchronise: async (tenantId, connectionId) => {
            const target = { tenantId, connectionId }
            await jobs.add(SYNCHRONISE_ANDROID, `${tenantId}/${connectionId}`, target)
          },
        },
        appleEnrollment: appleEnrollment(async (tenantId, connectionId) => {
          await jobs.add(SYNCHRONISE, `${tenantId}/${connectionId}`, { tenantId, connectionId })
        }),
      }),
      lease: node.parts.lease,
      log,
      publicOrigin: settings.origin,
      now: () => people.clock.now(),
    })
    await rooms.notify.start()
    const server = await startServer({
      ...settings,
      ...node.parts,
      api,
      ingest: rooms.ingest.app,
      scim: scimRoutes({
        ...people,
        catalog: node.parts.catalog,
        lease: node.parts.lease,
        log,
        origin: settings.origin,
        erase: async (tenantId) => {
          await jobs.add(ERASE, tenantId, { tenantId })
        },
      }),
      recordBundleRead: rooms.viewing.recordBundleRead,
      rightsArchive: archiveRoutes(rooms.rights, () => people.clock.now()),
      issuer: people.issuer,
      signIn: await signInRoutes({ ...people, origin: settings.origin }),
    })
    keep(server)
    return { port: server.port, firstLinks: () => firstLinks(node, people), close }
  } catch (fault) {
    await close()
    throw fault
  }
}

async function firstLinks(node: Node, people: People): Promise<readonly FirstLink[]> {
  const { database, clock } = people
  const tenants = await database.read(INSTALLATION, tenantIds)
  const links: FirstLink[] = []
  for (const tenantId of [INSTALLATION, ...tenants]) {
    const by = { actor: `node:${database.nodeId}`, at: clock.now() }
    const token = await database.write(tenantId, (tx) => firstAdminLink(tx, people, by))
    if (token !== undefined) links.push({ tenantId, url: linkTo(node.settings, token) })
  }
  return links
}

import { ensureOperatorRealm } from '#access/account.ts'
import { createAccount } from '#access/account-updates.ts'
import { createPersonMarks } from '#access/person-mark.ts'
import { administratorsOf, makeAdministrator } from '#access/role-change.ts'
import { addSecret, clientIdOf } from '#access/service-principal.ts'
import { effectiveOf } from '#access/effective.ts'
import type { PermissionId } from '#access/permission.ts'
import { manualClock, systemClock } from '#foundation/clock.ts'
import { type Log, silentLog } from '#foundation/log.ts'
import { isRefusal, refuse } from '#foundation/refusal.ts'
import { scimRoutes } from '#http/scim/scim-routes.ts'
import { resourceOf } from '#access/role-facts.ts'
import { keepRecords } from '#records/keep.ts'
import { eraseDue } from '#subjects/erase-due.ts'
import { erasureParts } from '../../src/node/erasure-jobs.ts'
import { personalDataHolders } from '../../src/node/subject-rights.ts'
import { type GoogleNode, TENANT, startGoogleNode } from './google-node.ts'

export { TENANT } from './google-node.ts'

/** A node with a stand-in for Google, and a directory that provisions by SCIM. */
export async function startErasureWorld(options: { log?: Log } = {}) {
  // A lease runs on the scale that never stands still; the time of day is moved by hand.
  const day = manualClock()
  const clock = { ...day, elapsed: systemClock.elapsed }
  const t: GoogleNode = await startGoogleNode({
    clock,
    log: options.log ?? silentLog,
    google: { devices: 4 },
  })
  const { database, keys, parts } = t.node
  await ensureOperatorRealm(database, keys)
  let permissions = new Set<PermissionId>(['Directory/Provision'])
  const accounts = {
    keys,
    marks: await createPersonMarks(database, keys),
    administrators: administratorsOf,
    makeAdministrator,
  }
  const by = (actor = 'admin:test') => ({ actor, at: clock.now() })
  const token = await database.write(TENANT, async (tx) => {
    const made = await createAccount(
      tx,
      accounts,
      { kind: 'service', displayName: 'Directory' },
      by(),
    )
    if (isRefusal(made)) throw new Error(made.message)
    const secret = await addSecret(tx, made, by())
    if (isRefusal(secret)) throw new Error(secret.message)
    return `${clientIdOf(TENANT, made)}/${secret.secret}`
  })
  const signals: string[] = []
  const app = scimRoutes({
    database,
    keys,
    catalog: parts.catalog,
    lease: { held: () => true },
    clock,
    log: options.log ?? silentLog,
    origin: 'https://sluss.example',
    tokens: { authenticate: async () => refuse('unauthenticated') },
    access: {
      of: async () =>
        effectiveOf(
          [
            {
              assignment: { assignmentId: 'a', roleId: 'r' } as never,
              tags: 'all',
              permissions,
              spreadsOn: new Set([...permissions].map(resourceOf)),
            },
          ],
          1,
        ),
    },
    erase: async (tenantId) => {
      signals.push(tenantId)
    },
  })
  const call = async (
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ) => {
    const answer = await app.request(`https://sluss.example/scim/v2${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/scim+json' }),
        ...headers,
      },
      ...(body === undefined
        ? {}
        : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const text = await answer.text()
    return {
      status: answer.status,
      headers: answer.headers,
      // oxlint-disable-next-line typescript/no-explicit-any -- a test reads what it knows is there
      body: (text === '' ? undefined : JSON.parse(text)) as any,
    }
  }
  const erasing = erasureParts(t.node, personalDataHolders(accounts, clock.now))
  return {
    ...t,
    clock,
    /** A call of the tenant's own client through the gateway to Google. */
    throughGateway: t.call,
    token,
    by,
    call,
    /** Tenants of which the directory said that somebody is to be erased, call by call. */
    signals,
    erasing,
    may: (...wanted: PermissionId[]) => {
      permissions = new Set(wanted)
    },
    /** Keeps a record as the door in does, once it is minimised. */
    keep: (
      kind: 'device' | 'person',
      subjectItem: string,
      items: Record<string, string>,
      connectionId = 'google',
    ) =>
      database.write(TENANT, (tx) =>
        keepRecords(tx, keys, parts.catalog, {
          connectionId,
          kind,
          subjectItem,
          records: [{ subject: items[subjectItem] ?? '', items, removed: false }],
          now: clock.now(),
        }),
      ),
    erase: () => eraseDue(erasing, TENANT, by('job:erase-people')),
  }
}

export type ErasureWorld = Awaited<ReturnType<typeof startErasureWorld>>

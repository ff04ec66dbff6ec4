import { randomUUID } from 'node:crypto'
import { createGrant } from '#access/grants.ts'
import type { Principal } from '#access/principal.ts'
import type { BreachParts } from '#breach/parts.ts'
import { setCorrespondent } from '#breach/recipient-settings.ts'
import { setSuiteCustomer } from '#breach/suite-relay.ts'
import { INSTALLATION } from '#database/handles.ts'
import { type Clock, systemClock } from '#foundation/clock.ts'
import { silentLog } from '#foundation/log.ts'
import { isRefusal } from '#foundation/refusal.ts'
import { startServer } from '#http/server.ts'
import { keepRecords } from '#records/keep.ts'
import { createTenant } from '#tenants/create-tenant.ts'
import { type Node, compose } from '../../src/compose.ts'
import { type Rooms, openPeople, openRooms } from '../../src/node/front-door-rooms.ts'
import { readSettings } from '../../src/settings.ts'
import { freePort } from '../free-port.ts'
import { type SandboxMail, startSandboxMail } from '../mail/server.ts'
import { type SandboxSuite, startSandboxSuite } from '../suite/server.ts'

/** Synthetic organisations: two are joint customers of the suite, one is ours alone, and one is not touched. */
export const JOINT = 'north'
export const JOINT_UNCONFIRMED = 'east'
export const OURS = 'south'
export const UNTOUCHED = 'west'
export const TENANTS = [JOINT, JOINT_UNCONFIRMED, OURS, UNTOUCHED] as const
const PEOPLE_EACH = 40

export interface BreachStage {
  readonly node: Node
  readonly rooms: Rooms
  readonly breach: BreachParts
  readonly mail: SandboxMail
  readonly suite: SandboxSuite
  /** Where the suite team answers, and with what it signs. */
  readonly inbound: { readonly url: string; readonly secret: string }
  /** The operator's engineer whose credential is misused. */
  readonly engineer: Principal
  now(): number
  /** The sample need not wait for the hours that an incident takes. */
  pass(hours: number): void
  person(): Principal
  /** Grants of the engineer, by tenant. */
  readonly grants: ReadonlyMap<string, string>
  stop(): Promise<void>
}

/** A real node on a real database, with stand-ins for the mail relay and the suite team. */
export async function startBreachStage(folder: string): Promise<BreachStage> {
  let ahead = 0
  const clock: Clock = { now: () => systemClock.now() + ahead, elapsed: systemClock.elapsed }
  const undo: (() => Promise<unknown>)[] = []
  const stop = async (): Promise<void> => {
    for (const one of undo.toReversed()) await one()
    undo.length = 0
  }
  try {
    const mail = await startSandboxMail()
    undo.push(() => mail.stop())
    const suite = await startSandboxSuite({ now: () => clock.now() })
    undo.push(() => suite.stop())
    const settings = readSettings(
      {
        SLUSS_FOLDER: folder,
        SLUSS_PORT: String(await freePort('127.0.0.1')),
        SLUSS_SMTP_URL: `smtp://127.0.0.1:${mail.port}`,
        SLUSS_MAIL_FROM: 'notices@operator.example.org',
        SLUSS_MAIL_AGENT: 'own',
      },
      true,
    )
    const node = await compose({ settings, clock, log: silentLog })
    undo.push(() => node.stop())
    const people = await openPeople(node, silentLog)
    undo.push(
      () => people.access.close(),
      () => people.tokens.close(),
    )
    const rooms = await openRooms(node, silentLog, people)
    undo.push(
      () => rooms.viewing.close(),
      () => rooms.ingest.close(),
      () => rooms.notify.close(),
    )
    const server = await startServer({ ...settings, ...node.parts, ingest: rooms.ingest.app })
    undo.push(() => server.close())
    const breach: BreachParts = {
      database: node.database,
      keys: node.parts.keys,
      catalog: node.parts.catalog,
      settled: () => node.sequencer.settled(),
    }
    const person = (): Principal => ({
      tenantId: INSTALLATION,
      accountId: randomUUID(),
      kind: 'person',
      groups: [],
      personMarks: [],
      language: 'en',
      authenticatedAt: clock.now(),
      methods: ['hwk'],
    })
    const engineer = person()
    const grants = await makeOrganisations(node, engineer, clock.now())
    const by = { principal: person(), now: clock.now() }
    const given = { party: 'suite', role: 'suite', url: suite.url, isOn: true } as const
    const secrets = await setCorrespondent(breach, { ...given, newSecrets: true }, by)
    if (secrets === true || isRefusal(secrets)) throw new Error('the suite team has no secrets')
    suite.secret = secrets.ourSecret
    for (const tenantId of [JOINT, JOINT_UNCONFIRMED])
      await node.database.write(tenantId, (tx) => setSuiteCustomer(tx, `suite-${tenantId}`, by))
    return {
      node,
      rooms,
      breach,
      mail,
      suite,
      inbound: {
        url: `http://127.0.0.1:${server.port}/correspondence/suite`,
        secret: secrets.theirSecret,
      },
      engineer,
      grants,
      now: () => clock.now(),
      pass: (hours) => {
        ahead += hours * 3_600_000
      },
      person,
      stop,
    }
  } catch (fault) {
    await stop()
    throw fault
  }
}

/** Each with its people, and a grant that a support case once opened for the engineer. */
async function makeOrganisations(node: Node, engineer: Principal, now: number) {
  const { database, keys } = node
  const { catalog } = node.parts
  const grants = new Map<string, string>()
  for (const tenantId of TENANTS) {
    await database.write(tenantId, (tx) =>
      createTenant(tx, keys, {
        name: `Organisation ${tenantId}`,
        region: 'EU',
        privacyContact: `privacy@${tenantId}.example.org`,
        actor: 'operator:sample',
        at: now,
      }),
    )
    await database.write(tenantId, (tx) =>
      keepRecords(tx, keys, catalog, {
        connectionId: 'mdm',
        kind: 'device',
        subjectItem: 'device.serialNumber',
        records: Array.from({ length: PEOPLE_EACH }, (_, i) => {
          const serial = `SYN${tenantId.toUpperCase()}${String(i).padStart(4, '0')}`
          const items = { 'device.serialNumber': serial, 'device.model': 'Synthetic Phone' }
          return { subject: serial, items, removed: false }
        }),
        now,
      }),
    )
    if (tenantId === UNTOUCHED) continue
    const grantId = randomUUID()
    await database.write(tenantId, async (tx) => {
      const records = await tx.rows<{ id: string }>(
        'select record_id as id from records where tenant_id = $1',
        [tenantId],
      )
      await createGrant(tx, {
        grantId,
        requestId: randomUUID(),
        caseId: randomUUID(),
        operatorAccountId: engineer.accountId,
        kind: 'approved',
        items: new Set(['device.serialNumber', 'device.model']),
        records: records.map((one) => one.id),
        precision: 'exact',
        purpose: 'remote-assistance',
        starts: 'firstUse',
        approvedAt: now,
        durationMs: 3_600_000,
        lapsesAt: now + 24 * 3_600_000,
      })
    })
    grants.set(tenantId, grantId)
  }
  return grants
}

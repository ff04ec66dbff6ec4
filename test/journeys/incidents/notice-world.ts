import { randomUUID } from 'node:crypto'
import type { Principal } from '#access/principal.ts'
import { shippedCatalog } from '#catalog/shipped.ts'
import { declare, openIncident } from '#breach/incidents.ts'
import { noticeDelivered, noticeUndelivered } from '#breach/notice-delivery.ts'
import type { NoticeWords } from '#breach/notice.ts'
import { approveNotice, draftNotice } from '#breach/notices.ts'
import { INSTALLATION } from '#database/handles.ts'
import { type Refusal, isRefusal } from '#foundation/refusal.ts'
import type { NotifyParts } from '#notify/parts.ts'
import { createTenant } from '#tenants/create-tenant.ts'
import type { NoticeTest } from '../notices/organisations.ts'

export const HOUR = 3_600_000
const WHY = 'Because of what was found in the access log.'

export function good<Result>(answer: Result | Refusal): Result {
  if (isRefusal(answer)) throw new Error(answer.refused)
  return answer
}
export const code = (answer: unknown) => (isRefusal(answer) ? answer.refused : undefined)

export const somebody = (): Principal => ({
  tenantId: INSTALLATION,
  accountId: randomUUID(),
  kind: 'person',
  groups: [],
  personMarks: [],
  language: 'en',
  authenticatedAt: 0,
  methods: ['hwk'],
})

export const breachParts = (t: NoticeTest) => ({
  database: t.test.database,
  keys: t.keys,
  catalog: shippedCatalog,
})

/** `notify` with what the operator's rooms hook into it. */
export const notifyParts = (t: NoticeTest, change: Partial<NotifyParts> = {}) =>
  t.parts({ escalate: noticeUndelivered, delivered: noticeDelivered, ...change })

export const text = (language: string) => ({
  subject: `An account was misused (${language})`,
  nature: `An account of the operator read records it had no case for (${language}).`,
  consequences: `Names of devices may be known to others (${language}).`,
  measures: `The account was closed (${language}).`,
  contact: `The data protection officer of the operator, +46 8 46 50 04 99 (${language}).`,
})

export const wordsFor = (now: number, isFinal = false): NoticeWords => ({
  en: text('en'),
  sv: text('sv'),
  nextWordAt: isFinal ? undefined : now + 24 * HOUR,
})

/** A declared incident whose scope says of these tenants that it touches them. The scope itself has tests of its own. */
export async function declared(
  t: NoticeTest,
  tenants: readonly string[],
  by: Principal = somebody(),
): Promise<string> {
  const parts = breachParts(t)
  const hand = { principal: by, now: t.clock.now() }
  const { incidentId } = good(
    await openIncident(parts, { title: 'Misuse', detectedAt: undefined }, hand),
  )
  good(
    await declare(
      parts,
      incidentId,
      { ground: 'accessVeryLikely', statement: WHY, class: 'privacyBreach' },
      hand,
    ),
  )
  await rescope(t, incidentId, tenants)
  return incidentId
}

/** Writes the rows that `computeScope` writes. */
export async function rescope(
  t: NoticeTest,
  incidentId: string,
  tenants: readonly string[],
): Promise<string> {
  const scopeId = randomUUID()
  await t.test.ownerQuery(
    `insert into breach_touched (tenant_id, incident_id, scope_id, is_touched, must_be_told, change, complete_to, entries,
       subjects, records, items, excluded_entries, unattributed, first_at, last_at, packet_hash, written_at)
     select id, $1, $2, true, true, 'new', 10, 5, 1234, 40, '[]', 0, 0, $4, $4, repeat('a', 64), $4
       from unnest($3::text[]) id`,
    [incidentId, scopeId, tenants, new Date(t.clock.now())],
  )
  await t.test.ownerQuery('update breach_incidents set scope_id = $2 where incident_id = $1', [
    incidentId,
    scopeId,
  ])
  return scopeId
}

/** A notice that two people approved who neither wrote it nor declared the incident. */
export async function approved(
  t: NoticeTest,
  incidentId: string,
  kind: 'first' | 'followUp' | 'final' = 'first',
): Promise<string> {
  const parts = breachParts(t)
  const now = t.clock.now()
  const words = wordsFor(now, kind === 'final')
  const draft = { kind, words }
  const noticeId = good(await draftNotice(parts, incidentId, draft, { principal: somebody(), now }))
  for (let i = 0; i < 2; i++)
    good(await approveNotice(parts, incidentId, noticeId, 1, { principal: somebody(), now }))
  return noticeId
}

export async function addTenants(t: NoticeTest, ids: readonly string[]): Promise<void> {
  const waiting = [...ids]
  const worker = async (): Promise<void> => {
    for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) {
      const tenantId = id
      await t.test.database.write(tenantId, (tx) =>
        createTenant(tx, t.keys, {
          name: tenantId,
          region: 'EU',
          privacyContact: `privacy@${tenantId}.example.org`,
          actor: 'operator:test',
          at: t.clock.now(),
        }),
      )
    }
  }
  await Promise.all(Array.from({ length: 8 }, worker))
}

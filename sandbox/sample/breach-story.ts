import { computeScope } from '#breach/compute-scope.ts'
import {
  addCriterion,
  addDecision,
  classify,
  close,
  declare,
  moveTo,
  openIncident,
} from '#breach/incidents.ts'
import { kitOf } from '#breach/kit.ts'
import { acknowledgeNotice, deliverNotices, tellInsteadOfSuite } from '#breach/notice-delivery.ts'
import { approveNotice, draftNotice } from '#breach/notices.ts'
import { postMortemReport } from '#breach/post-mortem.ts'
import { publish } from '#breach/publish.ts'
import { tellOthers } from '#breach/recipient-jobs.ts'
import { listTells } from '#breach/recipient-messages.ts'
import { touchedTenants } from '#breach/scope.table.ts'
import { settleSignal, signalList, type SignalRow, watchLedgers } from '#breach/signals.ts'
import { INSTALLATION } from '#database/handles.ts'
import { listPage } from '#database/list.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { type Refusal, isRefusal } from '#foundation/refusal.ts'
import { type BreachStage, JOINT, JOINT_UNCONFIRMED, OURS, UNTOUCHED } from './breach-stage.ts'
import type { Page } from './page.ts'

const WHY = 'Read at night under old grants, and the engineer was on leave.'

/** From the first signal to the post-mortem; each step is done by the rooms of the product, and shown. */
export async function tellBreach(stage: BreachStage, page: Page): Promise<void> {
  await credentialIsMisused(stage, page)
  const signal = await signalIsRaised(stage, page)
  const incidentId = await incidentIsScoped(stage, page, signal)
  await incidentIsDeclared(stage, page, incidentId)
  await suiteTeamHears(stage, page, incidentId)
  const noticeId = await noticesArrive(stage, page, incidentId)
  await suiteTeamConfirms(stage, page, incidentId)
  await unconfirmedAreToldDirectly(stage, page, incidentId)
  await tenantAcknowledges(stage, page, incidentId, noticeId)
  await reportIsWritten(stage, page, incidentId)
  nobodyElseWasTold(stage, page)
}

function good<Result>(answer: Result | Refusal): Result {
  if (isRefusal(answer)) throw new Error(answer.message)
  return answer
}

const by = (stage: BreachStage) => ({ principal: stage.person(), now: stage.now() })

async function credentialIsMisused(stage: BreachStage, page: Page): Promise<void> {
  page.step('Somebody has an engineer’s credential, and reads what old grants still open:')
  for (const [tenantId, grantId] of stage.grants) {
    const access = await accessOfEngineer()
    const viewer = { principal: stage.engineer, access, tenantId, grantId }
    const query = { orderBy: [], top: 100, skip: 0, count: false }
    const seen = good(await stage.rooms.viewing.listRecords(viewer, { kind: 'device', query }))
    page.stopped(tenantId, `${seen.rows.length} devices read, each reading in the tenant’s own log`)
  }
}

/** What the engineer's role gives. */
async function accessOfEngineer() {
  const held = new Set(['Support access/Request'])
  return {
    permissions: held,
    may: (permission: string) => held.has(permission),
    tagsFor: () => new Set<string>(),
  }
}

async function signalIsRaised(stage: BreachStage, page: Page): Promise<string> {
  page.step('Rules look through the ledgers. They only tell; people judge:')
  stage.pass(1)
  await stage.breach.settled?.()
  await watchLedgers(stage.breach, stage.now())
  const query = { orderBy: [], top: 50, skip: 0, count: false }
  const { rows } = await stage.breach.database.read(INSTALLATION, (reader) =>
    listPage<SignalRow>(reader, signalList(reader), query),
  )
  for (const one of rows)
    page.passed(String(one.rule), `${one.about_tenant}: ${JSON.stringify(one.measured)}`)
  const [first] = rows
  if (!first) throw new Error('no rule found the misuse')
  return first.id
}

async function incidentIsScoped(stage: BreachStage, page: Page, signal: string): Promise<string> {
  page.step('A responder opens an incident. Whom it touched is a query, not a guess:')
  const { breach } = stage
  const title = 'Misused credential of an engineer'
  const { incidentId } = good(await openIncident(breach, { title }, by(stage)))
  good(await settleSignal(breach, signal, { incidentId, reason: WHY }, by(stage)))
  good(await moveTo(breach, incidentId, { phase: 'assess' }, by(stage)))
  const criterion = {
    kind: 'account',
    name: stage.engineer.accountId,
    from: stage.now() - 24 * 3_600_000,
    to: stage.now(),
    readable: 'all',
  } as const
  good(await addCriterion(breach, incidentId, criterion, by(stage)))
  const scope = good(await computeScope(breach, incidentId, by(stage)))
  for (const one of await touchedTenants(breach, incidentId, scope.scopeId))
    page.passed(one.tenantId, `${one.subjects} people, ${one.records} records`)
  return incidentId
}

async function incidentIsDeclared(stage: BreachStage, page: Page, incident: string): Promise<void> {
  page.step('It is declared on a stated ground, and 72 hours start:')
  const given = { ground: 'accessVeryLikely', statement: WHY, class: 'privacyBreach' } as const
  const declared = good(await declare(stage.breach, incident, given, by(stage)))
  const entries = await publish(stage.breach, incident, stage.now())
  page.passed('declared', toTimestamp(declared.declared?.at ?? 0))
  page.passed(`${entries} logs`, 'of touched tenants say so')
}

const round = async (stage: BreachStage): Promise<void> => {
  const now = stage.now()
  await tellOthers(
    stage.rooms.telling,
    (tx, incidentId) => tellInsteadOfSuite(tx, incidentId, now),
    now,
  )
  await deliverNotices(stage.breach, now)
  await stage.rooms.notify.sendDue(now)
}

async function suiteTeamHears(stage: BreachStage, page: Page, incident: string): Promise<void> {
  page.step('The suite team shares two customers, and gets their ids by signed webhook, no others:')
  await round(stage)
  const [message] = stage.suite.messages.filter((one) => one.incidentId === incident)
  if (!message) throw new Error('the suite team was not told')
  page.passed('webhook', JSON.stringify(message))
}

async function noticesArrive(stage: BreachStage, page: Page, incident: string): Promise<string> {
  page.step(
    'Two people approve the notice; it is frozen, and arrives where the suite does not tell:',
  )
  const { breach } = stage
  const text = {
    subject: 'Security incident',
    nature: 'A credential of an engineer was misused to read device records.',
    consequences: 'Serial numbers and models may be known to a stranger.',
    measures: 'The credential was withdrawn and all grants were ended.',
    contact: 'privacy@operator.example.org',
  }
  const sv = {
    subject: 'Säkerhetsincident',
    nature: 'En teknikers inloggning missbrukades för att läsa enhetsposter.',
    consequences: 'Serienummer och modeller kan vara kända för en främling.',
    measures: 'Inloggningen har återkallats och alla åtkomster avslutats.',
    contact: 'privacy@operator.example.org',
  }
  const words = { en: text, sv, nextWordAt: stage.now() + 48 * 3_600_000 }
  const notice = good(await draftNotice(breach, incident, { kind: 'first', words }, by(stage)))
  for (const _ of ['one', 'other'])
    good(await approveNotice(breach, incident, notice, 1, by(stage)))
  await round(stage)
  showMailbox(stage, page, 0)
  if (stage.mail.received.some((one) => !one.to.includes(`privacy@${OURS}.example.org`)))
    throw new Error('somebody was told whom the suite team tells')
  return notice
}

function showMailbox({ mail }: BreachStage, page: Page, from: number): void {
  for (const one of mail.received.slice(from))
    page.passed('mail', `to ${one.to.join(', ')} (${one.source.length} bytes)`)
  if (mail.received.length === from) throw new Error('no mail arrived')
}

async function suiteTeamConfirms(stage: BreachStage, page: Page, incident: string): Promise<void> {
  page.step('The suite team confirms one customer, signed; the other it forgets:')
  stage.pass(2)
  const { url, secret } = stage.inbound
  const { acknowledge } = stage.suite
  const answer = await acknowledge(url, secret, incident, [`suite-${JOINT}`])
  if (answer.status !== 200) throw new Error(`the confirmation was answered ${answer.status}`)
  page.passed(String(answer.status), JSON.stringify(answer.body))
}

async function unconfirmedAreToldDirectly(
  stage: BreachStage,
  page: Page,
  incident: string,
): Promise<void> {
  page.step('A day passes. Whom nobody confirmed is told directly, and no other:')
  const before = stage.mail.received.length
  stage.pass(24)
  await round(stage)
  showMailbox(stage, page, before)
  for (const one of await listTells(stage.breach, incident))
    page.passed(one.tenantId, `${one.party}: ${one.state}`)
  const toldByUs = stage.mail.received
    .slice(before)
    .some((one) => one.to.includes(`privacy@${JOINT_UNCONFIRMED}.example.org`))
  if (!toldByUs) throw new Error('whom nobody confirmed was not told')
}

async function tenantAcknowledges(
  stage: BreachStage,
  page: Page,
  incident: string,
  notice: string,
): Promise<void> {
  page.step('The tenant acknowledges, and takes its kit: its own 72 hours run from when it knew:')
  const now = stage.now()
  const who = { actor: 'admin:sample', now, how: 'account' } as const
  good(await stage.breach.database.write(OURS, (tx) => acknowledgeNotice(tx, notice, who)))
  const kit = good(await kitOf(stage.breach, OURS, incident, now))
  const [draft] = kit.drafts
  page.passed(OURS, draft?.title ?? '')
  for (const section of draft?.sections ?? [])
    if (section.isFilled) page.passed(section.id, section.text)
    else page.kept(section.id, section.text)
}

async function reportIsWritten(stage: BreachStage, page: Page, incident: string): Promise<void> {
  page.step('It is diagnosed, stabilised and closed, and the report writes itself from the record:')
  const { breach } = stage
  for (const phase of ['diagnose', 'stabilise', 'close'] as const) {
    stage.pass(1)
    good(await moveTo(breach, incident, { phase }, by(stage)))
  }
  const judged = { class: 'privacyBreach', impact: 'privacyBreach', reason: WHY } as const
  good(await classify(breach, incident, judged, by(stage)))
  const learned = {
    kind: 'postMortem',
    text: 'Grants end when leave begins.',
    reason: WHY,
  } as const
  good(await addDecision(breach, incident, learned, by(stage)))
  good(await close(breach, incident, by(stage)))
  page.note(good(await postMortemReport(breach, incident, stage.now())))
}

/** The tenant that was not touched, hunted in everything that left. */
function nobodyElseWasTold({ mail, suite }: BreachStage, page: Page): void {
  const left = [
    ...mail.received.map((one) => `${one.to.join(' ')} ${one.source.toString()}`),
    ...suite.received.map((one) => one.bytes.toString()),
  ]
  if (left.some((text) => text.toLowerCase().includes(UNTOUCHED)))
    throw new Error('somebody heard of it whom it does not concern')
  page.step('And nobody else was told:')
  page.passed(UNTOUCHED, `nothing, in ${left.length} messages`)
}

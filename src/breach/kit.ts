import type { Catalog } from '#catalog/catalog.ts'
import type { Reader } from '#database/handles.ts'
import { type Refusal, isRefusal } from '#foundation/refusal.ts'
import type { Keys } from '#keys/keys.ts'
import { type NoticeDocument, readDocument } from '#notify/document.ts'
import { readNoticeSettings } from '#notify/settings.ts'
import { readTenant } from '#tenants/tenant.ts'
import { inZone } from './clock.ts'
import { listCopies } from './delivery/copy.table.ts'
import { KIT_LANGUAGES, KIT_WORDS, type KitLanguage } from './kit-words.ts'
import { type ToldIncident, packetOfTenant } from './kit-packet.ts'
import type { Packet } from './packet.ts'
import type { BreachParts } from './parts.ts'

/** One section of a draft. What is not `isFilled` has words in square brackets, for the controller. */
export interface Section {
  readonly id: string
  readonly heading: string
  readonly text: string
  readonly isFilled: boolean
}

export interface Draft {
  readonly kind: 'authorityNotification' | 'letterToPeople'
  readonly language: KitLanguage
  readonly title: string
  readonly sections: readonly Section[]
}

export interface Kit {
  readonly told: ToldIncident
  readonly packet: Packet
  readonly drafts: readonly Draft[]
}

interface Known {
  readonly told: ToldIncident
  readonly packet: Packet
  readonly contact: string | undefined
  readonly timeZone: string
  /** The newest notice of the incident that went to the tenant itself. */
  readonly notice: NoticeDocument | undefined
  readonly categories: readonly string[]
  readonly now: number
}

/**
 * The controller's kit of a touched tenant: the notification of the authority with what GDPR Art. 33(3) asks for, and the
 * letter to people of Art. 34, in English and Swedish, filled from the tenant's own packet. What no ledger can know is
 * left open and says so. People are not in it: they are listed through the door for people who look.
 *
 * @returns `incident_unknown` where the tenant was not told of it
 */
export async function kitOf(
  parts: BreachParts,
  tenantId: string,
  incidentId: string,
  now: number,
): Promise<Kit | Refusal> {
  const found = await packetOfTenant(parts, tenantId, incidentId, now)
  if (isRefusal(found)) return found
  const own = await parts.database.read(tenantId, async (reader) => ({
    contact: (await readTenant(reader))?.privacyContact,
    timeZone: (await readNoticeSettings(reader, parts.keys)).timeZone,
    notice: await newestNotice(reader, parts.keys, incidentId),
  }))
  const categories = categoriesOf(parts.catalog, found.packet)
  const known = { ...found, ...own, categories, now }
  const drafts = KIT_LANGUAGES.flatMap((language) => [
    authorityDraft(language, known),
    letterDraft(language, known),
  ])
  return { ...found, drafts }
}

function categoriesOf({ items }: Catalog, packet: Packet): readonly string[] {
  const names = Object.keys(packet.items).map((id) => items.get(id)?.category ?? id)
  return [...new Set(names)].toSorted()
}

/** What the tenant was given; what the suite team tells instead of us is not among it. */
async function newestNotice(
  reader: Reader,
  keys: Keys,
  incidentId: string,
): Promise<NoticeDocument | undefined> {
  const given = (await listCopies(reader))
    .filter((one) => one.incidentId === incidentId && one.state !== 'suite' && one.state !== 'gone')
    .toSorted((a, b) => a.madeAt - b.madeAt)
  const newest = given.at(-1)
  return newest && readDocument(reader, keys, newest.noticeId)
}

/** Places of the sections in a notice, as `documentFor` writes them. */
const PLACES = { consequences: 2, measures: 3 } as const

/** What the operator said of it, where it did; what only the controller knows stays open either way. */
function stated(language: KitLanguage, { notice }: Known, what: keyof typeof PLACES): string {
  const words = KIT_WORDS[language]
  const open = what === 'consequences' ? words.consequencesText : words.measuresText
  const [, text] = notice?.[language].sections[PLACES[what]] ?? []
  return text === undefined ? open : `${fill(words.processorSays, { text })}\n${open}`
}

const isFilled = (text: string): boolean => !text.includes('[')

const section = (id: string, heading: string, text: string): Section => ({
  id,
  heading,
  text,
  isFilled: isFilled(text),
})

function authorityDraft(language: KitLanguage, known: Known): Draft {
  const words = KIT_WORDS[language]
  const { told, contact, timeZone } = known
  const clock = told.awareness?.clock
  const when = clock
    ? fill(words.whenText, {
        aware: inZone(clock.startedAt, timeZone),
        due: inZone(clock.dueAt, timeZone),
      })
    : words.notAware
  return {
    kind: 'authorityNotification',
    language,
    title: words.authorityTitle,
    sections: [
      section('when', words.when, when),
      section('nature', words.nature, fill(words.natureText, facts(known))),
      section('contact', words.contact, contact ?? words.noContact),
      section('consequences', words.consequences, stated(language, known, 'consequences')),
      section('measures', words.measures, stated(language, known, 'measures')),
      ...(clock?.state === 'over' ? [section('late', words.late, words.lateText)] : []),
    ],
  }
}

function letterDraft(language: KitLanguage, known: Known): Draft {
  const words = KIT_WORDS[language]
  return {
    kind: 'letterToPeople',
    language,
    title: words.letterTitle,
    sections: [
      section('risk', words.letterTitle, words.aboutIncluded),
      section('nature', words.nature, fill(words.letterNature, facts(known))),
      section('contact', words.contact, known.contact ?? words.noContact),
      section('consequences', words.consequences, stated(language, known, 'consequences')),
      section('measures', words.measures, stated(language, known, 'measures')),
      section('advice', words.letterAdvice, words.advice),
    ],
  }
}

function facts({ packet, timeZone, categories }: Known): Readonly<Record<string, string>> {
  const told = (time: string | null) => (time === null ? '–' : inZone(Date.parse(time), timeZone))
  const items = Object.entries(packet.items).map(([id, exact]) => `${id} (${exact.join(', ')})`)
  return {
    incident: packet.incidentId,
    subjects: String(packet.subjects.length),
    records: String(packet.records.length),
    first: told(packet.firstSeen),
    last: told(packet.lastSeen),
    categories: categories.join(', '),
    items: items.join('; '),
  }
}

function fill(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(/\{(\w+)\}/g, (all, name: string) => values[name] ?? all)
}

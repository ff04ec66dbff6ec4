import { canonicalJson, type Json } from '#foundation/canonical-json.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { sha256Hex } from '#foundation/hashing.ts'
import { type Refusal, refuse } from '#foundation/refusal.ts'
import type { DocumentText, NoticeDocument } from '#notify/document.ts'
import { timeIn } from '#notify/render.ts'
import type { Language } from '#notify/template.ts'
import { isSamePerson } from './parts.ts'

export const NOTICE_KINDS = ['first', 'followUp', 'final'] as const
export type NoticeKind = (typeof NOTICE_KINDS)[number]
export type NoticeState = 'draft' | 'approved' | 'told' | 'withdrawn'

/** What people write, in one language: GDPR Art. 33(3)(a) to (d), but for the numbers, which are looked up. */
export interface NoticeText {
  readonly subject: string
  readonly nature: string
  readonly consequences: string
  readonly measures: string
  readonly contact: string
}

export interface NoticeWords {
  readonly en: NoticeText
  readonly sv: NoticeText
  /** When the next word comes, UTC milliseconds; a final notice has none. */
  readonly nextWordAt: number | undefined
}

export interface Hand {
  readonly accountId: string
  readonly marks: readonly string[]
}

const LANGUAGES: readonly Language[] = ['en', 'sv']
const PARTS = ['subject', 'nature', 'consequences', 'measures', 'contact'] as const

/**
 * Whether the notice says what it must, in both languages, and holds no address that could be clicked: a mail with a
 * link is then not ours.
 *
 * @returns `notice_incomplete` with what is missing, or undefined
 */
export function whyNotComplete(
  kind: NoticeKind,
  words: NoticeWords,
  now: number,
): Refusal | undefined {
  for (const language of LANGUAGES)
    for (const part of PARTS) {
      const text = words[language][part].trim()
      if (text === '') return refuse('notice_incomplete', { language, part })
      if (/https?:|www\.|:\/\//i.test(text))
        return refuse('notice_incomplete', { language, part, expected: 'no link' })
    }
  const { nextWordAt } = words
  const isWrong = kind === 'final' ? nextWordAt !== undefined : !(nextWordAt && nextWordAt > now)
  return isWrong ? refuse('notice_incomplete', { part: 'nextWordDateTime' }) : undefined
}

export type Approval = 'one' | 'frozen'

/**
 * Two different people approve the same words, and one of them has neither written any version nor declared the
 * incident. One person counts once, by whichever account.
 *
 * @param given  who has approved these words already
 * @returns `self_approval` where this approval adds nobody, or no pair could ever be made with it
 */
export function judgeApproval(
  by: Hand,
  given: readonly Hand[],
  writers: readonly Hand[],
  declarer: Hand | undefined,
): Approval | Refusal {
  if (given.some((one) => isSameHand(one, by))) return refuse('self_approval')
  const isFree = (one: Hand) =>
    !writers.some((writer) => isSameHand(writer, one)) && !(declarer && isSameHand(declarer, one))
  if (given.length === 0) return 'one'
  return [...given, by].some(isFree) ? 'frozen' : refuse('self_approval')
}

function isSameHand(one: Hand, other: Hand): boolean {
  return isSamePerson({ accountId: one.accountId, personMarks: one.marks }, other)
}

/** SHA-256 over kind, words and scope, hex: what was approved, and nothing else is ever sent under its name. */
export function noticeHash(of: {
  readonly incidentId: string
  readonly noticeId: string
  readonly kind: NoticeKind
  readonly version: number
  readonly scopeId: string
  readonly words: NoticeWords
}): string {
  const { words, ...rest } = of
  const { nextWordAt, en, sv } = words
  const next = nextWordAt === undefined ? null : toTimestamp(nextWordAt)
  return sha256Hex(canonicalJson({ ...rest, en, sv, nextWordAt: next } as unknown as Json))
}

/** What the scope says of the one tenant; nothing where it is not, or no longer, touched. */
export interface OwnNumbers {
  readonly subjects: number
  readonly records: number
  readonly firstSeen: number | undefined
  readonly lastSeen: number | undefined
}

/** Two significant digits: more would claim a knowledge that the first days do not have. */
export function approximately(count: number): number {
  if (count < 100) return count
  const unit = 10 ** (Math.floor(Math.log10(count)) - 1)
  return Math.round(count / unit) * unit
}

const HEADINGS: Readonly<Record<Language, Readonly<Record<string, string>>>> = {
  en: {
    nature: 'What happened',
    numbers: 'How much of yours it concerns',
    consequences: 'Likely consequences',
    measures: 'What has been done and will be done',
    contact: 'Whom to ask',
    next: 'When you hear from us again',
  },
  sv: {
    nature: 'Vad som har hänt',
    numbers: 'Hur mycket av ert det rör',
    consequences: 'Sannolika följder',
    measures: 'Vad som har gjorts och ska göras',
    contact: 'Vem ni kan fråga',
    next: 'När ni hör av oss igen',
  },
}

/** The approved words with the tenant's own approximate numbers, times in the tenant's zone. */
export function documentFor(
  words: NoticeWords,
  numbers: OwnNumbers | undefined,
  timeZone: string,
): NoticeDocument {
  const one = (language: Language): DocumentText => {
    const text = words[language]
    const heading = HEADINGS[language]
    const next =
      words.nextWordAt === undefined
        ? []
        : [[heading.next ?? '', timeIn(words.nextWordAt, language, timeZone)] as const]
    return {
      subject: text.subject,
      sections: [
        [heading.nature ?? '', text.nature],
        [heading.numbers ?? '', inNumbers(numbers, language, timeZone)],
        [heading.consequences ?? '', text.consequences],
        [heading.measures ?? '', text.measures],
        [heading.contact ?? '', text.contact],
        ...next,
      ],
    }
  }
  return { en: one('en'), sv: one('sv') }
}

function inNumbers(numbers: OwnNumbers | undefined, language: Language, timeZone: string): string {
  if (!numbers)
    return language === 'sv'
      ? 'Såvitt vi vet nu berörs inga av era uppgifter.'
      : 'By what is known now, none of your data is concerned.'
  const say = (count: number) =>
    approximately(count).toLocaleString(language === 'sv' ? 'sv-SE' : 'en-GB')
  const { subjects, records, firstSeen, lastSeen } = numbers
  const counts =
    language === 'sv'
      ? `Ungefär ${say(subjects)} personer och ${say(records)} poster.`
      : `About ${say(subjects)} people and ${say(records)} records.`
  if (firstSeen === undefined || lastSeen === undefined) return counts
  const from = timeIn(firstSeen, language, timeZone)
  const to = timeIn(lastSeen, language, timeZone)
  return language === 'sv'
    ? `${counts} Tidigast ${from}, senast ${to}.`
    : `${counts} First seen ${from}, last seen ${to}.`
}

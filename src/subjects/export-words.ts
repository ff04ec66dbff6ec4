import type { CutReason } from './view-redact.ts'

type Words = Readonly<Record<'en' | 'sv', string>>

/** What the readable document says, for the person. */
export const DOCUMENT_WORDS = {
  title: { en: 'What your organisation holds about you', sv: 'Vad din organisation har om dig' },
  intro: {
    en: 'This document lists what is held about you, what was shared with others, and who looked. It was made',
    sv: 'Det här dokumentet visar vad som finns om dig, vad som har delats med andra och vem som har tittat. Det gjordes',
  },
  held: { en: 'What is held', sv: 'Vad som finns' },
  shared: { en: 'What was shared with others', sv: 'Vad som har delats med andra' },
  looks: { en: 'Who looked', sv: 'Vem som har tittat' },
  item: { en: 'What', sv: 'Vad' },
  value: { en: 'Value', sv: 'Värde' },
  precision: { en: 'How exactly', sv: 'Hur exakt' },
  purpose: { en: 'Why', sv: 'Varför' },
  retention: { en: 'Kept', sv: 'Sparas' },
  source: { en: 'From', sv: 'Från' },
  when: { en: 'When', sv: 'När' },
  party: { en: 'With whom', sv: 'Med vem' },
  consent: { en: 'Under which consent', sv: 'Enligt vilket samtycke' },
  by: { en: 'By whom', sv: 'Av vem' },
  outcome: { en: 'What became of it', sv: 'Hur det gick' },
  disputed: { en: 'disputed by you', sv: 'bestrids av dig' },
  leftOut: { en: 'left out', sv: 'utelämnat' },
  nothing: { en: 'Nothing.', sv: 'Inget.' },
  complain: {
    en: 'If you think that something here is wrong, ask your organisation to correct it. You may also complain to the data protection authority of your country.',
    sv: 'Om du tycker att något här är fel kan du be din organisation att rätta det. Du kan också klaga hos dataskyddsmyndigheten i ditt land.',
  },
} as const satisfies Readonly<Record<string, Words>>

export const CUT_WORDS: Readonly<Record<CutReason, Words>> = {
  anotherPerson: { en: 'it names another person', sv: 'det namnger en annan person' },
  groupRow: { en: 'it names others of a group', sv: 'det namnger andra i en grupp' },
  freeTextOfOthers: {
    en: 'it is text that may be about others',
    sv: 'det är text som kan handla om andra',
  },
  secret: {
    en: 'it is a key or password, which is shown one by one',
    sv: 'det är en nyckel eller ett lösenord, som visas ett i taget',
  },
  rightsOfOthers: { en: 'the rights of others', sv: 'andras rättigheter' },
  legalClaims: { en: 'a legal claim', sv: 'ett rättsligt anspråk' },
  legalObligation: { en: 'the law asks for it', sv: 'lagen kräver det' },
}

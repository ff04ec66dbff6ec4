/** What the drafts of the kit say, in the languages of Sluss. Words in square brackets are for the controller to fill in. */
export interface KitWords {
  readonly authorityTitle: string
  readonly letterTitle: string
  readonly when: string
  readonly nature: string
  readonly contact: string
  readonly consequences: string
  readonly measures: string
  readonly late: string
  readonly natureText: string
  readonly noContact: string
  readonly consequencesText: string
  readonly measuresText: string
  /** Before what the operator's notice says of the same. */
  readonly processorSays: string
  readonly whenText: string
  readonly notAware: string
  readonly lateText: string
  readonly letterNature: string
  readonly letterAdvice: string
  readonly advice: string
  readonly aboutIncluded: string
}

const ENGLISH: KitWords = {
  authorityTitle:
    'Draft: notification of a personal data breach to the supervisory authority (GDPR Art. 33)',
  letterTitle: 'Draft: letter to people whose data the breach touched (GDPR Art. 34)',
  when: 'When it became known, and until when to notify (Art. 33(1))',
  nature: 'Nature of the breach, categories and approximate numbers (Art. 33(3)(a))',
  contact: 'Contact point (Art. 33(3)(b))',
  consequences: 'Likely consequences (Art. 33(3)(c))',
  measures: 'Measures taken or proposed (Art. 33(3)(d))',
  late: 'Reasons for the delay (Art. 33(1))',
  natureText:
    'Our processor declared a security incident ({incident}). According to the ledger of disclosures and readings, personal data of about {subjects} data subjects in about {records} records was in hands where it should not have been, between {first} and {last}. Categories of data subjects: users of managed devices. Categories of data: {categories}. Single items and how exact they were: {items}.',
  noContact: '[name and contact details of the data protection officer or another contact point]',
  consequencesText:
    '[likely consequences for the people touched; the ledger says what was touched, not what follows from it]',
  measuresText:
    '[measures taken or proposed, also to mitigate possible adverse effects; the processor’s notice names its own]',
  processorSays: 'Our processor states in its notice: “{text}”',
  whenText: 'We became aware at {aware}. 72 hours end at {due}.',
  notAware:
    '[when we became aware; no notice of the incident is recorded as delivered to us or acknowledged by us yet]',
  lateText: '[reasons for the delay: the 72 hours are over]',
  letterNature:
    'Data about you that we hold in the management of your device may have been in hands where it should not have been, between {first} and {last}. It concerns: {categories}.',
  letterAdvice: 'What you can do (Art. 34(2))',
  advice: '[advice that fits the data touched]',
  aboutIncluded:
    'The letter is for people at high risk (Art. 34(1)). Whether there is a high risk is for the controller to judge.',
}

const SWEDISH: KitWords = {
  authorityTitle:
    'Utkast: anmälan av en personuppgiftsincident till tillsynsmyndigheten (GDPR art. 33)',
  letterTitle: 'Utkast: brev till de personer vars uppgifter berördes (GDPR art. 34)',
  when: 'När incidenten blev känd, och när anmälan senast ska göras (art. 33.1)',
  nature: 'Incidentens art, kategorier och ungefärliga antal (art. 33.3 a)',
  contact: 'Kontaktpunkt (art. 33.3 b)',
  consequences: 'Sannolika konsekvenser (art. 33.3 c)',
  measures: 'Åtgärder som vidtagits eller föreslås (art. 33.3 d)',
  late: 'Skäl till förseningen (art. 33.1)',
  natureText:
    'Vårt personuppgiftsbiträde har förklarat en säkerhetsincident ({incident}). Enligt liggaren över utlämnanden och läsningar fanns personuppgifter om ungefär {subjects} registrerade i ungefär {records} poster i händer där de inte borde ha varit, mellan {first} och {last}. Kategorier av registrerade: användare av hanterade enheter. Kategorier av uppgifter: {categories}. Enskilda uppgifter och hur exakta de var: {items}.',
  noContact: '[namn och kontaktuppgifter till dataskyddsombudet eller en annan kontaktpunkt]',
  consequencesText:
    '[sannolika konsekvenser för de berörda; liggaren säger vad som berördes, inte vad som följer av det]',
  measuresText:
    '[åtgärder som vidtagits eller föreslås, även för att mildra negativa effekter; biträdets underrättelse anger dess egna]',
  processorSays: 'Vårt biträde skriver i sin underrättelse: ”{text}”',
  whenText: 'Vi fick vetskap {aware}. 72 timmar löper ut {due}.',
  notAware:
    '[när vi fick vetskap; ingen underrättelse om incidenten är ännu bokförd som levererad till oss eller bekräftad av oss]',
  lateText: '[skäl till förseningen: de 72 timmarna har gått]',
  letterNature:
    'Uppgifter om dig som vi har i hanteringen av din enhet kan ha varit i händer där de inte borde ha varit, mellan {first} och {last}. Det gäller: {categories}.',
  letterAdvice: 'Vad du kan göra (art. 34.2)',
  advice: '[råd som passar de berörda uppgifterna]',
  aboutIncluded:
    'Brevet är till för personer som löper hög risk (art. 34.1). Om risken är hög bedömer den personuppgiftsansvarige.',
}

export const KIT_WORDS = { en: ENGLISH, sv: SWEDISH } as const
export type KitLanguage = keyof typeof KIT_WORDS
export const KIT_LANGUAGES = ['en', 'sv'] as const

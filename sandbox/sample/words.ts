/** What the sample says, in the languages of Sluss. */
const ENGLISH = {
  title: 'Sluss: nothing passes until the gates are opened, and what passes is measured.',
  standIn: 'Apple is played by a stand-in on this machine; people and devices are made up.',
  starting: 'starting the database',
  before: 'The device-management server asks for its devices, and nothing has been agreed:',
  refused: 'refused',
  preview: 'The admin turns the feature on and looks at what a profile would carry to Apple:',
  leaves: 'leaves',
  withheld: 'withheld',
  unknown: 'unknown, dropped',
  consent: 'The admin consents to exactly that, and the devices come in:',
  devices: 'devices kept, sealed per person',
  notKept: 'not kept',
  assign: 'The server assigns the profile to three devices:',
  sent: 'bytes that Apple got',
  answer: 'Apple’s answer to the server',
  grown:
    'A newer catalog knows one more field of the profile. What was agreed goes on, the new field waits:',
  withdraw: 'The admin withdraws. The next call stops:',
  renewed: 'The admin looks again and consents to the whole; the field may go:',
  verify: 'The ledger, downloaded and verified without the server:',
  sound: 'sound: every entry hashed anew, tiles, root and signature fit',
  unsound: 'NOT SOUND',
  entries: 'entries',
  again: 'The sample is here from before and goes on.',
  held: 'devices held',
  running: 'Sluss goes on running. Stop it with Ctrl-C.',
  firstAdmin: 'sign in as the organisation’s first administrator, once',
  firstOperator: 'sign in as the operator’s first engineer, once',
  gateway: 'gateway for the device-management server',
  ledger: 'ledger',
  took: 'seconds from start to here',
} as const

const SWEDISH: Record<keyof typeof ENGLISH, string> = {
  title: 'Sluss: inget passerar förrän portarna öppnas, och det som passerar mäts.',
  standIn: 'Apple spelas av en ersättare på den här datorn; personer och enheter är påhittade.',
  starting: 'startar databasen',
  before: 'Enhetshanteringen frågar efter sina enheter, och inget är överenskommet:',
  refused: 'nekas',
  preview: 'Administratören slår på funktionen och ser vad en profil skulle föra till Apple:',
  leaves: 'lämnar',
  withheld: 'hålls inne',
  unknown: 'okänt, stoppat',
  consent: 'Administratören samtycker till just det, och enheterna kommer in:',
  devices: 'enheter sparade, förseglade per person',
  notKept: 'sparas inte',
  assign: 'Enhetshanteringen tilldelar profilen till tre enheter:',
  sent: 'det som Apple fick',
  answer: 'Apples svar till enhetshanteringen',
  grown:
    'En nyare katalog känner ett fält till i profilen. Det överenskomna fortsätter, det nya väntar:',
  withdraw: 'Administratören återkallar. Nästa anrop stoppas:',
  renewed: 'Administratören ser efter och samtycker till allt; fältet får gå:',
  verify: 'Liggaren, hämtad och kontrollerad utan servern:',
  sound: 'hel: varje post omräknad, brickor, rot och underskrift stämmer',
  unsound: 'INTE HEL',
  entries: 'poster',
  again: 'Exemplet finns sedan tidigare och fortsätter.',
  held: 'enheter finns',
  running: 'Sluss fortsätter att köra. Avsluta med Ctrl-C.',
  firstAdmin: 'logga in som organisationens första administratör, en gång',
  firstOperator: 'logga in som driftens första tekniker, en gång',
  gateway: 'ingång för enhetshanteringen',
  ledger: 'liggare',
  took: 'sekunder från start hit',
}

export type Words = Record<keyof typeof ENGLISH, string>

/** Swedish where the environment asks for it (`LANG=sv_SE.UTF-8`), English otherwise. */
export function wordsFor(language: string | undefined): Words {
  return language?.toLowerCase().startsWith('sv') ? SWEDISH : ENGLISH
}

import type { Language } from '#access/account.ts'

const english = {
  signIn: 'Sign in',
  signInTo: 'Sign in to Sluss',
  withPasskey: 'Sign in with a passkey',
  passkeyHint: 'Your device asks for your fingerprint, face or PIN.',
  or: 'or',
  organisation: 'Organisation',
  organisationHint: 'The short name your administrator gave you.',
  next: 'Continue',
  withProvider: 'Continue with',
  noProvider: 'There is no sign-in of its own for this organisation.',
  cancel: 'Cancel',
  again: 'Prove again that it is you, to go on.',
  failed: 'That did not work. Try again.',
  failedTitle: 'The sign-in was not completed',
  failedHint: 'Nothing was changed. Go back to where you came from and start again.',
  unknown: 'There is no account for you here. Ask your administrator.',
  disabled: 'This account is switched off. Ask your administrator.',
  noInteraction: 'Start at the console or at the command line: there is no sign-in under way here.',
  noScript: 'A passkey needs JavaScript, which is switched off here.',
  noPasskeys: 'This browser cannot use passkeys.',
  linkTitle: 'Set up your passkey',
  linkFirst: 'You are the first administrator. Make a passkey; it is your way in from now on.',
  linkInvitation: 'You were invited. Make a passkey; it is your way in from now on.',
  linkRecovery:
    'Make a new passkey. Your older ones stop working then, and you are signed out everywhere.',
  keyName: 'Name of this passkey',
  keyNameUsual: 'My passkey',
  makeKey: 'Make a passkey',
  linkUsed: 'This link was used, has run out or is not known. Ask for another.',
  doneTitle: 'Your passkey is ready',
  done: 'Sign in with it now.',
  toConsole: 'Go to the console',
  deviceTitle: 'Connect a device',
  deviceHint: 'Type the code that your device or command line shows.',
  deviceWrong: 'This code does not fit or has run out.',
  code: 'Code',
  confirmTitle: 'Is this your code?',
  confirmHint:
    'Go on only if you started this yourself just now, and your own screen shows exactly this code. Nobody from support ever asks you to do this.',
  confirm: 'Yes, connect',
  refuse: 'No, it is not mine',
  deviceDoneTitle: 'Connected',
  deviceDone: 'Your device is signed in. You can close this page.',
  signOutTitle: 'Sign out?',
  signOut: 'Sign out',
  stay: 'Stay signed in',
  signedOutTitle: 'You are signed out',
  signedOut: 'You can close this page.',
  skip: 'Skip to the content',
  otherLanguage: 'Svenska',
} as const

export type Texts = Record<keyof typeof english, string>

const swedish: Texts = {
  signIn: 'Logga in',
  signInTo: 'Logga in i Sluss',
  withPasskey: 'Logga in med en nyckel (passkey)',
  passkeyHint: 'Enheten frågar efter fingeravtryck, ansikte eller PIN-kod.',
  or: 'eller',
  organisation: 'Organisation',
  organisationHint: 'Kortnamnet som du fått av din administratör.',
  next: 'Fortsätt',
  withProvider: 'Fortsätt med',
  noProvider: 'Organisationen har ingen egen inloggning här.',
  cancel: 'Avbryt',
  again: 'Visa igen att det är du, för att gå vidare.',
  failed: 'Det gick inte. Försök igen.',
  failedTitle: 'Inloggningen slutfördes inte',
  failedHint: 'Inget har ändrats. Gå tillbaka dit du kom ifrån och börja om.',
  unknown: 'Du har inget konto här. Fråga din administratör.',
  disabled: 'Kontot är avstängt. Fråga din administratör.',
  noInteraction: 'Börja i konsolen eller på kommandoraden: ingen inloggning pågår här.',
  noScript: 'En nyckel kräver JavaScript, som är avstängt här.',
  noPasskeys: 'Den här webbläsaren kan inte använda nycklar (passkeys).',
  linkTitle: 'Skapa din nyckel',
  linkFirst: 'Du är den första administratören. Skapa en nyckel; med den loggar du in hädanefter.',
  linkInvitation: 'Du har blivit inbjuden. Skapa en nyckel; med den loggar du in hädanefter.',
  linkRecovery: 'Skapa en ny nyckel. De äldre slutar då att gälla, och du loggas ut överallt.',
  keyName: 'Nyckelns namn',
  keyNameUsual: 'Min nyckel',
  makeKey: 'Skapa en nyckel',
  linkUsed: 'Länken är använd, för gammal eller okänd. Be om en ny.',
  doneTitle: 'Din nyckel är klar',
  done: 'Logga in med den nu.',
  toConsole: 'Till konsolen',
  deviceTitle: 'Anslut en enhet',
  deviceHint: 'Skriv koden som enheten eller kommandoraden visar.',
  deviceWrong: 'Koden stämmer inte eller har gått ut.',
  code: 'Kod',
  confirmTitle: 'Är det här din kod?',
  confirmHint:
    'Gå vidare bara om du själv nyss började detta, och din egen skärm visar exakt den här koden. Ingen från supporten ber dig någonsin om det.',
  confirm: 'Ja, anslut',
  refuse: 'Nej, den är inte min',
  deviceDoneTitle: 'Ansluten',
  deviceDone: 'Enheten är inloggad. Du kan stänga sidan.',
  signOutTitle: 'Logga ut?',
  signOut: 'Logga ut',
  stay: 'Förbli inloggad',
  signedOutTitle: 'Du är utloggad',
  signedOut: 'Du kan stänga sidan.',
  skip: 'Till innehållet',
  otherLanguage: 'English',
}

export function textsOf(language: Language): Texts {
  return language === 'sv' ? swedish : english
}

/** The language a page is shown in: what was asked for, else the first of the two that the browser accepts. */
export function languageOf(asked: string | undefined, accepted: string | undefined): Language {
  if (asked === 'sv' || asked === 'en') return asked
  const first = (accepted ?? '')
    .split(',')
    .map((part) => part.trim().slice(0, 2).toLowerCase())
    .find((code) => code === 'sv' || code === 'en')
  return first === 'sv' ? 'sv' : 'en'
}

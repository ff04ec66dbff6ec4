import type { CommonWords, TemplateId, Words } from '../template.ts'

export const COMMON_SV: CommonWords = {
  labels: {
    tenantId: 'Organisation',
    requestId: 'Begäran',
    caseId: 'Ärende',
    grantId: 'Åtkomst',
    emergencyId: 'Nödåtkomst',
    entryId: 'Post i liggaren',
    accountId: 'Konto',
    keyId: 'Nyckel',
    connectionId: 'Anslutning',
  },
  sender: 'Sluss meddelanden',
  footer:
    'Det här meddelandet har skrivits av ett program; ingen läser svar. Det innehåller med flit ingen länk: öppna Sluss så som du brukar. ' +
    'Den som skickar dig en länk i vårt namn är inte vi.',
}

export const SV: Readonly<Record<TemplateId, Words>> = {
  'support.requested': {
    subject: 'En supportbegäran väntar på ditt godkännande',
    what: 'En tekniker ber att få se uppgifter hos en kund, för ett ärende och en begränsad tid. Kunden tillfrågas först när du har godkänt.',
    todo: 'Öppna Sluss, gå till Supportbegäran och läs vem som ber om vad och varför. Du kan godkänna eller avslå; ingen godkänner det den själv har bett om.',
    until: 'Utan svar upphör begäran av sig själv: {until}.',
  },
  'support.providerApproved': {
    subject: 'En supportbegäran väntar på ditt svar',
    what: 'Operatören har godkänt en begäran från sin supportpersonal om åtkomst till era uppgifter. Nu är det ni som bestämmer.',
    todo: 'Öppna Sluss, gå till Supportbegäran och godkänn, godkänn mindre eller avslå.',
    until: 'Utan svar upphör begäran av sig själv: {until}.',
  },
  'support.passedOn': {
    subject: 'Din supportbegäran ligger hos kunden',
    what: 'En kollega har godkänt din begäran, och kunden är tillfrågad. Kunden kan godkänna, godkänna mindre eller avslå.',
    todo: 'Inget behöver göras. Öppna Sluss och gå till Supportbegäran för att se hur det står till.',
    until: 'Utan svar upphör begäran av sig själv: {until}.',
  },
  'support.approved': {
    subject: 'En supportbegäran har godkänts',
    what: 'En godkännare i organisationen har godkänt en begäran om supportåtkomst och skrivit under den.',
    todo: 'Öppna Sluss, Supportbegäran, för att se exakt vad som får ses. Åtkomsten kan avslutas när som helst.',
    until: 'Åtkomsten slutar senast: {until}.',
  },
  'support.denied': {
    subject: 'En supportbegäran har avslagits',
    what: 'En begäran om supportåtkomst har avslagits. Ingen fick åtkomst.',
    todo: 'Inget behöver göras. Begäran går fortfarande att läsa i Sluss, Supportbegäran.',
  },
  'support.cancelled': {
    subject: 'En supportbegäran har tagits tillbaka',
    what: 'Supporten har tagit tillbaka en begäran om åtkomst. Ingen fick åtkomst.',
    todo: 'Inget behöver göras.',
  },
  'support.expired': {
    subject: 'En supportbegäran besvarades inte i tid',
    what: 'En begäran om supportåtkomst upphörde utan svar. Ingen fick åtkomst.',
    todo: 'Inget behöver göras. Behöver ärendet fortfarande hjälp måste supporten be på nytt.',
  },
  'grant.started': {
    subject: 'Supportåtkomst har börjat',
    what: 'Supportpersonal använder en åtkomst som er organisation har godkänt. Allt de tittar på registreras.',
    todo: 'Öppna Sluss, Supportåtkomst, för att se vad som läses eller för att avsluta den nu.',
    until: 'Den slutar senast: {until}.',
  },
  'grant.ended': {
    subject: 'Supportåtkomst har upphört',
    what: 'En åtkomst som er organisation har godkänt är slut. Ingen på supporten kan läsa era uppgifter med stöd av den längre.',
    todo: 'Öppna Sluss, Supportåtkomst, för att spela upp vad som lästes.',
  },
  'grant.lapsed': {
    subject: 'Supportåtkomst användes aldrig och har förfallit',
    what: 'En åtkomst som er organisation har godkänt användes inte i tid. Inget lästes.',
    todo: 'Inget behöver göras.',
  },
  'emergency.opened': {
    subject: 'Nödåtkomst till era uppgifter har öppnats',
    what: 'Två ur operatörens personal har öppnat nödåtkomst till er organisations uppgifter utan att fråga först. Allt de tittar på registreras.',
    todo: 'Öppna Sluss, Supportåtkomst, Nödlägen. Ni kan avsluta den när som helst, och er granskning begärs efteråt.',
    until: 'Den slutar senast: {until}.',
  },
  'emergency.reviewed': {
    subject: 'En nödåtkomst har granskats',
    what: 'En nödåtkomst till er organisations uppgifter har granskats.',
    todo: 'Öppna Sluss, Supportåtkomst, Nödlägen, för att läsa granskningen och lägga till er egen.',
  },
  'sealed.opened': {
    subject: 'En förseglad post kan läsas nu',
    what: 'En post i er liggare, vars text hittills var förseglad, har öppnats. Sluss kontrollerar att texten är den som förseglades.',
    todo: 'Öppna Sluss, Liggare, Förseglade poster, för att läsa den.',
  },
  'signIn.newDevice': {
    subject: 'En ny enhet har loggat in på ditt konto',
    what: 'Någon har loggat in på ditt konto från en enhet som inte har använts förut.',
    todo: 'Var det du behöver inget göras. Om inte: öppna Sluss, Mitt konto, Logga ut överallt, och berätta för din administratör.',
  },
  'account.invited': {
    subject: 'Du har fått ett konto',
    what: 'En administratör i din organisation har skapat ett konto i Sluss åt dig. Länken för att ställa in det lämnas av administratören, aldrig per e-post.',
    todo: 'Be din administratör om länken.',
    until: 'Länken kan användas till: {until}.',
  },
  'account.recoveryLink': {
    subject: 'En återställningslänk har skapats för ditt konto',
    what: 'En administratör har skapat en länk som kan ställa in en ny passkey för ditt konto. Den lämnas av administratören, aldrig per e-post.',
    todo: 'Har du inte bett om den, berätta genast för en annan administratör.',
    until: 'Länken kan användas till: {until}.',
  },
  'key.registered': {
    subject: 'En signeringsnyckel har lagts till på ditt konto',
    what: 'En nyckel som kan skriva under godkännanden i ditt namn har lagts till på ditt konto.',
    todo: 'Var det inte du: öppna Sluss, Mitt konto, Signeringsnycklar, ta bort den och berätta för din administratör.',
  },
  'role.changed': {
    subject: 'Vad du får göra har ändrats',
    what: 'En ändring av roller har ändrat vad ditt konto får se eller göra.',
    todo: 'Öppna Sluss, Mitt konto, Behörigheter, för att se vad du får göra nu.',
  },
  'agents.changed': {
    subject: 'Listan över underbiträden har ändrats',
    what: 'Operatören har ändrat listan över dem som den anlitar för att behandla era uppgifter. Ändringar: {count}. Inget går till ett nytt underbiträde, eller till ett för mer än förut, förrän ledtiden är över.',
    todo: 'Öppna Sluss, gå till Delning, Underbiträden, för att se vad som ändrats och från när. Ni kan invända; innan ni gör det visas vad som skulle sluta fungera.',
  },
  'webhook.gone': {
    subject: 'Webhooken för meddelanden har stängts av',
    what: 'Mottagaren av era meddelanden har svarat att den är borta för gott (410). Sluss skickar inget dit längre.',
    todo: 'Öppna Sluss, Inställningar, Meddelanden, för att ange en annan adress eller slå på den igen.',
  },
  'notice.test': {
    subject: 'Ett prov av meddelanden',
    what: 'En administratör i din organisation prövar om meddelanden kommer fram.',
    todo: 'Inget behöver göras.',
  },
}

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
    incidentId: 'Incident',
    documentId: 'Meddelande',
    code: 'Kod att bekräfta med',
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
  'pushCertificate.ends': {
    subject: 'Ert push-certifikat från Apple går snart ut',
    what: 'Certifikatet som Sluss väcker era Apple-enheter med går ut. Dagar kvar: {count}. Utan det kan ingen enhet nås, och om certifikatet förloras för gott måste enheterna registreras om.',
    todo: 'Öppna Sluss, gå till Anslutningar och förnya det i Apple Push Certificates Portal med samma Apple-konto som förut; skapa aldrig ett nytt i stället.',
    until: 'Certifikatet gäller till: {until}.',
  },
  'pushCertificate.ended': {
    subject: 'Ert push-certifikat från Apple har gått ut',
    what: 'Certifikatet som Sluss väcker era Apple-enheter med har gått ut. Inga push-meddelanden skickas.',
    todo: 'Öppna Sluss, gå till Anslutningar och förnya det i Apple Push Certificates Portal med samma Apple-konto som förut. Apple låter ett certifikat som gått ut förnyas bara en kort tid.',
    until: 'Certifikatet gällde till: {until}.',
  },
  'vppToken.ends': {
    subject: 'Er innehållstoken för Apples Appar och böcker går snart ut',
    what: 'Den innehållstoken som applicenser delas ut med går ut. Dagar kvar: {count}. Utan den kan ingen licens ges eller tas tillbaka.',
    todo: 'Hämta en ny token i Apple Business Manager eller Apple School Manager, öppna Sluss, gå till Anslutningar och sätt den i den gamlas ställe.',
    until: 'Den gäller till: {until}.',
  },
  'vppToken.ended': {
    subject: 'Er innehållstoken för Apples Appar och böcker har gått ut',
    what: 'Den innehållstoken som applicenser delas ut med har gått ut. Ingen licens kan ges eller tas tillbaka; installerade appar fortsätter att fungera.',
    todo: 'Hämta en ny token i Apple Business Manager eller Apple School Manager, öppna Sluss, gå till Anslutningar och sätt den i den gamlas ställe.',
    until: 'Den gällde till: {until}.',
  },
  'rights.due': {
    subject: 'En persons begäran ska snart vara besvarad',
    what: 'En persons begäran om sina uppgifter, som du ansvarar för, ska vara besvarad inom sju dagar.',
    todo: 'Öppna Sluss, gå till Begäranden från personer och avsluta den, avslå den med skälet eller förläng den medan den första månaden löper.',
    until: 'Den ska vara besvarad: {until}.',
  },
  'rights.overdue': {
    subject: 'En persons begäran är försenad',
    what: 'Tiden inom vilken en persons begäran om sina uppgifter skulle besvaras har gått ut.',
    todo: 'Öppna Sluss, gå till Begäranden från personer och besvara den nu. Den kan fortfarande avslutas.',
    until: 'Den skulle ha varit besvarad: {until}.',
  },
  'incident.first': {
    subject: 'Säkerhetsincident',
    what: 'En incident rör uppgifter i er organisation. Detta är vad vi vet hittills; mer följer.',
    todo: 'Bekräfta att ni har fått meddelandet: öppna Sluss och gå till Incidentmeddelanden, eller ange koden nedan under Bekräfta ett meddelande. Tills någon gör det meddelar vi fler av era kontakter.',
  },
  'incident.followUp': {
    subject: 'Säkerhetsincident, uppföljning',
    what: 'Det finns nytt om en incident som rör uppgifter i er organisation.',
    todo: 'Bekräfta att ni har fått meddelandet: öppna Sluss och gå till Incidentmeddelanden, eller ange koden nedan under Bekräfta ett meddelande. Tills någon gör det meddelar vi fler av era kontakter.',
  },
  'incident.final': {
    subject: 'Säkerhetsincident, slutmeddelande',
    what: 'Arbetet med en incident som rör uppgifter i er organisation är avslutat. Detta är slutmeddelandet.',
    todo: 'Bekräfta att ni har fått meddelandet: öppna Sluss och gå till Incidentmeddelanden, eller ange koden nedan under Bekräfta ett meddelande. Tills någon gör det meddelar vi fler av era kontakter.',
  },
  'incident.reminder': {
    subject: 'Ännu inte bekräftat: säkerhetsincident',
    what: 'En incident rör uppgifter i er organisation. Ingen har bekräftat meddelandet hittills, därför skickas det igen.',
    todo: 'Bekräfta det: öppna Sluss och gå till Incidentmeddelanden, eller ange koden nedan under Bekräfta ett meddelande. Tiden ni har på er att anmäla till myndigheten kan löpa.',
  },
  'incident.unreached': {
    subject: 'En kund har inte bekräftat en incident',
    what: 'Ingen av en kunds kontakter har bekräftat meddelandet om en incident, eller så går ingen att nå. Nu måste en person meddela kunden, per telefon eller brev.',
    todo: 'Öppna Sluss, gå till incidenten och dess meddelanden, skriv ut brevet och anteckna när och hur kunden fick veta.',
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

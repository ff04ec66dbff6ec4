import type { CommonWords, TemplateId, Words } from '../template.ts'

export const COMMON_EN: CommonWords = {
  labels: {
    tenantId: 'Organisation',
    requestId: 'Request',
    caseId: 'Case',
    grantId: 'Access',
    emergencyId: 'Emergency access',
    entryId: 'Ledger entry',
    accountId: 'Account',
    keyId: 'Key',
    connectionId: 'Connection',
    incidentId: 'Incident',
    documentId: 'Notice',
    code: 'Code to acknowledge it with',
  },
  sender: 'Sluss notices',
  footer:
    'This message was written by a program; nobody reads replies. It holds no link on purpose: open Sluss the way you always do. ' +
    'Whoever sends you a link in our name is not us.',
}

export const EN: Readonly<Record<TemplateId, Words>> = {
  'support.requested': {
    subject: 'A support request waits for your approval',
    what: 'An engineer asks to look at data of a customer, for one case and a limited time. The customer is asked only when you have approved.',
    todo: 'Open Sluss, go to Support requests, and read who asks for what and why. You can approve or deny; nobody approves what they asked for themselves.',
    until: 'Without an answer the request ends by itself: {until}.',
  },
  'support.providerApproved': {
    subject: 'A support request waits for your answer',
    what: 'The operator has approved a request of its support staff for access to your data. Now it is for you to decide.',
    todo: 'Open Sluss, go to Support requests, and approve, approve less, or deny.',
    until: 'Without an answer the request ends by itself: {until}.',
  },
  'support.passedOn': {
    subject: 'Your support request is with the customer',
    what: 'A colleague has approved your request, and the customer has been asked. They may approve it, approve less, or deny it.',
    todo: 'Nothing has to be done. Open Sluss and go to Support requests to see how it stands.',
    until: 'Without an answer the request ends by itself: {until}.',
  },
  'support.approved': {
    subject: 'A support request was approved',
    what: 'An approver of the organisation has approved a request for support access, and signed it.',
    todo: 'Open Sluss, Support requests, to see exactly what may be seen. The access can be ended at any time.',
    until: 'The access ends at the latest: {until}.',
  },
  'support.denied': {
    subject: 'A support request was denied',
    what: 'A request for support access was denied. Nobody got access.',
    todo: 'Nothing needs to be done. The request stays readable in Sluss, Support requests.',
  },
  'support.cancelled': {
    subject: 'A support request was taken back',
    what: 'Support has taken back a request for access. Nobody got access.',
    todo: 'Nothing needs to be done.',
  },
  'support.expired': {
    subject: 'A support request was not answered in time',
    what: 'A request for support access ended without an answer. Nobody got access.',
    todo: 'Nothing needs to be done. If the case still needs help, support has to ask anew.',
  },
  'grant.started': {
    subject: 'Support access has begun',
    what: 'Support staff use an access that your organisation approved. Everything they look at is recorded.',
    todo: 'Open Sluss, Support access, to see what is looked at, or to end it now.',
    until: 'It ends at the latest: {until}.',
  },
  'grant.ended': {
    subject: 'Support access has ended',
    what: 'An access that your organisation approved has ended. Nobody at support can read your data under it any more.',
    todo: 'Open Sluss, Support access, to replay what was looked at.',
  },
  'grant.lapsed': {
    subject: 'Support access was never used and has lapsed',
    what: 'An access that your organisation approved was not used in time. Nothing was looked at.',
    todo: 'Nothing needs to be done.',
  },
  'emergency.opened': {
    subject: 'Emergency access to your data was opened',
    what: 'Two members of the operator’s staff have opened emergency access to data of your organisation without asking first. Everything they look at is recorded.',
    todo: 'Open Sluss, Support access, Emergencies. You can end it at any time, and your review is asked for afterwards.',
    until: 'It ends at the latest: {until}.',
  },
  'emergency.reviewed': {
    subject: 'An emergency access was reviewed',
    what: 'An emergency access to data of your organisation was reviewed.',
    todo: 'Open Sluss, Support access, Emergencies, to read the review and to add your own.',
  },
  'sealed.opened': {
    subject: 'A sealed entry can be read now',
    what: 'An entry in your ledger, whose text was sealed until now, has been opened. Sluss checks that the text is the one that was sealed.',
    todo: 'Open Sluss, Ledger, Sealed entries, to read it.',
  },
  'signIn.newDevice': {
    subject: 'A new device signed in to your account',
    what: 'Somebody signed in to your account from a device that was not used before.',
    todo: 'If it was you, nothing needs to be done. If not: open Sluss, My account, Sign out everywhere, and tell your administrator.',
  },
  'account.invited': {
    subject: 'You have been given an account',
    what: 'An administrator of your organisation has made an account in Sluss for you. The link to set it up is handed to you by the administrator, never by mail.',
    todo: 'Ask your administrator for the link.',
    until: 'The link can be used until: {until}.',
  },
  'account.recoveryLink': {
    subject: 'A recovery link was made for your account',
    what: 'An administrator has made a link by which a new passkey can be set up for your account. It is handed over by the administrator, never by mail.',
    todo: 'If you did not ask for it, tell another administrator at once.',
    until: 'The link can be used until: {until}.',
  },
  'key.registered': {
    subject: 'A signing key was added to your account',
    what: 'A key that can sign approvals in your name was added to your account.',
    todo: 'If it was not you: open Sluss, My account, Signing keys, remove it, and tell your administrator.',
  },
  'role.changed': {
    subject: 'What you may do has changed',
    what: 'A change of roles has changed what your account may see or do.',
    todo: 'Open Sluss, My account, Permissions, to see what you may do now.',
  },
  'agents.changed': {
    subject: 'The list of subprocessors has changed',
    what: 'The operator has changed the list of those it uses to process your data. Changes: {count}. Nothing goes to a new one, or to one for more than before, until the lead time is over.',
    todo: 'Open Sluss, go to Sharing, Subprocessors, to see what changed and from when. You can object; you are shown what would stop working before you do.',
  },
  'pushCertificate.ends': {
    subject: 'Your push certificate from Apple ends soon',
    what: 'The certificate with which Sluss wakes your Apple devices ends. Days left: {count}. Without it no device can be reached, and one that has lost its certificate for good must be enrolled again.',
    todo: 'Open Sluss, go to Connections, and renew it at the Apple Push Certificates Portal with the same Apple account as before; never make a new one instead.',
    until: 'The certificate is good until: {until}.',
  },
  'pushCertificate.ended': {
    subject: 'Your push certificate from Apple has ended',
    what: 'The certificate with which Sluss wakes your Apple devices has ended. No push is sent.',
    todo: 'Open Sluss, go to Connections, and renew it at the Apple Push Certificates Portal with the same Apple account as before. Apple lets an ended certificate be renewed for a short time only.',
    until: 'The certificate was good until: {until}.',
  },
  'vppToken.ends': {
    subject: 'Your content token for Apple’s Apps and Books ends soon',
    what: 'The content token with which app licences are handed out ends. Days left: {count}. Without it no licence can be given or taken back.',
    todo: 'Download a new token from Apple Business Manager or Apple School Manager, open Sluss, go to Connections, and put it in the place of the old one.',
    until: 'The token is good until: {until}.',
  },
  'vppToken.ended': {
    subject: 'Your content token for Apple’s Apps and Books has ended',
    what: 'The content token with which app licences are handed out has ended. No licence can be given or taken back; apps that are installed go on working.',
    todo: 'Download a new token from Apple Business Manager or Apple School Manager, open Sluss, go to Connections, and put it in the place of the old one.',
    until: 'The token was good until: {until}.',
  },
  'rights.due': {
    subject: "A person's request is due soon",
    what: 'A request of a person about their data, which you answer for, is due within seven days.',
    todo: 'Open Sluss, go to Requests of people, and complete it, refuse it with the reason, or extend it while its first month lasts.',
    until: 'It is due: {until}.',
  },
  'rights.overdue': {
    subject: "A person's request is overdue",
    what: 'The time in which a request of a person about their data had to be answered is over.',
    todo: 'Open Sluss, go to Requests of people, and answer it now. It can still be completed.',
    until: 'It was due: {until}.',
  },
  'incident.first': {
    subject: 'Security incident',
    what: 'An incident concerns data of your organisation. This is what we know so far; it will be followed up.',
    todo: 'Please acknowledge that you have this notice: open Sluss and go to Incident notices, or give the code below under Acknowledge a notice. Until somebody does, we tell further contacts of yours.',
  },
  'incident.followUp': {
    subject: 'Security incident, follow-up',
    what: 'There is news of an incident that concerns data of your organisation.',
    todo: 'Please acknowledge that you have this notice: open Sluss and go to Incident notices, or give the code below under Acknowledge a notice. Until somebody does, we tell further contacts of yours.',
  },
  'incident.final': {
    subject: 'Security incident, final notice',
    what: 'The work on an incident that concerns data of your organisation is over. This is the final notice.',
    todo: 'Please acknowledge that you have this notice: open Sluss and go to Incident notices, or give the code below under Acknowledge a notice. Until somebody does, we tell further contacts of yours.',
  },
  'incident.reminder': {
    subject: 'Not acknowledged yet: security incident',
    what: 'An incident concerns data of your organisation. Nobody has acknowledged the notice so far, so it is sent again.',
    todo: 'Please acknowledge it: open Sluss and go to Incident notices, or give the code below under Acknowledge a notice. The time that you have to tell the authority may be running.',
  },
  'incident.unreached': {
    subject: 'A customer has not acknowledged an incident',
    what: 'None of the contacts of a customer has acknowledged the notice of an incident, or none can be reached. Now a person has to tell it, by telephone or letter.',
    todo: 'Open Sluss, go to the incident and its notices, print the letter, and note when and how the customer was told.',
  },
  'webhook.gone': {
    subject: 'The webhook for notices was switched off',
    what: 'The receiver of your notices said that it is gone for good (410). Sluss sends nothing there any more.',
    todo: 'Open Sluss, Settings, Notices, to give another address or to switch it on again.',
  },
  'notice.test': {
    subject: 'A test of notices',
    what: 'An administrator of your organisation tries whether notices arrive.',
    todo: 'Nothing needs to be done.',
  },
}

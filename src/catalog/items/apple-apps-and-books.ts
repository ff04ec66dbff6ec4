import { item } from './item.ts'

/** What stands in calls of Apple's Apps and Books beside what other tables have already. */
export const appleAppsAndBooksItems = [
  item('app.supportedPlatforms', 'supportedPlatforms', 'app', 'fact', ['app-licensing']),
  item('credential.contentToken', 'Content token (sToken)', 'credential', 'secret', ['app-licensing'], { secret: true }),
  item('credential.inviteCode', 'Code or address by which a person joins', 'credential', 'secret', ['app-licensing'], { personal: true, secret: true }),
  item('credential.notificationToken', 'Token that proves a notification', 'credential', 'secret', ['app-licensing'], { secret: true }),
  item('organisation.contentTokenExpiry', 'tokenExpirationDate', 'organisation', 'fact', ['app-licensing']),
  item('organisation.libraryId', 'uId', 'organisation', 'fact', ['app-licensing']),
  item('organisation.mdmInfo', 'mdmInfo', 'organisation', 'text', ['app-licensing']),
  item('organisation.notificationAddress', 'notificationUrl', 'organisation', 'fact', ['app-licensing']),
  item('organisation.programWebsite', 'websiteURL', 'organisation', 'fact', ['app-licensing']),
  item('organisation.storePlatform', 'defaultPlatform', 'organisation', 'fact', ['app-licensing']),
  item('person.licenceEmail', 'email', 'person', 'email', ['app-licensing'], { personal: true }),
  item('protocol.licenceError', 'errorNumber', 'protocol', 'fact', ['app-licensing']),
  item('protocol.licenceEvent', 'eventId', 'protocol', 'fact', ['app-licensing']),
  item('protocol.licenceFilter', 'Filters of lists', 'protocol', 'fact', ['app-licensing']),
  item('protocol.licenceLimit', 'limits', 'protocol', 'fact', ['app-licensing']),
  item('protocol.licenceNotification', 'notificationTypes', 'protocol', 'fact', ['app-licensing']),
  item('protocol.licencePage', 'pageIndex', 'protocol', 'fact', ['app-licensing']),
]

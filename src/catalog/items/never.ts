import { item } from './item.ts'

/** Never collected, by pledge: they stop at the door and are counted. */
export const neverItems = [
  item('never.callingHistory', 'calling history', 'sensitive', 'text', [], { personal: true, need: 'never', category: 'Never collected' }),
  item('never.webBrowsingHistory', 'web browsing history', 'sensitive', 'text', [], { personal: true, need: 'never', category: 'Never collected' }),
  item('never.personalEmail', 'personal email', 'sensitive', 'text', [], { personal: true, need: 'never', category: 'Never collected' }),
  item('never.textMessages', 'text messages', 'sensitive', 'text', [], { personal: true, need: 'never', category: 'Never collected' }),
  item('never.contacts', 'contacts', 'sensitive', 'text', [], { personal: true, need: 'never', category: 'Never collected' }),
  item('never.passwordsToPersonalAccounts', 'passwords to personal accounts', 'sensitive', 'text', [], { personal: true, need: 'never', category: 'Never collected' }),
  item('never.calendarEvents', 'calendar events', 'sensitive', 'text', [], { personal: true, need: 'never', category: 'Never collected' }),
  item('never.photosIncludingThoseInAPhotoAppOrCamera', 'photos, including those in a photo app or camera', 'sensitive', 'text', [], { personal: true, need: 'never', category: 'Never collected' }),
]

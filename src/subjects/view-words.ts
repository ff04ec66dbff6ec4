/** Why a room keeps what it keeps about people, and how long, where no data item of the catalog says so. */
export interface HolderWords {
  readonly purposes: readonly string[]
  readonly retention: string
}

const EVIDENCE = 'retention.audit-log'

export const HOLDER_WORDS: Readonly<Record<string, HolderWords>> = {
  records: { purposes: ['device-management'], retention: 'retention.general-personal-data' },
  access: { purposes: ['security-notices'], retention: 'retention.user-deleted' },
  notify: { purposes: ['security-notices'], retention: EVIDENCE },
  agreements: { purposes: ['security-notices'], retention: EVIDENCE },
  support: { purposes: ['remote-assistance'], retention: EVIDENCE },
  viewing: { purposes: ['security-notices'], retention: EVIDENCE },
  sharing: { purposes: ['device-management'], retention: 'retention.general-personal-data' },
  directory: { purposes: ['device-management'], retention: 'retention.user-deleted' },
  subjects: { purposes: ['security-notices'], retention: EVIDENCE },
}

/** A retention rule in words that a person can read. */
export const RETENTION_WORDS: Readonly<Record<string, Readonly<Record<'en' | 'sv', string>>>> = {
  'retention.user-deleted': {
    en: 'until 30 days after your account is deleted',
    sv: 'till 30 dagar efter att ditt konto har raderats',
  },
  'retention.factory-reset': {
    en: 'until 30 days after the device is reset',
    sv: 'till 30 dagar efter att enheten har återställts',
  },
  'retention.general-personal-data': {
    en: 'until 30 days after it is deleted',
    sv: 'till 30 dagar efter att det har raderats',
  },
  'retention.audit-log': { en: 'for 365 days', sv: 'i 365 dagar' },
  'retention.tenant-closed': {
    en: 'until 180 days after the organisation leaves',
    sv: 'till 180 dagar efter att organisationen har lämnat tjänsten',
  },
  'retention.jamf-terminated': {
    en: 'until 90 days after the connection to Jamf ends',
    sv: 'till 90 dagar efter att kopplingen till Jamf har upphört',
  },
  'retention.autopatch-device-removed': {
    en: 'until 30 days after the device leaves Autopatch',
    sv: 'till 30 dagar efter att enheten har lämnat Autopatch',
  },
  'retention.configmgr-diagnostics': { en: 'for 365 days', sv: 'i 365 dagar' },
}

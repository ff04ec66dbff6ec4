/** How long something may be kept. Days are calendar days of 24 hours; "one year" of the sources is 365. */
export interface RetentionRule {
  readonly id: string
  readonly trigger: string
  /** Gone within so many days of the trigger. */
  readonly deleteWithinDays?: number
  /** Kept for so many days from the trigger, then gone by itself. */
  readonly keepDays?: number
}

export const RETENTION: readonly RetentionRule[] = [
  {
    id: 'retention.user-deleted',
    trigger: 'user hard-deleted in the directory',
    deleteWithinDays: 30,
  },
  {
    id: 'retention.factory-reset',
    trigger: 'device reset to factory settings',
    deleteWithinDays: 30,
  },
  { id: 'retention.general-personal-data', trigger: 'personal data deleted', deleteWithinDays: 30 },
  { id: 'retention.audit-log', trigger: 'audit event written', keepDays: 365 },
  { id: 'retention.tenant-closed', trigger: 'customer closes the account', deleteWithinDays: 180 },
  { id: 'retention.jamf-terminated', trigger: 'Jamf connection terminated', deleteWithinDays: 90 },
  {
    id: 'retention.autopatch-device-removed',
    trigger: 'device removed from Windows Autopatch',
    deleteWithinDays: 30,
  },
  {
    id: 'retention.configmgr-diagnostics',
    trigger: 'Configuration Manager diagnostic data received',
    keepDays: 365,
  },
]

/** Rules that bind the collection of whole categories, by fact row id. */
export const COLLECTION_RULES: Readonly<Record<string, string>> = {
  'rule.app-inventory-needs-corporate-or-compliant-app':
    'collect only if an admin marked the device corporate-owned or the compliant-app feature is on',
  'rule.location-corporate-only': 'location only for corporate devices',
}

/** What optional collection may never hold. */
export const NEVER_IN_OPTIONAL: readonly string[] = [
  'device name',
  'phone number',
  'contents of files',
  'contents of photos',
]

export const PLEDGES: Readonly<Record<string, string>> = {
  'pledge.no-sale': 'collected data are never sold to third parties',
  'pledge.no-profiling-or-marketing':
    'personal data from the service are not used for profiling or marketing',
}

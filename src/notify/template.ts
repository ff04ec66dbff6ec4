/**
 * What a notice is about. `action` asks the reader for something; one that `lapses` is of use until its time only,
 * and is not sent after it. Each has its words in every language, in `templates/`. */
export const TEMPLATES = {
  'support.requested': { severity: 'high', action: true, lapses: true },
  'support.providerApproved': { severity: 'high', action: true, lapses: true },
  'support.passedOn': { severity: 'normal', action: false, lapses: true },
  'support.approved': { severity: 'normal', action: false, lapses: false },
  'support.denied': { severity: 'normal', action: false, lapses: false },
  'support.cancelled': { severity: 'normal', action: false, lapses: false },
  'support.expired': { severity: 'normal', action: false, lapses: false },
  'grant.started': { severity: 'normal', action: false, lapses: false },
  'grant.ended': { severity: 'normal', action: false, lapses: false },
  'grant.lapsed': { severity: 'normal', action: false, lapses: false },
  'emergency.opened': { severity: 'critical', action: true, lapses: false },
  'emergency.reviewed': { severity: 'high', action: false, lapses: false },
  'sealed.opened': { severity: 'high', action: false, lapses: false },
  'signIn.newDevice': { severity: 'high', action: true, lapses: false },
  'account.invited': { severity: 'normal', action: true, lapses: true },
  'account.recoveryLink': { severity: 'high', action: true, lapses: true },
  'key.registered': { severity: 'high', action: true, lapses: false },
  'role.changed': { severity: 'normal', action: false, lapses: false },
  'agents.changed': { severity: 'normal', action: true, lapses: false },
  'pushCertificate.ends': { severity: 'high', action: true, lapses: false },
  'pushCertificate.ended': { severity: 'critical', action: true, lapses: false },
  'vppToken.ends': { severity: 'high', action: true, lapses: false },
  'vppToken.ended': { severity: 'critical', action: true, lapses: false },
  'rights.due': { severity: 'high', action: true, lapses: true },
  'rights.overdue': { severity: 'critical', action: true, lapses: false },
  'incident.first': { severity: 'critical', action: true, lapses: false },
  'incident.followUp': { severity: 'critical', action: true, lapses: false },
  'incident.final': { severity: 'high', action: true, lapses: false },
  'incident.reminder': { severity: 'critical', action: true, lapses: false },
  'incident.unreached': { severity: 'critical', action: true, lapses: false },
  'webhook.gone': { severity: 'high', action: true, lapses: false },
  'notice.test': { severity: 'normal', action: false, lapses: false },
} as const satisfies Record<string, { severity: Severity; action: boolean; lapses: boolean }>

export type TemplateId = keyof typeof TEMPLATES
export type Severity = 'normal' | 'high' | 'critical'
export type Language = 'en' | 'sv'

/** About one person's own account: not for the tenant's webhook. */
export const PERSONAL: ReadonlySet<TemplateId> = new Set([
  'signIn.newDevice',
  'account.invited',
  'account.recoveryLink',
  'key.registered',
])

/** Tells again of what was told before: a receiver of webhooks has it already. */
export const REPEATED: ReadonlySet<TemplateId> = new Set([
  'incident.reminder',
  'incident.unreached',
])

/** The words of one template. `{until}` stands for a time, `{hours}` and `{count}` for numbers. */
export interface Words {
  readonly subject: string
  /** What happened, in a sentence or two. */
  readonly what: string
  /** What to do, and where by name; there are no links that could be imitated. */
  readonly todo: string
  /** Said only where the notice carries a time. */
  readonly until?: string
}

/** What every notice says in one language. */
export interface CommonWords {
  readonly labels: Readonly<Record<string, string>>
  readonly sender: string
  readonly footer: string
}

export function isTemplate(text: string): text is TemplateId {
  return Object.hasOwn(TEMPLATES, text)
}

import type { RunBy } from '#agreements/agent-binding.ts'
import type { Database, Reader, Transaction } from '#database/handles.ts'
import type { Lease } from '#database/lease.ts'
import type { Clock } from '#foundation/clock.ts'
import type { Log } from '#foundation/log.ts'
import type { Keys } from '#keys/keys.ts'
import type { About } from './notice.ts'
import type { Language } from './template.ts'

/** The recipient that is an address of the tenant and no account. */
export const PRIVACY_CONTACT = 'privacyContact'
/** The recipient that is the tenant's own receiver of webhooks. */
export const WEBHOOK = 'webhook'

export interface Recipient {
  readonly tenantId: string
  /** An account's id, or `privacyContact`. */
  readonly recipient: string
}

export interface Audiences {
  /** Who is meant, of the handle's tenant; or that they are of the other realm, where the notice then goes. */
  of(
    reader: Reader,
    audience: string,
    about: About,
  ): Promise<readonly Recipient[] | { readonly realm: string }>
  /** Undefined where there is no address, or nobody any more. */
  addressOf(
    reader: Reader,
    recipient: string,
  ): Promise<{ readonly mail: string; readonly language: Language | undefined } | undefined>
}

/** The operator's mail relay. Nothing is a default that bears on security. */
export interface MailSettings {
  /** An agent gets mail only while the published list lets it. */
  readonly runBy: RunBy
  readonly host: string
  readonly port: number
  /** `tls` from the first byte, `startTls` before anything is said; `none` is for a relay on the same machine. */
  readonly security: 'tls' | 'startTls' | 'none'
  readonly user?: string | undefined
  readonly password?: string | undefined
  /** PEM of a certificate authority to trust instead of the system's. */
  readonly ca?: string | undefined
  /** The address that notices come from; its domain names the list and the message ids. */
  readonly from: string
  readonly dkim?:
    | { readonly domain: string; readonly selector: string; readonly privateKey: string }
    | undefined
  readonly timeoutMs?: number
}

export interface WebhookSettings {
  /** For tests and closed networks: receivers without TLS, and on private addresses. Both false in production. */
  readonly allowHttp: boolean
  readonly allowPrivateAddresses: boolean
  /** Who runs the operator's own receiver; the operator, where it is not said. A tenant's receiver is the tenant's. */
  readonly operatorsRunBy?: RunBy
  readonly ca?: string
  readonly timeoutMs?: number
}

/** Points of one sending at which a test may stop the world. */
export const NOTICE_POINTS = ['resolved', 'claimed', 'sent', 'recorded'] as const
export type NoticePoint = (typeof NOTICE_POINTS)[number]

/** Nobody could be told, or one recipient could not: called in the commit that records it. */
export interface Escalation {
  readonly noticeId: string
  readonly template: string
  readonly recipient: string
  readonly channel: string
  readonly code: string
}

/** One recipient has it: the relay took the mail over, or the receiver of webhooks said so. */
export interface Delivered {
  readonly noticeId: string
  readonly recipient: string
  readonly channel: string
}

export interface Told {
  readonly noticeId: string
  readonly template: string
  readonly about: About
  /** Milliseconds since 1970. */
  readonly at: number
}

/** What the room works with; `compose.ts` hands it in. */
export interface NotifyParts {
  readonly database: Database
  readonly keys: Keys
  readonly clock: Clock
  readonly log: Log
  readonly lease: Pick<Lease, 'held'>
  readonly audiences: Audiences
  /** Undefined: this installation sends no mail, and says so in the ledger. */
  readonly mail: MailSettings | undefined
  readonly webhook: WebhookSettings
  /**
   * Called once a notice stands in somebody's message centre, after that commit. A crash in between loses the call,
   * not the notice.
   */
  readonly told?: (tenantId: string, notice: Told) => Promise<void>
  readonly escalate?: (tx: Transaction, escalation: Escalation, now: number) => Promise<void>
  /** Called in the commit that records a delivery. */
  readonly delivered?: (tx: Transaction, delivered: Delivered, now: number) => Promise<void>
  readonly reached?: (point: NoticePoint) => void | Promise<void>
}

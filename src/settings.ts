import { join } from 'node:path'
import { z } from 'zod'
import { type PoolSettings, poolSettingsFromUrl } from '#database/pool.ts'

/** Everything the process is told from outside, read once and frozen. */
export interface Settings {
  readonly folder: string
  readonly host: string
  readonly port: number
  /** Scheme, host and port under which people and clients reach the installation: issuer and audience of its tokens. */
  readonly origin: string
  /** PEM files. With them the port speaks https only. */
  readonly tls: { readonly keyFile: string; readonly certFile: string } | undefined
  /** PEM files of the gateways that speak HTTP/2: pushes. Without them those speak plain HTTP/1.1. */
  readonly gatewayTls: { readonly keyFile: string; readonly certFile: string } | undefined
  /** Ports that a tenant may choose for its gateways, both ends included. */
  readonly gatewayPorts: { readonly from: number; readonly to: number }
  /** Name of this installation's logs, such as `sluss.example.com`. */
  readonly ledgerName: string
  /** Undefined: the bundled PostgreSQL in `folder`. */
  readonly database: { readonly owner: PoolSettings; readonly app: PoolSettings } | undefined
  readonly rootKeyFile: string
  /** When devices are synchronised: a cron expression, UTC. */
  readonly synchroniseCron: string
  /** Jamf Pro servers beside those of jamfcloud.com that a tenant may connect to: scheme, host and port each. */
  readonly jamfOrigins: readonly string[]
  /** Undefined: no mail is sent, and the ledger says so. */
  readonly mail: MailRelay | undefined
  /** The agent that runs the receiver of the operator's own notices; undefined: the operator does. */
  readonly noticeWebhookAgent?: string | undefined
  /** The longest support access, in milliseconds; undefined is the hard maximum. */
  readonly longestSupportMs: number | undefined
  /** Providers and webhooks on this machine without TLS: for the sample and for tests. */
  readonly insecureLoopback: boolean
}

export interface MailRelay {
  /** Who runs the relay: an agent on the published list, or the operator itself. */
  readonly runBy: 'operator' | { readonly agent: string }
  readonly host: string
  readonly port: number
  readonly security: 'tls' | 'startTls' | 'none'
  readonly user: string | undefined
  readonly password: string | undefined
  readonly from: string
  readonly dkim: { readonly selector: string; readonly keyFile: string } | undefined
}

const path = z.string().min(1).optional()
const text = z.object({
  SLUSS_FOLDER: path,
  SLUSS_HOST: z.string().min(1).optional(),
  SLUSS_PORT: z.coerce.number().int().min(0).max(65_535).optional(),
  SLUSS_ORIGIN: z
    .url({ protocol: /^https?$/ })
    .refine((url) => new URL(url).origin === url, 'scheme, host and port, and nothing behind them')
    .optional(),
  SLUSS_TLS_KEY_FILE: path,
  SLUSS_TLS_CERT_FILE: path,
  SLUSS_GATEWAY_TLS_KEY_FILE: path,
  SLUSS_GATEWAY_TLS_CERT_FILE: path,
  SLUSS_GATEWAY_PORTS: z
    .string()
    .regex(/^\d{1,5}-\d{1,5}$/, 'the first and the last port, such as 18000-18999')
    .transform((text) => text.split('-').map(Number))
    .refine(
      ([from = 0, to = 0]) => from > 0 && from <= to && to <= 65_535,
      'ports from 1 to 65535, the lower one first',
    )
    .optional(),
  SLUSS_LEDGER_NAME: z
    .string()
    .regex(/^[A-Za-z0-9.-]+(?::\d+)?$/, 'a host name, as it stands in checkpoints')
    .optional(),
  SLUSS_DATABASE_URL: z.url().optional(),
  SLUSS_DATABASE_OWNER_URL: z.url().optional(),
  SLUSS_ROOT_KEY_FILE: path,
  SLUSS_SYNCHRONISE: z
    .string()
    .regex(/^\S+(?: \S+){4}$/, 'a cron expression of five fields, in UTC')
    .optional(),
  SLUSS_JAMF_ORIGINS: z
    .string()
    .refine((list) => list.split(' ').every(isHttpsOrigin), 'https origins, with a space between')
    .optional(),
  SLUSS_SMTP_URL: z
    .url({ protocol: /^smtps?$/ })
    .describe('smtps://user:password@host, or smtp://host for STARTTLS')
    .optional(),
  SLUSS_MAIL_FROM: z.email().optional(),
  SLUSS_MAIL_AGENT: z
    .string()
    .regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/, 'the id of an agent on the list, or `own`')
    .optional(),
  SLUSS_NOTICE_WEBHOOK_AGENT: z
    .string()
    .regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/, 'the id of an agent on the list')
    .optional(),
  SLUSS_DKIM_SELECTOR: z.string().min(1).optional(),
  SLUSS_DKIM_KEY_FILE: path,
  SLUSS_SUPPORT_MOST_HOURS: z.coerce.number().min(1).max(8).optional(),
})
function isHttpsOrigin(text: string): boolean {
  return text.startsWith('https://') && URL.parse(text)?.origin === text
}

type Given = z.infer<typeof text>

const REQUIRED = [
  'SLUSS_FOLDER',
  'SLUSS_ORIGIN',
  'SLUSS_LEDGER_NAME',
  'SLUSS_ROOT_KEY_FILE',
] as const
const TOGETHER = [
  ['SLUSS_DATABASE_URL', 'SLUSS_DATABASE_OWNER_URL'],
  ['SLUSS_TLS_KEY_FILE', 'SLUSS_TLS_CERT_FILE'],
  ['SLUSS_GATEWAY_TLS_KEY_FILE', 'SLUSS_GATEWAY_TLS_CERT_FILE'],
  ['SLUSS_SMTP_URL', 'SLUSS_MAIL_FROM'],
  ['SLUSS_SMTP_URL', 'SLUSS_MAIL_AGENT'],
  ['SLUSS_DKIM_SELECTOR', 'SLUSS_DKIM_KEY_FILE'],
] as const
const HOUR_IN_MS = 3_600_000

/**
 * Reads the environment. Nothing that bears on security has a default in production: `sample` says that this is
 * the sample installation, which may make its own.
 *
 * @throws Error that lists every fault together, by the name of the variable and never its value
 */
export function readSettings(
  environment: Readonly<Record<string, string | undefined>>,
  sample: boolean,
): Settings {
  const parsed = text.safeParse(environment)
  const faults = parsed.success
    ? []
    : parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`)
  const given: Given = parsed.success ? parsed.data : {}
  for (const [one, other] of TOGETHER) {
    if ((environment[one] === undefined) !== (environment[other] === undefined))
      faults.push(`${one} and ${other}: one is given without the other`)
  }
  if (!sample) {
    for (const name of REQUIRED)
      if (environment[name] === undefined) faults.push(`${name}: must be set in production`)
    if (given.SLUSS_ORIGIN?.startsWith('http:') && !isLoopback(given.SLUSS_ORIGIN))
      faults.push('SLUSS_ORIGIN: must be https; tokens and cookies travel there')
  }
  if (faults.length > 0)
    throw new Error(`Sluss does not start half-configured:\n- ${faults.join('\n- ')}`)
  return Object.freeze(settingsOf(given, sample))
}

function settingsOf(given: Given, sample: boolean): Settings {
  const folder = given.SLUSS_FOLDER ?? join(process.cwd(), '.sluss')
  const port = given.SLUSS_PORT ?? 7587
  const { SLUSS_DATABASE_URL: app, SLUSS_DATABASE_OWNER_URL: owner } = given
  const { SLUSS_TLS_KEY_FILE: keyFile, SLUSS_TLS_CERT_FILE: certFile } = given
  return {
    folder,
    host: given.SLUSS_HOST ?? '127.0.0.1',
    port,
    // Passkeys are bound to a name: an address would not do.
    origin: given.SLUSS_ORIGIN ?? `http://localhost:${port}`,
    tls: keyFile && certFile ? { keyFile, certFile } : undefined,
    gatewayTls:
      given.SLUSS_GATEWAY_TLS_KEY_FILE && given.SLUSS_GATEWAY_TLS_CERT_FILE
        ? { keyFile: given.SLUSS_GATEWAY_TLS_KEY_FILE, certFile: given.SLUSS_GATEWAY_TLS_CERT_FILE }
        : undefined,
    gatewayPorts: gatewayPorts(given),
    ledgerName: given.SLUSS_LEDGER_NAME ?? 'sluss.example',
    database:
      app && owner
        ? { app: poolSettingsFromUrl(app), owner: poolSettingsFromUrl(owner) }
        : undefined,
    rootKeyFile: given.SLUSS_ROOT_KEY_FILE ?? join(folder, 'root.key'),
    synchroniseCron: given.SLUSS_SYNCHRONISE ?? '*/15 * * * *',
    jamfOrigins: given.SLUSS_JAMF_ORIGINS?.split(' ') ?? [],
    mail: mailRelay(given),
    noticeWebhookAgent: given.SLUSS_NOTICE_WEBHOOK_AGENT,
    longestSupportMs:
      given.SLUSS_SUPPORT_MOST_HOURS === undefined
        ? undefined
        : given.SLUSS_SUPPORT_MOST_HOURS * HOUR_IN_MS,
    insecureLoopback: sample,
  }
}

function gatewayPorts({ SLUSS_GATEWAY_PORTS: [from, to] = [] }: Given): Settings['gatewayPorts'] {
  return { from: from ?? 18_000, to: to ?? 18_999 }
}

/** Without TLS only to a relay on this machine; `smtp:` to any other must go over to TLS before it says anything. */
function mailRelay(given: Given): MailRelay | undefined {
  const { SLUSS_SMTP_URL: relay, SLUSS_MAIL_FROM: from, SLUSS_MAIL_AGENT: agent } = given
  if (!relay || !from || !agent) return undefined
  const url = new URL(relay)
  const tls = url.protocol === 'smtps:'
  const { SLUSS_DKIM_SELECTOR: selector, SLUSS_DKIM_KEY_FILE: keyFile } = given
  return {
    runBy: agent === 'own' ? 'operator' : { agent },
    host: url.hostname,
    port: url.port === '' ? (tls ? 465 : 587) : Number(url.port),
    security: tls ? 'tls' : isLoopback(relay) ? 'none' : 'startTls',
    user: url.username === '' ? undefined : decodeURIComponent(url.username),
    password: url.password === '' ? undefined : decodeURIComponent(url.password),
    from,
    dkim: selector && keyFile ? { selector, keyFile } : undefined,
  }
}

function isLoopback(url: string): boolean {
  return ['localhost', '127.0.0.1', '[::1]'].includes(new URL(url).hostname)
}

import { join } from 'node:path'
import { z } from 'zod'
import { type PoolSettings, poolSettingsFromUrl } from '#database/pool.ts'

/** Everything the process is told from outside, read once and frozen. */
export interface Settings {
  readonly folder: string
  readonly host: string
  readonly port: number
  /** Name of this installation's logs, such as `sluss.example.com`. */
  readonly ledgerName: string
  /** Undefined: the bundled PostgreSQL in `folder`. */
  readonly database: { readonly owner: PoolSettings; readonly app: PoolSettings } | undefined
  readonly rootKeyFile: string
  /** When devices are synchronised: a cron expression, UTC. */
  readonly synchroniseCron: string
}

const text = z.object({
  SLUSS_FOLDER: z.string().min(1).optional(),
  SLUSS_HOST: z.string().min(1).optional(),
  SLUSS_PORT: z.coerce.number().int().min(0).max(65_535).optional(),
  SLUSS_LEDGER_NAME: z
    .string()
    .regex(/^[A-Za-z0-9.-]+(?::\d+)?$/, 'a host name, as it stands in checkpoints')
    .optional(),
  SLUSS_DATABASE_URL: z.url().optional(),
  SLUSS_DATABASE_OWNER_URL: z.url().optional(),
  SLUSS_ROOT_KEY_FILE: z.string().min(1).optional(),
  SLUSS_SYNCHRONISE: z
    .string()
    .regex(/^\S+(?: \S+){4}$/, 'a cron expression of five fields, in UTC')
    .optional(),
})

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
  const given = parsed.success ? parsed.data : {}
  if ((given.SLUSS_DATABASE_URL === undefined) !== (given.SLUSS_DATABASE_OWNER_URL === undefined)) {
    faults.push('SLUSS_DATABASE_URL and SLUSS_DATABASE_OWNER_URL: one is given without the other')
  }
  for (const name of ['SLUSS_FOLDER', 'SLUSS_LEDGER_NAME', 'SLUSS_ROOT_KEY_FILE'] as const) {
    if (!sample && environment[name] === undefined)
      faults.push(`${name}: must be set in production`)
  }
  if (faults.length > 0)
    throw new Error(`Sluss does not start half-configured:\n- ${faults.join('\n- ')}`)
  const folder = given.SLUSS_FOLDER ?? join(process.cwd(), '.sluss')
  const { SLUSS_DATABASE_URL: app, SLUSS_DATABASE_OWNER_URL: owner } = given
  return Object.freeze({
    folder,
    host: given.SLUSS_HOST ?? '127.0.0.1',
    port: given.SLUSS_PORT ?? 7587,
    ledgerName: given.SLUSS_LEDGER_NAME ?? 'sluss.example',
    database:
      app && owner
        ? { app: poolSettingsFromUrl(app), owner: poolSettingsFromUrl(owner) }
        : undefined,
    rootKeyFile: given.SLUSS_ROOT_KEY_FILE ?? join(folder, 'root.key'),
    synchroniseCron: given.SLUSS_SYNCHRONISE ?? '*/15 * * * *',
  })
}

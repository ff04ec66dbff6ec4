import pg from 'pg'

/** How to reach PostgreSQL under one role. */
export interface PoolSettings {
  /** Host name, address, or the folder of a Unix socket. */
  readonly host: string
  readonly port: number
  readonly database: string
  readonly user: string
  readonly password: string
  readonly tls?: { readonly ca: string | undefined } | undefined
}

/** Reads `postgres://user:password@host:port/database?sslmode=require`. */
export function poolSettingsFromUrl(text: string): PoolSettings {
  const url = new URL(text)
  if (url.protocol !== 'postgres:' && url.protocol !== 'postgresql:') {
    throw new Error('a database URL starts with postgres:// or postgresql://')
  }
  const mode = url.searchParams.get('sslmode')
  return {
    host: decodeURIComponent(url.hostname),
    port: Number(url.port || 5432),
    database: decodeURIComponent(url.pathname.slice(1)) || 'postgres',
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    tls: mode && mode !== 'disable' ? { ca: undefined } : undefined,
  }
}

const INT8 = 20
const CONNECT_DEADLINE_IN_MS = 3_000
/** A connection that was cut without a word must not hold a caller for longer than a node's lease. */
export const QUERY_DEADLINE_IN_MS = 5_000

const types: pg.CustomTypesConfig = {
  // Counters and sizes of Sluss stay far below 2^53.
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    oid === INT8
      ? Number
      : pg.types.getTypeParser(oid, format as 'text')) as typeof pg.types.getTypeParser,
}

/** Connection settings for the driver. `deadline` 0 lets long administrative statements run. */
export function driverConfig(
  settings: PoolSettings,
  deadline = QUERY_DEADLINE_IN_MS,
): pg.ClientConfig {
  return {
    host: settings.host,
    port: settings.port,
    database: settings.database,
    user: settings.user,
    password: settings.password,
    ssl: settings.tls ? { ca: settings.tls.ca } : false,
    keepAlive: true,
    connectionTimeoutMillis: CONNECT_DEADLINE_IN_MS,
    ...(deadline > 0 ? { query_timeout: deadline, statement_timeout: deadline } : {}),
    types,
  }
}

export function openPool(settings: PoolSettings, size: number): pg.Pool {
  return new pg.Pool({ ...driverConfig(settings), max: size, idleTimeoutMillis: 30_000 })
}

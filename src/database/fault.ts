/**
 * What the database says when it cannot. Carries the SQLSTATE and the names of schema objects;
 * never the SQL, its parameters, or PostgreSQL's `detail`, which quotes rows.
 */
export class DatabaseFault extends Error {
  /** SQLSTATE, or `connection` when the server could not be asked. */
  readonly code: string
  readonly constraint: string | undefined
  readonly table: string | undefined
  /** True when the commit may or may not have happened: the connection broke while it was being asked. */
  readonly commitUnknown: boolean

  constructor(
    code: string,
    parts: {
      constraint?: string | undefined
      table?: string | undefined
      commitUnknown?: boolean
    } = {},
  ) {
    super(`database: ${code}${parts.constraint ? ` (${parts.constraint})` : ''}`)
    this.name = 'DatabaseFault'
    this.code = code
    this.constraint = parts.constraint
    this.table = parts.table
    this.commitUnknown = parts.commitUnknown ?? false
  }
}

import type { Kysely } from 'kysely'

/** The tenant id under which rows of the installation itself are kept (its log, its keys). */
export const INSTALLATION = 'installation'

/**
 * A read-only view of one tenant's rows: row-level security hides every other tenant's. PostgreSQL itself
 * refuses a change through it.
 */
export interface Reader {
  readonly tenantId: string
  /** Typed queries over the tables the calling room owns. */
  tables<Tables>(): Kysely<Tables>
  /** Hand-written SQL; values only by parameters. */
  rows<Row extends object>(text: string, values?: readonly unknown[]): Promise<readonly Row[]>
}

/** One transaction over one tenant's rows. Never await the network inside one. */
export interface Transaction extends Reader {
  readonly writes: true
  /** Hand-written SQL that changes rows; answers how many. */
  change(text: string, values?: readonly unknown[]): Promise<number>
  /** Runs `effect` after a successful commit, in order; never after a rollback. */
  afterCommit(effect: () => void): void
}

export type ListenHandler = (payload: string) => void

/** PostgreSQL for one node. */
export interface Database {
  readonly nodeId: string
  /** Runs `work` in a read-only transaction that sees one consistent state of `tenantId`. */
  read<Result>(tenantId: string, work: (reader: Reader) => Promise<Result>): Promise<Result>
  /** Runs `work` in a transaction; commits when it resolves, rolls back when it rejects. */
  write<Result>(tenantId: string, work: (tx: Transaction) => Promise<Result>): Promise<Result>
  /** Calls `handler` for each NOTIFY on `channel`; re-subscribes after a lost connection, calling `onGap`. */
  listen(channel: string, handler: ListenHandler, onGap?: () => void): Promise<() => Promise<void>>
  /** Sends a NOTIFY outside any transaction. Inside one, use `select pg_notify(...)`. */
  notify(channel: string, payload: string): Promise<void>
  close(): Promise<void>
}

/** The tenant id under which rows of the installation itself are kept (its log, its keys). */
export const INSTALLATION = 'installation'

/**
 * A read-only view of one tenant's rows: row-level security hides every other tenant's. PostgreSQL itself
 * refuses a change through it.
 */
export interface Reader {
  readonly tenantId: string
  /** Hand-written SQL; values only by parameters. */
  rows<Row extends object>(text: string, values?: readonly unknown[]): Promise<readonly Row[]>
}

/** One transaction over one tenant's rows. Never await the network inside one. */
export interface Transaction extends Reader {
  readonly writes: true
  /** Hand-written SQL that changes rows; answers how many. */
  change(text: string, values?: readonly unknown[]): Promise<number>
  /** Tells this node's `onCommitted` subscribers of `topic`, once, after the commit; never after a rollback. */
  announce(topic: string): void
}

export type ListenHandler = (payload: string) => void

/** PostgreSQL for one node. */
export interface Database {
  readonly nodeId: string
  /** Runs `work` in a read-only transaction that sees one consistent state of `tenantId`. */
  read<Result>(tenantId: string, work: (reader: Reader) => Promise<Result>): Promise<Result>
  /** Runs `work` in a transaction; commits when it resolves, rolls back when it rejects. */
  write<Result>(tenantId: string, work: (tx: Transaction) => Promise<Result>): Promise<Result>
  /**
   * Calls a function of the migrations as a transaction of its own, in one round trip. The function takes the
   * tenant's id first and enters its scope itself. `topic` is announced as by a transaction.
   */
  callFunction<Row extends object>(
    tenantId: string,
    name: string,
    values: readonly unknown[],
    topic?: string,
  ): Promise<readonly Row[]>
  /** Calls `handler` for each NOTIFY on `channel`; re-subscribes after a lost connection, calling `onGap`. */
  listen(channel: string, handler: ListenHandler, onGap?: () => void): Promise<() => Promise<void>>
  /** Calls `handler` with the tenant id after each commit of this node that announced `topic`. */
  onCommitted(topic: string, handler: (tenantId: string) => void): () => void
  /** Sends a NOTIFY outside any transaction. Inside one, use `select pg_notify(...)`. */
  notify(channel: string, payload: string): Promise<void>
  close(): Promise<void>
}

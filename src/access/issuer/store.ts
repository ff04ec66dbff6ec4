import type { Adapter, AdapterPayload } from 'oidc-provider'
import { errors } from 'oidc-provider'
import { type Database, INSTALLATION, type Reader, type Transaction } from '#database/handles.ts'
import type { Clock } from '#foundation/clock.ts'
import { sha256 } from '#foundation/hashing.ts'
import type { Keys } from '#keys/keys.ts'

export interface StoreParts {
  readonly database: Database
  readonly keys: Keys
  readonly clock: Clock
}

interface Row {
  id_hash: string
  sealed: Buffer
  consumed_at: Date | null
}

/**
 * Keeps what the issuer must remember, shared by all nodes. A row is found by the hash of what its holder holds and
 * is sealed, so that nobody who reads the table can act as anybody.
 */
export class Store implements Adapter {
  readonly #model: string
  readonly #parts: StoreParts

  constructor(model: string, parts: StoreParts) {
    this.#model = model
    this.#parts = parts
  }

  async upsert(id: string, payload: AdapterPayload, expiresIn?: number): Promise<void> {
    const { database, keys, clock } = this.#parts
    const hash = hashOf(id)
    await database.write(INSTALLATION, async (tx) => {
      const bytes = Buffer.from(JSON.stringify(withoutHints(payload)))
      await tx.change(
        `insert into oidc_store (tenant_id, model, id_hash, sealed, grant_hash, user_code_hash, uid_hash, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)
         on conflict (tenant_id, model, id_hash) do update set sealed = excluded.sealed,
           grant_hash = excluded.grant_hash, user_code_hash = excluded.user_code_hash,
           uid_hash = excluded.uid_hash, expires_at = excluded.expires_at`,
        [
          INSTALLATION,
          this.#model,
          hash,
          await keys.sealForTenant(tx, this.#place(hash), bytes),
          hashOrNull(payload.grantId),
          hashOrNull(payload.userCode),
          hashOrNull(payload.uid),
          expiresIn ? new Date(clock.now() + expiresIn * 1000) : null,
        ],
      )
    })
  }

  find(id: string): Promise<AdapterPayload | undefined> {
    return this.#select('id_hash', id)
  }

  findByUserCode(userCode: string): Promise<AdapterPayload | undefined> {
    return this.#select('user_code_hash', userCode)
  }

  findByUid(uid: string): Promise<AdapterPayload | undefined> {
    return this.#select('uid_hash', uid)
  }

  /** Of two uses at once one is refused: the guard stands in the statement. */
  async consume(id: string): Promise<void> {
    const { database, clock } = this.#parts
    const consumed = await database.write(INSTALLATION, (tx) =>
      tx.change(
        `update oidc_store set consumed_at = $4
          where tenant_id = $1 and model = $2 and id_hash = $3 and consumed_at is null`,
        [INSTALLATION, this.#model, hashOf(id), new Date(clock.now())],
      ),
    )
    if (consumed === 0) throw new errors.InvalidGrant('already used')
  }

  async destroy(id: string): Promise<void> {
    await this.#delete('model = $2 and id_hash = $3', [this.#model, hashOf(id)])
  }

  async revokeByGrantId(grantId: string): Promise<void> {
    await this.#delete('grant_hash = $2', [hashOf(grantId)])
  }

  async #delete(condition: string, values: readonly string[]): Promise<void> {
    await this.#parts.database.write(INSTALLATION, (tx) =>
      tx.change(`delete from oidc_store where tenant_id = $1 and ${condition}`, [
        INSTALLATION,
        ...values,
      ]),
    )
  }

  async #select(
    column: 'id_hash' | 'user_code_hash' | 'uid_hash',
    value: string,
  ): Promise<AdapterPayload | undefined> {
    const { database, keys, clock } = this.#parts
    return database.read(INSTALLATION, async (reader: Reader) => {
      const [row] = await reader.rows<Row>(
        `select id_hash, sealed, consumed_at from oidc_store
          where tenant_id = $1 and model = $2 and ${column} = $3 and (expires_at is null or expires_at > $4)`,
        [INSTALLATION, this.#model, hashOf(value), new Date(clock.now())],
      )
      if (!row) return undefined
      const opened = await keys.openForTenant(reader, this.#place(row.id_hash), row.sealed)
      const payload = JSON.parse(opened.toString()) as AdapterPayload
      return row.consumed_at
        ? { ...payload, consumed: Math.floor(row.consumed_at.getTime() / 1000) }
        : payload
    })
  }

  #place(hash: string): string {
    return `oidc/${this.#model}/${hash}`
  }
}

/** Removes what has run out; answers how many rows. A job calls it. */
export async function removeExpired(tx: Transaction, now: number): Promise<number> {
  return tx.change('delete from oidc_store where tenant_id = $1 and expires_at <= $2', [
    INSTALLATION,
    new Date(now),
  ])
}

/** A hint may hold a mail address, and nothing of ours reads it: it is not kept. */
function withoutHints(payload: AdapterPayload): AdapterPayload {
  if (!payload.params) return payload
  const { login_hint: _hint, id_token_hint: _token, ...params } = payload.params
  return { ...payload, params }
}

function hashOf(value: string): string {
  return sha256(value).toString('base64url')
}

function hashOrNull(value: string | undefined): string | null {
  return value === undefined ? null : hashOf(value)
}

import type { Database, Reader, Transaction } from '#database/handles.ts'
import { BoundedCache } from '#foundation/bounded-cache.ts'
import { type KeyedHash, keyedHash } from '#foundation/hashing.ts'
import { openBytes, sealBytes } from './envelope.ts'
import { KeyDestroyed, type Keys, type Signer } from './keys.ts'
import type { RootKey } from './root-key.ts'
import { loadSigner, loadSigningJwk } from './signing.ts'
import { insertSubjectKeys, selectSubjectKeys } from './subject-keys.ts'
import {
  createTenantKeyRows,
  loadTenantKeys,
  rotateTenantKey,
  type TenantKeys,
} from './tenant-keys.ts'

/** Destroyed and rotated keys are announced to all nodes here: `tenant` or `tenant subject`. */
const CHANNEL = 'sluss_keys'
const COMMITMENT_BYTES = 18
const TENANTS_IN_MEMORY = 1_000
const SUBJECTS_IN_MEMORY = 20_000

export interface KeyRoom extends Keys {
  /** Wraps everything of the tenant under a new key and marks the old one. */
  rotateTenantKey(tx: Transaction): Promise<void>
  /** Removes wrapping keys that were retired before the given time. */
  destroyRetiredKeys(tx: Transaction, before: Date): Promise<number>
  close(): Promise<void>
}

/** The keys of the installation, with bounded caches that a destruction on any node empties. */
export async function createKeys(parts: {
  database: Database
  rootKey: RootKey
}): Promise<KeyRoom> {
  const { database, rootKey } = parts
  const tenants = new BoundedCache<string, TenantKeys>(TENANTS_IN_MEMORY)
  const subjects = new BoundedCache<string, Buffer>(SUBJECTS_IN_MEMORY)
  const hashes = new BoundedCache<string, KeyedHash>(TENANTS_IN_MEMORY * 4)
  const signers = new Map<string, Promise<Signer>>()

  const forget = (payload: string): void => {
    const [tenantId = '', subjectId] = payload.split(' ')
    if (subjectId) subjects.delete(`${tenantId} ${subjectId}`)
    else tenants.delete(tenantId)
  }
  const stopListening = await database.listen(CHANNEL, forget, () => {
    tenants.clear()
    subjects.clear()
  })

  const tenantKeys = async (reader: Reader): Promise<TenantKeys> => {
    const known = tenants.get(reader.tenantId)
    if (known) return known
    const loaded = await loadTenantKeys(reader, rootKey)
    tenants.set(reader.tenantId, loaded)
    return loaded
  }

  const subjectKeys = async (
    reader: Reader,
    ids: readonly string[],
  ): Promise<ReadonlyMap<string, Buffer>> => {
    const found = new Map<string, Buffer>()
    const missing: string[] = []
    for (const id of ids) {
      const key = subjects.get(`${reader.tenantId} ${id}`)
      if (key) found.set(id, key)
      else missing.push(id)
    }
    if (missing.length === 0) return found
    const loaded = await selectSubjectKeys(reader, await tenantKeys(reader), missing)
    for (const [id, key] of loaded) {
      subjects.set(`${reader.tenantId} ${id}`, key)
      found.set(id, key)
    }
    return found
  }

  const subjectKey = async (reader: Reader, id: string): Promise<Buffer> => {
    const key = (await subjectKeys(reader, [id])).get(id)
    if (!key) throw new KeyDestroyed()
    return key
  }

  const hashFor = async (reader: Reader, use: string): Promise<KeyedHash> => {
    const name = `${reader.tenantId} ${use}`
    const known = hashes.get(name)
    if (known) return known
    const made = keyedHash((await tenantKeys(reader)).derive(use))
    hashes.set(name, made)
    return made
  }

  const announce = (tx: Transaction, payload: string): Promise<unknown> =>
    tx.rows('select pg_notify($1, $2)', [CHANNEL, payload])

  return {
    createTenantKeys: (tx) => createTenantKeyRows(tx, rootKey),
    createSubjectKey: async (tx, id) => insertSubjectKeys(tx, await tenantKeys(tx), [id]),
    createSubjectKeys: async (tx, ids) => insertSubjectKeys(tx, await tenantKeys(tx), ids),
    destroySubjectKey: async (tx, id) => {
      const gone = await tx.change(
        'delete from subject_keys where tenant_id = $1 and subject_id = $2',
        [tx.tenantId, id],
      )
      await announce(tx, `${tx.tenantId} ${id}`)
      forget(`${tx.tenantId} ${id}`)
      return gone > 0
    },
    loadSubjectKeys: async (reader, ids) => {
      await subjectKeys(reader, ids)
    },
    sealFor: async (reader, id, context, plaintext) =>
      sealBytes(await subjectKey(reader, id), `${reader.tenantId}/${id}/${context}`, plaintext),
    openFor: async (reader, id, context, sealed) =>
      openBytes(await subjectKey(reader, id), `${reader.tenantId}/${id}/${context}`, sealed),
    sealForTenant: async (reader, context, plaintext) =>
      sealBytes(
        (await tenantKeys(reader)).derive('seal'),
        `${reader.tenantId}/${context}`,
        plaintext,
      ),
    openForTenant: async (reader, context, sealed) =>
      openBytes((await tenantKeys(reader)).derive('seal'), `${reader.tenantId}/${context}`, sealed),
    blindIndex: (reader, item) => hashFor(reader, `blind-index/${item}`),
    payloadCommitment: (reader) => hashFor(reader, 'payload-commitment'),
    pseudonymKey: async (reader, recipient) =>
      (await tenantKeys(reader)).derive(`pseudonym/${recipient}`),
    subjectCommitments: async (reader, ids) => {
      const keys = await subjectKeys(reader, ids)
      return new Map(
        [...keys].map(([id, key]) => [id, keyedHash(key, COMMITMENT_BYTES)('commitment')]),
      )
    },
    signer: (name) => {
      let signer = signers.get(name)
      if (!signer) {
        signer = loadSigner(database, rootKey, name)
        signers.set(name, signer)
        signer.catch(() => signers.delete(name))
      }
      return signer
    },
    signingJwk: (name) => loadSigningJwk(database, rootKey, name),
    rotateTenantKey: async (tx) => {
      await rotateTenantKey(tx, rootKey)
      await announce(tx, tx.tenantId)
      tenants.delete(tx.tenantId)
    },
    destroyRetiredKeys: async (tx, before) => {
      await announce(tx, tx.tenantId)
      return tx.change('delete from tenant_keys where tenant_id = $1 and retired_at < $2', [
        tx.tenantId,
        before,
      ])
    },
    close: stopListening,
  }
}

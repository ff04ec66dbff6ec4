import { hkdfSync, randomBytes } from 'node:crypto'
import type { Reader, Transaction } from '#database/handles.ts'
import { newId } from '#foundation/ids.ts'
import { openBytes, sealBytes } from './envelope.ts'
import { KeyFault } from './keys.ts'
import type { RootKey } from './root-key.ts'

/** A tenant's keys, opened. Older generations stay usable until their rows are gone. */
export interface TenantKeys {
  readonly currentId: string
  readonly current: Buffer
  byId(keyId: string): Buffer
  /** A key of its own for each use, from the tenant's secret (HKDF-SHA-256, RFC 5869). */
  derive(use: string): Buffer
}

const keyContext = (tenantId: string, keyId: string): string => `tenant-key/${tenantId}/${keyId}`
const secretContext = (tenantId: string): string => `tenant-secret/${tenantId}`

/** Makes the tenant's first key and secret where there are none. */
export async function createTenantKeyRows(tx: Transaction, root: RootKey): Promise<void> {
  const found = await tx.rows('select 1 from tenant_secrets where tenant_id = $1', [tx.tenantId])
  if (found.length > 0) return
  const { keyId, key } = await addTenantKey(tx, root)
  await tx.change('insert into tenant_secrets (tenant_id, key_id, wrapped) values ($1, $2, $3)', [
    tx.tenantId,
    keyId,
    sealBytes(key, secretContext(tx.tenantId), randomBytes(32)),
  ])
}

/** A further generation, which becomes the current one. */
export async function addTenantKey(
  tx: Transaction,
  root: RootKey,
): Promise<{ keyId: string; key: Buffer }> {
  const keyId = newId()
  const key = randomBytes(32)
  await tx.change('insert into tenant_keys (tenant_id, key_id, wrapped) values ($1, $2, $3)', [
    tx.tenantId,
    keyId,
    await root.wrap(keyContext(tx.tenantId, keyId), key),
  ])
  return { keyId, key }
}

/** @throws KeyFault when the tenant has no keys */
export async function loadTenantKeys(reader: Reader, root: RootKey): Promise<TenantKeys> {
  const { tenantId } = reader
  const rows = await reader.rows<{ key_id: string; wrapped: Buffer; retired_at: Date | null }>(
    'select key_id, wrapped, retired_at from tenant_keys where tenant_id = $1 order by created_at desc, key_id',
    [tenantId],
  )
  const [secret] = await reader.rows<{ key_id: string; wrapped: Buffer }>(
    'select key_id, wrapped from tenant_secrets where tenant_id = $1',
    [tenantId],
  )
  const newest = rows.find((row) => row.retired_at === null)
  if (!newest || !secret) throw new KeyFault('the tenant has no keys')
  const keys = new Map<string, Buffer>()
  for (const row of rows)
    keys.set(row.key_id, await root.unwrap(keyContext(tenantId, row.key_id), row.wrapped))
  const byId = (keyId: string): Buffer => {
    const key = keys.get(keyId)
    if (!key) throw new KeyFault('the wrapping key of that generation is gone')
    return key
  }
  const opened = openBytes(byId(secret.key_id), secretContext(tenantId), secret.wrapped)
  return {
    currentId: newest.key_id,
    current: byId(newest.key_id),
    byId,
    derive: (use) => Buffer.from(hkdfSync('sha256', opened, Buffer.alloc(0), use, 32)),
  }
}

/**
 * Changes the wrapping key: a new generation, everything wrapped under the old one wrapped anew, the old one
 * marked. Derived keys do not change. `destroyRetired` removes the old ones when their time is over.
 */
export async function rotateTenantKey(tx: Transaction, root: RootKey): Promise<void> {
  const old = await loadTenantKeys(tx, root)
  const next = await addTenantKey(tx, root)
  const subjects = await tx.rows<{ subject_id: string; key_id: string; wrapped: Buffer }>(
    'select subject_id, key_id, wrapped from subject_keys where tenant_id = $1 for update',
    [tx.tenantId],
  )
  const rewrapped = subjects.map((row) => {
    const context = subjectContext(tx.tenantId, row.subject_id)
    return sealBytes(next.key, context, openBytes(old.byId(row.key_id), context, row.wrapped))
  })
  await tx.change(
    `update subject_keys k set key_id = $2, wrapped = n.wrapped
       from unnest($3::uuid[], $4::bytea[]) as n (subject_id, wrapped)
      where k.tenant_id = $1 and k.subject_id = n.subject_id`,
    [tx.tenantId, next.keyId, subjects.map((row) => row.subject_id), rewrapped],
  )
  const [secret] = await tx.rows<{ key_id: string; wrapped: Buffer }>(
    'select key_id, wrapped from tenant_secrets where tenant_id = $1 for update',
    [tx.tenantId],
  )
  if (!secret) throw new KeyFault('the tenant has no secret')
  const context = secretContext(tx.tenantId)
  await tx.change('update tenant_secrets set key_id = $2, wrapped = $3 where tenant_id = $1', [
    tx.tenantId,
    next.keyId,
    sealBytes(next.key, context, openBytes(old.byId(secret.key_id), context, secret.wrapped)),
  ])
  await tx.change(
    'update tenant_keys set retired_at = now() where tenant_id = $1 and key_id <> $2 and retired_at is null',
    [tx.tenantId, next.keyId],
  )
}

/** Where a subject's wrapped key stands: authenticated with it, so rows cannot be swapped. */
export function subjectContext(tenantId: string, subjectId: string): string {
  return `subject-key/${tenantId}/${subjectId}`
}

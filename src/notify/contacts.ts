import type { Reader, Transaction } from '#database/handles.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { newId, newOrderedId } from '#foundation/ids.ts'
import { type Refusal, refuse } from '#foundation/refusal.ts'
import type { Keys } from '#keys/keys.ts'
import { append } from '#ledger/append.ts'
import type { Language } from './template.ts'

/** Somebody whom the tenant wants told when something goes wrong, by an address and without an account. */
export interface SecurityContact {
  readonly contactId: string
  readonly mail: string
  readonly language: Language
  readonly addedAt: Date
  /** Since when mail to it comes back. */
  readonly bouncedAt: Date | null
}

interface Row {
  readonly contact_id: string
  readonly mail: Buffer
  readonly language: Language
  readonly added_at: Date
  readonly bounced_at: Date | null
}

/** More would be a mailing list, which is the tenant's own affair. */
const MOST = 20
const PREFIX = 'contact:'
const context = (contactId: string): string => `notice-contact/${contactId}`

/** A recipient that is an address: the privacy contact, or a security contact. */
export const contactRecipient = (contactId: string): string => `${PREFIX}${contactId}`
export const contactOf = (recipient: string): string | undefined =>
  recipient.startsWith(PREFIX) ? recipient.slice(PREFIX.length) : undefined

/** Ids of the security contacts, those whose mail comes back left out. */
export async function reachableContacts(reader: Reader): Promise<readonly string[]> {
  const rows = await reader.rows<{ contact_id: string }>(
    `select contact_id from notice_contacts where tenant_id = $1 and bounced_at is null
      order by added_at, contact_id`,
    [reader.tenantId],
  )
  return rows.map((row) => row.contact_id)
}

export async function listContacts(
  reader: Reader,
  keys: Keys,
): Promise<readonly SecurityContact[]> {
  const rows = await reader.rows<Row>(
    `select contact_id, mail, language, added_at, bounced_at from notice_contacts where tenant_id = $1
      order by added_at, contact_id`,
    [reader.tenantId],
  )
  return Promise.all(rows.map((row) => toContact(reader, keys, row)))
}

export async function readContact(
  reader: Reader,
  keys: Keys,
  contactId: string,
): Promise<SecurityContact | undefined> {
  const [row] = await reader.rows<Row>(
    `select contact_id, mail, language, added_at, bounced_at from notice_contacts
      where tenant_id = $1 and contact_id = $2`,
    [reader.tenantId, contactId],
  )
  return row && toContact(reader, keys, row)
}

/**
 * Adds a contact; one that is there already gets the language, and counts as reachable again.
 *
 * @returns its id, or `query_invalid` when there are 20
 */
export async function addContact(
  tx: Transaction,
  keys: Keys,
  { mail, language }: { readonly mail: string; readonly language: Language },
  by: { readonly actor: string; readonly now: number },
): Promise<string | Refusal> {
  const there = await listContacts(tx, keys)
  const index = (await keys.blindIndex(tx, 'notice-contact'))(mail.toLowerCase())
  const known = there.find((one) => one.mail.toLowerCase() === mail.toLowerCase())
  if (!known && there.length >= MOST)
    return refuse('query_invalid', { field: 'mail', expected: `at most ${MOST} contacts` })
  const contactId = known?.contactId ?? newId()
  await tx.change(
    `insert into notice_contacts (tenant_id, contact_id, mail, mail_index, language, added_at)
     values ($1, $2, $3, $4, $5, $6)
     on conflict (tenant_id, mail_index) do update set language = $5, bounced_at = null`,
    [
      tx.tenantId,
      contactId,
      await keys.sealForTenant(tx, context(contactId), Buffer.from(mail)),
      index,
      language,
      new Date(by.now),
    ],
  )
  await recordContacts(tx, by, { contact: contactId, what: known ? 'changed' : 'added' })
  return contactId
}

/** @returns `not_found` where there is none of that id */
export async function removeContact(
  tx: Transaction,
  contactId: string,
  by: { readonly actor: string; readonly now: number },
): Promise<true | Refusal> {
  const gone = await tx.change(
    'delete from notice_contacts where tenant_id = $1 and contact_id = $2',
    [tx.tenantId, contactId],
  )
  if (gone === 0) return refuse('not_found', { contact: contactId })
  await recordContacts(tx, by, { contact: contactId, what: 'removed' })
  return true
}

/** Mail to it comes back: others are told instead until somebody says that it is right again. */
export async function markBounced(tx: Transaction, contactId: string, now: number): Promise<void> {
  await tx.change(
    `update notice_contacts set bounced_at = $3
      where tenant_id = $1 and contact_id = $2 and bounced_at is null`,
    [tx.tenantId, contactId, new Date(now)],
  )
}

async function toContact(reader: Reader, keys: Keys, row: Row): Promise<SecurityContact> {
  const mail = await keys.openForTenant(reader, context(row.contact_id), row.mail)
  return {
    contactId: row.contact_id,
    mail: mail.toString(),
    language: row.language,
    addedAt: row.added_at,
    bouncedAt: row.bounced_at,
  }
}

function recordContacts(
  tx: Transaction,
  { actor, now }: { readonly actor: string; readonly now: number },
  data: Readonly<Record<string, string>>,
): Promise<void> {
  const id = newOrderedId(now)
  return append(tx, { id, at: toTimestamp(now), kind: 'notice.settings', actor, data })
}

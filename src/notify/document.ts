import type { Reader, Transaction } from '#database/handles.ts'
import { canonicalJson } from '#foundation/canonical-json.ts'
import { sha256Hex } from '#foundation/hashing.ts'
import type { Keys } from '#keys/keys.ts'
import type { About } from './notice.ts'
import type { Language } from './template.ts'

/** What people wrote in one language: a subject, and paragraphs with a heading each. Plain text. */
export interface DocumentText {
  readonly subject: string
  readonly sections: readonly (readonly [heading: string, text: string])[]
}

/** The words of a notice that no template could have, as they were frozen for one tenant. */
export type NoticeDocument = Readonly<Record<Language, DocumentText>>

const context = (documentId: string): string => `notice-document/${documentId}`

/** SHA-256 of the canonical JSON, hex. */
export function documentHash(document: NoticeDocument): string {
  return sha256Hex(canonicalJson({ en: textOf(document.en), sv: textOf(document.sv) }))
}

/** Keeps the document for the handle's tenant. The first stays: a second call with its id changes nothing. */
export async function keepDocument(
  tx: Transaction,
  keys: Keys,
  documentId: string,
  document: NoticeDocument,
  now: number,
): Promise<void> {
  const sealed = await keys.sealForTenant(
    tx,
    context(documentId),
    Buffer.from(JSON.stringify({ en: textOf(document.en), sv: textOf(document.sv) })),
  )
  await tx.change(
    `insert into notice_documents (tenant_id, document_id, body, made_at) values ($1, $2, $3, $4)
     on conflict do nothing`,
    [tx.tenantId, documentId, sealed, new Date(now)],
  )
}

export async function readDocument(
  reader: Reader,
  keys: Keys,
  documentId: string,
): Promise<NoticeDocument | undefined> {
  const [row] = await reader.rows<{ body: Buffer }>(
    'select body from notice_documents where tenant_id = $1 and document_id = $2',
    [reader.tenantId, documentId],
  )
  if (!row) return undefined
  const opened = await keys.openForTenant(reader, context(documentId), row.body)
  return JSON.parse(opened.toString()) as NoticeDocument
}

/** The document that a notice is about, where it is about one. */
export async function documentOf(
  reader: Reader,
  keys: Keys,
  about: About,
): Promise<NoticeDocument | undefined> {
  return typeof about.documentId === 'string'
    ? readDocument(reader, keys, about.documentId)
    : undefined
}

/**
 * What somebody without an account acknowledges a document with: the tenant, and a keyed hash of 24 characters. It is
 * made anew each time and kept nowhere.
 */
export async function acknowledgementCode(
  reader: Reader,
  keys: Keys,
  documentId: string,
): Promise<string> {
  const hash = await keys.blindIndex(reader, 'notice-acknowledgement')
  return `${reader.tenantId}.${hash(documentId).slice(0, 24)}`
}

const textOf = ({ subject, sections }: DocumentText) => ({
  subject,
  sections: sections.map(([heading, text]) => [heading, text]),
})

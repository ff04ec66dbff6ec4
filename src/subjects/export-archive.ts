import { createHash } from 'node:crypto'
import { csvRow } from '#foundation/csv.ts'
import type { Signer } from '#keys/keys.ts'
import { formatVerifierKey, noteKey, signNote } from '#ledger/verify/note.ts'
import { readableDocument } from './export-document.ts'
import { DATA_SCHEMA } from './export-schema.ts'
import { COLUMNS, csvLine, linesOfHeld, linesOfLook, linesOfShared, stamp } from './export-text.ts'
import { type ZipFile, zip } from './export-zip.ts'
import type { HeldThing, ViewPage } from './view.ts'
import type { Look, Shared } from './view-told.ts'

export interface Archive {
  readonly requestId: string
  readonly tenantId: string
  readonly language: 'en' | 'sv'
  readonly madeAt: number
  /** Entry of the log that tells of this archive. */
  readonly entryId: string
  readonly ledgerName: string
  readonly signer: Signer
  pages(part: 'held' | 'told' | 'all'): AsyncIterable<ViewPage>
}

/**
 * Streams the archive: a document to read, the same as JSON with its schema and as CSV, and `manifest.txt`, a signed
 * note (C2SP signed-note, as checkpoints are) over the SHA-256 of each file before it. Walks what there is once for
 * each file, and holds a page of it in memory.
 */
export function streamArchive(archive: Archive): AsyncGenerator<Buffer> {
  return zip(filesOf(archive))
}

/** The key that signs a tenant's archives: `<ledger name>/rights/<tenant>`. */
function archiveKey(archive: Pick<Archive, 'ledgerName' | 'tenantId' | 'signer'>) {
  return noteKey(`${archive.ledgerName}/rights/${archive.tenantId}`, archive.signer.publicKey)
}

function* filesOf(archive: Archive): Generator<ZipFile> {
  const hashes: string[] = []
  const files: readonly ZipFile[] = [
    {
      name: archive.language === 'sv' ? 'dokument.html' : 'document.html',
      content: readableDocument(archive.language, archive.madeAt, archive.pages),
    },
    { name: 'data.json', content: jsonOf(archive) },
    { name: 'data.schema.json', content: once(`${JSON.stringify(DATA_SCHEMA, null, 2)}\n`) },
    { name: 'data.csv', content: csvOf(archive) },
  ]
  for (const { name, content } of files)
    yield { name, content: hashed(content, (hash) => hashes.push(`${hash}  ${name}`)) }
  yield { name: 'manifest.txt', content: manifestOf(archive, hashes) }
}

async function* manifestOf(archive: Archive, hashes: readonly string[]): AsyncGenerator<string> {
  const key = archiveKey(archive)
  const lines = [
    key.name,
    `request ${archive.requestId}`,
    `entry ${archive.entryId}`,
    `made ${stamp(archive.madeAt)}`,
    `verifier ${formatVerifierKey(key)}`,
    ...hashes,
  ]
  yield signNote(`${lines.join('\n')}\n`, key, archive.signer.sign)
}

async function* hashed(
  content: AsyncIterable<string>,
  done: (hash: string) => void,
): AsyncGenerator<string> {
  const hash = createHash('sha256')
  for await (const text of content) {
    hash.update(text)
    yield text
  }
  done(hash.digest('hex'))
}

async function* once(text: string): AsyncGenerator<string> {
  yield text
}

async function* jsonOf(archive: Archive): AsyncGenerator<string> {
  const head = { $schema: 'data.schema.json', request: archive.requestId }
  yield `${JSON.stringify({ ...head, madeDateTime: stamp(archive.madeAt) }).slice(0, -1)},"entries":[`
  let comma = '\n'
  for await (const page of archive.pages('all'))
    for (const entry of [
      ...page.held.map(heldJson),
      ...page.shared.map(sharedJson),
      ...page.looks.map(lookJson),
    ]) {
      yield `${comma}${JSON.stringify(entry)}`
      comma = ',\n'
    }
  yield '\n]}\n'
}

const orNull = (time: number | undefined): string | null =>
  time === undefined ? null : stamp(time)

function heldJson(thing: HeldThing) {
  return {
    type: 'held',
    room: thing.holder,
    kind: thing.kind,
    record: thing.recordId,
    source: thing.source ?? null,
    sinceDateTime: orNull(thing.since),
    confirmedDateTime: orNull(thing.seen),
    removedDateTime: orNull(thing.removed),
    items: thing.items,
    leftOut: thing.cut,
  }
}

function sharedJson(shared: Shared) {
  return {
    type: 'shared',
    dateTime: stamp(shared.at),
    party: shared.party,
    flow: shared.flow ?? null,
    purpose: shared.purpose ?? null,
    consent: shared.consentId ?? null,
    manifest: shared.manifest ?? null,
    outcome: shared.outcome ?? null,
    items: shared.items,
    entry: shared.entryId,
  }
}

function lookJson(look: Look) {
  return {
    type: 'look',
    dateTime: stamp(look.at),
    kind: look.kind,
    by: look.by,
    purpose: look.purpose ?? null,
    grant: look.grantId ?? null,
    items: look.items,
    entry: look.entryId,
  }
}

async function* csvOf(archive: Archive): AsyncGenerator<string> {
  yield csvRow(COLUMNS)
  for await (const page of archive.pages('all')) {
    const lines = [
      ...page.held.flatMap(linesOfHeld),
      ...page.shared.flatMap(linesOfShared),
      ...page.looks.flatMap(linesOfLook),
    ]
    if (lines.length > 0) yield lines.map(csvLine).join('')
  }
}

import { HASH_BYTES, type TreeHash } from './hash-tree.ts'
import { type NoteKey, openNote } from './note.ts'

/** C2SP tlog-checkpoint: which log, how large, which root. */
export interface Checkpoint {
  readonly origin: string
  readonly size: number
  readonly root: TreeHash
}

/** The text that is signed: origin, size, root in base64, a line each. */
export function formatCheckpoint({ origin, size, root }: Checkpoint): string {
  return `${origin}\n${size}\n${Buffer.from(root, 'latin1').toString('base64')}\n`
}

/** Reads the text of a checkpoint; undefined when it is not one to the letter. Further lines are extensions. */
export function parseCheckpoint(text: string): Checkpoint | undefined {
  const [origin, size, encoded] = text.split('\n')
  if (!origin || !size || !encoded || !/^(0|[1-9]\d{0,15})$/.test(size)) return undefined
  const root = Buffer.from(encoded, 'base64')
  if (root.length !== HASH_BYTES || root.toString('base64') !== encoded) return undefined
  return { origin, size: Number(size), root: root.toString('latin1') }
}

/** The checkpoint of a note that `key` signed for the log of its own name. */
export function openCheckpoint(note: string, key: NoteKey): Checkpoint | undefined {
  const text = openNote(note, key)
  const checkpoint = text === undefined ? undefined : parseCheckpoint(text)
  return checkpoint?.origin === key.name ? checkpoint : undefined
}

import type { Entry } from './entry.ts'

/** What an entry says on its outside: when, what and who. */
export type Labels = Pick<Entry, 'at' | 'kind' | 'actor'>

/** Canonical JSON sorts members: these two come first, and `kind` is the last but the version. */
const HEAD = /^\{"actor":"([^"\\]*)","at":"([^"\\]*)",/
const TAIL = /"kind":"([^"\\]*)","v":1\}$/
const PLAIN = /^[\x20-\x7e]*$/
const HEAD_BYTES = 256
const TAIL_BYTES = 64

/** Reads the labels from an entry's bytes, without parsing all of what may be 65,535 of them. */
export function labelsOf(bytes: Buffer): Labels {
  const head = HEAD.exec(bytes.toString('latin1', 0, HEAD_BYTES))
  const tail = TAIL.exec(bytes.toString('latin1', Math.max(0, bytes.length - TAIL_BYTES)))
  const [, actor, at] = head ?? []
  const [, kind] = tail ?? []
  if (actor !== undefined && at !== undefined && kind !== undefined && PLAIN.test(actor))
    return { actor, at, kind: kind as Labels['kind'] }
  const entry = JSON.parse(bytes.toString()) as Entry
  return { actor: entry.actor, at: entry.at, kind: entry.kind }
}

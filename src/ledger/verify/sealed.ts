import { hash } from 'node:crypto'

/** What a commitment of a sealed entry is: SHA-256 over a random salt of 32 bytes and the UTF-8 text, base64url. */
export function sealedCommitment(salt: Buffer, text: string): string {
  return hash('sha256', Buffer.concat([salt, Buffer.from(text)]), 'base64url')
}

interface Entry {
  readonly kind: string
  readonly data: { readonly [member: string]: unknown }
}

/** Whether an entry `sealed.opened` opens the entry `sealed`: the same seal, and the text it was made over. */
export function opensSealed(sealed: Entry, opened: Entry): boolean {
  const { salt, text } = opened.data
  if (sealed.kind !== 'sealed' || opened.kind !== 'sealed.opened') return false
  if (sealed.data['sealed'] !== opened.data['sealed']) return false
  if (typeof salt !== 'string' || typeof text !== 'string') return false
  const bytes = Buffer.from(salt, 'base64url')
  return bytes.length === 32 && sealedCommitment(bytes, text) === sealed.data['commitment']
}

/** What the log alone says: how many entries are sealed still, of which class, and when the last opens at the latest. */
export function countSealed(entries: readonly Entry[]): {
  readonly sealed: Readonly<Record<string, number>>
  readonly latestOpening: string | undefined
} {
  const open = new Map<unknown, Entry>()
  for (const entry of entries) {
    if (entry.kind === 'sealed') open.set(entry.data['sealed'], entry)
    if (entry.kind !== 'sealed.opened') continue
    const sealed = open.get(entry.data['sealed'])
    if (sealed && opensSealed(sealed, entry)) open.delete(entry.data['sealed'])
  }
  const sealed: Record<string, number> = {}
  let latestOpening: string | undefined
  for (const { data } of open.values()) {
    const name = String(data['class'])
    sealed[name] = (sealed[name] ?? 0) + 1
    const opens = String(data['opens'])
    if (latestOpening === undefined || opens > latestOpening) latestOpening = opens
  }
  return { sealed, latestOpening }
}

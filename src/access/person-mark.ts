import { type Database, INSTALLATION } from '#database/handles.ts'
import type { Keys } from '#keys/keys.ts'

/**
 * Marks that two accounts of one person share, whatever tenant or realm they are in. Keyed for the whole
 * installation, so that they can be compared across tenants; without the key they say nothing.
 */
export interface PersonMarks {
  ofMail(mail: string): string
  /** Of who the person is at a provider: OpenID Connect's `iss` and `sub`. */
  ofSubject(issuer: string, subject: string): string
}

/** The installation must have its keys already; see `ensureOperatorRealm`. */
export async function createPersonMarks(database: Database, keys: Keys): Promise<PersonMarks> {
  const hash = await database.read(INSTALLATION, (reader) => keys.blindIndex(reader, 'person-mark'))
  return {
    ofMail: (mail) => hash(`mail\n${mailOfPerson(mail)}`),
    ofSubject: (issuer, subject) => hash(`subject\n${issuer}\n${subject}`),
  }
}

/** Whether the two are accounts of one person, as far as marks can tell. */
export function samePerson(one: readonly string[], other: readonly string[]): boolean {
  return one.some((mark) => other.includes(mark))
}

/** The address as it is compared: case and a tag after `+` make nobody another person. */
function mailOfPerson(mail: string): string {
  const [local = '', domain = ''] = splitMail(normaliseMail(mail))
  return `${local.replace(/\+.*$/, '')}@${domain}`
}

/** One spelling for each address: NFKC, lower case, no space around it. */
export function normaliseMail(mail: string): string {
  return mail.normalize('NFKC').trim().toLowerCase()
}

/** What stands after the last `@`; empty for what is no address. */
export function domainOfMail(mail: string): string {
  return splitMail(normaliseMail(mail))[1]
}

function splitMail(mail: string): [string, string] {
  const at = mail.lastIndexOf('@')
  return at < 1 ? [mail, ''] : [mail.slice(0, at), mail.slice(at + 1)]
}

import { readFile, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

/** The operating-system account that runs PostgreSQL, which refuses to run as root. */
export interface Account {
  /** Undefined: the account Sluss itself runs under. */
  readonly ids: { readonly uid: number; readonly gid: number } | undefined
}

const UNPRIVILEGED = ['nobody', 'daemon', 'bin']

/** As root: the first unprivileged system account there is. Otherwise: the account we already are. */
export async function postgresAccount(): Promise<Account> {
  if (process.getuid?.() !== 0) return { ids: undefined }
  const lines = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'))
  for (const name of UNPRIVILEGED) {
    const found = lines.find((fields) => fields[0] === name)
    if (found) return { ids: { uid: Number(found[2]), gid: Number(found[3]) } }
  }
  throw new Error(
    `started as root, PostgreSQL needs an unprivileged account, but none of ${UNPRIVILEGED.join(', ')} exists`,
  )
}

/** Whether the account may pass every folder down to `path`. Asked only where root chose the account. */
export async function reachable(account: Account, path: string): Promise<boolean> {
  if (!account.ids) return true
  for (let folder = path; ; folder = dirname(folder)) {
    const found = await stat(folder).catch(() => undefined)
    if (found) {
      const { uid, gid } = account.ids
      const bit = found.uid === uid ? 0o100 : found.gid === gid ? 0o010 : 0o001
      if ((found.mode & bit) === 0) return false
    }
    if (folder === dirname(folder)) return true
  }
}

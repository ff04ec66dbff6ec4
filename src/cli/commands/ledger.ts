import { readFile, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { verifyApproval } from '#ledger/verify/approval.ts'
import { unpackEntries } from '#ledger/verify/bundle.ts'
import { parseVerifierKey } from '#ledger/verify/note.ts'
import { verifyFolder } from '#ledger/verify/verify-folder.ts'
import type { Context } from '../context.ts'
import { downloadLedger } from '../download.ts'
import { textOf } from '../layout.ts'
import { EXIT, Failure } from '../terminal.ts'

/** Checks a downloaded log and answers the exit code. Asks nobody. */
export async function verify(
  context: Context,
  folder: string,
  options: { key: string; since?: string },
): Promise<number> {
  const { out } = context.terminal
  const older = options.since === undefined ? undefined : await readFile(options.since, 'utf8')
  const verdict = await verifyFolder(folder, parseVerifierKey(options.key), older)
  const exit = verdict.findings.length === 0 ? EXIT.ok : EXIT.negative
  if (context.json) {
    const { checkpoint, ...report } = verdict
    out(JSON.stringify({ origin: checkpoint?.origin, size: checkpoint?.size, ...report }, null, 2))
    return exit
  }
  if (verdict.checkpoint) out(`log      ${verdict.checkpoint.origin}`)
  if (verdict.checkpoint)
    out(`size     ${verdict.checkpoint.size} entries, ${verdict.entries} hashed anew`)
  for (const [kind, count] of Object.entries(verdict.kinds).sort())
    out(`         ${String(count).padStart(7)} ${kind}`)
  for (const { where, what } of verdict.findings) out(`WRONG    ${where}: ${what}`)
  out(
    exit === EXIT.ok
      ? 'sound    signature, entries, tiles and root fit together'
      : `${verdict.findings.length} findings`,
  )
  return exit
}

/** Checks one approval with nothing but its entry, or each approval of a log that was downloaded into a folder. */
export async function verifyApprovalFile(context: Context, path: string): Promise<number> {
  const { say } = context
  const entries = await approvalsAt(path).catch(() => {
    throw new Failure(EXIT.usage, say('fileUnreadable', { path }))
  })
  if (entries.length === 0) throw new Failure(EXIT.negative, say('noApprovals', { path }))
  const approvals = entries.map((entry) => ({ entry, ...verifyApproval(entry) }))
  const [only] = approvals
  const answer = only && approvals.length === 1 ? told(only) : { approvals: approvals.map(told) }
  context.show({ path, ...answer }, () =>
    approvals.flatMap(({ entry, valid, why, keyFingerprint: fingerprint = '' }) =>
      valid
        ? [say('approvalValid'), say('approvalKey', { fingerprint }), ...signedText(entry)]
        : [say('approvalInvalid', { why })],
    ),
  )
  return approvals.every(({ valid }) => valid) ? EXIT.ok : EXIT.negative
}

const told = ({ entry: _, ...verdict }: { entry: string } & ReturnType<typeof verifyApproval>) =>
  verdict

/** The entry in the file, or all of its kind in the bundles of a downloaded log, each once. */
async function approvalsAt(path: string): Promise<readonly string[]> {
  if (!(await stat(path)).isDirectory()) return [(await readFile(path, 'utf8')).trim()]
  const found = new Set<string>()
  const folder = join(path, 'tile', 'entries')
  for (const file of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!file.isFile()) continue
    const bundle = await readFile(join(file.parentPath, file.name))
    for (const bytes of unpackEntries(bundle)) {
      const entry = bytes.toString()
      if ((JSON.parse(entry) as { kind: string }).kind === 'support.approved') found.add(entry)
    }
  }
  return [...found]
}

/** What was signed, member by member. */
function signedText(entry: string): readonly string[] {
  const { data } = JSON.parse(entry) as { data: { text: string } }
  const members = JSON.parse(data.text) as Record<string, never>
  return Object.entries(members).map(([name, value]) => `          ${name}: ${textOf(value)}`)
}

export async function download(
  context: Context,
  url: string,
  folder: string,
  options: { token?: string },
): Promise<void> {
  const { size } = await downloadLedger(url, folder, options.token)
  context.show({ folder, size }, () => [`${size} entries are in ${folder}`])
}

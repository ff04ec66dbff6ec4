#!/usr/bin/env node
import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { parseVerifierKey } from '#ledger/verify/note.ts'
import { verifyFolder } from '#ledger/verify/verify-folder.ts'
import { downloadLedger } from './download.ts'

const USAGE = `sluss: commands for auditors and operators

  sluss verify <folder> --key <verifier key> [--since <older checkpoint>] [--json]
      Checks a downloaded log without asking anybody: signature, every entry, every tile, the root,
      and with --since that the log only grew. Exit code 0: sound, 1: something is wrong, 2: bad use.

  sluss download-ledger <address of the log> <folder> [--token <token>]
      Downloads a log, or what is new of it, such as https://sluss.example/ledger/acme
`

/** Exit code of one command line. */
export async function run(args: readonly string[], print: (text: string) => void): Promise<number> {
  const [command, ...rest] = args
  try {
    if (command === 'verify') return await verify(rest, print)
    if (command === 'download-ledger') return await download(rest, print)
  } catch (fault) {
    print(`sluss: ${fault instanceof Error ? fault.message : 'something went wrong'}`)
    return 2
  }
  print(USAGE)
  return command === undefined || command === 'help' || command === '--help' ? 0 : 2
}

async function verify(args: readonly string[], print: (text: string) => void): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { key: { type: 'string' }, since: { type: 'string' }, json: { type: 'boolean' } },
  })
  const [folder] = positionals
  if (folder === undefined || values.key === undefined)
    throw new Error('verify needs a folder and --key')
  const older = values.since === undefined ? undefined : await readFile(values.since, 'utf8')
  const verdict = await verifyFolder(folder, parseVerifierKey(values.key), older)
  if (values.json) {
    const { checkpoint, ...report } = verdict
    print(
      JSON.stringify({ origin: checkpoint?.origin, size: checkpoint?.size, ...report }, null, 2),
    )
    return verdict.findings.length === 0 ? 0 : 1
  }
  if (verdict.checkpoint) print(`log      ${verdict.checkpoint.origin}`)
  if (verdict.checkpoint)
    print(`size     ${verdict.checkpoint.size} entries, ${verdict.entries} hashed anew`)
  for (const [kind, count] of Object.entries(verdict.kinds).sort())
    print(`         ${String(count).padStart(7)} ${kind}`)
  for (const { where, what } of verdict.findings) print(`WRONG    ${where}: ${what}`)
  print(
    verdict.findings.length === 0
      ? 'sound    signature, entries, tiles and root fit together'
      : `${verdict.findings.length} findings`,
  )
  return verdict.findings.length === 0 ? 0 : 1
}

async function download(args: readonly string[], print: (text: string) => void): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { token: { type: 'string' } },
  })
  const [url, folder] = positionals
  if (url === undefined || folder === undefined)
    throw new Error('download-ledger needs an address and a folder')
  const { size } = await downloadLedger(url, folder, values.token)
  print(`${size} entries are in ${folder}`)
  return 0
}

if (import.meta.main)
  process.exitCode = await run(process.argv.slice(2), (text) => console.log(text))

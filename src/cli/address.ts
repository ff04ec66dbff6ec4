import { EXIT, Failure } from './terminal.ts'
import type { Say } from './words/say.ts'

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/

/**
 * The origin of an installation.
 *
 * @throws Failure for anything but https; http only to this machine, since tokens travel with every call
 */
export function originOf(text: string, say: Say): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const safe = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url))
  const bare = url && url.pathname === '/' && !url.search && !url.hash && !url.username
  if (!url || !safe || !bare)
    throw new Failure(EXIT.usage, say('badUrl', { url: text }), say('badUrlHint'))
  return url.origin
}

export function isLoopback(url: URL): boolean {
  return LOOPBACK.test(url.hostname)
}

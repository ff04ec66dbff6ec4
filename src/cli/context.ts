import { originOf } from './address.ts'
import { type Api, type JsonObject, apiClient } from './api-client.ts'
import { type SignIn, signInTo } from './sign-in.ts'
import { EXIT, Failure, type Terminal } from './terminal.ts'
import { type TokenStore, tokenStore } from './token-store.ts'
import type { Say } from './words/say.ts'

/** The options that every command takes. */
export interface CommonOptions {
  readonly url?: string
  readonly json?: boolean
  readonly yes?: boolean
}

/** What a command works with. */
export interface Context {
  readonly terminal: Terminal
  readonly say: Say
  readonly json: boolean
  readonly store: TokenStore
  origin(): Promise<string>
  signIn(): Promise<SignIn>
  api(): Promise<Api>
  /** Goes on only after a yes. @throws Failure when the person says no or cannot be asked */
  confirm(question: string): Promise<void>
  /** A whole answer for a program, or lines for a person. */
  show(answer: JsonObject, lines: () => readonly string[]): void
  /** Beside the answer: to the person, or with `--json` to standard error. */
  tell(text: string): void
}

export function contextFor(terminal: Terminal, say: Say, options: CommonOptions): Context {
  const store = tokenStore(terminal, say)
  const json = options.json === true
  const origin = async (): Promise<string> => {
    const url = options.url ?? terminal.environment.SLUSS_URL ?? (await store.read()).current
    if (url === undefined) throw new Failure(EXIT.usage, say('noUrl'), say('noUrlHint'))
    return originOf(url, say)
  }
  const signIn = async () => signInTo(await origin(), terminal, say, store)
  return {
    terminal,
    say,
    json,
    store,
    origin,
    signIn,
    api: async () => {
      const session = await signIn()
      return apiClient(await origin(), terminal, say, () => session.token())
    },
    confirm: async (question) => {
      if (options.yes) return
      const answer = await terminal.ask(say('sure', { question }))
      if (answer === undefined)
        throw new Failure(EXIT.usage, say('nobodyToAsk'), say('nobodyToAskHint'))
      if (!['y', 'yes', 'j', 'ja'].includes(answer.trim().toLowerCase()))
        throw new Failure(EXIT.negative, say('saidNo'))
    },
    show: (answer, lines) => {
      if (json) terminal.out(JSON.stringify(answer, null, 2))
      else for (const line of lines()) terminal.out(line)
    },
    tell: (text) => (json ? terminal.err(text) : terminal.out(text)),
  }
}

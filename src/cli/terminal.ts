import type { Clock } from '#foundation/clock.ts'

/** What a command has to do with the world around it; a test hands in its own. */
export interface Terminal {
  /** What was asked for, and nothing else: a program may read it. */
  out(text: string): void
  /** What is told beside it. */
  err(text: string): void
  /** Asks the person and answers what they typed; undefined where there is nobody to ask. */
  ask(question: string): Promise<string | undefined>
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly clock: Clock
  /** Waits without doing anything. */
  pause(milliseconds: number): Promise<void>
}

export type Language = 'en' | 'sv'

/** As POSIX says it: LC_ALL before LC_MESSAGES before LANG. */
export function languageOf(environment: Terminal['environment']): Language {
  const { LC_ALL, LC_MESSAGES, LANG } = environment
  return /^sv(?:[_.@-]|$)/i.test(LC_ALL || LC_MESSAGES || LANG || '') ? 'sv' : 'en'
}

/** What the shell is told. */
export const EXIT = {
  ok: 0,
  /** A check found something wrong, or the person said no. */
  negative: 1,
  /** The command was not understood, or lacks something. */
  usage: 2,
  notSignedIn: 3,
  /** The server understood and refused. */
  refused: 4,
  /** No answer, or a fault of the server. */
  unavailable: 5,
} as const

/** Ends a command with a message that says what to do next. */
export class Failure extends Error {
  readonly exit: number
  readonly hint: string | undefined
  /** For `--json`: what the server said of it. */
  readonly detail: Readonly<Record<string, unknown>>
  constructor(
    exit: number,
    message: string,
    hint?: string,
    detail: Readonly<Record<string, unknown>> = {},
  ) {
    super(message)
    this.name = 'Failure'
    this.exit = exit
    this.hint = hint
    this.detail = detail
  }
}

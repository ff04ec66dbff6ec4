#!/usr/bin/env node
import { createInterface } from 'node:readline/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { CommanderError } from 'commander'
import { systemClock } from '#foundation/clock.ts'
import { buildProgram } from './program.ts'
import { EXIT, Failure, type Terminal, languageOf } from './terminal.ts'
import { sayIn } from './words/say.ts'

/** Runs one command line and answers its exit code. A function stands for a terminal that only prints. */
export async function run(
  args: readonly string[],
  to: Terminal | ((text: string) => void),
): Promise<number> {
  const terminal = typeof to === 'function' ? printing(to) : to
  const say = sayIn(languageOf(terminal.environment))
  let exit: number = EXIT.ok
  const program = buildProgram(terminal, say, (code) => {
    exit = code
  })
  try {
    const given = args.length === 0 ? ['--help'] : [...args]
    await program.parseAsync(given, { from: 'user' })
    return exit
  } catch (thrown) {
    return tellFailure(thrown, terminal, args.includes('--json'))
  }
}

/** With `--json` a failure is JSON too, on standard error. */
function tellFailure(thrown: unknown, terminal: Terminal, json: boolean): number {
  if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? EXIT.ok : EXIT.usage
  const failure =
    thrown instanceof Failure
      ? thrown
      : new Failure(EXIT.usage, thrown instanceof Error ? thrown.message : 'something went wrong')
  const { message, hint, exit, detail } = failure
  if (json) terminal.err(JSON.stringify({ error: { message, hint, exit, ...detail } }))
  else {
    terminal.err(`sluss: ${message}`)
    if (hint !== undefined) terminal.err(hint)
  }
  return exit
}

function printing(print: (text: string) => void): Terminal {
  return {
    out: print,
    err: print,
    ask: async () => undefined,
    environment: {},
    clock: systemClock,
    pause: (milliseconds) => pause(milliseconds),
  }
}

if (import.meta.main) {
  const { stdin, stderr } = process
  process.exitCode = await run(process.argv.slice(2), {
    out: (text) => console.log(text),
    err: (text) => console.error(text),
    ask: async (question) => {
      if (!stdin.isTTY) return undefined
      const lines = createInterface({ input: stdin, output: stderr })
      try {
        return await lines.question(question)
      } finally {
        lines.close()
      }
    },
    environment: process.env,
    clock: systemClock,
    pause: (milliseconds) => pause(milliseconds),
  })
}

/** How the story looks in a terminal; plain text where there is none. */
export function createPage(write: (text: string) => void, terminal: boolean) {
  const paint = (code: number) => (text: string) =>
    terminal ? `\u001B[${code}m${text}\u001B[0m` : text
  const bold = paint(1)
  const dim = paint(2)
  const green = paint(32)
  const red = paint(31)
  const yellow = paint(33)
  let step = 0
  return {
    title: (text: string) => write(`\n${bold(text)}\n`),
    note: (text: string) => write(`${dim(text)}\n`),
    step: (text: string) => write(`\n${bold(`${++step}.`)} ${text}\n`),
    party: (name: string, text: string) => write(`\n${bold(name)} · ${text}\n`),
    passed: (what: string, text: string) => write(`   ${green('✓')} ${what.padEnd(18)} ${text}\n`),
    stopped: (what: string, text: string) => write(`   ${red('✗')} ${what.padEnd(18)} ${text}\n`),
    kept: (what: string, text: string) => write(`   ${yellow('–')} ${what.padEnd(18)} ${text}\n`),
    /** A line that is written over while something goes on. Only where somebody can see it. */
    progress: (text: string) => {
      if (terminal) write(`\r   ${dim(text)}\u001B[K`)
    },
    progressDone: () => {
      if (terminal) write('\r\u001B[K')
    },
  }
}

export type Page = ReturnType<typeof createPage>

/** `a, b and 3 more`-like list of names, for items. */
export function listed(names: readonly string[], most = 4): string {
  const shown = names.slice(0, most).join(', ')
  return names.length > most ? `${shown} +${names.length - most}` : shown
}

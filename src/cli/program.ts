import { Command, Option } from 'commander'
import { auditExport, auditList } from './commands/audit.ts'
import { call } from './commands/call.ts'
import { keysList, keysMake, keysRegister, keysRemove } from './commands/keys.ts'
import { download, verify, verifyApprovalFile } from './commands/ledger.ts'
import { numberOption } from './commands/listing.ts'
import { messagesList, messagesRead } from './commands/messages.ts'
import { signIn, signOut, whoami } from './commands/session.ts'
import * as sharing from './commands/sharing.ts'
import * as support from './commands/support.ts'
import { type CommonOptions, type Context, contextFor } from './context.ts'
import { EXIT, type Terminal } from './terminal.ts'
import type { WordKey } from './words/en.ts'
import type { Say } from './words/say.ts'

/** One option: its flags, what it is, and whether the command cannot do without. */
type OptionRow = readonly [flags: string, key: WordKey, needed?: 'needed']

interface CommandRow {
  /** `requests approve <id>`: the last words in brackets are its arguments. */
  readonly usage: string
  readonly key: WordKey
  readonly options?: readonly OptionRow[]
  /** Whether it talks to an installation. */
  readonly offline?: true
  run(context: Context, args: readonly string[], options: never): Promise<number | void>
}

const GROUPS: Readonly<Record<string, WordKey>> = {
  tenants: 'cmdTenants',
  features: 'cmdFeatures',
  consents: 'cmdConsents',
  requests: 'cmdRequests',
  grants: 'cmdGrants',
  audit: 'cmdAudit',
  keys: 'cmdKeys',
  messages: 'cmdMessages',
}
const YES: OptionRow = ['-y, --yes', 'optYes']

function row(
  usage: string,
  key: WordKey,
  run: CommandRow['run'],
  options: readonly OptionRow[] = [],
  offline?: true,
): CommandRow {
  return { usage, key, options, run, ...(offline ? { offline } : {}) }
}

const first = (args: readonly string[]): string => args[0] ?? ''

const COMMANDS: readonly CommandRow[] = [
  row(
    'sign-in',
    'cmdSignIn',
    (c, _, o: { organisation?: string; again?: boolean }) => signIn(c, o),
    [
      ['--organisation <id>', 'optOrganisation'],
      ['--again', 'optAgain'],
    ],
  ),
  row('sign-out', 'cmdSignOut', (c, _, o: { everywhere?: boolean }) => signOut(c, o), [
    ['--everywhere', 'optEverywhere'],
  ]),
  row('whoami', 'cmdWhoami', whoami),
  row('tenants list', 'cmdTenantsList', sharing.tenantsList),
  row(
    'tenants create <id>',
    'cmdTenantsCreate',
    (c, a, o: Parameters<typeof sharing.tenantsCreate>[2]) => sharing.tenantsCreate(c, first(a), o),
    [
      ['--name <name>', 'optName', 'needed'],
      ['--region <region>', 'optRegion', 'needed'],
      ['--privacy-contact <address>', 'optPrivacyContact'],
    ],
  ),
  row('features list', 'cmdFeaturesList', sharing.featuresList),
  row('features on <id>', 'cmdFeaturesOn', (c, a) => sharing.featuresSwitch(c, first(a), true)),
  row('features off <id>', 'cmdFeaturesOff', (c, a) => sharing.featuresSwitch(c, first(a), false)),
  row(
    'consents list',
    'cmdConsentsList',
    (c, _, o: { state?: string }) => sharing.consentsList(c, o),
    [['--state <state>', 'optState']],
  ),
  row('consents show <id>', 'cmdConsentsShow', (c, a) => sharing.consentsShow(c, first(a))),
  row(
    'consents give <id>',
    'cmdConsentsGive',
    (c, a, o: { until?: string }) => sharing.consentsGive(c, first(a), o),
    [['--until <time>', 'optUntil'], YES],
  ),
  row(
    'consents withdraw <id>',
    'cmdConsentsWithdraw',
    (c, a, o: { reason?: string }) => sharing.consentsWithdraw(c, first(a), o),
    [['--reason <text>', 'optReason'], YES],
  ),
  row(
    'requests list',
    'cmdRequestsList',
    (c, _, o: { state?: string }) => support.requestsList(c, o),
    [['--state <state>', 'optState']],
  ),
  row('requests show <id>', 'cmdRequestsShow', (c, a) => support.requestsShow(c, first(a))),
  row(
    'requests approve <id>',
    'cmdRequestsApprove',
    (c, a, o: support.ApproveOptions) => support.requestsApprove(c, first(a), o),
    [
      ['--key <file>', 'optKey', 'needed'],
      ['--items <items>', 'optItems'],
      ['--records <records>', 'optRecords'],
      ['--hours <hours>', 'optHours'],
      ['--masked', 'optMasked'],
      YES,
    ],
  ),
  row(
    'requests deny <id>',
    'cmdRequestsDeny',
    (c, a, o: { reason: string }) => support.requestsDeny(c, first(a), o),
    [['--reason <text>', 'optReason', 'needed'], YES],
  ),
  row('grants list', 'cmdGrantsList', support.grantsList),
  row('grants end <id>', 'cmdGrantsEnd', (c, a) => support.grantsEnd(c, first(a)), [YES]),
  row(
    'audit list',
    'cmdAuditList',
    (c, _, o: { since?: string; kind?: string; top?: string }) =>
      auditList(c, { ...o, top: numberOption(c, o.top) ?? 50 }),
    [
      ['--since <time>', 'optSince'],
      ['--kind <kind>', 'optKind'],
      ['--top <count>', 'optTop'],
    ],
  ),
  row(
    'audit export <file>',
    'cmdAuditExport',
    (c, a, o: { since?: string; kind?: string }) => auditExport(c, first(a), o),
    [
      ['--since <time>', 'optSince'],
      ['--kind <kind>', 'optKind'],
    ],
  ),
  row(
    'keys make <file>',
    'cmdKeysMake',
    (c, a, o: { register: boolean }) => keysMake(c, first(a), o),
    [['--no-register', 'optNoRegister']],
  ),
  row('keys register <file>', 'cmdKeysRegister', (c, a) => keysRegister(c, first(a))),
  row('keys list', 'cmdKeysList', keysList),
  row('keys remove <id>', 'cmdKeysRemove', (c, a) => keysRemove(c, first(a))),
  row('messages list', 'cmdMessagesList', messagesList),
  row('messages read <id>', 'cmdMessagesRead', (c, a) => messagesRead(c, first(a))),
  row(
    'call <method> <path>',
    'cmdCall',
    (c, a, o: { body?: string }) => call(c, first(a), a[1] ?? '', o),
    [['--body <json>', 'optBody']],
  ),
  row(
    'verify <folder>',
    'cmdVerify',
    (c, a, o: { key: string; since?: string }) => verify(c, first(a), o),
    [
      ['--key <key>', 'optVerifierKey', 'needed'],
      ['--since <file>', 'optOlder'],
    ],
    true,
  ),
  row(
    'verify-approval <path>',
    'cmdVerifyApproval',
    (c, a) => verifyApprovalFile(c, first(a)),
    [],
    true,
  ),
  row(
    'download-ledger <address> <folder>',
    'cmdDownload',
    (c, a, o: { token?: string }) => download(c, first(a), a[1] ?? '', o),
    [['--token <token>', 'optToken']],
    true,
  ),
]

/** Every command as it is typed, with its arguments. */
export const USAGES: readonly string[] = COMMANDS.map((command) => command.usage)

/** The whole command line; `ended` is told the exit code of the command that ran. */
export function buildProgram(terminal: Terminal, say: Say, ended: (code: number) => void): Command {
  const program = prepared(new Command('sluss'), terminal)
    .description(say('about'))
    .addHelpText('after', `\n${say('exitCodes')}`)
  const groups = new Map<string, Command>()
  for (const command of COMMANDS) {
    const words = command.usage.split(' ')
    const group = words[0] ?? ''
    const key = GROUPS[group]
    let parent = program
    if (key) {
      parent = groups.get(group) ?? prepared(program.command(group), terminal).description(say(key))
      groups.set(group, parent)
    }
    addCommand(parent, command, words.slice(key ? 1 : 0).join(' '), terminal, say, ended)
  }
  return program
}

function addCommand(
  parent: Command,
  { key, options = [], offline, run }: CommandRow,
  usage: string,
  terminal: Terminal,
  say: Say,
  ended: (code: number) => void,
): void {
  const command = prepared(parent.command(usage), terminal).description(say(key))
  for (const [flags, words, needed] of options)
    command.addOption(new Option(flags, say(words)).makeOptionMandatory(needed !== undefined))
  if (!offline) command.option('--url <url>', say('optUrl'))
  command.option('--json', say('optJson'))
  command.action(async (...given: unknown[]) => {
    const args = given.filter((one): one is string => typeof one === 'string')
    const chosen = command.opts<CommonOptions>()
    const code = await run(contextFor(terminal, say, chosen), args, chosen as never)
    ended(code ?? EXIT.ok)
  })
}

/** Throws instead of ending the process, and writes to the terminal it is given. */
function prepared(command: Command, terminal: Terminal): Command {
  return command
    .exitOverride()
    .showHelpAfterError()
    .configureOutput({
      writeOut: (text) => terminal.out(text.trimEnd()),
      writeErr: (text) => terminal.err(text.trimEnd()),
    })
}
